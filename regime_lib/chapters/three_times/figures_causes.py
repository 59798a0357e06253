"""What makes the ratio: changes that go together, warm-up and averaging, data and network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from regime_lib.chapters.three_times.style import (
    MARKERS,
    NAMES,
    OPTIMIZERS,
    mark_claims,
    ratio_axis,
)
from regime_lib.companion.figures.marks import outer_label, ratio_dots
from regime_lib.companion.figures.theme import Theme


def parallel(
    theme: Theme,
    panels: Mapping[str, Mapping[str, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]],
) -> Figure:
    """Draw pattern change against weight change, a point a step, a panel an architecture.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    panels : mapping from title to mapping from optimiser to pair of array
        Weight changes and pattern changes, smoothed.
    """
    figure, axes = theme.panels(len(panels), height=2.8, sharey=True)
    for ax, (title, runs) in zip(axes, panels.items(), strict=True):
        for name, (weights, patterns) in runs.items():
            ax.plot(
                weights / weights.max(),
                patterns / patterns.max(),
                MARKERS[name],
                markersize=2.6,
                alpha=0.6,
                color=theme.colour(name),
                rasterized=True,
                label=NAMES[name],
            )
        ends = np.array([3e-3, 1.0])
        ax.plot(ends, ends, **theme.stroke("theory"))
        ax.set(xscale="log", yscale="log", title=title, xlim=(3e-3, 1.5), ylim=(3e-3, 1.5))
        ax.set_xlabel("weight change / peak")
    outer_label(theme, axes, "pattern change / peak")
    axes[0].legend(loc="upper left", markerscale=2, handlelength=1)
    return figure


def causes(theme: Theme, table: pd.DataFrame) -> Figure:
    """Draw what a warm-up and averaging do to the ratio, a panel an architecture.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    table : DataFrame
        Specifications of one definition, with a column `change` that names what was changed.
    """
    titles = list(dict.fromkeys(table["architecture"]))
    changes = list(dict.fromkeys(table["change"]))
    figure, axes = theme.panels(len(titles), height=3.3, sharey=True)
    for ax, architecture in zip(axes, titles, strict=True):
        own = table[table["architecture"] == architecture]
        for offset, name in zip((-0.2, 0.0, 0.2), OPTIMIZERS, strict=True):
            rows = own[(own["optimizer"] == name) & own["ratio"].notna()]
            x = np.array([changes.index(change) for change in rows["change"]], dtype=float) + offset
            colour = theme.colour(name)
            ax.vlines(x, rows["low"], rows["high"], color=colour, linewidth=2)
            look: dict[str, Any] = {"marker": MARKERS[name], "size": 34, "label": NAMES[name]}
            ratio_dots(theme, ax, x, rows["ratio"], rows["bound"] == "exact", colour, **look)
        mark_claims(theme, ax, words=False)
        ax.set(yscale="log", title=NAMES[architecture], xlim=(-0.5, len(changes) - 0.5))
        ax.set_xticks(range(len(changes)), changes, rotation=30, ha="right", rotation_mode="anchor")
        ax.grid(axis="x", visible=False)
    for ax in axes:
        ratio_axis(ax.yaxis)
    outer_label(theme, axes, "weights' / patterns' time")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def by_data(theme: Theme, table: pd.DataFrame) -> Figure:
    """Draw the ratio of every setting, a row for each data set and architecture.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    table : DataFrame
        Specifications of one definition.
    """
    there = set(zip(table["dataset"], table["architecture"], strict=True))
    cells = [(d, a) for d in NAMES for a in NAMES if (d, a) in there]
    figure, (ax,) = theme.panels(1, height=0.44 * len(cells) + 1.2)
    schedules = list(dict.fromkeys(table["schedule"]))
    for row in table[table["ratio"].notna()].itertuples():
        place = cells.index((row.dataset, row.architecture))
        shift = 0.24 * (OPTIMIZERS.index(row.optimizer) - 1) + 0.08 * (
            schedules.index(row.schedule) - 0.5
        )
        colour = theme.colour(row.optimizer)
        ax.hlines(-place - shift, row.low, row.high, color=colour, linewidth=1.4)
        ax.scatter(
            row.ratio,
            -place - shift,
            marker=MARKERS[row.optimizer],
            s=30,
            facecolor=colour if row.bound == "exact" else theme.background,
            edgecolor=colour,
            zorder=3,
        )
    for name in OPTIMIZERS:
        colour = theme.colour(name)
        ax.scatter([], [], marker=MARKERS[name], color=colour, s=30, label=NAMES[name])
    ax.set(xscale="log", ylim=(0.6 - len(cells), 0.6))
    mark_claims(theme, ax, words=False, vertical=True)
    separator = "\n" if theme.narrow else ", "
    labels = [f"{NAMES[data]}{separator}{NAMES[architecture]}" for data, architecture in cells]
    ax.set_yticks([-place for place in range(len(cells))], labels)
    ax.set_xlabel("weights' time / patterns' time")
    ax.grid(axis="y", visible=False)
    ratio_axis(ax.xaxis)
    figure.legend(loc="outside lower center", ncols=3)
    return figure
