"""Dots, lines and axes that the figures of the multiverse share."""

from __future__ import annotations

import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis

from regime_lib.companion.figures.marks import note, plain_numbers, ratio_dots
from regime_lib.companion.figures.theme import Theme

RATIO = "weights' time / patterns' time"
SMALL = 8.3  # points, the smallest text that a figure may hold
ACROSS = ("axes fraction", "data")  # coordinates of what stands at a height
MARKERS = {"sgd": "o", "momentum": "s", "adamw": "^"}
#: Lines in a plot of ratios, with their text and its shift: what the paper claims (its abstract,
#: and the average that a summary reports), and no advantage.
_LINES = ((3.0, "3", -7), (3.85, "3.85", 3), (1.0, "together: 1", 3))
_TICKS = (0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0, 300.0)


def mark_claims(theme: Theme, ax: Axes, *, words: bool = True, vertical: bool = False) -> None:
    """Draw lines at one and at what the paper claims."""
    line = ax.axvline if vertical else ax.axhline
    for value, text, shift in _LINES:
        claimed = {**theme.stroke("theory"), "linewidth": 1.2}
        line(value, **(claimed if value > 1 else {"color": theme.text, "linewidth": 1}))
        if words:
            at, va = (0.36 if value > 1 else 0.62, value), "bottom" if shift > 0 else "center"
            note(ax, text, at, (0, shift), xycoords=ACROSS, fontsize=SMALL, va=va)


def optimizer_dots(
    theme: Theme,
    ax: Axes,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    rows: pd.DataFrame,
    name: str,
    label: str | None = None,
) -> None:
    """Draw specifications of one optimiser, hollow where their ratio is a bound."""
    exact, colour = rows["bound"] == "exact", theme.colour(name)
    ratio_dots(theme, ax, x, y, exact, colour, marker=MARKERS[name], size=30, label=label)


def ratio_axis(axis: Axis) -> None:
    """Label a logarithmic axis of ratios with plain numbers, fewer where it spans much."""
    low, high = sorted(axis.get_view_interval())
    shown = [tick for tick in _TICKS if low <= tick <= high]
    if len(shown) > 7:
        shown = [tick for tick in shown if tick not in (0.2, 2, 5, 20, 50)]
    plain_numbers(axis, shown)
