"""Phase III: patterns change once more, at a time that depends on chance exponentially."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from regime_lib.chapters.multi_phase.settings import (
    PARAMETERS,
    Numbers,
    Settings,
    grid,
    on_grid,
)
from regime_lib.estimate import Estimate, no_number, number, over_runs, proportion
from regime_lib.simulators.two_layer import theory
from regime_lib.simulators.two_layer.phases import measure_phases
from regime_lib.simulators.two_layer.problem import random_neurons
from regime_lib.simulators.two_layer.solver import exact_flow

_NARROW, _TINY = 200, 40  # neurons
_DRAWS = 20_000
_FEWEST = 4  # networks for a slope
_TOGETHER = 0.99  # of the living positive neurons of a run


@dataclass(frozen=True)
class Switches:
    """The late changes of pattern, over predicted, on the grid of all parameters."""

    claims: dict[str, Estimate]


def switches(settings: Settings) -> Switches:
    """Measure whether neurons switch together, when, and whether anything changes after that."""
    later = grid(settings)["later_events"].dropna().to_numpy()
    over = f"{len(later)} runs on the grid of settings"
    claims = on_grid(
        settings, {"mp-deactivation-time": "off_time", "mp-reactivation-delay": "on_delay"}
    )
    most = number(later.max(), n=len(later), over=over) if len(later) else no_number(over)
    together = share_of_settings(grid(settings))
    return Switches(claims | {"mp-deactivation": together, "mp-final-patterns": most})


def share_of_settings(table: pd.DataFrame) -> Estimate:
    """Return at which share of the settings 99 % of the positive neurons switch off together.

    In every run of the setting that gets there; a setting where none does is left out.
    """
    least = table.groupby(PARAMETERS)["off_share"].min().dropna()
    over = f"{len(least)} settings, all runs of each"
    if not len(least):
        return no_number(over)
    return proportion(int((least >= _TOGETHER).sum()), len(least), over=over)


@dataclass(frozen=True)
class Sensitivity:
    """When the positive neurons of narrow networks switch off, against their living neurons."""

    claims: dict[str, Estimate]
    numbers: Numbers
    horizon: float
    ratios: Float[np.ndarray, " runs"]
    """Living negative over living positive neurons."""
    switched: Float[np.ndarray, " runs"]
    """T_II, NaN where the network does not switch before the horizon."""
    law_ratios: Float[np.ndarray, " curve"]
    law: Float[np.ndarray, " curve"]
    """The closed form with the mean living fraction."""
    never: float
    """The ratio from which on they never switch."""


def sensitivity(settings: Settings) -> Sensitivity:
    """Follow many networks of 200 neurons, and fit the measured time to the predicted one."""
    problem, rows = settings.problem, []
    for seed in range(settings.seed, settings.seed + max(40, settings.n_seeds)):
        start = random_neurons(_NARROW, seed, d=settings.d, kappa1=settings.kappa1)
        run = measure_phases(exact_flow(problem, start, settings.horizon))
        own = run.alive_plus, run.alive_minus
        rows.append((own[1] / own[0], run.off_first, theory.deactivation_time(problem, *own)))
    ratios, switched, predicted = np.array(rows).T
    both = np.isfinite(switched) & np.isfinite(predicted)
    never = int((~np.isfinite(switched)).sum())
    line = np.linspace(max(0.2, ratios.min() - 0.05), 0.985, 200)
    middle = float(np.mean(theory.living_fractions(problem)))
    law = np.array(
        [
            theory.deactivation_time(problem, 2 * middle / (1 + x), 2 * middle * x / (1 + x))
            for x in line
        ]
    )
    shown = law < settings.horizon
    reached = switched[np.isfinite(switched)]
    return Sensitivity(
        {
            "mp-deactivation-sensitivity": log_slope_of(
                predicted[both], switched[both], settings.seed
            )
        },
        {
            "small-never": never,
            "small-runs": len(ratios),
            "small-spread": f"{reached.min():.0f} to {reached.max():.1e}"
            if len(reached)
            else "never",
            "tiny-never": 100 * share_without_majority(settings),
        },
        settings.horizon,
        ratios,
        switched,
        line[shown],
        law[shown],
        1 / problem.cos,
    )


def log_slope_of(
    predicted: Float[np.ndarray, " runs"], measured: Float[np.ndarray, " runs"], seed: int
) -> Estimate:
    """Return the slope of the measured over the predicted logarithm of times."""
    x, y, over = np.log(predicted), np.log(measured), f"{len(predicted)} networks"
    if len(x) < _FEWEST:
        return no_number(over)
    return over_runs(lambda i: np.polyfit(x[i], y[i], 1)[0], len(x), over=over, seed=seed)


def share_without_majority(settings: Settings) -> float:
    """Return how often, of draws of 40 neurons, so few positive ones live that none switches off.

    Each neuron is living positive, living negative or neither by the expected fractions.
    """
    expected = theory.living_fractions(settings.problem)
    counts = np.random.default_rng(settings.seed).multinomial(
        _TINY, [*expected, 1 - sum(expected)], size=_DRAWS
    )
    return float((counts[:, 1] * settings.problem.cos >= counts[:, 0]).mean())
