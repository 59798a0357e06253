"""Exponents, rates, rank-one shares and intervals, seed by seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import bootstrap, rankdata

from regime_lib.errors import RegimeError


@dataclass(frozen=True)
class Estimate:
    """A median over runs with its 95 % bootstrap interval.

    Attributes
    ----------
    value, low, high : float
        Median and interval.
    spread : float
        Standard deviation over runs.
    n : int
        Number of runs.
    """

    value: float
    low: float
    high: float
    spread: float
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        """The interval as the ledger takes it."""
        return self.low, self.high


@dataclass(frozen=True)
class PowerFit:
    """Straight lines through log value against log time, one a run.

    Attributes
    ----------
    slope, r2 : array, shape (runs,)
        Exponent, and share of the variance that the line explains.
    window : tuple of float
        First and last time of the fit.
    """

    slope: Float[np.ndarray, " runs"]
    r2: Float[np.ndarray, " runs"]
    window: tuple[float, float]


def median_over(values: Float[np.ndarray, " runs"], seed: int = 0) -> Estimate:
    """Return the median over runs with its 95 % bootstrap interval.

    Raises
    ------
    RegimeError
        If fewer than two values are finite numbers, or any is not.
    """
    values = np.asarray(values, float)
    if len(values) < 2 or not np.isfinite(values).all():
        raise RegimeError(
            f"an interval needs two or more finite values, and "
            f"{int(np.isfinite(values).sum())} of {len(values)} are"
        )
    middle = float(np.median(values))
    if np.ptp(values) == 0:
        return Estimate(middle, middle, middle, 0.0, len(values))
    found = bootstrap(
        (values,), np.median, method="percentile", rng=seed, n_resamples=2000
    ).confidence_interval
    low, high = min(float(found.low), middle), max(float(found.high), middle)
    return Estimate(middle, low, high, float(values.std(ddof=1)), len(values))


def power_fit(
    times: Float[np.ndarray, " times"],
    values: Float[np.ndarray, "times runs"],
    *,
    decades: float = 2.0,
) -> PowerFit:
    """Fit a power law to the last decades of time, by least squares in the logarithms.

    Parameters
    ----------
    times : array, shape (times,)
        Positive, increasing; even spacing in the logarithm weighs all scales alike.
    values : array, shape (times, runs)
        Positive within the window.
    decades : float
        How much of the end is used.

    Raises
    ------
    RegimeError
        If fewer than three times lie in the window, or a value there is not positive.
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
    """Fit an exponential to residuals whose size lies between two values; return the rate a step.

    Parameters
    ----------
    residuals : array, shape (times, runs)
        One row a step.
    between : tuple of float
        Lower and upper end of the window, in units of the residual. Below some 1e-12 there is
        rounding only.

    Returns
    -------
    array, shape (runs,)
        The rate; NaN for a run with fewer than five steps in the window.
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


def rank_correlation(
    x: Float[np.ndarray, "kinds groups runs"],
    y: Float[np.ndarray, "kinds groups runs"],
    seed: int = 0,
) -> Estimate:
    """Return Spearman's correlation within kinds, over groups and runs, bootstrapped run by run.

    Parameters
    ----------
    x, y : array, shape (kinds, groups, runs)
        What is correlated. Ranks are taken within a kind (an activation function), so that a mere
        difference between kinds counts for nothing. The groups (ways of training) of a run share a
        task, and are drawn together.
    seed : int
        Of the bootstrap.

    Returns
    -------
    Estimate
        The correlation; `spread` is the standard deviation of the bootstrap.
    """
    value = _within(x, y)
    random = np.random.default_rng(seed)
    runs = x.shape[-1]
    drawn = np.array(
        [_within(x[..., p], y[..., p]) for p in random.integers(runs, size=(500, runs))]
    )
    low, high = np.percentile(drawn, [2.5, 97.5])
    spread = float(drawn.std())
    return Estimate(value, min(float(low), value), max(float(high), value), spread, runs)


def _within(
    x: Float[np.ndarray, "kinds groups runs"], y: Float[np.ndarray, "kinds groups runs"]
) -> float:
    """Correlate centred ranks; zero if there is nothing to correlate."""
    first, second = (rankdata(table.reshape(len(table), -1), axis=1) for table in (x, y))
    first = first - first.mean(axis=1, keepdims=True)
    second = second - second.mean(axis=1, keepdims=True)
    scale = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / scale if scale else 0.0
