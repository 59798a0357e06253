"""Marks that figures of several chapters share: dots of ratios, plain axes, labels and legends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from regime_lib.companion.figures.theme import Theme


def ratio_dots(
    theme: Theme,
    ax: Axes,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    exact: npt.ArrayLike,
    colour: str,
    *,
    marker: str,
    size: float,
    linewidth: float | None = None,
    label: str | None = None,
) -> None:
    """Draw dots, filled where a ratio is exact and hollow where it is a bound."""
    known = np.asarray(exact, dtype=bool)
    for chosen, fill in ((known, colour), (~known, theme.background)):
        ax.scatter(
            np.asarray(x)[chosen],
            np.asarray(y)[chosen],
            marker=marker,
            s=size,
            facecolor=fill,
            edgecolor=colour,
            linewidths=linewidth,
            zorder=3,
            label=label if chosen is known else None,
        )


def note(
    ax: Axes, text: str, at: tuple[float, float], shift: tuple[float, float] = (0, 0), **style: Any
) -> None:
    """Write a text some points beside a place."""
    ax.annotate(text, at, xytext=shift, textcoords="offset points", **style)


def plain_numbers(axis: Axis, ticks: Sequence[float]) -> None:
    """Label a logarithmic axis with plain numbers, as many as lie in view."""
    low, high = sorted(axis.get_view_interval())
    axis.set_ticks([tick for tick in ticks if low <= tick <= high])
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def outer_label(theme: Theme, axes: Sequence[Axes], text: str, *, columns: int = 0) -> None:
    """Label the vertical axis of the first panel of a row, of every panel where they stand alone.

    All panels stand in one row, unless a number of columns is given.
    """
    for ax in axes if theme.narrow else axes[:: columns or len(axes)]:
        ax.set_ylabel(text)


def legend_below(theme: Theme, figure: Figure, ax: Axes, columns: int | None = None) -> None:
    """Name the lines of one panel once, below all panels: in one row, or in some columns.

    Where the figure is narrow, names stand one under the other.
    """
    handles, labels = ax.get_legend_handles_labels()
    found = dict(zip(labels, handles, strict=True))
    wanted = 1 if theme.narrow else columns or len(found)
    figure.legend(list(found.values()), list(found), loc="outside lower center", ncols=wanted)


def finished(
    theme: Theme, figure: Figure, axes: Sequence[Axes], text: str, columns: int | None = None
) -> Figure:
    """Label a row of panels like `outer_label`, name their lines like `legend_below`; return it."""
    outer_label(theme, axes, text)
    legend_below(theme, figure, axes[0], columns)
    return figure
