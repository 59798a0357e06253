"""Checks of the exercises of the chapter on tracking the digits MLP."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from regime_lib.chapters.checking import checks, hint
from regime_lib.instrument.settling.definitions import Definition
from regime_lib.instrument.settling.timescales import time_scale

Series = Float[np.ndarray, " steps"]


@checks
def smallest_change(solution: Callable[[int, int], float]) -> None:
    """Check a function that returns the smallest pattern change other than zero."""
    random = np.random.default_rng(0)
    for samples, units in ((1, 1), (4, 2), (256, 256), (100, 37)):
        before = random.random((samples, units)) < 0.5
        after = before.copy()
        after[random.integers(samples), random.integers(units)] ^= True
        truth = float((before != after).mean())
        found = solution(samples, units)
        if np.isclose(found, 1 / units) and samples > 1:
            hint("You counted one flip among the units of one sample; the probe has many samples.")
        if not np.isclose(found, truth, rtol=1e-9):
            hint(
                f"With {samples} samples and {units} units a single flip changes the pattern by "
                f"{truth:.3g}, and your function says {found:.3g}."
            )


@checks
def settling_time(solution: Callable[[Series, float], int | None]) -> None:
    """Check a function that returns from where on a series stays below q times its peak."""
    falling = 0.9 ** np.arange(60)
    if solution(falling, 0.1) != 22:
        hint("Try 0.9**t and q=0.1: the first t with 0.9**t <= 0.1 is 22.")
    rebound = falling.copy()
    rebound[40] = 0.5
    if solution(rebound, 0.1) != 41:
        hint("A series that jumps up again has not settled before; look for the last value above.")
    late_peak = np.concatenate([np.full(5, 0.05), falling])
    if solution(late_peak, 0.1) != 27:
        hint("Small values before the peak do not count: the threshold refers to the peak.")
    if solution(np.array([8.0, 4.0, 1.0, 1.0, 1.0]), 0.125) != 2:
        hint("At or below: [8, 4, 1, 1, 1] has settled at index 2 for q=1/8, where it is equal.")
    if solution(falling[:20], 0.1) is not None:
        hint(
            "0.9**t for t below 20 ends above a tenth of its peak, so its time is censored: it is "
            "no number, and not the length of the series either. Return None."
        )
    random = np.random.default_rng(1)
    for _ in range(50):
        values = random.random(40) * np.linspace(1, 0.01, 40)
        above = [t for t in range(40) if values[t] > 0.2 * values.max()]
        expected = max(above) + 1 if max(above) < 39 else None
        if solution(values, 0.2) != expected:
            hint(
                f"On a noisy series of 40 values a search from the end finds {expected} for q=0.2."
            )


@checks
def censored_series(solution: Callable[[], Series]) -> None:
    """Check a function that builds a decaying series that never settles below a tenth."""
    values = np.asarray(solution(), dtype=float)
    if not (values.ndim == 1 and len(values) >= 200):
        hint("Return a one-dimensional array of at least 200 values.")
    if not (np.isfinite(values).all() and values.min() >= 0):
        hint("Changes are finite, never below 0.")
    tenth = len(values) // 10
    if not values[:tenth].mean() > 3 * values[-tenth:].mean():
        hint("It should decay: its first tenth at least three times as high as its last tenth.")
    found = time_scale(np.arange(1, len(values) + 1), values, Definition.parse("peak@0.1"))
    if not found.censored:
        hint(f"It settles at step {found.time:.0f}: leave a floor above a tenth of the peak.")
    if "floor" not in found.reason:
        hint("It is censored because it falls too slowly; let it reach a floor instead.")


@checks
def flip_share(solution: Callable[[float, float, float], float]) -> None:
    """Check a function that predicts the share of flips of a unit whose mean is not zero."""
    random = np.random.default_rng(2)
    for scale, change, mean in ((1.0, 0.01, 0.0), (2.0, 0.02, 0.0), (1.0, 0.02, 1.5)):
        flips = []
        for _ in range(16):  # a few at a time: all of them would take a hundred megabytes
            z = mean + scale * random.standard_normal(250_000)
            moved = z + change * random.standard_normal(len(z))
            flips.append(float(((z > 0) != (moved > 0)).mean()))
        truth = float(np.mean(flips))
        found = solution(scale, change, mean)
        advice = (
            "Before and after are two Gaussians in a plane: which angle holds unlike signs?"
            if mean == 0
            else "Fewer samples lie near zero than with mean zero: by which factor?"
        )
        if not abs(found / truth - 1) < 0.05:
            hint(
                f"For scale {scale}, change {change}, mean {mean} a simulation flips {truth:.3g} "
                f"of the samples, your function says {found:.3g}. {advice}"
            )
