"""An exponential decay with a floor, fitted to a series by least squares, or refused.

Nonlinear least squares of scipy with positive bounds; the standard error is its covariance's.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeWarning, curve_fit


def fit_decay(steps: NDArray, values: NDArray) -> tuple[float, float]:
    """Fit floor + height exp(-t/tau); return tau and its standard error, NaN if nothing decays."""
    t, y = steps - steps[0], values
    if len(t) < 10 or y.max() <= 0:
        return float("nan"), float("nan")
    scale = y.max()
    guess = (max(y[0] - y[-1], 1e-3 * scale), max(1.0, t[-1] / 5), max(y[-1], 0.0))
    bounds = ([0.0, 1e-3, 0.0], [np.inf, 1e3 * t[-1], np.inf])
    with warnings.catch_warnings():
        warnings.simplefilter("error", OptimizeWarning)
        try:
            found, covariance = curve_fit(_decay, t, y, p0=guess, bounds=bounds)
        except (RuntimeError, OptimizeWarning):
            return float("nan"), float("nan")
    height, tau = float(found[0]), float(found[1])
    error = float(np.sqrt(covariance[1, 1]))
    noise = float((y - _decay(t, *found)).std())
    decays = height > 2 * noise and height > 1e-6 * scale and error < tau
    return (tau, error) if decays else (float("nan"), error)


def _decay(t: NDArray, height: float, tau: float, floor: float) -> NDArray:
    return floor + height * np.exp(-t / tau)
