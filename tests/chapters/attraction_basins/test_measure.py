"""What chapter 61 measures at tiny settings: every claim once, and against single networks."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import numpy as np
import pytest
import torch

from regime_lib.chapters.attraction_basins import measure as basins
from regime_lib.chapters.attraction_basins.depths import growth, lead_of_paper
from regime_lib.chapters.attraction_basins.planes import plane_through
from regime_lib.companion.book.project import find_project
from regime_lib.companion.claims.claims import load_claims
from regime_lib.companion.publish.evidence import published_evidence
from regime_lib.companion.running.measuring import claims_in
from regime_lib.instrument.modes.basins import sample_basins
from regime_lib.keeping import dumps, loads
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.models.mlp import MLP
from regime_lib.lab.training.config import TrainingConfig
from regime_lib.lab.training.loop import train

TINY = basins.Settings(
    dataset="digits",
    n_seeds=3,
    steps=150,
    width=16,
    probe_size=60,
    draws=2,
    lr=0.01,
    batch_size=32,
    seed=5,
)


@pytest.fixture(scope="module")
def measured() -> basins.Measurements:
    with warnings.catch_warnings():  # networks this small have basins outside the bracket
        warnings.simplefilter("ignore", RuntimeWarning)
        return basins.measure(TINY)


def test_every_claim_of_the_chapter_is_measured_once(measured: basins.Measurements) -> None:
    claims = load_claims(find_project().claims_file).values()
    own = {claim.id: claim.unit for claim in claims if claim.chapter == "61_attraction_basins"}
    committed = published_evidence("basin_networks").tables
    judged = [part(TINY, committed) for part in (basins.controls, basins.predictors)]
    found = [claims_in(part) for part in (measured, *judged)]
    assert sum(map(len, found)) == len(own)
    assert {name: estimate.unit for one in found for name, estimate in one.items()} == own


@pytest.mark.parametrize("part", [field.name for field in dataclasses.fields(basins.Measurements)])
def test_every_part_survives_keeping(measured: basins.Measurements, part: str) -> None:
    result: Any = getattr(measured, part)
    content = dumps(result)
    assert dumps(loads(type(result), content)) == content


def trained(depth: int, seed: int) -> MLP:
    net = MLP((64, *[16] * depth, 10), seed)
    config = TrainingConfig(optimizer="adam", lr=0.01, steps=150, batch_size=32)
    train(net, load_dataset("digits").redrawn(seed), config, seed, evaluations=1)
    return net


def test_basins_and_their_growth_are_those_of_networks_trained_alone(
    measured: basins.Measurements,
) -> None:
    found, means = measured.depth.basins, []
    for depth in (1, 6):
        alone = []
        for seed in (5, 6, 7):
            data = load_dataset("digits").redrawn(seed)
            probe = data.train_inputs[:60], data.train_labels[:60]
            basins_of_one = sample_basins(trained(depth, seed), *probe, draws=2, seed=seed)
            alone.append(basins_of_one.amplitude[0, 0])
        assert found.sample_basin[found.values.index(depth)] == pytest.approx(alone, rel=0.05)
        means.append(np.mean(alone))
    claim = measured.depth.claims["nd-sample-basin-depth"]
    assert claim.value == pytest.approx(means[1] / means[0], rel=0.05)
    one, six = found.sample_basin[1], found.sample_basin[found.values.index(6)]
    assert (claim.low, claim.high) == pytest.approx(((six / one).min(), (six / one).max()))


def test_the_best_depth_is_that_of_mean_accuracies(measured: basins.Measurements) -> None:
    best = {
        w: s.values[s.accuracy.mean(axis=1).argmax()] for w, s in measured.depth.by_width.items()
    }
    assert list(best) == [4, 8, 16]
    assert measured.depth.numbers["best-depth"] == best[16]
    edge = [depth in (0, 10) for depth in best.values()]
    claim = measured.depth.claims["nd-best-depth-width"]
    if any(edge):
        assert not claim.known
    elif claim.known:  # in no single run is a best depth at the edge
        assert claim.value == max(best.values()) - min(best.values())
    assert measured.depth.numbers["at-edge"] == f"{sum(edge)} of 3"
    assert measured.depth.numbers["best-depths"] == "{}, {} and {}".format(*best.values())


def test_the_paper_leads_only_where_six_or_eight_layers_are_best(
    measured: basins.Measurements,
) -> None:
    scan = measured.depth.by_width[16]
    means = dict(zip(scan.values, 100 * scan.accuracy.mean(axis=1), strict=True))
    inside, outside = max(means[6], means[8]), max(means[d] for d in (0, 1, 2, 3, 4, 10))
    assert measured.depth.claims["nd-depth-six-to-eight"].value == pytest.approx(inside - outside)
    accuracy = np.full((8, 3), 0.9)
    accuracy[scan.values.index(8)] = [0.95, 0.91, 0.93]
    planted = dataclasses.replace(scan, accuracy=accuracy)
    assert lead_of_paper(planted, np.arange(3)) == pytest.approx(3)
    assert lead_of_paper(planted, np.array([1, 1])) == pytest.approx(1)


def test_families_together_grow_or_shrink_in_both_spaces(measured: basins.Measurements) -> None:
    together = []
    for name, found in measured.trade_off.families.items():
        signs = [
            np.sign(np.median(v[-1]) - np.median(v[0]))
            for v in (found.sample_basin, found.weight_basin)
        ]
        together += [name] if signs[0] == signs[1] else []
        assert len(measured.trade_off.names[name]) == len(found.values)
    assert measured.trade_off.numbers["families-together"] == len(together)
    assert measured.trade_off.numbers["families-named"] == (", ".join(together) or "none")
    assert measured.trade_off.names["depth"][:3] == ("0 layers", "1 layer", "2 layers")
    assert measured.trade_off.names["rate"][0] == "rate 0.01"
    assert measured.width.basins.values == (2, 4, 8, 16, 32)


def test_digits_are_compared_by_means_over_seeds(measured: basins.Measurements) -> None:
    slope = measured.classes.found.slope.mean(axis=0)
    claim = measured.classes.claims["nd-digit-order"]
    assert claim.value == pytest.approx((slope[0] + slope[2]) / 2 / slope[9])
    middle = np.median(measured.classes.found.basin, axis=0)
    assert middle[int(measured.classes.numbers["class-largest"])] == middle.max()
    assert middle[int(measured.classes.numbers["class-smallest"])] == middle.min()


def test_answers_on_the_plane_are_those_of_the_first_seed(measured: basins.Measurements) -> None:
    found = plane_through(load_dataset("digits").redrawn(5), (0, 2, 9))
    answers = found.answers(trained(4, 5))
    assert (answers == measured.plane.answers[4]).mean() > 0.99
    assert measured.plane.extent == found.extent
    torch.testing.assert_close(measured.plane.corners, found.corners)


def test_levels_and_wide_networks_compare_six_layers_with_one(
    measured: basins.Measurements,
) -> None:
    at_half = measured.levels.numbers["level-50"]
    assert at_half == pytest.approx(measured.depth.claims["nd-sample-basin-depth"].value, rel=0.05)
    assert measured.wider is not None
    assert measured.wider.numbers["wide-width"] == 64


def test_a_basin_outside_the_bracket_is_no_number() -> None:
    sizes = np.array([[1.0, 2.0, 3.0], [2.0, 2.0, np.inf]])
    assert not growth(sizes, 0).known
    found = growth(sizes[:, :2], 0)
    assert (found.value, found.low, found.high) == (4 / 3, 1, 2)
