"""The overfitting-underfitting indicator against the authors' formula, pair by pair."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import nn

from regime_lib.instrument import RegimeTracker, draw_pairs
from regime_lib.instrument.tracking.packed_bits import TorchPackedBits
from tests.instrument.cases import ARCHITECTURES, PIECEWISE, Case, Stacked
from tests.instrument.prescribed import random_patterns, tracked
from tests.instrument.references import SlowTracker
from tests.instrument.runs import doubled, small_run
from tests.sentences import refusal


def by_the_formula(patterns: NDArray, pairs: NDArray) -> float:
    """The indicator of one layer's patterns, shape (samples, units), as its authors compute it."""
    half = patterns.shape[1] // 2
    total = 0.0
    for one, other in pairs.T:
        differing = sum(a != b for a, b in zip(patterns[one], patterns[other], strict=True))
        total += min(int(differing), half) / half
    return total / pairs.shape[1]


@pytest.mark.parametrize("units", [(2, 3, 16), (64, 9)])
def test_every_observation_of_every_layer_is_that_of_the_formula(units: tuple[int, ...]) -> None:
    patterns = random_patterns(1, 6, 7, units)
    trace = tracked(patterns, oui=10, oui_seed=4).trace
    pairs = draw_pairs(7, 10, 4)
    names = ["relu", *(f"relu#{i}" for i in range(2, len(units) + 1))]
    expected = np.array(
        [[by_the_formula(layer[step], pairs) for layer in patterns] for step in range(6)]
    )
    for column, name in enumerate(names):
        assert np.allclose(trace.series("oui", name), expected[:, column])
    assert np.allclose(trace.series("oui"), expected.mean(axis=1))  # each layer counts once


def test_patterns_by_chance_have_an_indicator_near_one_and_equal_ones_zero() -> None:
    random = np.random.default_rng(0)
    chance = random.random((1, 40, 400)) < 0.5
    equal = np.repeat(random.random((1, 1, 400)) < 0.5, 40, axis=1)
    assert 0.9 < tracked([chance], oui=100).trace.series("oui")[0] <= 1
    assert tracked([equal], oui=100).trace.series("oui")[0] == 0


@pytest.mark.parametrize(
    "case",
    [c for c in (*ARCHITECTURES, *PIECEWISE) if c.name in ("conv-bn-relu-pool", "nn.ReLU6", "rnn")],
    ids=str,
)
def test_real_layers_agree_with_a_slow_second_version(case: Case) -> None:
    """Max-pools are no activations and do not count; a clipped unit has three states."""
    model, probe = case.model().double(), doubled(case.batch(99))
    slow = SlowTracker(case, model, probe)
    with RegimeTracker(model, probe, oui=20, oui_seed=2, **case.options) as tracker:
        pass
    pairs = draw_pairs(tracker.coverage.samples, 20, 2)
    values = []
    for name, planes, is_activation in slow.patterns[0]:
        found = tracker.trace.series("oui", name)[0]
        if not is_activation:
            assert np.isnan(found)
            continue
        half = planes.shape[2] // 2
        different = [(planes[:, a] != planes[:, b]).any(axis=0).sum() for a, b in pairs.T]
        values.append(np.mean(np.minimum(different, half) / half))
        assert found == pytest.approx(values[-1])
    assert tracker.trace.series("oui")[0] == pytest.approx(np.mean(values))


def test_a_network_of_single_units_and_pools_has_none() -> None:
    lonely = tracked([np.ones((2, 4, 1), bool)], oui=3).trace
    assert np.isnan(lonely.series("oui")).all()


def test_members_have_indicators_of_their_own() -> None:
    torch.manual_seed(0)
    model, probe = Stacked(), torch.randn(20, 6)
    with RegimeTracker(model, probe, members=3, oui=30) as tracker:
        pass
    pairs = draw_pairs(20, 30, 0)
    with torch.no_grad():
        z = torch.baddbmm(model.bias, probe.expand(3, -1, -1), model.weight)
    for member in range(3):
        expected = by_the_formula((z[member] > 0).numpy(), pairs)
        assert tracker.trace.series("oui", member=member)[0] == pytest.approx(expected)


@given(st.integers(2, 40), st.integers(1, 300), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_pairs_are_of_different_samples_and_no_pair_comes_twice(
    samples: int, number: int, seed: int
) -> None:
    pairs = draw_pairs(samples, number, seed)
    assert pairs.shape == (2, min(number, samples * (samples - 1) // 2))
    assert (pairs[0] < pairs[1]).all()
    assert pairs.min() >= 0
    assert pairs.max() < samples
    assert len({tuple(pair) for pair in pairs.T.tolist()}) == pairs.shape[1]
    assert np.array_equal(pairs, draw_pairs(samples, number, seed))


def test_every_pair_is_as_likely_and_all_pairs_are_all_pairs() -> None:
    every = {tuple(pair) for pair in draw_pairs(9, 1000, 0).T.tolist()}
    assert every == set(itertools.combinations(range(9), 2))
    seen = np.zeros((6, 6))
    for seed in range(1500):
        one, other = draw_pairs(6, 1, seed)[:, 0]
        seen[one, other] += 1
    frequencies = seen[np.triu_indices(6, 1)]
    assert abs(frequencies - 100).max() < 45  # 4.6 standard deviations
    large = draw_pairs(200_000, 500, 1)  # where the square root is rounded
    assert (large[0] < large[1]).all()


def test_other_devices_count_the_same_differences() -> None:
    packed = TorchPackedBits(2, 1, 1, 6, 13, torch.device("cpu"))
    values = torch.randn(1, 6, 13)
    packed.store(1, slice(0, 6), values, (0.0,))
    pairs = draw_pairs(6, 8, 0)
    bits = (values[0] > 0).numpy()
    expected = [(bits[a] != bits[b]).sum() for a, b in pairs.T]
    assert packed.between(pairs, 1)[0, 0].tolist() == expected


def test_the_indicator_changes_no_other_quantity_and_is_refused_where_there_is_none() -> None:
    plain, measured = small_run(9).frame, small_run(9, oui=28).frame
    kept = measured[measured["quantity"] != "oui"].astype({"quantity": str})
    assert kept.reset_index(drop=True).equals(plain.astype({"quantity": str}))
    refusal("at least two", lambda: draw_pairs(1, 3, 0))
    refusal("oui is 0", lambda: small_run(2, oui=0))
    refusal("oui is for a probe", lambda: small_run(2, oui=28, batches=30))
    one = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    refusal("at least two", RegimeTracker(one, torch.randn(1, 3), oui=3).__enter__)
