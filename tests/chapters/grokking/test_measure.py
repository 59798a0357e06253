"""What chapter 62 measures at tiny settings: every claim once, and against runs of their own."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from regime_lib.chapters.grokking import cases, measure_batchnorm
from regime_lib.chapters.grokking import measure as grokking
from regime_lib.chapters.grokking.cases import (
    addition_runs,
    few_images,
    image_data,
    normalised_model,
)
from regime_lib.chapters.grokking.measure_batchnorm import Followed, followed
from regime_lib.chapters.grokking.normalised_transition import follow_closely
from regime_lib.chapters.grokking.running_statistics import follow_statistics
from regime_lib.chapters.grokking.settings import Settings
from regime_lib.chapters.grokking.three_cases import three_cases
from regime_lib.companion.book.project import find_project
from regime_lib.companion.claims.claims import load_claims
from regime_lib.companion.publish.evidence import published_evidence
from regime_lib.companion.running.measuring import claims_in
from regime_lib.keeping import dumps, loads
from regime_lib.lab.data.modular import modular_addition
from regime_lib.lab.training.checkpoints import log_steps
from regime_lib.lab.training.config import TrainingConfig

TINY = Settings(
    n_seeds=2,
    dataset="digits",
    train_size=100,
    width=100,
    steps=4000,
    decay=0.3,
    batch_size=0,
    scale=6.0,
    modulus=13,
    modular_width=48,
    modular_steps=100,
    modular_decay=2.0,
    depth=2,
    normalised_width=12,
    probe_size=200,
    replayed=10,
    seed=3,
)
PARTS = [field.name for field in dataclasses.fields(grokking.Measurements)]


def seldom(first: int, last: int, number: int) -> np.ndarray:
    """Half of the checks: each costs slopes, flips and basins of every layer, at any width."""
    return log_steps(first, last, number // 2)


@pytest.fixture(scope="module")
def measured() -> Iterator[grokking.Measurements]:
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setattr(cases, "log_steps", seldom)
        patch.setattr(measure_batchnorm, "_EVERY", 8)  # slopes of 36 networks take long
        warnings.simplefilter("ignore", RuntimeWarning)  # not every network generalises
        yield grokking.measure(TINY)


def test_every_claim_of_the_chapter_is_measured_once(measured: grokking.Measurements) -> None:
    claims = load_claims(find_project().claims_file).values()
    own = {claim.id: claim.unit for claim in claims if claim.chapter == "62_grokking"}
    committed = published_evidence("62_grokking").tables
    together = three_cases(measured.regime_change.claims, committed, TINY.dataset)
    found = claims_in(measured) | together.claims
    assert {name: estimate.unit for name, estimate in found.items()} == own


@pytest.mark.parametrize("part", PARTS)
def test_every_part_survives_keeping(measured: grokking.Measurements, part: str) -> None:
    result = getattr(measured, part)
    content = dumps(result)
    assert dumps(loads(type(result), content)) == content


def test_claims_on_images_are_medians_over_seeds(measured: grokking.Measurements) -> None:
    found = measured.images
    run, times = found.run, found.run.moments
    claim = found.claims["nd-grok-norm"]
    rates = []
    for jump, norm in zip(times.jump, run.norm.T, strict=True):
        at = np.interp(np.log([0.9 * jump, jump]), np.log(run.steps[1:]), np.log(norm[1:]))
        early, late = (np.log(norm[0]) - at[0]) / (0.9 * jump), (at[0] - at[1]) / (0.1 * jump)
        rates.append(late / early)
    assert claim.value == pytest.approx(np.median(rates))
    assert (claim.low, claim.high) == pytest.approx((min(rates), max(rates)))
    assert found.numbers["images-jump"] == pytest.approx(np.median(times.jump))
    assert found.numbers["images-final"] == np.median(run.test[-1])


def test_scales_are_compared_in_a_row_each(measured: grokking.Measurements) -> None:
    medians, numbers = measured.initial_scales.medians, measured.initial_scales.numbers
    assert set(medians["scale"]) <= {1.0, 2.0, 6.0}
    assert medians["scale"].iloc[-1] == 6.0
    assert int(numbers["phase-two-runs"]) + int(numbers["phase-two-others"]) <= 6
    assert int(numbers["phase-two-normal"]) <= 36
    kinds = [
        (int(numbers[f"phase-two{kind}-late"]), int(numbers[name]))
        for kind, name in (("", "phase-two-runs"), ("-normal", "phase-two-normal"))
    ]
    claim = measured.initial_scales.claims["nd-grok-second-phase"]
    assert claim.value == max(late / runs for late, runs in kinds if runs)
    assert (round(claim.value * (claim.n or 0)), claim.n) in kinds


def test_networks_of_every_rate_and_every_case_have_starts_and_splits_of_their_own() -> None:
    found = followed(TINY)
    seeds = [seed for each in found.values() for seed in each.run.seeds]
    assert len(set(seeds)) == len(seeds) == 36
    images, table = image_data(TINY), addition_runs(TINY)[0]["true labels"]
    assert not torch.equal(images.train_inputs[0], images.train_inputs[1])
    first, second = (modular_addition(13, 0.6, seed) for seed in TINY.seeds)
    assert torch.equal(
        table._data.train_inputs, torch.stack([first.train_inputs, second.train_inputs])
    )


def test_the_phase_is_that_when_slopes_are_next_measured() -> None:
    slopes = np.zeros((3, 2, 4))
    slopes[1, 1] = 0.5  # the last layer leads at the second moment
    run = followed(TINY)[1e-3].run
    found = Followed(run, np.array([2, 5, 9]), slopes)
    times = np.array([2.5, 5.5, np.nan, 11.0])
    assert found.second_phase(times).tolist() == [True, False, False, False]


def test_the_first_phase_counts_up_to_a_networks_own_time() -> None:
    """Two layers, looked at after steps 2, 5 and 9: the first is the steeper one at 5, or at 9."""
    slopes = np.zeros((3, 2, 3))
    slopes[1, 0, 0] = slopes[2, 0, 1] = 0.5
    slopes[:, 1, 2] = 0.5
    run = followed(TINY)[1e-3].run
    found = Followed(run, np.array([2, 5, 9]), slopes)
    before = [found.first_phase_before(np.full(3, time)).tolist() for time in (4.0, 6.0, 9.0)]
    assert before == [[False] * 3, [True, False, False], [True, True, False]]


def test_addition_is_trained_with_and_without_decay_and_on_shuffled_labels(
    measured: grokking.Measurements,
) -> None:
    runs, numbers = measured.addition.runs, measured.addition.numbers
    assert list(runs) == ["true labels", "shuffled labels", "no weight decay"]
    assert runs["true labels"].norm[-1].mean() < runs["no weight decay"].norm[-1].mean()
    assert (runs["true labels"].slopes.shape[0], runs["shuffled labels"].slopes.shape[0]) == (1, 0)
    assert numbers["final-shuffled-labels"] == np.median(runs["shuffled labels"].test[-1])
    assert measured.addition.fourier.waves.shape[1:] == (3, 13)
    assert numbers["purity-end"] == measured.addition.fourier.purity[-1]


def test_the_lag_is_that_of_batches_forgotten(measured: grokking.Measurements) -> None:
    found = measured.normalised
    assert found.delays.shape == (4, 12)
    assert found.numbers["phase-runs"] == 36
    assert np.array_equal(found.tests["own batch"], found.run.batch_accuracy)
    # networks of momentum 1 hold the newest batch's statistics: they lag by one step
    assert (found.run.gap[:, 1] < found.run.gap[:, 0]).all()
    table = found.delay_by_momentum
    assert table["1 / momentum"].tolist() == pytest.approx([1, 1 / 0.3, 10, 1 / 0.03])


def test_steps_of_normalised_networks_are_those_of_a_loop_over_their_units() -> None:
    model, data = normalised_model(TINY, (4, 11)), few_images(TINY, (4, 11))
    config = TrainingConfig(optimizer="adam", lr=3e-3, steps=4, batch_size=None)
    _, seen = follow_closely(model, data, config, 0.1)
    patterns, norms = [], []

    def observe(now: nn.Module) -> None:
        units: list[torch.Tensor] = []
        for layer in now.children():
            if isinstance(layer, nn.ReLU):
                layer.register_forward_hook(lambda _m, _i, out: units.append(out > 0))
        with torch.no_grad():
            now(data.test_inputs)
        patterns.append(torch.cat(units, dim=-1).numpy())
        norms.append(
            [
                np.sqrt(sum(float((p.detach()[k] ** 2).sum()) for p in now.parameters()))
                for k in (0, 1)
            ]
        )

    follow_statistics(model, data, config, (0.1,), range(1, 5), observe)
    flips = [(a != b).mean(axis=(1, 2)) for a, b in pairwise(patterns)]
    np.testing.assert_allclose(seen["flips"], [[np.nan] * 2, *flips])
    np.testing.assert_allclose(seen["norm"], norms, rtol=1e-5)
    assert np.isfinite(seen["sample basin"][0]).all()
    assert np.isnan(seen["sample basin"][1:4]).all()


def test_rises_compare_the_jump_with_the_plateau(measured: grokking.Measurements) -> None:
    run, times = measured.images.run, measured.images.run.moments
    rises = []
    for k in range(2):
        memorised, jump = times.memorised[k], times.jump[k]
        steps, flips = run.steps, run.flips[:, k]
        plateau = (steps >= memorised) & (steps <= np.sqrt(memorised * jump))
        around = (steps >= jump / 1.25) & (steps <= jump * 1.25)
        rises.append(flips[around].mean() / flips[plateau].mean())
    found = measured.regime_change
    assert not found.claims["nd-grok-flips-modular"].known  # in so few steps it does not generalise
    assert found.numbers["modular-after"] == "–"
    claim = found.claims["nd-grok-flips-digits"]
    assert claim.value == pytest.approx(np.median(rises))
    assert found.rises["images"]["flips"] == claim.value
    row = found.by_window.iloc[0]
    assert (row["case"], row["around"], row["plateau"]) == ("images", 1.25, 0.5)
    assert row["flips"] == claim.value
    assert found.curves["test accuracy"]["images"].shape == (60, 2)
