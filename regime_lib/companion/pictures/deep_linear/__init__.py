"""The figures of the chapter on deep linear networks; functions take plain numbers."""

from regime_lib.companion.pictures.deep_linear.saddles import (
    Portrait,
    half_lines,
    inertia_bars,
    ladder,
    portraits,
)
from regime_lib.companion.pictures.deep_linear.structure import drift, fibre, matrices

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
