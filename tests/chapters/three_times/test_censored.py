"""Censored times: medians and ratios that agree with closed forms, scipy, and what made them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from regime_lib.chapters.three_times.censored import (
    _scores,
    by_schedule,
    log_normal_median,
    median_time,
    share_above_one,
)
from regime_lib.chapters.three_times.limits import Limits
from regime_lib.errors import RegimeError
from regime_lib.estimate import Method, proportion, student_t

INF = np.inf


def limits(least: object, most: object, cluster: object = None) -> Limits:
    low, high = np.asarray(least, dtype=float), np.asarray(most, dtype=float)
    return Limits(low, high, np.arange(len(low)) if cluster is None else np.asarray(cluster))


def both_sided(random: np.random.Generator, n: int) -> Limits:
    """Return ratios around three that are seen between two random ends."""
    true = 3 * np.exp(random.normal(size=n))
    first, last = np.exp(random.normal(size=n)), 9 * np.exp(random.normal(size=n))
    least = np.where(true < first, 0.0, np.minimum(true, last))
    return limits(least, np.where(true > last, INF, np.maximum(true, first)), np.arange(n) % 5)


# closed forms


def test_without_censoring_the_median_time_is_the_sample_median() -> None:
    times = np.exp(np.random.default_rng(0).normal(5, 1, size=15))
    found = median_time(times, np.ones(15, dtype=bool), over="runs")
    assert found.value == pytest.approx(np.median(times))
    assert found.method is Method.BROOKMEYER_CROWLEY
    assert {found.low, found.high} <= set(times)


def test_without_censoring_the_ratio_is_the_mean_of_logarithms_in_students_interval() -> None:
    logs = np.random.default_rng(1).normal(1, 0.6, size=(4, 6))  # settings, seeds
    ratios = np.exp(logs.ravel())
    for clusters, means in (
        (np.tile(np.arange(6), 4), logs.mean(axis=0)),
        (np.repeat(np.arange(4), 6), logs.mean(axis=1)),
    ):
        found = log_normal_median(limits(ratios, ratios, clusters), over="x")
        expected = student_t(means, over="x")
        ends = [expected.value, expected.low, expected.high]
        assert np.log([found.value, found.low, found.high]) == pytest.approx(ends, abs=1e-4)
        assert found.n == len(means)


def test_kaplan_meier_by_hand() -> None:
    # of 6 at risk one settles at 10; of 4 one at 30, of 3 one at 40: 5/6, 5/8, 5/12
    times, seen = [10.0, 20, 30, 40, 50, 50], [True, False, True, True, False, False]
    assert median_time(np.array(times), np.array(seen), over="runs").value == 40
    with_two = median_time(np.array(times[:3] * 2), np.array(seen[:3] * 2), over="runs")
    assert with_two.value == 30


def test_a_median_that_no_run_reaches_is_no_number() -> None:
    assert not median_time(np.full(5, 100.0), np.arange(5) < 2, over="runs").known


# other implementations


@pytest.mark.parametrize("seed", range(3))
def test_limits_on_both_sides_give_what_scipy_gives(seed: int) -> None:
    some = both_sided(np.random.default_rng(seed), 40)
    low, high = np.log(np.maximum(some.least, 1e-300)), np.log(some.most)
    exact, right = some.exact, np.isinf(some.most)
    left = (some.least == 0) & ~right
    data = stats.CensoredData(uncensored=low[exact], right=low[right & ~some.open], left=high[left])
    centre, spread = stats.norm.fit(data)
    found = log_normal_median(some, over="x")
    assert found.value == pytest.approx(np.exp(centre), rel=1e-3)
    assert _scores(some.telling, centre, spread).sum(axis=0) == pytest.approx(0, abs=0.01)


def test_scores_are_the_slopes_of_the_likelihood() -> None:
    some = both_sided(np.random.default_rng(4), 12).telling

    def likelihood(centre: float, spread: float) -> np.ndarray:
        with np.errstate(divide="ignore"):
            low, high = np.log(some.least), np.log(some.most)
        inside = stats.norm.cdf(high, centre, spread) - stats.norm.cdf(low, centre, spread)
        density = stats.norm.pdf(low, centre, spread)
        return np.log(np.where(some.exact, density, inside))

    step = 1e-5
    slopes = [
        (likelihood(1.0 + a, 0.8 + b) - likelihood(1.0 - a, 0.8 - b)) / (2 * step)
        for a, b in ((step, 0.0), (0.0, step))
    ]
    assert _scores(some, 1.0, 0.8) == pytest.approx(np.stack(slopes, axis=1), abs=1e-6)


# what the model does not say


@pytest.mark.parametrize(
    ("least", "most"),
    [([0, 0], [INF, INF]), ([3, 4], [INF, INF]), ([0, 0], [2, 3]), ([3, 0], [INF, 2])],
    ids=["open", "lower", "upper", "both"],
)
def test_limits_alone_leave_no_number(least: list[float], most: list[float]) -> None:
    assert not log_normal_median(limits(least, most), over="x").known


def test_a_single_number_that_all_limits_agree_with_has_no_interval() -> None:
    found = log_normal_median(limits([2, 1.5, 0, 0], [2, INF, 9, INF]), over="x")
    assert (found.value, found.low) == (2.0, None)
    one_seed = log_normal_median(limits([2, 4], [2, 4], [0, 0]), over="x")
    assert (one_seed.value, one_seed.low) == (pytest.approx(8**0.5, rel=1e-4), None)


# properties

RATIOS = st.lists(
    st.tuples(st.floats(0.2, 50), st.sampled_from(["exact", "lower", "upper", "open"])),
    min_size=4,
    max_size=9,
    unique_by=lambda pair: round(pair[0], 1),
).filter(lambda pairs: sum(kind == "exact" for _, kind in pairs) >= 3)


def of(pairs: list[tuple[float, str]]) -> Limits:
    least = [value if kind in ("exact", "lower") else 0.0 for value, kind in pairs]
    return limits(least, [value if kind in ("exact", "upper") else INF for value, kind in pairs])


@settings(max_examples=8, deadline=None)
@given(RATIOS, st.floats(0.1, 10))
def test_ratios_scale_invert_and_take_open_runs(
    pairs: list[tuple[float, str]], factor: float
) -> None:
    some = of(pairs)
    value = log_normal_median(some, over="x").value
    assert value is not None
    scaled = limits(factor * some.least, factor * some.most)
    assert log_normal_median(scaled, over="x").value == pytest.approx(factor * value, rel=1e-2)
    with np.errstate(divide="ignore"):
        inverted = limits(1 / some.most, 1 / some.least)
    assert log_normal_median(inverted, over="x").value == pytest.approx(1 / value, rel=1e-2)
    more = limits(np.r_[some.least, 0.0], np.r_[some.most, INF])
    assert log_normal_median(more, over="x").value == pytest.approx(value, rel=1e-9)


@settings(max_examples=40)
@given(RATIOS)
def test_the_share_holds_whatever_censored_runs_would_say(pairs: list[tuple[float, str]]) -> None:
    some = of(pairs)
    found = share_above_one(some, over="runs")
    if not found.known:
        assert not ((some.least > 1) | (some.most <= 1)).any()
        return
    for filled in (some.least, np.minimum(some.most, 1e9)):
        share = proportion(int((filled > 1).sum()), len(filled), over="runs")
        assert found.low <= share.low + 1e-12
        assert found.high >= share.high - 1e-12


# coverage


def test_the_ratio_is_covered_and_dropping_censored_runs_is_not() -> None:
    """Five seeds of three settings, a seed in common, half of the ratios seen as bounds only."""
    random, held, dropped = np.random.default_rng(0), [], []
    for _ in range(50):
        logs = 0.3 * random.normal(size=5) + 0.5 * random.normal(size=(3, 5))
        true, until = 3 * np.exp(logs).ravel(), 3 * np.exp(0.3 * random.normal(size=15))
        seen = true <= until
        some = limits(np.minimum(true, until), np.where(seen, true, INF), np.tile(range(5), 3))
        found = log_normal_median(some, over="x")
        held.append(found.low is not None and found.low <= 3 <= found.high)
        exact = student_t(np.log(true[seen]), over="x")
        dropped.append(exact.low <= np.log(3) <= exact.high)
    assert np.mean(held) >= 0.86  # 0.95 less three standard errors of 50 trials
    assert np.mean(dropped) < 0.6


def test_the_median_time_is_covered() -> None:
    random, held = np.random.default_rng(0), []
    for _ in range(150):
        true, until = np.exp(random.normal(size=15)), np.exp(0.7 + random.normal(size=15))
        found = median_time(np.minimum(true, until), true <= until, over="runs")
        held.append(found.low is None or found.low <= 1 <= found.high)
    assert np.mean(held) >= 0.90


# tables

ROW = {
    "part": "p", "dataset": "d", "architecture": "mlp", "optimizer": "sgd", "schedule": "constant",
    "batch": "64", "activation": "relu", "skipped": 0, "window": 51, "size": "absolute",
    "definition": "peak@0.1", "horizon": 1000,
}  # fmt: skip


def row(seed: int, patterns: float, weights: float, censored: str, **other: object) -> dict:
    ratio = np.nan if censored == "both" else weights / patterns
    times = {"pattern_time": patterns, "weight_time": weights, "ratio": ratio}
    return {**ROW, "seed": seed, "censored": censored, **times, **other}


TABLE = pd.DataFrame(
    [
        row(0, 100, 200, ""),
        row(1, 100, 400, ""),
        row(2, 200, 1000, "weights"),
        row(3, 1000, 1000, "both"),
        row(4, 1000, 800, "patterns"),
        row(0, 10, 10, "", horizon=200),
        row(0, 1, 9, "", window=25),
        row(0, 1, 9, "", skipped=100),
        row(0, 1, 9, "", size="relative"),
        row(0, 1, 9, "", definition="auc"),
        row(0, 50, 150, "", schedule="cosine"),
    ]
)


def test_the_usual_rows_of_every_schedule_are_counted_and_none_is_dropped() -> None:
    found = by_schedule(TABLE)
    constant = found["constant"]
    assert (constant.runs, constant.open, constant.bounded) == (5, 1, 2)
    assert constant.patterns.value == 200
    assert constant.weights.value == 800
    assert constant.ratio.over == "5 seeds of 1 setting, 5 runs, 1 of them open"
    assert constant.ratio.low < constant.ratio.value < constant.ratio.high
    assert constant.earlier.value == 3 / 4
    assert (found["cosine"].ratio.value, found["cosine"].ratio.low) == (3.0, None)
    assert by_schedule(TABLE, "auc")["constant"].ratio.value == 9


def test_the_ratio_is_over_settings_where_there_are_several() -> None:
    other = TABLE.assign(optimizer="adamw", ratio=30 * TABLE["ratio"])
    both = pd.concat([TABLE, other])
    settings, seeds = (by_schedule(both, over=over)["constant"].ratio for over in (None, "seeds"))
    assert (settings.n, seeds.n) == (2, 5)
    assert settings.value == seeds.value
    assert settings.high > 10 * seeds.high  # two settings that differ by a factor of 30


def test_a_run_twice_is_refused() -> None:
    with pytest.raises(RegimeError, match="one row a run"):
        by_schedule(pd.concat([TABLE, TABLE]))
