"""Definitions that predict, that say nothing, and that are safe by being late."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from regime_lib.chapters.freeze_patterns.costs import costs, free_from
from regime_lib.chapters.freeze_patterns.prediction import LIMIT, correlation, ranking
from tests.chapters.freeze_patterns.tables import STEPS, branches, times


def table():
    """Every third run is free from the start, from a tenth and from half on."""

    def cost(seed: int, share: float) -> float:
        return 2.0 if share < (0.0, 0.1, 0.5)[seed % 3] else 0.0

    return costs(branches(cost))


def test_a_definition_in_the_same_order_correlates_fully() -> None:
    free = free_from(table(), LIMIT)
    found = correlation(times(lambda seed: 10.0 * (seed % 3)), free, "peak@0.1", 0)
    assert found.value == pytest.approx(1.0)
    assert found.n == 12
    turned = correlation(times(lambda seed: 50 - 10.0 * (seed % 3)), free, "peak@0.1", 0)
    assert turned.value == pytest.approx(-1.0)


def test_the_correlation_is_spearmans() -> None:
    free = free_from(table(), LIMIT)
    draw = np.random.default_rng(0).permutation(12)
    found = correlation(times(lambda seed: float(draw[seed])), free, "auc", 0)
    shares = np.tile([(0.0, 0.1, 0.5)[seed % 3] for seed in range(12)], 2)
    truth = stats.spearmanr(np.tile(draw, 2), shares).statistic
    assert found.value == pytest.approx(truth)
    assert found.low < truth < found.high


def test_times_that_do_not_vary_have_no_correlation() -> None:
    free = free_from(table(), LIMIT)
    assert correlation(times(lambda _: 7.0), free, "peak@0.1", 0).value is None


def test_calibration_counts_runs_in_which_freezing_is_free() -> None:
    found = ranking(times(lambda _: 0.05 * STEPS), table(), 0)
    assert len(found) == 16
    # at a twentieth the next step tried is a tenth, which is free in two of three
    assert found["free"].to_numpy() == pytest.approx(2 / 3)
    late = ranking(times(lambda _: 1.0 * STEPS), table(), 0)
    assert late["free"].to_numpy() == pytest.approx(1.0)
    assert late["excess"].to_numpy() == pytest.approx(np.median([10, 2]))
