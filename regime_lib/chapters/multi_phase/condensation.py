"""Phase I: which neurons live, and how sharply they condense to two directions."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy import stats

from regime_lib.chapters.multi_phase.settings import (
    PARAMETERS,
    Numbers,
    Settings,
    grid,
    solved,
    typical,
)
from regime_lib.estimate import Estimate, no_number, proportion, student_t
from regime_lib.simulators.two_layer import theory
from regime_lib.simulators.two_layer.phases import largest_angles, living_at
from regime_lib.simulators.two_layer.solver import exact_flow

#: The paper's ranges of the fractions of living positive and negative neurons, as we recall them.
RANGES = ((0.21, 0.29), (0.075, 0.205))
_WIDTHS = np.unique(np.geomspace(30, 3000, 60).astype(int))


@dataclass(frozen=True)
class Living:
    """Fractions of living neurons when condensation is over."""

    claims: dict[str, Estimate]
    numbers: Numbers
    fractions: Float[np.ndarray, "2 runs"]
    """Positive neurons first."""
    expected: tuple[float, float]
    widths: Int[np.ndarray, " widths"]
    chances: Float[np.ndarray, " widths"]
    """That a network of such a width keeps both recalled ranges."""


def living(settings: Settings) -> Living:
    """Count the living neurons of every network, at the chapter's setting and on the grid."""
    ready = theory.condensation_time(settings.kappa1, settings.kappa2)
    signs = np.array([living_at(run.flow, ready) for run in solved(settings)])
    fractions = np.array([(signs == sign).mean(axis=1) for sign in (1, -1)])
    expected = theory.living_fractions(settings.problem)
    chances = chance_of_ranges(_WIDTHS, expected)
    enough = _WIDTHS[chances >= 0.9]
    within = [share_within(*pair) for pair in zip(fractions, RANGES, strict=True)]
    return Living(
        {
            "mp-living-positive-range": within[0],
            "mp-living-negative-range": within[1],
            "mp-living-positive-mean": mean_over_settings(grid(settings), "living_plus"),
            "mp-living-negative-mean": mean_over_settings(grid(settings), "living_minus"),
        },
        {
            "wide-enough": int(enough[0]) if len(enough) else "more than 3000",
            "living-positive": float(np.median(fractions[0])),
            "living-negative": float(np.median(fractions[1])),
        },
        fractions,
        expected,
        _WIDTHS,
        chances,
    )


def share_within(fractions: Float[np.ndarray, " runs"], limits: tuple[float, float]) -> Estimate:
    """Return the share of networks whose fraction lies in a range, ends included."""
    n = len(fractions)
    inside = int(((fractions >= limits[0]) & (fractions <= limits[1])).sum())
    return proportion(inside, n, over=f"{n} networks")


def chance_of_ranges(
    widths: Int[np.ndarray, " widths"], shares: tuple[float, float]
) -> Float[np.ndarray, " widths"]:
    """Return the chance that both fractions lie in `RANGES`; each number is taken as binomial."""
    chances = np.ones(len(widths))
    for share, (low, high) in zip(shares, RANGES, strict=True):
        counts = stats.binom(widths, share)
        chances *= counts.cdf(widths * high) - counts.cdf(np.ceil(widths * low) - 1)
    return chances


def mean_over_settings(table: pd.DataFrame, quantity: str) -> Estimate:
    """Return the mean over all settings, with Student's interval from the means of the settings."""
    means = table.groupby(PARAMETERS)[quantity].mean().dropna().to_numpy()
    over = f"the means of {len(means)} settings"
    return student_t(means, over=over) if len(means) > 1 else no_number(over)


@dataclass(frozen=True)
class Condensation:
    """How far the farthest living neuron of each sign is from its predicted direction: 1 - cos."""

    claims: dict[str, Estimate]
    numbers: Numbers
    ready: float
    """T_I, when condensation is over."""
    times: Float[np.ndarray, " times"]
    angles: Float[np.ndarray, "runs 2 times"]
    """Positive neurons first."""
    at_end: Float[np.ndarray, "runs 2"]
    """The same at T_I."""
    starts: Float[np.ndarray, " starts"]
    """Scales of the start: the chapter's, and smaller ones."""
    by_start: Float[np.ndarray, "some 2 starts"]
    """At T_I of each start, for some networks."""


def condensation(settings: Settings) -> Condensation:
    """Measure the angles of half the networks over time, and how they shrink with the start."""
    runs, problem = solved(settings), settings.problem
    few = runs[: max(3, len(runs) // 2)]
    ready = theory.condensation_time(settings.kappa1, settings.kappa2)
    typical_end = np.median([run.phases.condensed for run in runs])
    begin = max(typical_end, 0.1 * settings.kappa1 / settings.kappa2)
    times = np.sort(np.append(np.geomspace(begin, 3 * ready, 10), ready))
    directions = theory.condensation_directions(problem)
    angles = np.array(
        [largest_angles(r.flow, times, directions, living_at(r.flow, ready)) for r in few]
    )
    at_end = angles[:, :, int(np.flatnonzero(times == ready)[0])]
    starts = settings.kappa1 * np.array([1.0, 0.1, 0.01])
    seeds = settings.seeds[: settings.some]
    smaller = np.array([_farthest(settings, seed, starts[1:]) for seed in seeds])
    by_start = np.concatenate([at_end[: len(seeds), :, None], smaller], axis=2)
    columns = np.log(by_start.reshape(-1, len(starts)).T)
    slopes = np.polyfit(np.log(starts), columns, 1)[0].reshape(-1, 2)
    over = f"{len(seeds)} networks"
    return Condensation(
        {
            "mp-condensation-positive": typical(slopes[:, 0], over),
            "mp-condensation-negative": typical(slopes[:, 1], over),
        },
        {
            "farthest-positive": f"{np.median(at_end[:, 0]):.1e}",
            "farthest-negative": f"{np.median(at_end[:, 1]):.1e}",
            "finer-negative": f"{np.median(by_start[:, 1, -1]):.1e}",
        },
        ready,
        times,
        angles,
        at_end,
        starts,
        by_start,
    )


def _farthest(
    settings: Settings, seed: int, starts: Float[np.ndarray, " starts"]
) -> Float[np.ndarray, "2 starts"]:
    """Return how far the farthest living neurons are at T_I, for each scale of the start."""
    directions, found = theory.condensation_directions(settings.problem), []
    for kappa1 in starts:
        own = dataclasses.replace(settings, kappa1=float(kappa1))
        end = theory.condensation_time(own.kappa1, own.kappa2)
        flow = exact_flow(own.problem, own.start(seed), end)
        living = living_at(flow, end)
        found.append(largest_angles(flow, np.array([end]), directions, living)[:, 0])
    return np.array(found).T


def smaller_starts(result: Condensation) -> pd.DataFrame:
    """Return the medians over networks at each scale of the start."""
    middle = np.median(result.by_start, axis=0)
    return pd.DataFrame({"kappa1": result.starts, "positive": middle[0], "negative": middle[1]})
