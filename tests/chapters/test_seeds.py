"""Intervals over seeds against SciPy's bootstrap and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import bootstrap

from regime_lib.chapters.seeds import over_seeds
from regime_lib.lab import generator
from tests.sentences import refusal

VALUES = np.random.default_rng(0).normal(3, 1, 12)


def test_the_interval_of_a_mean_is_that_of_another_bootstrap() -> None:
    value, (low, high) = over_seeds(lambda pick: VALUES[pick].mean(), 12, seed=5)
    assert value == pytest.approx(VALUES.mean())
    other = bootstrap((VALUES,), np.mean, method="percentile", rng=1).confidence_interval
    assert (low, high) == pytest.approx(other, abs=0.1 * (other.high - other.low))


def test_runs_are_drawn_anew_from_the_seed_and_all_are_evaluated_first() -> None:
    seen: list[tuple[int, ...]] = []
    over_seeds(lambda pick: seen.append(tuple(pick)) or 0.0, 3, seed=2)  # type: ignore[func-returns-value]
    assert seen[0] == (0, 1, 2)
    drawn = generator(2, "bootstrap").integers(3, size=(1000, 3))
    np.testing.assert_array_equal(seen[1:], drawn)
    shares = np.bincount(np.ravel(seen[1:]), minlength=3) / 3000
    assert shares == pytest.approx([1 / 3] * 3, abs=4 * math.sqrt(2 / 9 / 3000))
    one, same, other = (over_seeds(lambda pick: VALUES[pick].mean(), 12, s) for s in (1, 1, 2))
    assert one == same
    assert one != other


def test_the_interval_holds_the_value() -> None:
    # the largest of all runs is no middle of its resamples: few of them reach it
    value, (low, high) = over_seeds(lambda pick: VALUES[pick].max(), 12, seed=0)
    assert low <= value == high
    assert over_seeds(lambda pick: 7.0, 4, seed=0) == (7.0, (7.0, 7.0))


def test_what_is_not_finite_somewhere_has_no_interval() -> None:
    broken = np.array([1.0, 2.0, np.inf])
    value, ends = over_seeds(lambda pick: broken[pick].min(), 3, seed=0)
    assert value == 1
    assert np.isnan(ends).all()


def test_no_runs_are_refused() -> None:
    refusal("expected at least 1 run", lambda: over_seeds(lambda pick: 0.0, 0, seed=0))
