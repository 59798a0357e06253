"""What chapter 50 measures: gradient flow of deep linear networks, in parts by topic.

The parts are in `structure`, `landscape`, `level_sets`, `saddle_sets`, `learning`, `race`,
`coefficients` and `beyond`.
"""

from __future__ import annotations

from dataclasses import dataclass

from regime_lib.chapters.deep_linear import (
    beyond,
    coefficients,
    landscape,
    learning,
    level_sets,
    race,
    saddle_sets,
    structure,
)
from regime_lib.chapters.deep_linear.level_sets import Orbits
from regime_lib.chapters.deep_linear.settings import Settings
from regime_lib.chapters.part import Part

#: What each profile gives to the parameters that are left at None.
QUICK = {"n_starts": 100, "n_seeds": 16, "width": 3, "deepest": 5, "initial_scale": 0.01}
#: The larger scale: wider layers, smaller starts, and more of them.
PAPER = {"n_starts": 200, "n_seeds": 32, "width": 8, "deepest": 6, "initial_scale": 0.005}

#: The parts that measure claims.
PARTS = (
    structure.proofs,
    structure.adjacency_flow,
    structure.matrix_flow,
    structure.conservation,
    structure.symmetry,
    landscape.critical_points,
    landscape.saddles,
    landscape.ends,
    level_sets.level_sets,
    level_sets.dense_saddles,
    level_sets.orbits,
    landscape.fibre,
    landscape.half_lines,
    saddle_sets.matrix_saddle,
    learning.small_weights,
    learning.order,
    race.race,
    coefficients.coefficients,
    learning.closed_forms,
    learning.rates,
    learning.rate_bound,
)
#: Those of empirical claims: none, for all claims here are identities, or laws of solvable models.
EMPIRICAL = ()
#: Those of laws that are seen in random runs, and of which fresh blocks of seeds were run.
LAWS = (
    structure.conservation,
    saddle_sets.matrix_saddle,
    learning.small_weights,
    learning.order,
    race.race,
    coefficients.coefficients,
    learning.rates,
)


@dataclass(frozen=True)
class Measurements:
    """All parts of the chapter."""

    proofs: structure.Proofs
    adjacency_flow: Part
    matrix_flow: structure.MatrixFlow
    conservation: structure.Conservation
    symmetry: Part
    fibres: structure.Fibres
    critical_points: landscape.CriticalPoints
    saddles: landscape.Saddles
    ends: Part
    level_sets: Part
    dense_saddles: Part
    orbits: Orbits
    fibre: landscape.Fibre
    half_lines: landscape.HalfLines
    matrix_saddle: saddle_sets.MatrixSaddle
    small_weights: learning.SmallWeights
    order: Part
    race: race.Race
    coefficients: coefficients.Coefficients
    initialisations: learning.Initialisations
    closed_forms: Part
    rates: learning.Rates
    rate_bound: learning.RateBound
    correlated_data: beyond.CorrelatedData
    large_steps: beyond.LargeSteps
    relu: beyond.Relu
    scale_law: beyond.ScaleLaw


def measure(settings: Settings) -> Measurements:
    """Everything: what a sweep maps and the tests call."""
    return Measurements(
        structure.proofs(settings),
        structure.adjacency_flow(settings),
        structure.matrix_flow(settings),
        structure.conservation(settings),
        structure.symmetry(settings),
        structure.fibres(settings),
        landscape.critical_points(settings),
        landscape.saddles(settings),
        landscape.ends(settings),
        level_sets.level_sets(settings),
        level_sets.dense_saddles(settings),
        level_sets.orbits(settings),
        landscape.fibre(settings),
        landscape.half_lines(settings),
        saddle_sets.matrix_saddle(settings),
        learning.small_weights(settings),
        learning.order(settings),
        race.race(settings),
        coefficients.coefficients(settings),
        learning.initialisations(settings),
        learning.closed_forms(settings),
        learning.rates(settings),
        learning.rate_bound(settings),
        beyond.correlated_data(settings),
        beyond.large_steps(settings),
        beyond.relu(settings),
        beyond.scale_law(settings),
    )
