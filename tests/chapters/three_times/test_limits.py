"""Censored ratios together: the product-limit median, and intervals that assume nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from regime_lib.chapters.three_times.limits import Limits, limits_of, product_limit_median
from regime_lib.companion.claims.claims import Verdict, load_claims

ROOT = Path(__file__).resolve().parents[3]
INF = np.inf


def lower_limited(random: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return limits of numbers that are seen up to a random time."""
    true, until = np.exp(random.normal(size=n)), np.exp(random.normal(size=n))
    return np.minimum(true, until), np.where(true <= until, true, INF)


def kaplan_meier(least: np.ndarray, most: np.ndarray) -> float:
    """Return scipy's median of numbers with lower limits; infinite if it is not reached."""
    seen = least == most
    found = stats.ecdf(stats.CensoredData(uncensored=least[seen], right=least[~seen])).cdf
    reached = found.quantiles[found.probabilities >= 0.5 - 1e-12]
    return float(reached[0]) if len(reached) else INF


@pytest.mark.parametrize("seed", range(12))
def test_with_lower_limits_it_is_the_median_of_kaplan_and_meier(seed: int) -> None:
    least, most = lower_limited(np.random.default_rng(seed), 41)
    assert product_limit_median(least, most) == pytest.approx(kaplan_meier(least, most), rel=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_with_upper_limits_it_is_that_of_the_mirror_image(seed: int) -> None:
    least, most = lower_limited(np.random.default_rng(seed), 41)
    with np.errstate(divide="ignore"):
        mirrored = product_limit_median(1 / most, 1 / least)
    seen = least == most
    values = stats.ecdf(stats.CensoredData(uncensored=least[seen], right=least[~seen])).cdf
    reached = values.quantiles[values.probabilities > 0.5 + 1e-12]  # from the other end
    assert mirrored == pytest.approx(1 / reached[0] if len(reached) else 0.0, rel=1e-6)


def test_with_both_kinds_it_finds_the_median_that_made_them() -> None:
    random = np.random.default_rng(0)
    true = 3 * np.exp(random.normal(size=3000))
    first, last = 0.5 * np.exp(random.normal(size=3000)), 30 * np.exp(random.normal(size=3000))
    least = np.where(true < first, 0.0, np.minimum(true, last))
    most = np.where(true > last, INF, np.maximum(true, first))
    assert product_limit_median(least, most) == pytest.approx(3, rel=0.1)


def test_what_says_nothing_changes_nothing_and_nothing_alone_has_no_median() -> None:
    least, most = np.array([1.0, 2.0, 3.0]), np.array([1.0, INF, 3.0])
    more = product_limit_median(np.r_[least, 0.0, 0.0], np.r_[most, INF, INF])
    assert more == product_limit_median(least, most)
    assert np.isnan(product_limit_median(np.zeros(3), np.full(3, INF)))
    assert np.isinf(product_limit_median(np.ones(3), np.full(3, INF)))


def limits(least: list[float], most: list[float]) -> Limits:
    return Limits(np.array(least), np.array(most), np.arange(len(least)))


LIMITS = st.lists(
    st.tuples(st.floats(0.1, 10), st.sampled_from(["exact", "lower", "upper", "open"])),
    min_size=3,
    max_size=9,
)


@settings(max_examples=60)
@given(LIMITS)
def test_the_interval_holds_the_median_however_limits_are_filled(
    numbers: list[tuple[float, str]],
) -> None:
    least = [v if kind in ("exact", "lower") else 0.0 for v, kind in numbers]
    most = [v if kind in ("exact", "upper") else INF for v, kind in numbers]
    found = limits(least, most).median("runs")
    if found.low is None:
        assert np.isinf(most).any() or not found.known or len(numbers) == 1
        return
    assert found.low <= np.median(least) + 1e-9
    assert found.high >= np.median(most) - 1e-9


def test_there_is_no_interval_once_half_of_the_numbers_have_no_upper_limit() -> None:
    known = [1.0 + 0.01 * k for k in range(24)]
    some = limits(known + [0.0] * 2, known + [INF] * 2).median("runs")
    assert some.low is not None
    assert some.low < 1.11 < some.high
    half = limits(known + [0.0] * 24, known + [INF] * 24).median("runs")
    assert not half.known


def test_a_mean_with_a_single_lower_limit_is_no_number() -> None:
    assert not limits([1.0, 2.0], [1.0, INF]).mean("runs").known
    two_sided = limits([1.0, 2.0], [1.0, 4.0]).mean("runs")
    assert (two_sided.value, two_sided.low, two_sided.high) == (2.0, 1.0, 4.0)


def test_clusters_are_drawn_whole() -> None:
    random = np.random.default_rng(3)
    each = np.exp(random.normal(size=16))
    one = Limits(each, each, np.arange(16)).median("settings")
    many = Limits(np.repeat(each, 9), np.repeat(each, 9), np.repeat(np.arange(16), 9))
    assert (many.median("settings").low, many.median("settings").n) == (
        pytest.approx(one.low, rel=0.2),
        16,
    )
    whole = Limits(each, each, np.arange(16)).product_limit("settings")
    assert whole.low == pytest.approx(one.low, rel=0.2)


def test_the_limits_of_runs() -> None:
    ratio = pd.Series([2.0, 3.0, 4.0, np.nan])
    least, most = limits_of(ratio, pd.Series(["", "weights", "patterns", "both"]))
    assert least.tolist() == [2.0, 3.0, 0.0, 0.0]
    assert most.tolist() == [2.0, INF, 4.0, INF]


@pytest.mark.parametrize(
    ("centre", "unknown", "verdict"),
    [
        (1.1, 2, Verdict.NOT_REPRODUCED),
        (3.0, 2, Verdict.REPRODUCED),
        (20.0, 2, Verdict.MORE),
        (3.0, 14, Verdict.UNDETERMINED),
    ],
)
def test_every_verdict_on_three_times_can_be_reached(
    centre: float, unknown: int, verdict: Verdict
) -> None:
    """24 settings that scatter by a tenth, each with 16 definitions."""
    random = np.random.default_rng(4)
    ratios = np.repeat(centre * np.exp(0.1 * random.normal(size=24)), 16)
    most, least = ratios.copy(), ratios.copy()
    least[: 16 * unknown], most[: 16 * unknown] = 0.0, INF
    found = Limits(least, most, np.repeat(np.arange(24), 16)).median("24 settings")
    numbers = {k: v for k, v in found.as_dict().items() if k in ("value", "low", "high", "n")}
    numbers = {k: v for k, v in numbers.items() if v is not None}
    claims = load_claims(ROOT / "book" / "claims.yml")
    for name in ("rc-three-times", "rc-three-times-cosine"):
        assert claims[name].judge(numbers).verdict is verdict
