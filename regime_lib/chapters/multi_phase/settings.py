"""The parameters of chapter 40, and the runs that several of its parts share."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from jaxtyping import Float

from regime_lib.chapters.multi_phase.segmentation import alternates, series_of, stretches
from regime_lib.estimate import Estimate, median, no_number
from regime_lib.simulators.two_layer.flow import Flow
from regime_lib.simulators.two_layer.phases import (
    Phases,
    Plateau,
    measure_phases,
    measure_plateau,
)
from regime_lib.simulators.two_layer.problem import Neurons, TwoPoints, random_neurons
from regime_lib.simulators.two_layer.ratios import phase_ratios, settings_around
from regime_lib.simulators.two_layer.solver import exact_flow

Array = Float[np.ndarray, "..."]
#: Numbers and texts that the prose quotes.
Numbers = dict[str, float | int | str]
#: The symbols of the four parameters around whose chosen values the grid lies.
PARAMETERS = ["Δ", "p", "κ₁", "κ₂"]

#: What each profile gives to the parameters that are left at None.
QUICK = {"n_seeds": 40, "m": 1000, "d": 20, "delta": 0.1, "kappa1": 1e-3}
#: The larger scale: nearer to the limits in which the laws are derived.
PAPER = {"n_seeds": 60, "m": 4000, "d": 100, "delta": 0.05, "kappa1": 1e-4}


@dataclass(frozen=True)
class Settings:
    """The parameters of the chapter."""

    n_seeds: int  # random networks
    m: int  # neurons
    d: int  # dimensions of the inputs
    ratio: float  # class ratio p = n+ / n-
    delta: float  # angle between the inputs, radians
    kappa1: float  # scale of the initial input weights
    kappa2: float  # scale of the output weights
    seed: int  # the seeds are seed, seed + 1, ...

    @property
    def problem(self) -> TwoPoints:
        """The two inputs, and the scale of the output weights."""
        return TwoPoints(self.ratio, self.delta, self.kappa2)

    @property
    def horizon(self) -> float:
        """Until when the networks are followed."""
        return horizon(self.problem)

    @property
    def seeds(self) -> range:
        """The seeds of the networks that are all followed at the chapter's setting."""
        return range(self.seed, self.seed + self.n_seeds)

    @property
    def some(self) -> int:
        """How many networks are followed once more for a single question."""
        return max(3, 2 * self.n_seeds // 5)

    @property
    def per_setting(self) -> int:
        """How many networks are followed at each setting of the grid around the chapter's."""
        return max(3, self.n_seeds // 16)

    @property
    def over_grid(self) -> str:
        """What varies over the settings of the grid."""
        settings = len(settings_around(self.problem, self.kappa1))
        return f"{settings} settings, each the median of {self.per_setting} networks"

    def start(self, seed: int) -> Neurons:
        """Return a random network at the start."""
        return random_neurons(self.m, seed, d=self.d, kappa1=self.kappa1)


@dataclass(frozen=True)
class Run:
    """A solved network, and what is read off it."""

    flow: Flow
    phases: Phases
    plateau: Plateau

    @property
    def living(self) -> tuple[float, float]:
        """The fractions of living positive and living negative neurons."""
        return self.phases.alive_plus, self.phases.alive_minus

    @property
    def done(self) -> bool:
        """Whether it passed through all phases."""
        return bool(np.isfinite(self.phases.on_first))


def horizon(problem: TwoPoints) -> float:
    """Return a time long after the last phase has begun, unless chance delays it without end."""
    return 1e12 / problem.kappa2**2


@lru_cache(maxsize=2)
def solved(settings: Settings) -> tuple[Run, ...]:
    """Follow a network per seed through all phases."""
    found = []
    for seed in settings.seeds:
        flow = exact_flow(settings.problem, settings.start(seed), settings.horizon)
        phases = measure_phases(flow)
        found.append(Run(flow, phases, measure_plateau(flow, phases)))
    return tuple(found)


@lru_cache(maxsize=2)
def grid(settings: Settings) -> pd.DataFrame:
    """Measure every quantity over its prediction, on a grid of all parameters.

    Returns
    -------
    DataFrame
        One row per run: its level of every parameter (-1, 0 or 1), its `PhaseRatios`, how many
        stretches of time were found in it automatically, and whether in the order of the phases.
    """
    rows, each = [], settings.per_setting
    for number, (problem, kappa1, levels) in enumerate(
        settings_around(settings.problem, settings.kappa1)
    ):
        if any(levels.values()):
            first = settings.seed + settings.n_seeds + number * each
            starts = (
                random_neurons(settings.m, seed, d=settings.d, kappa1=kappa1)
                for seed in range(first, first + each)
            )
            flows = (exact_flow(problem, start, horizon(problem)) for start in starts)
            found = [(phase_ratios(flow, kappa1), series_of(flow)) for flow in flows]
        else:  # the chapter's own setting, solved already
            found = [
                (phase_ratios(run.flow, kappa1, run.phases, run.plateau), series_of(run.flow))
                for run in solved(settings)[:each]
            ]
        rows += [
            levels
            | asdict(ratios)
            | {"stretches": len(stretches(series)) + 1, "in_order": float(alternates(series))}
            for ratios, series in found
        ]
    return pd.DataFrame(rows)


def on_grid(settings: Settings, claims: dict[str, str]) -> dict[str, Estimate]:
    """Return the typical setting's `PhaseRatios` on the grid, by claim.

    Runs of a setting share its parameters, so a setting counts once, by the median of its runs.
    """
    return {
        claim: typical(of_settings(settings, quantity), settings.over_grid)
        for claim, quantity in claims.items()
    }


def of_settings(settings: Settings, quantity: str) -> Float[np.ndarray, " settings"]:
    """Return the median of one of the `PhaseRatios` at each setting; NaN where no run has one."""
    return grid(settings).groupby(PARAMETERS)[quantity].median().to_numpy()


def typical(values: Float[np.ndarray, " runs"], over: str) -> Estimate:
    """Return the median of what gets there (not NaN), with its 95 % interval."""
    reached = values[np.isfinite(values)]
    if len(reached) < len(values):
        over = f"the {len(reached)} that get there of {over}"
    return median(reached, over=over) if len(reached) > 1 else no_number(over)


def or_no_run(value: float) -> float | str:
    """Return a number for the prose, or say that no run gets there."""
    return float(value) if np.isfinite(value) else "no run"


@dataclass(frozen=True)
class Networks:
    """How the networks at the chapter's setting pass through the phases."""

    numbers: Numbers
    table: pd.DataFrame
    """A row per event: how many networks reach it, and when."""


def networks(settings: Settings) -> Networks:
    """Count the networks that pass through all phases, and say when the phases end."""
    runs = solved(settings)
    events = ["condensed", "peak", "accurate", "off_first", "on_first"]
    times = pd.DataFrame([asdict(run.phases) for run in runs])[events]
    table = pd.DataFrame(
        {
            "event": events,
            "networks": times.count().to_numpy(),
            "first": times.min().to_numpy(),
            "median": times.median().to_numpy(),
            "last": times.max().to_numpy(),
        }
    )
    numbers: Numbers = {
        "runs": len(runs),
        "reached": sum(run.done for run in runs),
        "horizon": f"{settings.horizon:.0e}",
        "events": int(np.median([run.flow.events for run in runs])),
    }
    return Networks(numbers, table)
