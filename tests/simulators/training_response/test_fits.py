"""Fits find what was put in, intervals cover, and refusals say why."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import linregress, spearmanr

from regime_lib.simulators.training_response.fits import (
    decay_rate,
    median_over,
    power_fit,
    rank_correlation,
    rank_one_share,
)
from tests.simulators.training_response.refusals import refused

RANDOM = np.random.default_rng(0)
TIMES = np.geomspace(1, 1e4, 30)


def test_an_exact_power_law_is_found_exactly() -> None:
    fit = power_fit(TIMES, np.stack([3 * TIMES**-2.0, TIMES**-0.5], axis=1))
    assert fit.slope == pytest.approx([-2, -0.5])
    assert fit.r2 == pytest.approx([1, 1])
    assert fit.window[0] >= 100


def test_a_noisy_fit_is_scipys() -> None:
    values = TIMES[:, None] ** -1.0 * np.exp(0.1 * RANDOM.standard_normal((30, 4)))
    fit = power_fit(TIMES, values, decades=3.0)
    window = TIMES >= 10 * (1 - 1e-9)
    for run in range(4):
        theirs = linregress(np.log(TIMES[window]), np.log(values[window, run]))
        assert fit.slope[run] == pytest.approx(theirs.slope)
        assert fit.r2[run] == pytest.approx(theirs.rvalue**2)


def test_an_exponential_is_no_straight_line_in_the_logarithms() -> None:
    assert power_fit(TIMES, np.exp(-TIMES / 1000)[:, None]).r2[0] < 0.9


def test_decay_rates_are_found_in_their_window_only() -> None:
    steps = np.arange(400)
    residuals = np.stack([np.exp(-0.1 * steps), -0.2 * np.exp(-0.3 * steps)], axis=1)
    assert decay_rate(residuals + 1e-14) == pytest.approx([0.1, 0.3], rel=1e-4)
    assert np.isnan(decay_rate(np.ones((50, 1)))).all()


def test_medians_and_their_intervals() -> None:
    values = RANDOM.normal(5, 1, 200)
    found = median_over(values)
    assert found.value == np.median(values)
    assert found.low < found.value < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * 1.2533 / np.sqrt(200), rel=0.5)
    assert found.n == 200
    assert median_over(np.full(5, 2.0)).interval == (2.0, 2.0)
    assert median_over(values) == found


def test_intervals_hold_the_true_median_about_as_often_as_they_say() -> None:
    found = [median_over(RANDOM.normal(5, 1, 40)) for _ in range(100)]
    assert 85 <= sum(one.low <= 5 <= one.high for one in found) <= 100


def test_rank_one_share_by_singular_values_and_by_hand() -> None:
    table = np.outer(TIMES**-1.0, np.arange(1, 9))
    assert rank_one_share(table) == pytest.approx(1)
    assert rank_one_share(np.eye(4)) == pytest.approx(1 / 4)
    assert rank_one_share(np.stack([table, table[::-1]])).shape == (2,)


def test_one_kind_is_spearmans_correlation() -> None:
    x, y = RANDOM.random((1, 3, 20)), RANDOM.random((1, 3, 20))
    found = rank_correlation(x, y + x)
    assert found.value == pytest.approx(spearmanr(x.ravel(), (y + x).ravel()).statistic)
    assert found.low < found.value < found.high


def test_a_difference_between_kinds_alone_does_not_correlate() -> None:
    x = RANDOM.random((2, 3, 60))
    y = RANDOM.random((2, 3, 60))
    x[1] += 10
    y[1] += 10
    assert spearmanr(x.ravel(), y.ravel()).statistic > 0.7
    assert rank_correlation(x, y).low < 0 < rank_correlation(x, y).high


def test_constant_values_do_not_correlate() -> None:
    assert rank_correlation(np.ones((1, 2, 5)), RANDOM.random((1, 2, 5))).value == 0


def test_what_cannot_be_fitted_is_refused() -> None:
    with refused("positive"):
        power_fit(TIMES, -np.ones((30, 1)))
    with refused("three times"):
        power_fit(TIMES[:2], np.ones((2, 1)))
    with refused("two or more finite"):
        median_over(np.array([1.0]))
    with refused("1 of 2"):
        median_over(np.array([1.0, np.nan]))
