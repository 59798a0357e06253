"""Descents that are watched together are plain descents, and their patterns are what is seen."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from regime_lib.errors import RegimeError
from regime_lib.simulators.two_layer.descent import descend, watch_descents
from regime_lib.simulators.two_layer.problem import TwoPoints, random_neurons

PROBLEM = TwoPoints(2.0, 0.4)
STARTS = [random_neurons(30, seed, d=3, kappa1=0.05) for seed in (1, 2)]
STAGES = ((0.002, 0.2), (0.01, 5.0), (0.05, 12.0))


def test_watching_changes_nothing() -> None:
    seen = watch_descents(PROBLEM, STARTS, STAGES)
    for run, start in enumerate(STARTS):
        alone = descend(PROBLEM, start, STAGES, seen.times)
        assert seen.times == pytest.approx(alone.times)
        assert seen.f_plus[:, run] == pytest.approx(alone.f_plus, abs=1e-12)
        assert seen.f_minus[:, run] == pytest.approx(alone.f_minus, abs=1e-12)
        np.testing.assert_allclose(seen.weights[-1, run], alone.end.weights[:, :2], atol=1e-12)
        early = descend(PROBLEM, start, STAGES[:1]).end
        np.testing.assert_allclose(seen.weights[0, run], early.weights[:, :2], atol=1e-12)


def test_patterns_are_those_of_a_descent_by_hand() -> None:
    seen = watch_descents(PROBLEM, STARTS, STAGES)
    inputs, steps = PROBLEM.inputs(), np.diff(seen.times, append=12.0)
    for run, start in enumerate(STARTS):
        weights, a = start.weights[:, :2].copy(), start.signs / np.sqrt(30)
        last = np.full((2, 30, 2), -1.0)  # off, on
        for time, step in zip(seen.times, steps, strict=True):
            on = weights @ inputs.T > 0
            plus, minus = a @ np.maximum(weights @ inputs.T, 0)
            last[1][on], last[0][~on] = time, time
            slopes = np.array([2 * np.exp(-plus), -np.exp(minus)]) / 3
            weights += step * (a[:, None] * on * slopes) @ inputs
        np.testing.assert_allclose(seen.last_off[run], last[0], atol=1e-9)
        np.testing.assert_allclose(seen.last_on[run], last[1], atol=1e-9)


def test_what_cannot_be_watched_is_said() -> None:
    narrow = dataclasses.replace(
        STARTS[0], weights=STARTS[0].weights[:9], signs=STARTS[0].signs[:9]
    )
    for starts, stages, words in (
        ([STARTS[0], narrow], STAGES, "one width"),
        ([], STAGES, "at least one"),
        (STARTS, ((0.1, 1.0), (0.1, 0.5)), "rising times"),
        (STARTS, ((0.1, 0.05),), "longer than its stage"),
    ):
        with pytest.raises(RegimeError, match=words):
            watch_descents(PROBLEM, starts, stages)
