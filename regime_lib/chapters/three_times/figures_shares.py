"""How much of the multiverse lies above a level, and where: shares, a table, averages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from regime_lib.chapters.three_times.style import MARKERS, NAMES, OPTIMIZERS, ratio_axis
from regime_lib.companion.figures.curves import STYLES
from regime_lib.companion.figures.marks import ratio_dots
from regime_lib.companion.figures.theme import Theme


def shares(
    theme: Theme, found: Mapping[str, Sequence[tuple[float, float, float, float]]]
) -> Figure:
    """Draw, for every level, how many specifications are surely above it and how many may be.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    found : mapping from panel title to sequence of tuple
        (level, share surely above, share that censoring leaves open, share of the exact ones
        above), all of them shares of one.
    """
    figure, axes = theme.panels(len(found), height=2.1)
    for ax, (title, levels) in zip(axes, found.items(), strict=True):
        for place, (_, above, unsure, _) in enumerate(levels):
            ax.barh(-place, above, color=theme.colour("pattern"), height=0.6)
            ax.barh(
                -place,
                unsure,
                left=above,
                height=0.6,
                facecolor=theme.background,
                edgecolor=theme.text,
                hatch="////",
                linewidth=0.6,
            )
            inside = above > 0.12
            ax.annotate(
                f"{above:.0%}",
                (above / 2 if inside else above, -place),
                xytext=(0 if inside else 5, 0),
                textcoords="offset points",
                va="center",
                ha="center" if inside else "left",
                color=theme.background if inside else theme.text,
                fontsize=9,
                bbox=None if inside else {"facecolor": theme.background, "linewidth": 0, "pad": 1},
            )
        ax.set_yticks([-p for p in range(len(levels))], [f"above {row[0]:g}" for row in levels])
        ax.set(xlim=(0, 1), title=title, xlabel="share of all specifications")
        ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:.0%}"))
        ax.grid(axis="y", visible=False)
    return figure


def where_it_holds(
    theme: Theme, table: pd.DataFrame, columns: Sequence[str], groups: Sequence[str]
) -> Figure:
    """Draw the median ratio of every definition under every choice, as a table in colour.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    table : DataFrame
        Rows are definitions, columns choices; NaN where no number is known.
    columns : sequence of str
        Headings.
    groups : sequence of str
        Headings above each three columns.
    """
    figure, (ax,) = theme.panels(1, height=0.27 * len(table) + 1.1)
    blue, orange = theme.colour("weight"), theme.colour("pattern")
    map_ = LinearSegmentedColormap.from_list("ratio", [blue, theme.background, orange])
    values = np.log(table.to_numpy(dtype=float))
    norm = TwoSlopeNorm(0.0, -np.log(6), np.log(6))
    ax.imshow(np.ma.masked_invalid(values), cmap=map_, norm=norm, aspect="auto")
    for (row, column), number in np.ndenumerate(table.to_numpy(dtype=float)):
        strong = abs(np.log(number)) > np.log(3.2) if np.isfinite(number) else False
        ax.annotate(
            _short(number) if np.isfinite(number) else "–",
            (column, row),
            ha="center",
            va="center",
            fontsize=8.5,
            color=theme.background if strong else theme.text,
            fontweight="bold" if np.isfinite(number) and number >= 2 else "normal",
        )
    ax.set_yticks(range(len(table)), list(table.index))
    size = 8.3 if theme.narrow else 9
    ax.set_xticks(range(len(columns)), list(columns), fontsize=size)
    for place, title in enumerate(groups):
        ax.annotate(
            title,
            (3 * place + 1, -0.5),
            xytext=(0, 20),
            textcoords="offset points",
            ha="center",
            fontsize=size,
            fontweight="bold",
            annotation_clip=False,
        )
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(visible=False)
    for border in range(3, len(columns), 3):
        ax.axvline(border - 0.5, color=theme.text, linewidth=1)
    return figure


def averaging(
    theme: Theme, table: pd.DataFrame, marks: Mapping[str, float], title: str = ""
) -> Figure:
    """Draw the ratios of all settings in one row, with median, geometric mean and mean.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    table : DataFrame
        Specifications of one definition.
    marks : mapping from name to float
        Averages to mark.
    title : str
        Of the panel.
    """
    figure, (ax,) = theme.panels(1, height=2.7)
    for place, name in enumerate(OPTIMIZERS):
        rows = table[(table["optimizer"] == name) & table["ratio"].notna()].sort_values("ratio")
        spread = place + 0.28 * np.sin(1.9 * np.arange(len(rows)))
        colour = theme.colour(name)
        ax.hlines(-spread, rows["low"], rows["high"], color=colour, linewidth=1, alpha=0.6)
        exact = rows["bound"] == "exact"
        ratio_dots(theme, ax, rows["ratio"], -spread, exact, colour, marker=MARKERS[name], size=26)
    for style, (name, value) in zip(STYLES, marks.items(), strict=False):
        ax.axvline(value, color=theme.text, linestyle=style, linewidth=1.4, label=name)
    ax.set(xscale="log", xlabel="weights' time / patterns' time", title=title)
    ax.set_yticks([0, -1, -2], [NAMES[name] for name in OPTIMIZERS])
    ax.grid(axis="y", visible=False)
    ratio_axis(ax.xaxis)
    figure.legend(loc="outside lower center", ncols=2 if theme.narrow else 4)
    return figure


def _short(number: float) -> str:
    return f"{number:.2f}" if number < 9.95 else f"{number:.0f}"
