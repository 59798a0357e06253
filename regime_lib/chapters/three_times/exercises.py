"""Checks of the exercises of the chapter on the claim "three times earlier"."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float

from regime_lib.chapters.checking import checks, hint
from regime_lib.instrument.settling.definitions import Definition
from regime_lib.instrument.settling.timescales import time_scale

Ratios = Float[np.ndarray, " settings"]
Bits = Bool[np.ndarray, "states bits"]


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
