"""Settling times as right-censored observations: their medians, and the ratio of the pairs.

The table is that of the runs to the end of training. Every run enters, a censored one with its
limits. The estimators are those of lifelines (C. Davidson-Pilon, JOSS 4, 2019).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from lifelines import KaplanMeierFitter, LogNormalFitter
from lifelines.utils import median_survival_times
from scipy import stats

from regime_lib.chapters.three_times.limits import Limits, limits_of
from regime_lib.chapters.three_times.specifications import SETTING, USUAL
from regime_lib.errors import RegimeError
from regime_lib.estimate import Estimate, Method, no_number, number, proportion
from regime_lib.instrument.settling.candidates import WINDOW

Over = Literal["seeds", "settings"]
_Runs = Float[np.ndarray, " runs"]


@dataclass(frozen=True)
class CensoredTimes:
    """When patterns and weights settle in some runs, of which some end before they do.

    Parameters
    ----------
    patterns, weights : Estimate
        Kaplan-Meier medians of the settling times, in steps; no number where half of the runs are
        not seen to settle.
    ratio : Estimate
        Median of the weights' time over the patterns' time under a log-normal distribution.
    earlier : Estimate
        Share of runs in which patterns settle before weights.
    runs, open, bounded : int
        All runs; those in which neither settles; those in which one of the two does.
    """

    patterns: Estimate
    weights: Estimate
    ratio: Estimate
    earlier: Estimate
    runs: int
    open: int
    bounded: int


def by_schedule(
    specifications: pd.DataFrame, definition: str = USUAL, over: Over | None = None
) -> dict[str, CensoredTimes]:
    """Return what the runs of every schedule say by one definition, at their last horizon.

    Pass the rows of one optimiser, or of one part, to ask about that alone.

    Parameters
    ----------
    specifications : DataFrame
        The table of that name of the runs to the end of training; its usual reading is taken.
    definition : str
        What "settled" means.
    over : str, optional
        What the interval of the ratio is over: new settings, or new seeds of these settings; None
        for settings, if there are several. Settings may differ far more than seeds, and the value
        is then near their geometric mean: an interval over seeds is narrow around a number that
        holds for none of them.
    """
    rows = usual(specifications)
    rows = rows[rows["definition"] == definition]
    found = rows.groupby("schedule", observed=True, sort=False)
    return {str(schedule): censored_times(own, over) for schedule, own in found}


def usual(specifications: pd.DataFrame) -> pd.DataFrame:
    """Return the last horizon of every run, read in the usual way."""
    rows = at_the_end(specifications)
    usual_steps = (rows["skipped"] == 0) & (rows["window"] == WINDOW)
    return rows[usual_steps & (rows["size"] == "absolute")]


def at_the_end(specifications: pd.DataFrame) -> pd.DataFrame:
    """Return the last horizon of every run, in all readings."""
    run = specifications.groupby(run_columns(specifications), observed=True)
    return specifications[specifications["horizon"] == run["horizon"].transform("max")]


def run_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns of a table that tell one run from another; the last is the seed."""
    return [name for name in ("part", *SETTING, "activation", "seed") if name in table]


def censored_times(rows: pd.DataFrame, over: Over | None = None) -> CensoredTimes:
    """Return what some runs say, one row each: see `CensoredTimes`, and `by_schedule` for `over`.

    A time that ends with the run is censored by the run's length alone, as Kaplan and Meier ask.
    The ratio's limit is that length over the patterns' time: where slow patterns go with small
    ratios, censoring is not independent of it. `earlier` takes nothing for granted.
    """
    if rows.empty or rows.duplicated(run_columns(rows)).any():
        raise RegimeError(f"got {len(rows)} rows; expected one row a run, of one definition")
    kind = rows["censored"].astype(str)
    settings = rows.groupby(run_columns(rows)[:-1], observed=True).ngroup().to_numpy()
    held = len(np.unique(settings))
    over = over or ("settings" if held > 1 else "seeds")
    cluster = settings if over == "settings" else rows["seed"].to_numpy()
    words = f"{held} setting{'s' if held > 1 else ''}"
    if over == "seeds":
        words = f"{len(np.unique(cluster))} seeds of {words}"
    limits = Limits(*limits_of(rows["ratio"], kind), cluster)
    patterns, weights = (
        median_time(
            rows[f"{name}_time"].to_numpy(dtype=float),
            ~kind.isin([f"{name}s", "both"]).to_numpy(),
            over=f"{len(rows)} runs",
        )
        for name in ("pattern", "weight")
    )
    unknown = int(limits.open.sum())
    return CensoredTimes(
        patterns,
        weights,
        log_normal_median(limits, over=f"{words}, {len(rows)} runs, {unknown} of them open"),
        share_above_one(limits, over=f"{len(rows)} runs, {unknown} of them open"),
        len(rows),
        unknown,
        int((~limits.exact & ~limits.open).sum()),
    )


