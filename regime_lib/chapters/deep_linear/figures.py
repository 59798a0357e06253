"""The figures of the chapter on deep linear networks; functions take plain numbers."""

from regime_lib.chapters.deep_linear.figures_saddles import (
    Portrait,
    half_lines,
    inertia_bars,
    ladder,
    portraits,
)
from regime_lib.chapters.deep_linear.figures_structure import drift, fibre, matrices

__all__ = [
    "Portrait",
    "drift",
    "fibre",
    "half_lines",
    "inertia_bars",
    "ladder",
    "matrices",
    "portraits",
]
