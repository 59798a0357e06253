"""What chapter 60 measures at tiny settings: every claim once, and against plain training."""

from __future__ import annotations

import dataclasses
from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from regime_lib.chapters.neuron_modes import measure as modes
from regime_lib.companion.book.project import find_project
from regime_lib.companion.claims.claims import load_claims
from regime_lib.companion.running.measuring import claims_in
from regime_lib.keeping import dumps, loads
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.models.mlp import MLP
from regime_lib.lab.training.config import TrainingConfig
from regime_lib.lab.training.loop import train

TINY = modes.Settings(
    dataset="digits",
    n_seeds=3,
    steps=60,
    hidden=8,
    depth=5,
    width=9,
    very_deep=6,
    very_width=8,
    probe_size=200,
    bins=4,
    batch_size=16,
    seed=5,
)


@pytest.fixture(scope="module")
def measured() -> modes.Measurements:
    return modes.measure(TINY)


def test_every_claim_of_the_chapter_is_measured_once(measured: modes.Measurements) -> None:
    claims = load_claims(find_project().claims_file).values()
    own = {claim.id: claim.unit for claim in claims if claim.chapter == "60_neuron_modes"}
    assert {name: estimate.unit for name, estimate in claims_in(measured).items()} == own


@pytest.mark.parametrize("part", [field.name for field in dataclasses.fields(modes.Measurements)])
def test_every_part_survives_keeping(measured: modes.Measurements, part: str) -> None:
    result = getattr(measured, part)
    content = dumps(result)
    assert dumps(loads(type(result), content)) == content


def test_claims_on_slopes_are_means_over_seeds_in_the_range_of_runs(
    measured: modes.Measurements,
) -> None:
    found = measured.slope.trajectory
    (fall,) = measured.slope.claims.values()
    assert fall.value == pytest.approx(found.falls.mean())
    assert (fall.low, fall.high) == pytest.approx((found.falls.min(), found.falls.max()))
    assert (fall.n, fall.over, fall.method) == (3, "3 runs", "range of runs")
    peak = max(found.slope.mean(axis=1))
    assert measured.slope.numbers["slope-peak"] == pytest.approx(peak)


def test_orders_are_those_of_pairs_counted_in_the_trained_network(
    measured: modes.Measurements,
) -> None:
    agreed = []
    for seed in TINY.seeds:
        data = load_dataset("digits").redrawn(seed)
        net = MLP((64, 8, 10), seed, "tanh")
        config = TrainingConfig(optimizer="adam", lr=1e-3, steps=60, batch_size=16)
        train(net, data, config, seed, evaluations=1)
        with torch.no_grad():
            before = net.hidden1(data.train_inputs[:40]).double().numpy()
            weights = net.output.weight.double().numpy()
        for row in weights:
            handed = np.tanh(before) @ row
            for unit, weight in enumerate(row):
                signed = np.sign(weight) * before[:, unit]
                pairs = combinations(zip(signed, handed, strict=True), 2)
                agreed.append([(a - b) * (c - d) > 0 for (a, c), (b, d) in pairs])
    shares = np.mean(agreed, axis=1)
    assert measured.order.numbers["together-end"] == pytest.approx(shares.mean(), abs=1e-3)
    assert measured.order.numbers["exact-end"] == np.mean(shares == 1)
    assert measured.order.alone == {"start": 1, "peak": 1, "end": 1}


def test_sizes_end_with_all_samples(measured: modes.Measurements) -> None:
    found = measured.few_samples.networks
    assert found.sizes.tolist() == [25, 50, 100, 200, 400, 800, 1297]
    claim = measured.few_samples.claims["nd-linear-part"]
    single = [found.lead(np.array([k])) for k in range(3)]
    assert claim.value == pytest.approx(found.lead(np.arange(3)))
    assert claim.low == pytest.approx(min([*single, claim.value]))


def test_shares_of_deep_runs_are_counted_over_seven_more_seeds(
    measured: modes.Measurements,
) -> None:
    claim, turned = measured.deep.claims["nd-deep-phases"], measured.deep.reversal.reversed
    ends = binomtest(int(turned.sum()), 10).proportion_ci(0.95)
    assert (claim.value, claim.low, claim.high) == pytest.approx((turned.mean(), *ends))
    assert measured.deep.numbers["deep-share"] == f"{turned.sum()} of 10"
    assert measured.deep.trajectory.slope.shape[1:] == (5, 10)
    assert measured.very_deep.trajectory.slope.shape[1:] == (6, 3)


def test_of_five_layers_three_are_kept_and_of_four_two(measured: modes.Measurements) -> None:
    nets, claim = measured.late_layers.truncations, measured.late_layers.claims["nd-late-linear"]
    deep, shallow = nets["5 layers"], nets["4 layers"]
    numbers = measured.late_layers.numbers
    half = 100 * (deep.whole - deep.cut["shifts kept"][3]).mean()
    assert numbers["truncation-half"] == pytest.approx(half)
    assert claim.value == pytest.approx(deep.removable().mean())
    assert claim.n == 10
    lost = 100 * (shallow.whole - shallow.cut["shifts kept"][2]).mean()
    assert measured.late_layers.numbers["truncation-shallow"] == pytest.approx(lost)
    assert deep.whole == pytest.approx(measured.deep.trajectory.accuracy)


def test_the_gain_of_a_large_rate_is_in_points(measured: modes.Measurements) -> None:
    found = measured.rule.rule
    assert found.rates == (0.03, 0.1, 0.37)
    gain = 100 * (found.accuracy[2] - found.accuracy[0])
    assert measured.rule.claims["nd-rate-gain"].value == pytest.approx(gain.mean(), rel=1e-5)
    there = 100 * (found.accuracy_there[2] - found.accuracy_there[0])
    assert measured.rule.claims["nd-rate-gain-loss"].value == pytest.approx(there.mean(), rel=1e-5)