def median_time(times: _Runs, seen: Bool[np.ndarray, " runs"], *, over: str) -> Estimate:
    """Return the Kaplan-Meier median of times of which some are only seen to be larger.

    The interval holds the times at which the log-log interval of the survival function holds one
    half (R. Brookmeyer, J. Crowley, Biometrics 38, 1982). It takes every run as drawn by itself
    from all; where settings differ and are the same for every seed, that makes it too wide. There
    is none where its upper end is beyond what was seen. Of an even number of times without
    censoring the median is the lower of the two in the middle.
    """
    fitted = KaplanMeierFitter().fit(times, seen)
    value = float(fitted.median_survival_time_)
    ends = median_survival_times(fitted.confidence_interval_).to_numpy(dtype=float).ravel()
    if not np.isfinite([value, *ends]).all():
        return number(value, n=len(times), over=over, unit="steps")
    low, high = min(ends[0], value), max(ends[1], value)
    return Estimate(value, low, high, len(times), over, Method.BROOKMEYER_CROWLEY, "steps")


def log_normal_median(limits: Limits, *, over: str) -> Estimate:
    """Return the median of a log-normal distribution of ratios that are known within limits.

    This is the accelerated-failure-time model without covariates, by maximum likelihood. Where
    limits are all on one side the value depends on the tail of that distribution. The interval is
    Student's t with the sandwich variance of the scores summed by cluster; without censoring and
    with clusters of one size it is that of the clusters' mean logarithms.

    Returns
    -------
    Estimate
        No number unless a ratio is known: limits alone leave location and scale to each other. No
        interval with one cluster, or where all limits agree with a single number.
    """
    some, n = limits.telling, len(np.unique(limits.cluster))
    known = np.unique(some.least[some.exact])
    if not len(known):
        return no_number(over)
    if len(known) == 1 and some.least.max() <= known[0] <= some.most.min():
        return number(known[0], n=n, over=over)
    # what may be anything has likelihood one, so it is left out of the sum and not of `over`
    fitted = LogNormalFitter().fit_interval_censoring(some.least, some.most)
    centre, spread = float(fitted.mu_), float(fitted.sigma_)
    if n < 2:
        return number(np.exp(centre), n=n, over=over)
    scores = pd.DataFrame(_scores(some, centre, spread)).groupby(some.cluster).sum().to_numpy()
    inverse = fitted.variance_matrix_.to_numpy()
    variance = n / (n - 1) * (inverse @ scores.T @ scores @ inverse)[0, 0]
    reach = stats.t.ppf(0.975, n - 1) * np.sqrt(variance)
    low, high = np.exp([centre - reach, centre + reach])
    return Estimate(float(np.exp(centre)), low, high, n, over, Method.STUDENT_T)


def share_above_one(limits: Limits, *, over: str) -> Estimate:
    """Return the share of runs whose ratio is surely above one, of those that tell.

    This is the sign test, as an interval: it holds that share of all runs whatever the censored
    ones would say, and takes runs as independent.
    """
    above, below = int((limits.least > 1).sum()), int((limits.most <= 1).sum())
    if not above + below:
        return no_number(over)
    n = len(limits)
    least, most = proportion(above, n, over=over), proportion(n - below, n, over=over)
    value = above / (above + below)
    return Estimate(value, least.low, most.high, n, over, Method.EXACT_BINOMIAL)


def _scores(limits: Limits, centre: float, spread: float) -> Float[np.ndarray, "runs 2"]:
    """Return the derivatives of every run's log-likelihood by location and scale."""
    with np.errstate(divide="ignore"):
        low, high = ((np.log(end) - centre) / spread for end in (limits.least, limits.most))
    exact = limits.exact
    mass = np.where(exact, 1.0, stats.norm.cdf(high) - stats.norm.cdf(low))
    by = [np.where(exact, low, 0.0), np.where(exact, low**2 - 1, 0.0)]
    for end, sign in ((low, 1), (high, -1)):
        density = stats.norm.pdf(end) / mass
        for power in (0, 1):
            at_end = np.where(np.isfinite(end), end, 0.0) ** power
            by[power] += np.where(exact, 0.0, sign * density * at_end)
    scores: Float[np.ndarray, "runs 2"] = np.stack(by, axis=1) / spread
    return scores
