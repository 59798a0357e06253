"""Right answers to the exercises on basins, and usual mistakes with their hints."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.stats import norm as gauss

from regime_lib.chapters.attraction_basins import exercises as attraction_basins


def bisection(accuracy: Callable[[float], float], low: float, high: float) -> float | None:
    if accuracy(low) < 0.5 or accuracy(high) >= 0.5:
        return None
    while high / low > 1.01:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if accuracy(middle) < 0.5 else (middle, high)
    return math.sqrt(low * high)


def coarse(accuracy: Callable[[float], float], low: float, high: float) -> float | None:
    grid = np.geomspace(low, high, 20)
    below = [accuracy(level) < 0.5 for level in grid]
    return float(grid[int(np.argmax(below))])


def patient(accuracy: Callable[[float], float], low: float, high: float) -> float | None:
    return next(x for x in np.geomspace(low, high, 2000) if accuracy(x) < 0.5)


def line(margin: float, norm: float, level: float) -> float:
    return margin / (norm * gauss.ppf(level)) if level > 0.5 else math.inf


ANSWERS = {
    attraction_basins.half_level: {
        "solved": bisection,
        "halve the interval": coarse,
        "at most 30": patient,
        "return None": lambda accuracy, low, high: bisection(accuracy, low, high) or 1.0,
        "you return None": lambda a, low, high: None,
    },
    attraction_basins.linear_basin: {
        "solved": line,
        "noisy margin is Gaussian": lambda m, n, q: m / n,
        "infinite": lambda m, n, q: abs(line(m, n, max(q, 0.51))),
        "positive number": lambda m, n, q: math.inf,
    },
    attraction_basins.output_noise: {
        "solved": lambda w, x, g: float(g * w.std() * np.linalg.norm(x)),
        "Variances": lambda w, x, g: g * w.std(),
    },
}
