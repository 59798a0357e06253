"""When has a series settled? Every definition of a convergence time, each honest about censoring.

The definitions are listed in `regime_lib.instrument.settling.definitions`. Series of changes are
smoothed by a trailing mean first, except for `cum` and `auc`, which sum.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from scipy.optimize import OptimizeWarning, curve_fit

from regime_lib.errors import RegimeError
from regime_lib.instrument.settling.definitions import EARLY, Definition, TimeScale

_TAIL = 0.1  # share of the run whose mean is its floor
_STILL_FALLING = 0.1  # of the height above the floor that a definition still allows
_EARLY_WALK = 0.75  # of the mean time that a random walk takes: few walks are earlier
_GOOD_FIT = 0.9  # of the variance of the smoothed series after its peak that a fit must explain
_FLOOR_AREA = 0.25  # share of the area that a floor may have before `auc` measures the run's length


def time_scale(
    steps: Int[np.ndarray, " steps"], values: Float[np.ndarray, " steps"], definition: Definition
) -> TimeScale:
    """Return when a series has settled.

    Parameters
    ----------
    steps : array of int
        Optimiser steps, increasing.
    values : array
        The series: changes per step, or distances (see `Definition.quantity`).
    definition : Definition
        What "settled" means.

    Raises
    ------
    RegimeError
        If the series is shorter than ten observations, negative or not finite.
    """
    values = np.asarray(values, dtype=float)
    _check(steps, values)
    times, bounds, reasons, errors = _SCALES[definition.kind](
        np.asarray(steps, dtype=float), values[:, None], definition
    )
    reason, error = str(reasons[0]), float(np.broadcast_to(errors, 1)[0])
    time = float("nan") if reason else float(times[0])
    return TimeScale(time, float(bounds[0]), bool(reason), reason, definition, error)


Found = tuple[NDArray, NDArray, NDArray, NDArray | float]
"""Times, lower bounds, reasons for censoring ("" if none), standard errors; one per column."""


def time_scales(
    steps: Int[np.ndarray, " steps"],
    values: Float[np.ndarray, "steps columns"],
    definition: Definition,
) -> tuple[Float[np.ndarray, " columns"], Bool[np.ndarray, " columns"]]:
    """Return times (or lower bounds) and whether each is censored, for many series at once."""
    _, bounds, reasons, _ = _SCALES[definition.kind](
        np.asarray(steps, dtype=float), np.asarray(values, dtype=float), definition
    )
    return bounds, reasons != ""


def smooth(
    values: Float[np.ndarray, "steps columns"], window: int
) -> Float[np.ndarray, "steps columns"]:
    """Return the trailing mean; the first values are means of what there is."""
    sums = np.cumsum(values, axis=0)
    sums[window:] = sums[window:] - sums[:-window]
    counts = np.minimum(np.arange(1, len(values) + 1), window)
    return sums / counts[:, None]


def _window(definition: Definition, n: int) -> int:
    return max(1, min(definition.window, n // 10))


def _check(steps: NDArray, values: NDArray) -> None:
    if len(values) < 10:
        raise RegimeError(
            f"the series has {len(values)} observations; a time scale needs at least 10, "
            "so train longer or observe more often"
        )
    if len(steps) != len(values) or np.any(np.diff(steps) <= 0):
        raise RegimeError("steps must be increasing and as many as the values")
    if not np.isfinite(values).all() or values.min() < 0:
        raise RegimeError(
            "the series holds negative or non-finite values; pass changes or distances"
        )


def _floor(values: NDArray) -> NDArray:
    return values[-max(1, int(len(values) * _TAIL)) :].mean(axis=0)


def _early(steps: NDArray, values: NDArray) -> NDArray:
    return values[steps < steps[0] + EARLY].mean(axis=0)


def _stays_below(steps: NDArray, smoothed: NDArray, threshold: NDArray) -> NDArray:
    """Return the first step from which a series never exceeds its threshold again; inf if never."""
    above = smoothed > threshold
    last_above = len(steps) - 1 - np.argmax(above[::-1], axis=0)
    never_above = ~above.any(axis=0)
    following = np.where(never_above, 0, last_above + 1)
    return np.where(following < len(steps), steps[np.minimum(following, len(steps) - 1)], np.inf)


def _peak(steps: NDArray, values: NDArray, definition: Definition) -> Found:
    window = _window(definition, len(values))
    smoothed = smooth(values, window)
    threshold = definition.q * smoothed.max(axis=0)
    times = _stays_below(steps, smoothed, threshold)
    late, reasons = _unsettled(steps, values, times, threshold, window)
    return times, np.where(late, steps[-1], times), reasons, np.nan


def _first(steps: NDArray, values: NDArray, definition: Definition) -> Found:
    smoothed = smooth(values, _window(definition, len(values)))
    peaks = smoothed.argmax(axis=0)
    below = smoothed <= definition.q * smoothed.max(axis=0)
    below &= np.arange(len(steps))[:, None] >= peaks
    reached = below.any(axis=0)
    times = np.where(reached, steps[below.argmax(axis=0)], np.inf)
    reasons = np.where(reached, "", "threshold never reached")
    return times, np.where(reached, times, steps[-1]), reasons, np.nan


def _from_early(steps: NDArray, values: NDArray, definition: Definition) -> Found:
    window = _window(definition, len(values))
    early = _early(steps, values)
    times = _stays_below(steps, smooth(values, window), definition.q * early)
    late, reasons = _unsettled(steps, values, times, definition.q * early, window)
    reasons = np.where(early <= 0, "nothing changes at the start", reasons)
    return times, np.where(late | (early <= 0), steps[-1], times), reasons, np.nan


def _unsettled(
    steps: NDArray, values: NDArray, times: NDArray, threshold: NDArray, window: int
) -> tuple[NDArray, NDArray]:
    """Tell which series are below for less than a window, which is no settling, and why."""
    late = times > steps[len(steps) - 1 - window]
    high = _floor(values) > threshold
    reasons = np.where(high, "noise floor above the threshold", "threshold never reached for good")
    return late, np.where(late, reasons, "")


def _above_floor(steps: NDArray, values: NDArray, definition: Definition) -> Found:
    smoothed = smooth(values, _window(definition, len(values)))
    floor = smoothed.min(axis=0) if definition.kind == "range" else _floor(values)
    peak = smoothed.max(axis=0)
    height = peak - floor
    times = _stays_below(steps, smoothed, floor + definition.q * height)
    tail = max(1, int(len(values) * _TAIL))
    last, before = values[-tail:], values[-2 * tail : -tail]
    error = np.sqrt((last.var(axis=0) + before.var(axis=0)) / tail)
    falling = before.mean(axis=0) - last.mean(axis=0) > np.maximum(
        _STILL_FALLING * definition.q * height, 3 * error
    )
    flat = height <= np.maximum(3 * error, 1e-9 * np.abs(peak))
    # a floor must be seen for longer than the stretch that defines it
    late = times > steps[0] + (1 - 2 * _TAIL) * (steps[-1] - steps[0])
    reasons = np.where(falling | late, "no floor reached: still falling at the end", "")
    reasons = np.where(flat, "the series does not fall", reasons)
    return times, np.where(np.isinf(times) | flat, steps[-1], times), reasons, np.nan


def _cumulated(steps: NDArray, values: NDArray, definition: Definition) -> Found:
    spent = np.cumsum(values, axis=0)
    total = np.where(spent[-1] > 0, spent[-1], 1.0)
    times = steps[(spent >= definition.q * total).argmax(axis=0)]
    share = _floor(values) * len(values) / total
    reason = "the floor's share of the sum grows with the length of the run"
    return times, times, np.where(share > 1 - definition.q, reason, ""), np.nan


def _area(steps: NDArray, values: NDArray, definition: Definition) -> Found:
    if definition.kind == "auc0":
        height = _early(steps, values)
    else:
        height = smooth(values, _window(definition, len(values))).max(axis=0)
    area = np.trapezoid(values, steps, axis=0)
    width = area / np.where(height > 0, height, 1.0)
    length = steps[-1] - steps[0]
    share = _floor(values) * length / np.where(area > 0, area, 1.0)
    rising = (width > length) | (height <= 0)
    reasons = np.where(rising, "the series rises above its start for long", "")
    grows = "the floor's share of the area grows with the length of the run"
    return width, np.minimum(width, length), np.where(share > _FLOOR_AREA, grows, reasons), np.nan


def _fitted(steps: NDArray, values: NDArray, definition: Definition) -> Found:
    # the peak is found in the smoothed series, but the decay fitted to the raw one: a trailing mean
    # stretches short decays, and its neighbours are not independent
    window = _window(definition, len(values))
    peaks = smooth(values, window).argmax(axis=0)
    series = zip(peaks, values.T, strict=True)
    found = [_fit_decay(steps[at:], column[at:], window) for at, column in series]
    times, errors, explained = np.array(found).T
    length = steps[-1] - steps[0]
    poor = ~(explained >= _GOOD_FIT)
    reasons = np.where(poor, f"the fit explains less than {_GOOD_FIT:g} of the smoothed series", "")
    reasons = np.where(times > length, "the fitted decay is longer than the run", reasons)
    reasons = np.where(np.isfinite(times), reasons, "no exponential decay fits")
    # what is no exponential has no time constant, so nothing bounds it but 0
    bounds = np.where(poor | ~np.isfinite(times), 0.0, np.minimum(times, length))
    return times, bounds, reasons, errors


def _fit_decay(steps: NDArray, values: NDArray, window: int) -> tuple[float, float, float]:
    """Fit floor + height exp(-t/tau) by least squares with positive bounds.

    Return tau, NaN if nothing decays; its standard error, which is the covariance's; and which
    share of the variance of the smoothed values the fit explains, smoothed alike.
    """
    t, y = steps - steps[0], values
    if len(t) < 10 or y.max() <= 0:
        return float("nan"), float("nan"), float("nan")
    scale = y.max()
    guess = (max(y[0] - y[-1], 1e-3 * scale), max(1.0, t[-1] / 5), max(y[-1], 0.0))
    bounds = ([0.0, 1e-3, 0.0], [np.inf, 1e3 * t[-1], np.inf])
    with warnings.catch_warnings():
        warnings.simplefilter("error", OptimizeWarning)
        try:
            found, covariance = curve_fit(_decay, t, y, p0=guess, bounds=bounds)
        except (RuntimeError, OptimizeWarning):
            return float("nan"), float("nan"), float("nan")
    height, tau = float(found[0]), float(found[1])
    error = float(np.sqrt(covariance[1, 1]))
    rest = y - _decay(t, *found)
    noise = float(rest.std())
    seen, missed = smooth(np.stack([y, rest], axis=1), window).T
    explained = 1 - float((missed**2).mean() / max(seen.var(), np.finfo(float).tiny))
    decays = height > 2 * noise and height > 1e-6 * scale and error < tau
    return tau if decays else float("nan"), error, explained


def _decay(t: NDArray, height: float, tau: float, floor: float) -> NDArray:
    return floor + height * np.exp(-t / tau)


def _to_end(steps: NDArray, values: NDArray, definition: Definition) -> Found:
    times = _stays_below(steps, values, definition.q * values[0])
    # steady motion comes this close to its own last point by then, a random walk later still
    steady = steps[0] + (1 - definition.q) * (steps[-1] - steps[0])
    reason = "no earlier than steady motion approaches its own end"
    return times, np.minimum(times, steps[-1]), np.where(times >= steady, reason, ""), np.nan


def _from_start(steps: NDArray, values: NDArray, definition: Definition) -> Found:
    # stays above q times the last value == the shortfall stays below
    times = _stays_below(steps, -values, -definition.q * values[-1])
    # a random walk has gone a share q of its way around q**2 of its time, steady motion later
    walk = steps[0] + _EARLY_WALK * definition.q**2 * (steps[-1] - steps[0])
    reason = "no earlier than a random walk leaves its start"
    return times, np.minimum(times, steps[-1]), np.where(times >= walk, reason, ""), np.nan


_SCALES: dict[str, Callable[[NDArray, NDArray, Definition], Found]] = {
    "peak": _peak,
    "first": _first,
    "init": _from_early,
    "range": _above_floor,
    "floor": _above_floor,
    "cum": _cumulated,
    "auc": _area,
    "auc0": _area,
    "fit": _fitted,
    "end": _to_end,
    "start": _from_start,
}
