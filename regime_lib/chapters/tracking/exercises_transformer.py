"""Checks of the exercises of the chapter on tracking Transformers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from regime_lib.chapters.checking import checks, hint
from regime_lib.instrument.settling.definitions import Definition, TimeScale
from regime_lib.instrument.settling.timescales import time_scale

Series = Float[np.ndarray, " steps"]


def _settled(values: Series) -> TimeScale:
    return time_scale(np.arange(1, len(values) + 1), values, Definition.parse("peak@0.1"))


def _read(pair: object) -> tuple[Series, Series]:
    """Return both series, or say what is wrong with them."""
    if not (isinstance(pair, tuple) and len(pair) == 2):
        hint("Return a pair: the patterns, then the weights.")
    patterns, weights = (np.asarray(part, dtype=float) for part in pair)
    if not (patterns.shape == weights.shape and patterns.ndim == 1 and len(patterns) >= 400):
        hint("Both series need the same length, 400 steps at least.")
    if not (np.isfinite([patterns, weights]).all() and min(patterns.min(), weights.min()) >= 0):
        hint("Changes are finite, and never below zero.")
    return patterns, weights


@checks
def dragged_down(solution: Callable[[Series, Series], tuple[Series, Series]]) -> None:
    """Check a function that multiplies two series by the rate of a cosine schedule."""
    steps = np.arange(1000)
    patterns = 0.2 + 0.8 * np.exp(-steps / 20)
    weights = 0.5 + 0.5 * np.exp(-steps / 20)
    if not (_settled(patterns).censored and _settled(weights).censored):
        hint("At a constant rate neither of the two series settles.")
    found = _read(solution(patterns.copy(), weights.copy()))
    rate = found[0] / patterns
    if not (np.isclose(rate[0], 1, atol=0.01) and rate[-1] < 0.01):
        hint("The rate falls from 1 at the first step to 0 after the last one.")
    if not np.isclose(rate[500], 0.5, atol=0.01):
        hint("Half-way through, a cosine from 1 to 0 has reached 1/2: (1 + cos(pi t / T)) / 2.")
    if not np.allclose(found[1] / weights, rate, atol=0.01):
        hint("The schedule multiplies both series by the same rate.")
    times = [_settled(part) for part in found]
    if any(time.censored for time in times):
        hint("Both should settle now; let the rate fall to 0 at the very end of the run.")
    print(
        f"patterns settle at step {times[0].time:.0f}, weights at {times[1].time:.0f}: ratio "
        f"{times[1].time / times[0].time:.2f}"
    )


@checks
def between_two_floors(solution: Callable[[], tuple[Series, Series]]) -> None:
    """Check a function that builds a ratio that is as large as one likes."""
    patterns, weights = _read(solution())
    settled, never = _settled(patterns), _settled(weights)
    if settled.censored:
        hint(
            f"The patterns should settle, but: {settled.reason}. Let them end on a floor below a "
            "tenth of their peak."
        )
    if not (never.censored and "floor" in never.reason):
        hint(
            "The weights should never settle: let them end on a floor above a tenth of their peak."
        )
    last = len(patterns)
    if not settled.time < last / 5:
        hint(f"The patterns settle at step {settled.time:.0f} of {last}; earlier, please.")
    half = [int(np.argmax(np.cumsum(part) >= part.sum() / 2)) for part in (patterns, weights)]
    bound = last / settled.time
    print(
        f"ratio at least {bound:.0f}, and {2 * bound:.0f} if the run were twice as long; yet half "
        f"of each sum is spent by steps {half[0]} and {half[1]}"
    )


@checks
def moving_average(solution: Callable[[Series, float], Series]) -> None:
    """Check a function that averages weights exponentially, beginning at the first of them."""
    jump = np.array([0.0, 1.0, 1.0, 1.0])
    found = np.asarray(solution(jump, 0.9), dtype=float)
    if found.shape != jump.shape:
        hint("Return as many averages as there are weights, W_0 included.")
    if found[0] != 0:
        hint("The average begins at the first weight.")
    if not np.allclose(found, 1 - 0.9 ** np.arange(4)):
        hint(
            "After a jump by one the average is 1 - 0.9**t: keep 0.9 of the average and add 0.1 of "
            f"the weight. Yours is {np.round(found, 3).tolist()}."
        )
    blinking = (-1.0) ** np.arange(4001)
    steps = np.abs(np.diff(solution(blinking, 0.99)))[-100:]
    if not np.allclose(steps, 2 * 0.01 / 1.99, rtol=1e-3):
        hint("Weights that jump between -1 and 1 move the average by 2 (1 - d) / (1 + d) a step.")
