"""First passages, windows and means in them, on curves whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.chapters.grokking.first_passage import (
    Moments,
    Windows,
    aligned,
    first_passage,
    mean_in,
    median_at,
    median_of,
    median_or_dash,
    median_over_seeds,
    moments,
    over_plateau,
    rise,
    value_at,
    windows,
)
from tests.sentences import refusal

STEPS = np.array([0, 1, 10, 100, 1000])
CURVE = np.array([0.0, 0.1, 0.3, 0.5, 0.7])  # linear in the logarithm of the step


def column(*curves: object) -> np.ndarray:
    return np.stack([np.asarray(curve, dtype=float) for curve in curves], axis=1)


@given(st.floats(0.1, 0.7))
def test_the_passage_of_a_logarithmic_curve_is_its_inverse(level: float) -> None:
    (found,) = first_passage(STEPS, column(CURVE), level)
    assert found == pytest.approx(10 ** ((level - 0.1) / 0.2), rel=1e-9)


def test_passages_at_the_start_never_and_more_than_once() -> None:
    early, never = np.full(5, 0.9), np.full(5, 0.2)
    dips = [0.0, 0.8, 0.0, 0.8, 0.8]
    found = first_passage(STEPS, column(early, never, dips), 0.5)
    np.testing.assert_array_equal(found, [0, np.nan, 1])  # step 0 counts as 1: 1 * (1 / 1)**share


def test_moments_are_passages_of_two_curves() -> None:
    times = moments(STEPS, column(CURVE + 0.49, CURVE), column(CURVE, CURVE))
    np.testing.assert_allclose(times.memorised, [100, np.nan])
    np.testing.assert_allclose(times.jump, [100, 100])
    np.testing.assert_array_equal(times.late, [False, False])
    assert times.medians == pytest.approx((100, 100))


def test_late_is_whoever_memorises_first_or_never_generalises() -> None:
    times = Moments(np.array([5.0, 5.0, 5.0, np.nan]), np.array([9.0, 4.0, np.nan, 7.0]))
    np.testing.assert_array_equal(times.late, [True, False, True, False])
    np.testing.assert_array_equal(times.delay, [4.0, 0.0, np.nan, np.nan])


def test_windows_on_steps_made_by_hand() -> None:
    steps = np.array([0, 10, 20, 40, 80, 90, 100, 120, 130, 1000])
    times = Moments(np.array([10.0, np.nan]), np.array([100.0, 100.0]))
    found = windows(steps, times)  # plateau to sqrt(10 * 100) = 31.6; jump from 80 to 125
    assert steps[found.plateau[:, 0]].tolist() == [10, 20]
    assert steps[found.jump[:, 0]].tolist() == [80, 90, 100, 120]
    assert not found.plateau[:, 1].any()
    other = windows(steps, times, width=1.1, reach=0.7)  # to 10**1.7 = 50.1; from 90.9 to 110
    assert steps[other.plateau[:, 0]].tolist() == [10, 20, 40]
    assert steps[other.jump[:, 0]].tolist() == [100]


def test_means_and_rises_leave_out_what_is_not_known() -> None:
    curves = column([1, 3, np.nan, 8, 4], [0, 0, 0, 5, 5], [1, 1, 1, 1, 1])
    resting = np.array([1, 1, 1, 0, 0], dtype=bool)[:, None] & [True, True, False]
    jumping = np.array([0, 0, 0, 1, 1], dtype=bool)[:, None] & [True, True, True]
    where = Windows(resting, jumping)
    np.testing.assert_array_equal(mean_in(resting, curves), [2, 0, np.nan])
    np.testing.assert_array_equal(rise(curves, where), [3, np.nan, np.nan])
    np.testing.assert_array_equal(over_plateau(curves, where)[:, 0], [0.5, 1.5, np.nan, 4, 2])
    assert np.isnan(over_plateau(curves, where)[:, 1:]).all()


def test_values_between_checks_are_linear_in_the_logarithm_of_the_step() -> None:
    gaps = np.where(STEPS == 10, np.nan, CURVE)
    curves = column(CURVE, gaps)
    times = np.array([10**1.5, 10.0])
    np.testing.assert_allclose(value_at(STEPS, curves, times), [0.4, 0.3])
    assert np.isnan(value_at(STEPS, curves, np.array([np.nan, 1.0]))[0])
    assert median_at(STEPS, column(CURVE, CURVE + 1, CURVE + 9), 10**2.5) == pytest.approx(1.6)


def test_aligned_curves_meet_at_their_own_times() -> None:
    later = np.interp(np.log(np.maximum(STEPS, 1) / 10), np.log(STEPS[1:]), CURVE[1:])
    axis = np.array([0.001, 0.5, 1.0, 2.0, 1e4])
    found = aligned(STEPS, column(CURVE, later), np.array([10.0, 100.0]), axis)
    np.testing.assert_allclose(found[1:4, 0], 0.3 + 0.2 * np.log10([0.5, 1, 2]))
    np.testing.assert_allclose(found[1:4, 1], found[1:4, 0])
    assert np.isnan(found[[0, 4]]).all()


def test_medians_of_what_is_known() -> None:
    assert median_of(np.array([np.nan, 3.0, 1.0])) == 2
    assert np.isnan(median_of(np.array([np.nan])))
    found = median_over_seeds(np.array([4.0, np.nan, 1.0, 2.0, np.inf]))
    assert (found.value, found.low, found.high, found.n) == (2, 1, 4, 3)
    assert found.over == "3 runs"
    assert not median_over_seeds(np.array([1.0, np.nan])).known
    assert (median_or_dash(np.array([np.nan, 3.0])), median_or_dash(np.nan)) == (3, "–")


def test_curves_that_do_not_fit_are_refused() -> None:
    refusal("(checks, members)", lambda: first_passage(STEPS, CURVE, 0.5))
    refusal("for 5 checks", lambda: first_passage(STEPS, column(CURVE)[:3], 0.5))
    nothing = np.full((5, 2), np.nan)
    refusal("at one check or more", lambda: value_at(STEPS, nothing, np.ones(2)))
