"""Many claims at once: which measurements differ from no effect, corrected for how many there are.

Of a hundred comparisons without any effect, five leave a 95 % interval. So every empirical claim
that has a value of no effect, such as a ratio of 1 or a difference of 0, gets a two-sided p-value,
read off its published interval (D. G. Altman and J. M. Bland, How to obtain the P value from a
confidence interval, BMJ 343:d2304, 2011), and all of them together are held to a false discovery
rate of 5 % (Y. Benjamini and Y. Hochberg, J. R. Stat. Soc. B 57, 1995). A range of runs is no
confidence interval and has no p-value. Nor has an interval over re-sampled settings: a grid that
somebody chose is no random sample, and its rows share seeds and data, so that chance alone would
not scatter them as a test takes for granted.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from regime_lib.companion.claims.claims import Claim, Kind, Verdict
from regime_lib.companion.claims.ledger import Measurement, Record
from regime_lib.errors import RegimeError

#: Which share of the differences that are found may be chance.
RATE = 0.05

_UPPER = 0.975  # where the upper end of a 95 % interval lies
# What an interval is over if settings were re-sampled: "24 settings of 3 seeds each".
_SETTINGS = re.compile(r"(?:\d[\d,]* of )?\d[\d,]* settings\b")


@dataclass(frozen=True)
class Comparisons:
    """What is left of the empirical claims with a value of no effect when all are seen together."""

    p_values: dict[str, float]  # by claim: with a value of no effect and a 95 % interval over runs
    differs: frozenset[str]  # of these, which differ from no effect after the correction
    chance: frozenset[str]  # of the others, whose verdict speaks of an effect all the same
    untested: frozenset[str]  # with a value of no effect, but without such an interval


def compare_with_no_effect(records: Sequence[Record], rate: float = RATE) -> Comparisons:
    """Test all empirical claims with a value of no effect together.

    Parameters
    ----------
    records : sequence of Record
        Claims with their measurements; those of another kind, without a value of no effect or
        without a number are passed over.
    rate : float
        Which share of the differences that are found may be chance, between 0 and 1.

    Returns
    -------
    Comparisons
        A verdict speaks of an effect if the exact value of no effect would have had another one.
    """
    p_values: dict[str, float] = {}
    untested, speaking = set(), set()
    for record in records:
        claim, measured = record.claim, record.measurement
        if claim.kind is not Kind.EMPIRICAL or claim.no_effect is None or measured is None:
            continue
        found = p_value(measured, claim.no_effect)
        if found is not None:
            p_values[claim.id] = found
        elif measured.value is not None:
            untested.add(claim.id)
        if _speaks_of_an_effect(claim, claim.no_effect, measured):
            speaking.add(claim.id)
    differs = discoveries(p_values, rate)
    chance = frozenset(speaking & p_values.keys()) - differs
    return Comparisons(p_values, differs, chance, frozenset(untested))


def discoveries(p_values: Mapping[str, float], rate: float = RATE) -> frozenset[str]:
    """Return which of many p-values stand at a false discovery rate (Benjamini and Hochberg)."""
    from scipy import stats  # slow to load

    if not 0 < rate < 1:
        raise RegimeError(f"the rate of false discoveries is {rate}; expected between 0 and 1")
    if not p_values:
        return frozenset()
    adjusted = stats.false_discovery_control([*p_values.values()], method="bh")
    return frozenset(one for one, p in zip(p_values, adjusted, strict=True) if p <= rate)


def p_value(measured: Measurement, null: float) -> float | None:
    """Return the two-sided p-value of a measurement against `null`, read off its interval.

    The standard error is the interval's half width by 1.96, on the scale of logarithms for ratios
    (`null` of 1, interval above 0). Where the halves differ the wider one counts, so that only
    intervals without `null` in them get a p-value below 5 %. Student's t and exact shares are
    turned back by their own distributions. The others assume nothing of their n runs; no such test
    gets below one over two to the power of n - 1, and neither does this.

    Returns
    -------
    float or None
        None where there is no 95 % interval, or one over settings.
    """
    from scipy import stats  # slow to load

    from regime_lib.estimate import Method

    value, low, high, n = measured.value, measured.low, measured.high, measured.n
    if value is None or low is None or high is None or _SETTINGS.match(measured.over):
        return None
    halves = _half_widths(value, low, high, null)
    if measured.method == Method.STUDENT_T and n is not None:
        return float(2 * stats.t.sf(halves * stats.t.ppf(_UPPER, n - 1), n - 1))
    if measured.method == Method.EXACT_BINOMIAL and n is not None:
        scale = 100 if measured.unit == "%" else 1
        hits = _hits(value / scale, low / scale, high / scale, n)
        if hits is not None and 0 <= null / scale <= 1:
            return float(stats.binomtest(hits, n, null / scale).pvalue)
    if measured.method in (Method.BCA, Method.EXACT_BINOMIAL, Method.BROOKMEYER_CROWLEY):
        least = 0.0 if n is None else 2.0 ** (1 - n)
        return min(max(float(2 * stats.norm.sf(halves * stats.norm.ppf(_UPPER))), least), 1.0)
    return None


def _half_widths(value: float, low: float, high: float, null: float) -> float:
    """Return how far a value lies from `null`, in half widths of its interval."""
    if null == 1 and low > 0:
        value, low, high, null = math.log(value), math.log(low), math.log(high), 0.0
    distance, half = abs(value - null), max(value - low, high - value)
    if half > 0:
        return distance / half
    return math.inf if distance > 0 else 0.0


def _hits(share: float, low: float, high: float, n: int) -> int | None:
    """Return how many of `n` trials succeeded, if the interval is that of a share (no median)."""
    from scipy import stats

    hits = round(share * n)
    if not 0 <= hits <= n:
        return None
    ends = stats.binomtest(hits, n).proportion_ci(0.95, method="exact")
    pairs = ((share, hits / n), (low, ends.low), (high, ends.high))
    return hits if all(math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-6) for a, b in pairs) else None


def _speaks_of_an_effect(claim: Claim, null: float, measured: Measurement) -> bool:
    """Whether the verdict would have been another one, had the number been exactly `null`."""
    if measured.verdict in (Verdict.UNDETERMINED, Verdict.NOT_TESTED):
        return False
    numbers = {"value": null, "low": null, "high": null, "n": measured.n or 0}
    return claim.judge(numbers).verdict is not measured.verdict
