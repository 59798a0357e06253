"""What chapter 40 measures: the four phases of a two-layer network, each with its events."""

from __future__ import annotations

from dataclasses import dataclass

from regime_lib.chapters.multi_phase.condensation import (
    Condensation,
    Living,
    condensation,
    living,
)
from regime_lib.chapters.multi_phase.convergence import Limits, Spread, limits, quantiles, spread
from regime_lib.chapters.multi_phase.one_run import OneRun, Plane, one_run, plane
from regime_lib.chapters.multi_phase.plateaus import OnPlateau, Scaling, plateau, scaling
from regime_lib.chapters.multi_phase.settings import PAPER, QUICK, Networks, Settings, networks
from regime_lib.chapters.multi_phase.switches import (
    Sensitivity,
    Switches,
    sensitivity,
    switches,
)
from regime_lib.chapters.multi_phase.variations import (
    SolverErrors,
    Survival,
    Tracked,
    Variants,
    network_in_torch,
    solver_errors,
    survival,
    tracked,
    variants,
)

__all__ = [
    "PAPER",
    "QUICK",
    "Measurements",
    "Settings",
    "condensation",
    "limits",
    "living",
    "measure",
    "network_in_torch",
    "networks",
    "one_run",
    "plane",
    "plateau",
    "quantiles",
    "scaling",
    "sensitivity",
    "solver_errors",
    "spread",
    "survival",
    "switches",
    "tracked",
    "variants",
]


@dataclass(frozen=True)
class Measurements:
    """Everything that the chapter measures, in its order."""

    networks: Networks
    solver_errors: SolverErrors
    one_run: OneRun
    plane: Plane
    living: Living
    condensation: Condensation
    plateau: OnPlateau
    scaling: Scaling
    switches: Switches
    sensitivity: Sensitivity
    limits: Limits
    spread: Spread
    tracked: Tracked
    variants: Variants
    survival: Survival


def measure(settings: Settings) -> Measurements:
    """Return everything: what a sweep maps and the tests call."""
    return Measurements(
        networks(settings),
        solver_errors(settings),
        one_run(settings),
        plane(settings),
        living(settings),
        condensation(settings),
        plateau(settings),
        scaling(settings),
        switches(settings),
        sensitivity(settings),
        limits(settings),
        spread(settings),
        tracked(settings),
        variants(settings),
        survival(settings),
    )
