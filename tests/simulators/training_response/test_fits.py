"""Fits find what was put in, and refusals say why."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import linregress, spearmanr

from regime_lib.simulators.training_response.fits import (
    at_step_zero,
    correlation_within,
    decay_rate,
    first_zero,
    halving_times,
    power_fit,
    rank_one_share,
)
from tests.companion.refusals import refused

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


def test_rank_one_share_by_singular_values_and_by_hand() -> None:
    table = np.outer(TIMES**-1.0, np.arange(1, 9))
    assert rank_one_share(table) == pytest.approx(1)
    assert rank_one_share(np.eye(4)) == pytest.approx(1 / 4)
    assert rank_one_share(np.stack([table, table[::-1]])).shape == (2,)


def test_one_kind_is_spearmans_correlation() -> None:
    x, y = RANDOM.random((1, 3, 20)), RANDOM.random((1, 3, 20))
    truth = spearmanr(x.ravel(), (y + x).ravel()).statistic
    assert correlation_within(x, y + x) == pytest.approx(truth)


def test_a_difference_between_kinds_alone_does_not_correlate() -> None:
    x = RANDOM.random((2, 3, 60))
    y = RANDOM.random((2, 3, 60))
    x[1] += 10
    y[1] += 10
    assert spearmanr(x.ravel(), y.ravel()).statistic > 0.7
    assert abs(correlation_within(x, y)) < 0.15


def test_constant_values_do_not_correlate() -> None:
    assert correlation_within(np.ones((1, 2, 5)), RANDOM.random((1, 2, 5))) == 0


def test_partial_correlations_are_those_of_the_textbook_formula() -> None:
    given = RANDOM.random((1, 2, 30))
    x, y = given + 0.4 * RANDOM.random((1, 2, 30)), given + 0.4 * RANDOM.random((1, 2, 30))
    xy, xz, yz = (
        spearmanr(a.ravel(), b.ravel()).statistic for a, b in ((x, y), (x, given), (y, given))
    )
    truth = (xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2))
    assert correlation_within(x, y, given) == pytest.approx(truth)
    assert abs(truth) < 0.35 < xy  # what both owe to a third is gone
    assert correlation_within(x, y, np.ones_like(x)) == pytest.approx(xy)


def test_a_quadratic_is_extrapolated_exactly() -> None:
    steps = np.array([1.0, 0.8, 0.6, 0.2])[:, None]
    values = 0.3 - 2 * steps + 5 * steps**2
    assert at_step_zero(steps[:, 0], values) == pytest.approx([0.3])
    with refused("three different"):
        at_step_zero(np.array([1.0, 0.5, 0.5]), np.ones((3, 1)))


def test_halving_times_of_power_laws_are_exact() -> None:
    values = 7 * np.stack([TIMES**-1.0, TIMES**-0.5, TIMES**-0.01], axis=1)
    assert halving_times(TIMES, values) == pytest.approx([2, 4, np.nan], nan_ok=True)


def test_a_straight_line_crosses_zero_where_it_does() -> None:
    assert first_zero(1 - np.arange(9) / 4.3) == pytest.approx(4.3)
    assert np.isnan(first_zero(np.arange(9.0)))
    assert np.isnan(first_zero(np.arange(9.0) - 3))


def test_what_cannot_be_fitted_is_refused() -> None:
    with refused("positive"):
        power_fit(TIMES, -np.ones((30, 1)))
    with refused("three times"):
        power_fit(TIMES[:2], np.ones((2, 1)))
