"""P-values that are read off intervals agree with tests of the data; many are corrected at once."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from regime_lib import estimate
from regime_lib.companion.claims.claims import (
    Claim,
    Criterion,
    Kind,
    Verdict,
)
from regime_lib.companion.claims.comparisons import (
    compare_with_no_effect,
    discoveries,
    p_value,
)
from regime_lib.companion.claims.criteria import Range
from regime_lib.companion.claims.ledger import Measurement, Record, as_measurement
from regime_lib.estimate import Estimate, Method
from tests.companion.refusals import refused
from tests.companion.tiny import a_claim

CLAIM = a_claim("[0.5, 2]", stronger="above", no_effect=0.0)


def measured(one: Estimate, claim: Claim = CLAIM) -> Measurement:
    return as_measurement(replace(claim, unit=one.unit), one)


def interval(value: float, low: float, high: float, n: int, method: Method) -> Measurement:
    return measured(Estimate(value, low, high, n, "seeds", method))


@pytest.mark.parametrize("n", [2, 5, 30])
@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0])
def test_the_p_value_of_a_t_interval_is_that_of_the_t_test(n: int, shift: float) -> None:
    values = np.random.default_rng(n).normal(shift, 1, n)
    found = p_value(measured(estimate.student_t(values, over="seeds")), 0.0)
    assert found == pytest.approx(stats.ttest_1samp(values, 0).pvalue, rel=1e-3)  # six digits kept


def test_a_ratio_is_compared_on_the_scale_of_logarithms() -> None:
    logs = np.random.default_rng(0).normal(0.2, 0.5, 30)
    centre = estimate.student_t(logs, over="seeds").as_dict()
    value, low, high = (math.exp(centre[name]) for name in ("value", "low", "high"))
    found = p_value(interval(value, low, high, 30, Method.STUDENT_T), 1.0)
    assert found == pytest.approx(stats.ttest_1samp(logs, 0).pvalue, rel=1e-3)


@pytest.mark.parametrize("z", [0.5, 1.0, 1.96, 2.5, 3.3])
def test_the_p_value_is_that_of_altman_and_bland(z: float) -> None:
    half = 1.96 / z
    found = p_value(interval(1.0, 1 - half, 1 + half, 200, Method.BCA), 0.0)
    assert found == pytest.approx(math.exp(-0.717 * z - 0.416 * z**2), rel=0.05)


def test_the_p_value_of_a_bootstrap_is_near_that_of_the_t_test() -> None:
    values = np.random.default_rng(3).normal(0.25, 1, 200)
    found = p_value(measured(estimate.mean(values, over="seeds", seed=0)), 0.0)
    assert found == pytest.approx(stats.ttest_1samp(values, 0).pvalue, rel=0.2)


@pytest.mark.parametrize(("hits", "n"), [(12, 12), (0, 15), (9, 12), (40, 60)])
@pytest.mark.parametrize(("unit", "null"), [("1", 0.5), ("%", 50.0)])
def test_the_p_value_of_a_share_is_that_of_the_binomial_test(
    hits: int, n: int, unit: str, null: float
) -> None:
    found = p_value(measured(estimate.proportion(hits, n, over="seeds", unit=unit)), null)
    assert found == pytest.approx(stats.binomtest(hits, n, 0.5).pvalue)


def test_no_p_value_of_a_median_is_below_that_of_the_sign_test() -> None:
    values = np.linspace(100, 100.001, 8)
    sign_test = stats.binomtest(8, 8, 0.5).pvalue
    assert p_value(measured(estimate.median(values, over="seeds")), 0.0) == sign_test


def test_runs_without_a_spread_differ_from_every_other_value_only() -> None:
    same = measured(estimate.student_t([2.0, 2.0, 2.0], over="seeds"))
    assert p_value(same, 0.0) == 0
    assert p_value(same, 2.0) == 1


@pytest.mark.parametrize(
    "one",
    [
        estimate.no_number(),
        estimate.number(3.0),
        estimate.run_range([1.0, 2.0, 3.0], over="seeds"),
        estimate.bounded(1.0, 0.9, 1.1, over="rounding"),
    ],
)
def test_without_a_confidence_interval_there_is_no_p_value(one: Estimate) -> None:
    assert p_value(measured(one), 0.0) is None


@pytest.mark.parametrize(
    ("over", "random"),
    [
        ("24 settings of 3 seeds each", False),
        ("1,280 settings", False),
        ("7 of 24 settings, each the median of 3 seeds", False),
        ("24 seeds at 3 settings", True),
        ("40 tasks", True),
    ],
)
def test_settings_that_were_chosen_are_no_random_sample(over: str, random: bool) -> None:
    one = estimate.mean(np.random.default_rng(0).normal(0.3, 1, 24), over=over, seed=0)
    assert (p_value(measured(one), 0.0) is not None) is random


ENDS = st.floats(0.01, 100).map(lambda x: float(f"{x:.4g}"))


@given(st.lists(ENDS, min_size=3, max_size=3, unique=True), ENDS, st.integers(10, 50))
def test_only_an_interval_without_the_null_gets_below_five_percent(
    ends: list[float], null: float, n: int
) -> None:
    low, value, high = sorted(ends)
    found = p_value(interval(value, low, high, n, Method.BCA), null)
    assert found is not None
    assert 0 < found <= 1
    assert found > 0.0499 or not low < null < high


@given(st.lists(ENDS, min_size=3, max_size=3, unique=True))
def test_a_ratio_and_its_inverse_have_one_p_value(ends: list[float]) -> None:
    low, value, high = sorted(ends)
    one = p_value(interval(value, low, high, 20, Method.BCA), 1.0)
    other = p_value(interval(1 / value, 1 / high, 1 / low, 20, Method.BCA), 1.0)
    assert one == pytest.approx(other, rel=0.05, abs=1e-9)  # six digits are kept


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.floats(0.01, 0.5))
def test_the_correction_is_that_of_benjamini_and_hochberg(ps: list[float], rate: float) -> None:
    ordered, m = sorted(ps), len(ps)
    # the largest k with the k-th smallest at most k / m of the rate; a hair's width is left open
    gaps = [p - rate * k / m for k, p in enumerate(ordered, start=1)]
    assume(all(abs(gap) > 1e-9 for gap in gaps))
    count = max((k for k, gap in enumerate(gaps, start=1) if gap < 0), default=0)
    found = discoveries({f"c{number}": p for number, p in enumerate(ps)}, rate)
    kept = {f"c{number}" for number, p in enumerate(ps) if count and p <= ordered[count - 1]}
    assert found == kept


def test_where_nothing_has_an_effect_hardly_ever_is_one_found() -> None:
    random = np.random.default_rng(1)
    alone = together = 0
    for _ in range(200):
        values = random.normal(0, 1, (20, 12))
        ps = {
            str(number): p_value(measured(estimate.student_t(row, over="seeds")), 0.0) or 0.0
            for number, row in enumerate(values)
        }
        alone += any(p <= 0.05 for p in ps.values())
        together += bool(discoveries(ps))
    assert alone > 100  # each for itself: 64 % of books of 20 claims would hold a false one
    assert together <= 20  # 5 % expected; 10 % has a chance of one in a thousand


@pytest.mark.parametrize("rate", [0.0, 1.0, math.nan])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with refused("rate of false discoveries", "between 0 and 1"):
        discoveries({}, rate)


def record(name: str, one: Estimate, **changes: object) -> Record:
    claim = replace(CLAIM, **{"id": f"rc-{name}", **changes})  # type: ignore[arg-type]
    return Record(claim, as_measurement(claim, one))


def bca(value: float, low: float, high: float) -> Estimate:
    return Estimate(value, low, high, 40, "40 seeds", Method.BCA)


def test_verdicts_that_speak_of_an_effect_are_marked_unless_they_differ_from_none() -> None:
    records = [
        record("strong", bca(1.0, 0.8, 1.2)),
        record("weak", bca(1.05, 0.55, 1.55), no_effect=0.49),  # reproduced, but .49 is near
        record("partly", bca(0.6, 0.01, 1.19)),
        record("none", bca(0.0, -0.1, 0.1)),  # not reproduced: this speaks of no effect
        record("wide", bca(1.0, -3.0, 5.0)),  # undetermined
        record("law", bca(0.5, -0.1, 1.1), kind=Kind.LAW),
        record("plain", bca(0.5, -0.1, 1.1), no_effect=None),
        record("few", Estimate(1.0, 0.9, 1.1, 3, "3 seeds", Method.RANGE)),
        record("censored", estimate.no_number()),
        Record(replace(CLAIM, id="rc-later")),
    ]
    verdicts = [one.verdict for one in records[:5]]
    assert verdicts == ["reproduced", "reproduced", "partly", "not reproduced", "undetermined"]
    found = compare_with_no_effect(records)
    assert found.p_values.keys() == {"rc-strong", "rc-weak", "rc-partly", "rc-none", "rc-wide"}
    assert found.differs == {"rc-strong"}
    assert found.p_values["rc-weak"] < 0.05  # alone it would have passed
    assert found.chance == {"rc-weak", "rc-partly"}
    assert found.untested == {"rc-few"}


def test_a_claim_that_there_is_no_effect_can_be_lost_to_chance_too() -> None:
    absent = Criterion(Range("[-0.1, 0.1]"))
    lost = record("absent", bca(0.3, 0.11, 0.49), criterion=absent)
    kept = record("absent", bca(0.0, -0.05, 0.05), criterion=absent)
    others = [record(f"x{number}", bca(0.0, -0.1, 0.1)) for number in range(60)]
    assert (lost.verdict, kept.verdict) == (Verdict.NOT_REPRODUCED, Verdict.REPRODUCED)
    assert compare_with_no_effect([lost, *others]).chance == {"rc-absent"}
    assert compare_with_no_effect([kept, *others]).chance == set()
