"""Exponents, rates, limits, halving times, rank-one shares and rank correlations, run by run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Real

from regime_lib.errors import RegimeError


@dataclass(frozen=True)
class PowerFit:
    """Straight lines through log value against log time, one per run."""

    slope: Float[np.ndarray, " runs"]  # the exponent
    r2: Float[np.ndarray, " runs"]  # share of the variance that the line explains
    window: tuple[float, float]  # first and last time of the fit


def power_fit(
    times: Real[np.ndarray, " times"],
    values: Float[np.ndarray, "times runs"],
    *,
    decades: float = 2.0,
) -> PowerFit:
    """Fit a power law to the last decades of time, by least squares in the logarithms.

    Times that are even in the logarithm weigh all scales alike.
    """
    times = np.asarray(times, float)
    window = times >= times[-1] / 10**decades * (1 - 1e-9)
    if window.sum() < 3:
        raise RegimeError("a power fit needs three times or more in its window; record more epochs")
    if not (values[window] > 0).all():
        raise RegimeError("a power fit needs positive values, and some are zero, negative or NaN")
    x, y = np.log(times[window]), np.log(values[window])
    x = x - x.mean()
    y = y - y.mean(axis=0)
    slope = x @ y / (x @ x)
    left = y - x[:, None] * slope
    r2 = 1 - (left**2).sum(axis=0) / (y**2).sum(axis=0)
    return PowerFit(slope, r2, (float(times[window][0]), float(times[-1])))


def decay_rate(
    residuals: Float[np.ndarray, "times runs"], between: tuple[float, float] = (1e-10, 1e-4)
) -> Float[np.ndarray, " runs"]:
    """Return the rate per step of an exponential fitted to residuals of a size between two values.

    It is NaN for a run with fewer than five such steps. Below some 1e-12 there is rounding only.
    """
    size = np.abs(residuals)
    rates = np.full(size.shape[1], np.nan)
    for run, column in enumerate(size.T):
        inside: Bool[np.ndarray, " times"] = (column > between[0]) & (column < between[1])
        steps = np.flatnonzero(inside)
        if len(steps) >= 5:
            rates[run] = -np.polyfit(steps, np.log(column[steps]), 1)[0]
    return rates


def rank_one_share(table: Float[np.ndarray, "*runs rows columns"]) -> Float[np.ndarray, "*runs"]:
    """Return which share of the sum of squares of a table its best rank-one part carries."""
    flipped = np.swapaxes(table, -1, -2)
    wide = table.shape[-1] >= table.shape[-2]
    gram = table @ flipped if wide else flipped @ table  # its eigenvalues: squared singular values
    squares = np.linalg.eigvalsh(gram)
    return np.asarray(squares[..., -1] / squares.sum(axis=-1))


def correlation_within(
    x: Float[np.ndarray, "kinds groups runs"],
    y: Float[np.ndarray, "kinds groups runs"],
    given: Float[np.ndarray, "kinds groups runs"] | None = None,
) -> float:
    """Return Spearman's correlation within kinds, over groups and runs; 0 if nothing varies.

    Ranks are taken within a kind, so that a mere difference between kinds counts for nothing. With
    `given` it is the partial correlation: what a straight line through the ranks of `given`
    explains of the other ranks is taken out first.
    """
    first, second = _centred_ranks(x), _centred_ranks(y)
    if given is not None:
        held = _centred_ranks(given)
        size = float((held**2).sum())
        if size:
            first = first - held * float((held * first).sum()) / size
            second = second - held * float((held * second).sum()) / size
    scale = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / scale if scale else 0.0


def _centred_ranks(
    table: Float[np.ndarray, "kinds groups runs"],
) -> Float[np.ndarray, "kinds all_runs"]:
    """Return ranks less their mean; what is tied shares the mean of its ranks.

    A bootstrap asks for tens of thousands of small tables, for which SciPy takes three times as
    long.
    """
    flat = table.reshape(len(table), -1)
    kinds, n = flat.shape
    begin = n * np.arange(kinds)[:, None]
    order = (flat.argsort(axis=1) + begin).ravel()
    values = flat.ravel()[order]
    first = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=first[1:])
    first[::n] = True
    places = np.flatnonzero(first)  # where what is tied begins
    counts = np.diff(places, append=len(values))
    shared = np.repeat(places + (counts - 1) / 2, counts).reshape(kinds, n)
    ranks = np.empty(len(values))
    ranks[order] = (shared - begin - (n - 1) / 2).ravel()
    return ranks.reshape(kinds, n)


def at_step_zero(
    steps: Float[np.ndarray, " steps"], values: Float[np.ndarray, "steps runs"]
) -> Float[np.ndarray, " runs"]:
    """Extrapolate values at several step sizes to step zero, by a quadratic in the step."""
    if len(set(steps.tolist())) < 3:
        raise RegimeError("a quadratic needs three different steps or more")
    return np.polyfit(steps, values, 2)[-1]


def halving_times(
    times: Real[np.ndarray, " times"], values: Float[np.ndarray, "times runs"]
) -> Float[np.ndarray, " runs"]:
    """Return when each run first falls below half of its first value; NaN if it does not.

    A power law is assumed between two records.
    """
    found = np.full(values.shape[1], np.nan)
    for run, column in enumerate(values.T / values[0][:, None]):
        if place := int(np.argmax(column < 0.5)):
            x, y = np.log(times[place - 1 : place + 1]), np.log(column[place - 1 : place + 1])
            found[run] = np.exp(np.interp(-np.log(0.5), -y, x))
    return found


def first_zero(values: Float[np.ndarray, " places"]) -> float:
    """Return where numbers at the places 0, 1, ... first cross zero from above; NaN if nowhere."""
    below = np.flatnonzero(values < 0)
    if len(below) == 0 or below[0] == 0:
        return float("nan")
    place = below[0]
    return float(place - 1 + values[place - 1] / (values[place - 1] - values[place]))
