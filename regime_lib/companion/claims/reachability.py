"""Whether the verdict on a claim could come out either way, at the runs and the estimator it has.

A criterion that no data can meet, or that all data meet, tests nothing. So the estimator of each
claim is given made-up runs: as scattered as the published ones, and lying where they favour one
verdict most. Proportions are counted through, from none of n to all of n.

Runs are taken to scatter alike on the scale on which a quantity has no walls: the logarithm of
positive numbers, and the angle ``arcsin(sqrt(p))`` of shares, on which a binomial share varies as
much near 0 as in the middle (M. S. Bartlett, The use of transformations, Biometrics 3, 1947).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Float

from regime_lib.companion.claims.claims import Claim, Judgement, Kind, Verdict
from regime_lib.companion.claims.criteria import Range
from regime_lib.companion.claims.ledger import Measurement, rounded
from regime_lib.estimate import Method, mean, median, proportion, run_range, student_t

#: A verdict is within reach if the data that favour it most bring it at least this often. A draft
#: asked for half, which asks for something else: that the verdict comes out reliably, as fresh
#: blocks of seeds tell. And of 40 made-up samples a verdict that comes in half falls short of
#: half as often as not, so that the draft turned on the draws. A fifth tells apart what is looked
#: for: a verdict that comes by accident, in one sample of twenty, passes in one of a thousand,
#: and one that comes in half fails in one of ten thousand. Lower than half at twelve seeds lies
#: the claim rc-ratio-mlp-adam: its runs scatter about as widely as its range.
OFTEN = 0.2

_DRAWS = 40  # made-up samples of each estimator and number of runs
_MOST = 400  # runs of a made-up sample: more would only make the draws more alike
_COUNTED = 200  # numbers of successes that are tried, beside those at the ends of the range
_FAR = 30.0  # how far runs lie from an end, in scatters, where a region has no other end

_Region = tuple[float, float]  # from, to; the two may be equal
_Interval = tuple[float, float]  # low, high


@dataclass(frozen=True)
class _Target:
    """A verdict that must be within reach, and where runs would have to lie for it."""

    verdict: Verdict
    where: str
    regions: tuple[_Region, ...]


@dataclass(frozen=True)
class _Look:
    """What samples at one place bring."""

    share: float  # of them that bring the verdict
    overlap: float  # how much of the example lies where it should
    example: _Interval  # of those that bring another verdict, one of middling width
    reason: str  # why they do


@dataclass(frozen=True)
class _Scale:
    """The scale on which a quantity has no walls, and the way back."""

    there: Callable[[float], float]
    back: Callable[[float], float]


def unreachable(claim: Claim, measured: Measurement | None) -> str | None:
    """Say in one sentence which verdict on a claim no data could bring; None where all can.

    A claim must be able to hold and to fail, and to be exceeded where a side of its range is called
    the stronger one. Without a measurement only domain and range are looked at.
    """
    for target in _targets(claim):
        if not target.regions:
            return (
                f"{claim.id} can never be {target.verdict}: no value of its domain {claim.domain} "
                f"lies {target.where} {claim.criterion.range}"
            )
        if measured is None or measured.value is None:
            continue
        best = max(
            (
                _looked_at(claim, measured, target, found)
                for found in _made_up(claim, measured, target)
            ),
            key=lambda one: (one.share, one.overlap),
        )
        if best.share < OFTEN:
            low, high = best.example
            number = f"{low:g}" if measured.low is None else f"[{low:g}, {high:g}]"
            runs = "" if measured.n is None else f", n = {measured.n}"
            return (
                f"{claim.id} can hardly be {target.verdict} ({best.share:.0%} of made-up samples): "
                f"even runs that lie {target.where} {claim.criterion.range} give such as {number} "
                f"({measured.method}{runs}), and {best.reason}"
            )
    return None


def _targets(claim: Claim) -> Iterator[_Target]:
    """Yield the verdicts that must be within reach, each with its regions of the domain."""
    domain, allowed = claim.domain, claim.criterion.range
    is_identity, stronger = claim.kind is Kind.IDENTITY, claim.criterion.stronger
    inside = _common(domain, allowed)
    outside = {"below": _below(domain, allowed), "above": _above(domain, allowed)}
    weaker = tuple(part for side, part in outside.items() if side != stronger and part)
    good = Verdict.CHECKED if is_identity else Verdict.REPRODUCED
    bad = Verdict.FAILED if is_identity else Verdict.NOT_REPRODUCED
    yield _Target(good, "inside the range", (inside,) if inside else ())
    side = {"below": "above", "above": "below"}.get(stronger or "", "outside")
    yield _Target(bad, f"{side} the range", weaker)
    if stronger is not None:
        beyond = outside[stronger]
        yield _Target(Verdict.MORE, f"{stronger} the range", (beyond,) if beyond else ())


def _common(domain: Range, allowed: Range) -> _Region | None:
    low, high = max(domain.low, allowed.low), min(domain.high, allowed.high)
    return (low, high) if low < high or (low in domain and low in allowed) else None


def _below(domain: Range, allowed: Range) -> _Region | None:
    edge = domain.low == allowed.low and domain.low in domain and domain.low not in allowed
    return (domain.low, allowed.low) if domain.low < allowed.low or edge else None


def _above(domain: Range, allowed: Range) -> _Region | None:
    edge = domain.high == allowed.high and domain.high in domain and domain.high not in allowed
    return (allowed.high, domain.high) if domain.high > allowed.high or edge else None


def _looked_at(
    claim: Claim, measured: Measurement, target: _Target, intervals: list[_Interval]
) -> _Look:
    """Judge the intervals of samples that lie at one place."""
    judged = [_judged(claim, measured, interval) for interval in intervals]
    missed = [one.verdict is not target.verdict for one in judged]
    reasons = Counter(one.reason for one, miss in zip(judged, missed, strict=True) if miss)
    reason = reasons.most_common(1)[0][0] if reasons else ""
    examples = [i for i, one in zip(intervals, judged, strict=True) if one.reason == reason]
    examples = sorted(examples or intervals, key=lambda ends: ends[1] - ends[0])
    low, high = example = examples[len(examples) // 2]
    common = max((min(high, last) - max(low, first) for first, last in target.regions), default=0.0)
    overlap = common / (high - low) if high > low else 0.0
    return _Look(1 - sum(missed) / len(missed), overlap, example, reason)


def _judged(claim: Claim, measured: Measurement, interval: _Interval) -> Judgement:
    low, high = map(rounded, interval)
    numbers = {"value": (low + high) / 2}
    if measured.low is not None:
        numbers |= {"low": low, "high": high}
    if measured.n is not None:
        numbers["n"] = measured.n
    return claim.judge(numbers)


def _made_up(claim: Claim, measured: Measurement, target: _Target) -> Iterator[list[_Interval]]:
    """Yield the intervals of samples that lie at one place, for every place to be tried."""
    if (n := _trials(measured)) is not None:
        scale = 100.0 if measured.unit == "%" else 1.0
        for hits in _counts(n, claim.criterion.range, scale):
            found = proportion(hits, n, over="trials", unit=measured.unit)
            yield [(found.low or 0.0, found.high or 0.0)]
        return
    scale_of = _scale(claim.domain, measured)
    shape, scatter = _shape(measured, scale_of)
    walls = scale_of.there(claim.domain.low), scale_of.there(claim.domain.high)
    for region in target.regions:
        for centre in _centres(region, claim.domain, scale_of, scatter):
            ends = np.clip(centre + scatter * shape, *walls)
            yield [(scale_of.back(low), scale_of.back(high)) for low, high in ends]


def _trials(measured: Measurement) -> int | None:
    """Return the number of trials if the measurement is a proportion; else it is a median."""
    n, value = measured.n, measured.value
    if measured.method != Method.EXACT_BINOMIAL or n is None or value is None:
        return None
    scale = 100.0 if measured.unit == "%" else 1.0
    hits = round(value / scale * n)
    if not 0 <= hits <= n:
        return None
    found = proportion(hits, n, over="trials", unit=measured.unit)
    same = zip(
        (found.value, found.low, found.high), (value, measured.low, measured.high), strict=True
    )
    close = all(a is not None and b is not None and math.isclose(a, b, rel_tol=1e-4, abs_tol=1e-9)
                for a, b in same)  # fmt: skip
    return n if close else None


def _counts(n: int, allowed: Range, scale: float) -> list[int]:
    tried = set(np.linspace(0, n, min(n, _COUNTED) + 1).round().astype(int).tolist())
    for end in (allowed.low, allowed.high):
        if math.isfinite(end):
            near = round(end / scale * n)
            tried |= set(range(near - 3, near + 4))
    return sorted(hits for hits in tried if 0 <= hits <= n)


def _scale(domain: Range, measured: Measurement) -> _Scale:
    """Return the scale of a domain without walls: of an angle, of a logarithm, or its own."""
    bottom, top = domain.low, domain.high
    if domain.bounded:
        width = top - bottom
        return _Scale(
            lambda x: math.asin(math.sqrt(min(max((x - bottom) / width, 0.0), 1.0))),
            lambda y: bottom + width * math.sin(y) ** 2,
        )
    if math.isfinite(bottom):
        return _half_line(bottom, 1.0, measured.low if measured.low is not None else measured.value)
    if math.isfinite(top):
        end = measured.high if measured.high is not None else measured.value
        return _half_line(top, -1.0, end)
    return _Scale(lambda x: x, lambda y: y)


def _half_line(wall: float, sign: float, nearest: float | None) -> _Scale:
    """Return a scale for numbers on one side of a wall: roots if the published ones reach it."""
    if nearest is None or sign * (nearest - wall) <= 0:
        return _Scale(
            lambda x: sign * math.sqrt(max(sign * (x - wall), 0.0)),
            lambda y: wall + sign * y**2,
        )

    def log(x: float) -> float:
        distance = sign * (x - wall)
        return sign * (math.log(distance) if distance > 0 else -math.inf)

    return _Scale(log, lambda y: wall + sign * math.exp(min(sign * y, 700.0)))


def _shape(measured: Measurement, scale: _Scale) -> tuple[Float[np.ndarray, "draws 2"], float]:
    """Return ends of intervals around 0, of width 1 on average, and the width that they have."""
    if measured.low is None or measured.high is None or measured.value is None:
        return np.zeros((1, 2)), 0.0
    value, low, high = (scale.there(x) for x in (measured.value, measured.low, measured.high))
    width = high - low
    if width == 0 or not math.isfinite(width):
        return np.zeros((1, 2)), 0.0
    if measured.n is None or measured.n < 2 or measured.method == Method.ROUNDING:
        return (np.array([[low, high]]) - value) / width, width
    return _draws(Method(measured.method), min(measured.n, _MOST)), width


@cache
def _draws(method: Method, n: int) -> Float[np.ndarray, "draws 2"]:
    """Estimate from samples of a normal distribution around 0; scale to a mean width of 1."""
    estimators = {
        Method.BCA: lambda sample: mean(sample, over="runs", seed=0),
        Method.EXACT_BINOMIAL: lambda sample: median(sample, over="runs"),
        Method.BROOKMEYER_CROWLEY: lambda sample: median(sample, over="runs"),
        Method.STUDENT_T: lambda sample: student_t(sample, over="runs"),
        Method.RANGE: lambda sample: run_range(sample, over="runs"),
    }
    random = np.random.default_rng(n)
    found = [estimators[method](random.standard_normal(n)) for _ in range(_DRAWS)]
    ends = np.array([(one.low, one.high) for one in found], dtype=float)
    return ends / (ends[:, 1] - ends[:, 0]).mean()


def _centres(region: _Region, domain: Range, scale: _Scale, scatter: float) -> Iterator[float]:
    """Yield where runs may lie in a region: farthest from its ends, or all at a wall it touches."""
    first, last = (scale.there(end) for end in region)
    if math.isfinite(first) and math.isfinite(last):
        yield (first + last) / 2
    elif math.isfinite(first):
        yield first + _far(scatter, first)
    elif math.isfinite(last):
        yield last - _far(scatter, last)
    else:
        yield 0.0
    if region[0] == domain.low and domain.low in domain:
        yield scale.there(domain.low) - _far(scatter, 1.0)
    if region[1] == domain.high and domain.high in domain:
        yield scale.there(domain.high) + _far(scatter, 1.0)


def _far(scatter: float, end: float) -> float:
    """Return a distance from an end that is long for the scatter of runs and for the numbers."""
    return _FAR * (max(scatter, abs(end)) or 1.0)
