"""Initial scales compared: which networks enter, in which phase, and the ratio of their delays."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from regime_lib.chapters.grokking.initial_scale import InitScales, compare_starts
from regime_lib.instrument import rank_distributions
from regime_lib.lab import CheckpointedRun, MLPEnsemble, TrainingConfig, train_to_checkpoints
from tests.chapters.small_data import small_data

SEEDS, STEPS = (4, 11), [0, 2, 5, 9]
NAN = float("nan")


def trained(lr: float) -> CheckpointedRun:
    recipe = TrainingConfig(optimizer="adam", lr=lr, steps=9, batch_size=None)
    return train_to_checkpoints(MLPEnsemble((6, 9, 7, 3), SEEDS), small_data(), recipe, SEEDS, STEPS)


def with_curves(run: CheckpointedRun, train: object, test: object) -> CheckpointedRun:
    curves = (np.array(curve, dtype=float).T for curve in (train, test))
    return replace(run, **dict(zip(("train_accuracy", "test_accuracy"), curves, strict=True)))


def test_networks_enter_with_the_slopes_of_the_check_at_which_they_have_memorised() -> None:
    one = with_curves(
        trained(0.01), [[0, 0, 0.99, 1], [0, 0, 0.5, 0.5]], [[0, 0, 0, 0.5], [0, 0, 0, 0]]
    )
    two = with_curves(trained(0.1), [[0, 0.99, 1, 1], [0, 0, 0, 0.99]], [[0.5] * 4, [0, 0, 0, 0.4]])
    found = compare_starts({1.0: one, 8.0: two}, small_data())
    assert found.seed.tolist() == [4, 4, 11]
    assert found.scale.tolist() == [1, 8, 8]
    np.testing.assert_allclose(found.memorised, [5, 2, 9])
    np.testing.assert_allclose(found.delay, [4, 0, NAN])
    for row, (run, check, k) in enumerate(((one, 2, 0), (two, 1, 0), (two, 3, 1))):
        member = run.model_at(check).member(k)  # type: ignore[operator]
        layers = rank_distributions(member, small_data().train_inputs, small_data().train_labels, bins=10)
        np.testing.assert_allclose(found.slopes[row], [s.slope[0] for s in layers], rtol=1e-5)
    assert list(found.frame)[-3:] == ["slope 1", "slope 2", "second phase"]


def starts(seeds: list[int], delays: list[float], second: list[bool]) -> InitScales:
    slopes = np.stack([np.zeros(len(seeds)), np.where(second, 0.2, 0.0)], axis=1)
    ones = np.ones(len(seeds))
    return InitScales(np.array(seeds), ones, ones, np.array(delays, dtype=float), slopes, 0.1)


def test_the_ratio_is_that_of_mean_delays_without_networks_that_never_generalise() -> None:
    found = starts([0, 0, 1, 1, 2], [10, 4, 20, 6, NAN], [True, False, True, False, True])
    value, (low, high) = found.delay_ratio(0)
    assert value == pytest.approx(15 / 5)
    # every resample by hand: seed 0 has the ratio 10 / 4, seed 1 has 20 / 6, seed 2 has none
    ratios = []
    for some in itertools.product((0, 1), repeat=2):
        late, other = [(10, 20)[s] for s in some], [(4, 6)[s] for s in some]
        ratios.append(np.mean(late) / np.mean(other))
    assert min(ratios) <= low <= value <= high <= max(ratios)


def test_there_is_no_ratio_without_two_groups_or_without_delay() -> None:
    lonely = starts([0, 1], [10, 20], [True, True])
    prompt = starts([0, 0, 1, 1], [10, 0, 20, 0], [True, False, True, False])
    for found in (lonely, prompt):
        value, interval = found.delay_ratio(0)
        assert np.isnan([value, *interval]).all()


def test_nobody_may_have_memorised() -> None:
    never = with_curves(trained(0.01), [[0] * 4] * 2, [[0] * 4] * 2)
    found = compare_starts({1.0: never}, small_data())
    assert len(found.seed) == 0
