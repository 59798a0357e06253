"""The figures of the chapter on four phases; functions take plain numbers."""

from regime_lib.companion.pictures.multi_phase.course import (
    phases,
    plane,
    river,
    settling,
    shade_phases,
    tracked,
)
from regime_lib.companion.pictures.multi_phase.laws import (
    Array,
    Fan,
    condensation,
    limits,
    living,
    plateau,
    scaling,
    sensitivity,
)
from regime_lib.companion.pictures.multi_phase.spread import Spread, spreads
from regime_lib.companion.pictures.multi_phase.variants import beyond, survival

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
