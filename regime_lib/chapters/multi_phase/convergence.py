"""Phase IV, where training ends; and all phases over all parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy import stats

from regime_lib.chapters.multi_phase.settings import (
    PARAMETERS,
    Numbers,
    Run,
    Settings,
    grid,
    on_grid,
    or_no_run,
    solved,
)
from regime_lib.estimate import Estimate, no_number, over_runs
from regime_lib.simulators.two_layer import theory
from regime_lib.simulators.two_layer.phases import largest_angles, living_at

_FEW = 5  # networks whose last directions are measured
_FEWEST = 4  # networks for a rank correlation


@dataclass(frozen=True)
class Limits:
    """Loss times time at the end of every network, and what its living neurons predict."""

    claims: dict[str, Estimate]
    numbers: Numbers
    times: Float[np.ndarray, " times"]
    approach: Float[np.ndarray, "runs times"]
    """Loss times time over its predicted limit."""
    predicted: Float[np.ndarray, " runs"]
    final: Float[np.ndarray, " runs"]


def limits(settings: Settings) -> Limits:
    """Measure the networks that pass through all phases, and the grid."""
    everyone, end, problem = solved(settings), settings.horizon, settings.problem
    runs = [run for run in everyone if run.done]
    accurate = np.median([run.phases.accurate for run in everyone])
    times = np.geomspace(0.1 * accurate, end, 60)
    predicted = np.array([theory.final_constant(problem, *run.living) for run in runs])
    loss_times_time = np.array([run.flow.loss(times) * times for run in runs])
    approach = loss_times_time.reshape(-1, len(times)) / predicted[:, None]
    final = np.array([float(run.flow.loss(np.array([end]))[0]) * end for run in runs])
    whole = 4 / (settings.kappa2**2 * problem.sin2)  # the limit if all neurons lived
    margins = [
        margin_gained(run, end) * np.sqrt(limit)
        for run, limit in zip(runs[:_FEW], predicted, strict=False)
    ]
    left = [angle_left(run, end) for run in runs[:_FEW]]
    return Limits(
        on_grid(
            settings,
            {"mp-final-exponent": "final_exponent", "mp-final-constant": "final_constant"},
        ),
        {
            "margin-measured": f"{min(margins):.3f} to {max(margins):.3f}" if runs else "no run",
            "angle-left": f"{max(left):.1e}" if runs else "no run",
            "margin-share": float(np.median(np.sqrt(whole / predicted))) if runs else "no run",
        },
        times,
        approach,
        predicted,
        final,
    )


def rank_correlation(
    predicted: Float[np.ndarray, " runs"],
    measured: Float[np.ndarray, " runs"],
    seed: int,
    over: str,
) -> Estimate:
    """Return Spearman's rank correlation, with its interval over runs, which `over` names."""
    if len(predicted) < _FEWEST:
        return no_number(over)
    return over_runs(
        lambda i: stats.spearmanr(predicted[i], measured[i]).statistic,
        len(predicted),
        over=over,
        seed=seed,
    )


def angle_left(run: Run, time: float) -> float:
    """Return the largest 1 - cos of a living neuron to its predicted last direction."""
    directions = theory.final_directions(run.flow.problem, *run.living)
    living = living_at(run.flow, time)
    return float(largest_angles(run.flow, np.array([time]), directions, living).max())


def margin_gained(run: Run, time: float) -> float:
    """Return what the margin gains over what the length of all weights gains, in two decades.

    The margin over the length tends to the same limit, but like one over the logarithm of time.
    """
    ends = np.array([0.01 * time, time])
    plus, minus = run.flow.outputs(ends)
    lengths = [np.linalg.norm(run.flow.weights(float(end))) for end in ends]
    return float(np.diff(np.minimum(plus, -minus))[0] / np.diff(lengths)[0])


@dataclass(frozen=True)
class Spread:
    """Every quantity over its prediction, on the grid of all parameters."""

    numbers: Numbers
    table: pd.DataFrame
    """A row per run: its level of every parameter, and its `PhaseRatios`."""


def spread(settings: Settings) -> Spread:
    """Return the whole grid, and its medians at the smallest and at the largest angle and start."""
    table, numbers = grid(settings).drop(columns=["stretches", "in_order"]), Numbers()
    for name in ("height", "arrival", "off_time"):
        for level, word in ((-1, "narrow"), (1, "wide")):
            middle = table[table["Δ"] == level][name].median()
            numbers[f"{word}-{name.replace('_', '-')}"] = or_no_run(middle)
    for level, word in ((-1, "small"), (1, "large")):
        middle = table[table["κ₁"] == level]["condensed_minus"].median()
        numbers[f"condensed-{word}"] = f"{middle:.0e}"
    return Spread(numbers, table)


def quantiles(result: Spread) -> pd.DataFrame:
    """Return the quantiles of every quantity over all runs of the grid."""
    runs = result.table.drop(columns=PARAMETERS)
    found = runs.quantile([0.0, 0.05, 0.5, 0.95, 1.0]).T
    found.columns = ["least", "5 %", "median", "95 %", "most"]
    return found.assign(runs=runs.notna().sum()).round(4)
