"""Initial scales compared: which networks enter, in which phase, and the ratio of their delays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from regime_lib.chapters.grokking.initial_scale import InitScales, compare_initial_scales
from regime_lib.instrument.modes.ranks import rank_distributions
from regime_lib.lab.models.mlp import MLPEnsemble
from regime_lib.lab.training.checkpoints import CheckpointedRun, train_to_checkpoints
from regime_lib.lab.training.config import TrainingConfig
from tests.chapters.small_data import small_data

SEEDS, STEPS = (4, 11), [0, 2, 5, 9]
NAN = float("nan")


def trained(lr: float) -> CheckpointedRun:
    config = TrainingConfig(optimizer="adam", lr=lr, steps=9, batch_size=None)
    return train_to_checkpoints(
        MLPEnsemble((6, 9, 7, 3), SEEDS), small_data(), config, SEEDS, STEPS
    )


def with_curves(run: CheckpointedRun, train: object, test: object) -> CheckpointedRun:
    curves = (np.array(curve, dtype=float).T for curve in (train, test))
    return replace(run, **dict(zip(("train_accuracy", "test_accuracy"), curves, strict=True)))


def test_networks_enter_with_the_slopes_of_the_check_at_which_they_have_memorised() -> None:
    one = with_curves(
        trained(0.01), [[0, 0, 0.99, 1], [0, 0, 0.5, 0.5]], [[0, 0, 0, 0.5], [0, 0, 0, 0]]
    )
    two = with_curves(trained(0.1), [[0, 0.99, 1, 1], [0, 0, 0, 0.99]], [[0.5] * 4, [0, 0, 0, 0.4]])
    found = compare_initial_scales({1.0: one, 8.0: two}, small_data())
    assert found.seed.tolist() == [4, 4, 11]
    assert found.scale.tolist() == [1, 8, 8]
    np.testing.assert_allclose(found.memorised, [5, 2, 9])
    np.testing.assert_allclose(found.delay, [4, 0, NAN])
    for row, (run, check, k) in enumerate(((one, 2, 0), (two, 1, 0), (two, 3, 1))):
        member = run.model_at(check).member(k)  # type: ignore[operator]
        layers = rank_distributions(
            member, small_data().train_inputs, small_data().train_labels, bins=10
        )
        np.testing.assert_allclose(found.slopes[row], [s.slope[0] for s in layers], rtol=1e-5)
    assert list(found.frame)[-3:] == ["slope 1", "slope 2", "second phase"]


def networks(seeds: list[int], delays: list[float], second: list[bool]) -> InitScales:
    slopes = np.stack([np.zeros(len(seeds)), np.where(second, 0.2, 0.0)], axis=1)
    ones = np.ones(len(seeds))
    return InitScales(np.array(seeds), ones, ones, np.array(delays, dtype=float), slopes, 0.1)


def test_the_ratio_is_that_of_mean_delays_without_networks_that_never_generalise() -> None:
    found = networks([0, 0, 1, 1, 2], [10, 4, 20, 6, NAN], [True, False, True, False, True])
    ratio = found.delay_ratio(0)
    assert ratio.value == pytest.approx(15 / 5)
    assert (ratio.low, ratio.high) == pytest.approx((10 / 4, 20 / 6))  # of seed 0, and of seed 1
    assert ratio.n == 2


def test_seeds_without_two_groups_of_their_own_count_but_span_no_range() -> None:
    second = [True, False, True, False, True, True]
    ratio = networks([0, 0, 1, 1, 2, 2], [10, 4, 20, 6, 30, 30], second).delay_ratio(0)
    assert ratio.value == pytest.approx(22.5 / 5)
    assert (ratio.low, ratio.high) == pytest.approx((10 / 4, 22.5 / 5))
    assert ratio.over == "2 of 3 seeds"


def test_there_is_no_ratio_without_two_groups_or_without_delay() -> None:
    lonely = networks([0, 1], [10, 20], [True, True])
    prompt = networks([0, 0, 1, 1], [10, 0, 20, 0], [True, False, True, False])
    for found in (lonely, prompt):
        assert not found.delay_ratio(0).known


def test_nobody_may_have_memorised() -> None:
    never = with_curves(trained(0.01), [[0] * 4] * 2, [[0] * 4] * 2)
    found = compare_initial_scales({1.0: never}, small_data())
    assert len(found.seed) == 0
    assert not found.delay_ratio(0).known
