"""What chapter 40 measures: the four phases of a two-layer network, each with its events."""

from __future__ import annotations

from dataclasses import dataclass

from regime_lib.chapters.multi_phase.any_points import AnyPoints, any_points
from regime_lib.chapters.multi_phase.by_descent import ByDescent, by_descent
from regime_lib.chapters.multi_phase.condensation import (
    Condensation,
    Living,
    condensation,
    living,
    smaller_starts,
)
from regime_lib.chapters.multi_phase.convergence import Limits, Spread, limits, quantiles, spread
from regime_lib.chapters.multi_phase.one_run import (
    OneRun,
    Plane,
    Settling,
    one_run,
    plane,
    settling,
)
from regime_lib.chapters.multi_phase.plateaus import OnPlateau, Scaling, plateau, scaling
from regime_lib.chapters.multi_phase.saddles import Saddles, saddles
from regime_lib.chapters.multi_phase.settings import PAPER, QUICK, Networks, Settings, networks
from regime_lib.chapters.multi_phase.switches import (
    Sensitivity,
    Switches,
    sensitivity,
    switches,
)
from regime_lib.chapters.multi_phase.trend import (
    Complexity,
    Order,
    Segments,
    complexity,
    order,
    segments,
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
    "EMPIRICAL",
    "LAWS",
    "PAPER",
    "PARTS",
    "QUICK",
    "Measurements",
    "Settings",
    "any_points",
    "by_descent",
    "complexity",
    "condensation",
    "limits",
    "living",
    "measure",
    "network_in_torch",
    "networks",
    "one_run",
    "order",
    "plane",
    "plateau",
    "quantiles",
    "saddles",
    "scaling",
    "segments",
    "sensitivity",
    "settling",
    "smaller_starts",
    "solver_errors",
    "spread",
    "survival",
    "switches",
    "tracked",
    "variants",
]

#: The parts that measure claims. None is empirical: all are of laws of a model that can be solved,
#: seen in random networks.
PARTS = (
    order,
    segments,
    living,
    condensation,
    plateau,
    saddles,
    scaling,
    switches,
    by_descent,
    sensitivity,
    limits,
    complexity,
    settling,
    any_points,
)
EMPIRICAL = ()
#: Those of laws that are seen in random runs, and of which fresh blocks of seeds were run.
LAWS = (
    order,
    living,
    condensation,
    plateau,
    scaling,
    switches,
    by_descent,
    sensitivity,
    limits,
    complexity,
    any_points,
)


@dataclass(frozen=True)
class Measurements:
    """Everything that the chapter measures, in its order."""

    networks: Networks
    solver_errors: SolverErrors
    one_run: OneRun
    order: Order
    segments: Segments
    plane: Plane
    living: Living
    condensation: Condensation
    plateau: OnPlateau
    saddles: Saddles
    scaling: Scaling
    switches: Switches
    by_descent: ByDescent
    sensitivity: Sensitivity
    limits: Limits
    complexity: Complexity
    spread: Spread
    settling: Settling
    any_points: AnyPoints
    tracked: Tracked
    variants: Variants
    survival: Survival


def measure(settings: Settings) -> Measurements:
    """Return everything: what a sweep maps and the tests call."""
    return Measurements(
        networks(settings),
        solver_errors(settings),
        one_run(settings),
        order(settings),
        segments(settings),
        plane(settings),
        living(settings),
        condensation(settings),
        plateau(settings),
        saddles(settings),
        scaling(settings),
        switches(settings),
        by_descent(settings),
        sensitivity(settings),
        limits(settings),
        complexity(settings),
        spread(settings),
        settling(settings),
        any_points(settings),
        tracked(settings),
        variants(settings),
        survival(settings),
    )
