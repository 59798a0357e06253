"""The figures of the chapter on four phases; functions take plain numbers."""

from regime_lib.chapters.multi_phase.figures_course import (
    phases,
    plane,
    river,
    settling,
    shade_phases,
    tracked,
)
from regime_lib.chapters.multi_phase.figures_laws import (
    Array,
    Fan,
    condensation,
    limits,
    living,
    plateau,
    scaling,
    sensitivity,
)
from regime_lib.chapters.multi_phase.figures_spread import Spread, spreads
from regime_lib.chapters.multi_phase.figures_variants import beyond, survival

__all__ = [
    "Array",
    "Fan",
    "Spread",
    "beyond",
    "condensation",
    "limits",
    "living",
    "phases",
    "plane",
    "plateau",
    "river",
    "scaling",
    "sensitivity",
    "settling",
    "shade_phases",
    "spreads",
    "survival",
    "tracked",
]
