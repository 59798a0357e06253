"""Checks of the exercises of the chapter on the claim "three times earlier"."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Bool, Float

from regime_lib.chapters.checking import checks, hint
from regime_lib.chapters.three_times.censored import median_time
from regime_lib.chapters.three_times.late.looks import FACTORS
from regime_lib.instrument.settling.definitions import Definition
from regime_lib.instrument.settling.timescales import time_scale

Ratios = Float[np.ndarray, " settings"]
Bits = Bool[np.ndarray, "states bits"]
Series = Float[np.ndarray, " steps"]
Factors = Mapping[str, float]


@checks
def share_above(solution: Callable[[Ratios, list[str], float], tuple[float, float]]) -> None:
    """Check a function that returns which share is surely above a level, and which may be."""
    ratios = np.array([0.8, 4.0, 2.0, 5.0, 0.5, 9.0, np.nan])
    bounds = ["exact", "exact", "lower", "lower", "upper", "upper", "undetermined"]
    surely, perhaps = solution(ratios, bounds, 3.0)
    if np.isclose(surely, 3 / 7):
        hint("You took 9.0 for a ratio above 3, but it is an upper bound: the true one may be 1.")
    if np.isclose(surely, 1 / 7):
        hint("A lower bound of 5 is surely above 3, although its exact value is not known.")
    if not np.isclose(surely, 2 / 7):
        hint(
            "Of these seven, two are surely above 3 (4.0 and at least 5.0): a share of 2/7, not "
            f"{surely:.3f}."
        )
    if not np.isclose(perhaps, 3 / 7):
        hint(
            "Three of the seven leave it open: at least 2.0, at most 9.0, and the one that no "
            f"series settles in. Your share is {perhaps:.3f}."
        )
    random = np.random.default_rng(0)
    for _ in range(20):
        some = np.exp(random.normal(size=12))
        surely, perhaps = solution(some, ["exact"] * 12, 1.0)
        if not (np.isclose(surely, (some > 1).mean()) and perhaps == 0):
            hint("Where nothing is censored, the share is a plain count and nothing is left open.")


@checks
def headline(solution: Callable[[], Ratios]) -> None:
    """Check a function that makes ratios with a large mean although nearly all are one."""
    ratios = np.asarray(solution(), dtype=float)
    if not (ratios.shape == (20,) and np.isfinite(ratios).all() and (ratios > 0).all()):
        hint("Return twenty finite ratios above 0.")
    if not np.median(ratios) <= 1.1:
        hint(
            f"The median is {np.median(ratios):.2f}; in most settings the two must settle "
            "together, so keep it at 1.1 or below."
        )
    if not ratios.mean() >= 3.85:
        hint(
            f"The mean is {ratios.mean():.2f}; a few settings whose weights hardly settle must "
            "carry it to 3.85."
        )
    if not (ratios > 1.5).sum() <= 3:
        hint("More than three settings are above 1.5: fewer can do it.")


@checks
def flips_per_net_flip(solution: Callable[[Bits], float]) -> None:
    """Check a function that counts flips for every bit that ends up flipped."""
    flicker = np.array([[0, 0], [1, 0], [0, 0], [1, 0]], dtype=bool)
    if not np.isclose(solution(flicker), 3.0):
        hint(
            "One bit goes 0, 1, 0, 1: three flips, and one bit differs at the end. The ratio is 3."
        )
    random = np.random.default_rng(0)
    for _ in range(20):
        states = random.random((9, 30)) < 0.5
        flips = sum(int((a != b).sum()) for a, b in itertools.pairwise(states))
        net = int((states[0] != states[-1]).sum())
        if not np.isclose(solution(states), flips / net):
            hint(
                f"With {flips} flips in all and {net} bits that differ at the end, the ratio is "
                f"{flips / net:.3f}."
            )


@checks
def between_floors(solution: Callable[[], float]) -> None:
    """Check a level at which two series that settle alike seem to settle at different times."""
    q = float(solution())
    if not 0 < q < 1:
        hint(f"The level is {q}; choose a share of the peak between 0 and 1.")
    t = np.arange(4000)
    patterns, weights = (f + (1 - f) * np.exp(-t / 50) for f in (0.05, 0.2))
    found = [
        time_scale(t, series, Definition("peak", q, window=1)) for series in (patterns, weights)
    ]
    if found[0].censored:
        hint(f"At {q:g} of the peak not even the patterns settle: their floor is at 0.05.")
    if not found[1].censored:
        hint(
            f"At {q:g} of the peak both settle, after {found[0].time:.0f} and {found[1].time:.0f} "
            "steps. Where must the threshold lie so that only the patterns do?"
        )


@checks
def product_limit(solution: Callable[[list[float], list[bool]], float]) -> None:
    """Check a function that returns the Kaplan-Meier median of times."""
    times, seen = [10.0, 20.0, 30.0, 40.0, 50.0], [True, False, True, False, True]
    found = solution(times, seen)
    if found == 30:
        hint(
            "That is the median if no run were cut off, or if those that were are dropped. At 30 "
            "three runs are left and one of them settles: the share still moving is 4/5 times 2/3."
        )
    if found != 50:
        hint(
            "Multiply at each settling time by the share of the runs still watched that does not "
            f"settle then: 4/5, then 2/3, then 0. One half is passed at 50, not at {found:g}."
        )
    if solution([10.0, 20.0, 20.0], [True, False, False]) != np.inf:
        hint("Two of three runs never settle: the median is not reached, so return infinity.")
    random = np.random.default_rng(0)
    for _ in range(10):
        true, until = random.permutation(100)[:11] + 1.0, random.integers(20, 120, 11) + 0.5
        watched = np.minimum(true, until).tolist(), (true <= until).tolist()
        expected = median_time(*map(np.array, watched), over="runs").value or np.inf
        if not np.isclose(solution(*watched), expected):
            hint(f"Times {watched[0]}, seen {watched[1]}: the median is {expected:g}.")


@checks
def dropped_runs(solution: Callable[[], tuple[Series, float]]) -> None:
    """Check true times and a length of the runs with which dropping the censored misleads."""
    times, end = solution()
    times = np.asarray(times, dtype=float)
    if not (times.shape == (20,) and np.isfinite(times).all() and (times > 0).all()):
        hint("Return twenty finite settling times above 0, and the length of the runs.")
    seen = times[times <= end]
    if len(seen) == len(times):
        hint(f"All twenty settle within {end:g} steps, so that nothing is dropped. End earlier.")
    if len(seen) < 5:
        hint(f"Only {len(seen)} runs settle within {end:g} steps; let at least five do so.")
    share = np.median(seen) / np.median(times)
    if not share <= 0.5:
        hint(
            f"The median of the runs that settle is {share:.2f} times the true one. Make it half "
            "of it or less: the longest times have to be those that the run does not show."
        )


@checks
def ratio_limits(
    solution: Callable[[float | None, float | None, float], tuple[float, float]],
) -> None:
    """Check a function that returns between which limits a ratio of two times lies."""
    cases = {
        (100.0, 300.0): ((3.0, 3.0), "both settle, so the ratio is known"),
        (100.0, None): (
            (10.0, np.inf),
            "the weights take at least the 1,000 steps of the run, so the ratio is at least 10",
        ),
        (None, 500.0): (
            (0.0, 0.5),
            "the patterns take at least 1,000 steps and the weights 500: the ratio is at most 0.5",
        ),
        (None, None): ((0.0, np.inf), "neither settles, and the ratio may be anything, not 1"),
    }
    for (patterns, weights), (expected, why) in cases.items():
        found = solution(patterns, weights, 1000.0)
        if not np.allclose(found, expected):
            hint(f"Patterns {patterns}, weights {weights}, a run of 1,000 steps: {why}.")


@checks
def shorter_run(solution: Callable[[Series, float, int], int | None]) -> None:
    """Check a function that reads off a long run when a shorter one would have settled."""
    t = np.arange(3000)
    decay = np.exp(-t / 200)
    if solution(decay, 0.1, 400) is not None:
        hint("A run of 400 steps ends above a tenth of its peak: it has not settled, return None.")
    again = decay + np.where((t > 1500) & (t < 1800), 0.5, 0.0)
    if solution(again, 0.1, 1000) != 461:
        hint(
            "The series rises again at step 1501. A run of 1,000 steps knows nothing of that: it "
            "settles at step 461. Cut the series first, and then look."
        )
    late = np.where(t < 1000, decay, 5 * np.exp(-(t - 1000) / 50))
    if solution(late, 0.1, 900) != 461:
        hint("The peak of this series comes at step 1000; a run of 900 steps has its own peak.")
    for horizon in (500, 1600, 3000):
        expected = {500: 461, 1600: None, 3000: 1800}[horizon]
        if solution(again, 0.1, horizon) != expected:
            hint(f"A run of {horizon} steps: expected {expected}, the first step that is kept.")


@checks
def deciding_length(solution: Callable[[int, int, float], float]) -> None:
    """Check a function that returns from which length on a run shows a ratio above a level."""
    if (found := solution(100, 2000, 3.0)) == 2000:
        hint(
            "It is decided before the weights settle: a run of 400 steps with settled patterns "
            "says that the ratio is at least 4."
        )
    elif found not in (300, 301):
        hint(f"A run of n steps shows that the ratio is at least n / 100, above 3 at 301: {found}.")
    if solution(100, 250, 3.0) != np.inf:
        hint("The true ratio is 2.5: no run shows that it is above 3, so return infinity.")
    if solution(100, 120, 0.5) > 100:
        hint("Patterns that settle before the run ends tell that the ratio is above 0.5.")


@checks
def shares_of_the_fall(solution: Callable[[Factors, Factors], Factors]) -> None:
    """Check a function that returns which share of the fall of the flips each factor makes."""
    early = dict.fromkeys(FACTORS, 1.0)
    late = early | {"step": 0.1, "scale": 10.0}
    found = solution(early, late)
    if np.isclose(found["scale"], -0.5) or np.isclose(sum(found.values()), 0):
        hint(
            "The scale divides: flips fall when it grows, so its share of the fall is positive. "
            "Step and scale make a half each."
        )
    if not np.isclose(found["step"], 0.5):
        hint(
            "Flips fall to a hundredth, by two factors of ten: each makes one half. Factors "
            f"multiply, so their logarithms add. Your share of the step is {found['step']:.3f}."
        )
    random = np.random.default_rng(0)
    for _ in range(10):
        one, other = (dict(zip(FACTORS, np.exp(random.normal(size=7)), strict=True)) for _ in "ab")
        logs = {name: np.log(other[name] / one[name]) for name in FACTORS}
        logs["scale"] *= -1
        expected = {name: value / sum(logs.values()) for name, value in logs.items()}
        found = solution(one, other)
        if not np.isclose(sum(found.values()), 1):
            hint(f"The shares of all factors must add to one; yours add to {sum(found.values())}.")
        if not all(np.isclose(found[name], expected[name]) for name in FACTORS):
            hint("Divide the logarithm of each factor's change by that of the change of the flips.")


@checks
def three_times_by_one_factor(solution: Callable[[Series], Series]) -> None:
    """Check a factor that takes the flips below a tenth three times as early as the steps."""
    t = np.arange(6000.0)
    step = np.exp(-t / 300)
    other = np.asarray(solution(t), dtype=float)
    if not (other.shape == t.shape and (other > 0).all()):
        hint(f"Return {len(t)} numbers above 0, one for each step.")
    if not np.isclose(other[0], 1):
        hint(f"Let the factor start at 1, so that it is about its fall alone; yours: {other[0]:g}.")
    weights, patterns = (
        time_scale(t.astype(int), series, Definition("peak", 0.1, window=1))
        for series in (step, step * other)
    )
    if patterns.censored:
        hint("The flips never stay below a tenth of their peak: the factor must not grow.")
    ratio = weights.time / patterns.time
    if not abs(ratio - 3) < 0.05:
        hint(
            f"The weights' time over the patterns' is {ratio:.2f}. The step is at a tenth at "
            f"{weights.time:.0f}; step times factor has to be there at a third of that."
        )
