"""Initial scales compared: which networks enter, in which phase, and the ratio of their delays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from regime_lib.chapters.grokking.initial_scale import (
    InitScales,
    compare_initial_scales,
    in_second_phase,
    share_late,
)
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


def test_late_is_who_generalises_after_memorisation_or_never() -> None:
    slopes = np.array([[0.0, 0.2], [0.0, 0.05], [0.3, 0.0], [0.0, 0.2]])
    ones, delay = np.ones(4), np.array([0.0, 3.0, NAN, 5.0])
    found = InitScales(np.arange(4), ones, ones, delay, slopes, 0.1)
    assert found.late.tolist() == [False, True, True, True]
    assert found.second_phase.tolist() == [True, False, False, True]
    assert in_second_phase(slopes, 0.01).tolist() == [True, True, False, True]


def test_the_share_of_late_networks_is_a_proportion() -> None:
    none = np.zeros(0, dtype=bool)
    found = share_late({"networks": np.array([True, False, False]), "others": none})
    ends = binomtest(1, 3).proportion_ci(0.95)
    assert (found.value, found.low, found.high) == pytest.approx((1 / 3, *ends))
    assert found.over == "3 networks in the second phase"
    assert not share_late({"networks": none}).known


def test_the_worse_kind_of_networks_is_judged() -> None:
    few, many = np.array([True, False]), np.zeros(30, dtype=bool)
    assert share_late({"a": few, "b": many}) == share_late({"b": many, "a": few})
    assert share_late({"a": few, "b": many}).over == "2 a in the second phase"
    # where none is late, the kind with fewer networks leaves more open
    assert share_late({"a": many, "b": many[:3]}).n == 3


def test_nobody_may_have_memorised() -> None:
    never = with_curves(trained(0.01), [[0] * 4] * 2, [[0] * 4] * 2)
    found = compare_initial_scales({1.0: never}, small_data())
    assert len(found.seed) == 0
    assert not share_late({"networks": found.late}).known
