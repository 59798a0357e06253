"""The settings of one definition: their averages, data sets, and what makes their ratio.

A table of specifications is that of `Multiverse`; a figure takes a `Theme` first.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.figure import Figure

from regime_lib.chapters.three_times.committed import Averages
from regime_lib.chapters.three_times.configs import ARCHITECTURES, NAMES, OPTIMIZERS
from regime_lib.chapters.three_times.style import (
    MARKERS,
    RATIO,
    mark_claims,
    optimizer_dots,
    ratio_axis,
)
from regime_lib.companion.figures.curves import STYLES
from regime_lib.companion.figures.marks import outer_label
from regime_lib.companion.figures.theme import Theme

_OFFSETS = dict(zip(OPTIMIZERS, (-1, 0, 1), strict=True))


def averaging(
    theme: Theme, table: pd.DataFrame, marks: Mapping[str, float], title: str = "paper scale"
) -> Figure:
    """Draw the ratios of all settings in a row per optimiser, and lines at some averages."""
    figure, (ax,) = theme.panels(1, height=2.7)
    for place, name in enumerate(OPTIMIZERS):
        rows = _known(table, optimizer=name).sort_values("ratio")
        y = -place - 0.28 * np.sin(1.9 * np.arange(len(rows)))
        ax.hlines(y, rows["low"], rows["high"], color=theme.colour(name), linewidth=1, alpha=0.6)
        optimizer_dots(theme, ax, rows["ratio"], y, rows, name)
    for style, (label, value) in zip(STYLES, marks.items(), strict=False):
        ax.axvline(value, color=theme.text, linestyle=style, linewidth=1.4, label=label)
    ax.set(xscale="log", xlabel=RATIO, title=title)
    ax.set_yticks([0, -1, -2], [NAMES[name] for name in OPTIMIZERS])
    ax.grid(axis="y", visible=False)
    ratio_axis(ax.xaxis)
    figure.legend(loc="outside lower center", ncols=2 if theme.narrow else 4)
    return figure


def averages(theme: Theme, found: Averages) -> Figure:
    """Draw the settings with their median and mean, and the mean that is claimed."""
    marks = {"median": found.median, "mean": found.mean, "claimed mean: 3.85": 3.85}
    return averaging(theme, found.table, marks)


def averages_alt(found: Averages) -> str:
    """Say what the averages are of."""
    ratios = found.table.loc[found.table["bound"] == "exact", "ratio"]
    return (
        f"Ratios of {len(ratios)} exact settings, from {ratios.min():.2f} to {ratios.max():.1f}: "
        f"median {found.median:.2f}, mean {found.mean:.2f}."
    )


def by_data(theme: Theme, table: pd.DataFrame) -> Figure:
    """Draw the ratio of every setting, a row for each data set and architecture."""
    there = set(zip(table["dataset"], table["architecture"], strict=True))
    cells = [(d, a) for d in NAMES for a in ARCHITECTURES if (d, a) in there]
    figure, (ax,) = theme.panels(1, height=0.44 * len(cells) + 1.2)
    schedules = list(dict.fromkeys(table["schedule"]))
    for name in OPTIMIZERS:
        rows = _known(table, optimizer=name)
        pairs = zip(rows["dataset"], rows["architecture"], strict=True)
        place = np.array([cells.index(pair) for pair in pairs], dtype=float)
        shift = 0.08 * (rows["schedule"].map(schedules.index).to_numpy(dtype=float) - 0.5)
        y = -place - 0.24 * _OFFSETS[name] - shift
        ax.hlines(y, rows["low"], rows["high"], color=theme.colour(name), linewidth=1.4)
        optimizer_dots(theme, ax, rows["ratio"], y, rows, name, NAMES[name])
    ax.set(xscale="log", ylim=(0.6 - len(cells), 0.6))
    mark_claims(theme, ax, words=False, vertical=True)
    separator = "\n" if theme.narrow else ", "
    labels = [f"{NAMES[data]}{separator}{NAMES[architecture]}" for data, architecture in cells]
    ax.set_yticks([-place for place in range(len(cells))], labels)
    ax.set_xlabel(RATIO)
    ax.grid(axis="y", visible=False)
    ratio_axis(ax.xaxis)
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def by_data_alt(table: pd.DataFrame) -> str:
    """Say between which ratios each data set lies."""
    ranges = [
        f"{NAMES[data]} {own['ratio'].min():.2f} to {own['ratio'].max():.1f}"
        for data, own in table.dropna(subset=["ratio"]).groupby("dataset")
    ]
    return f"Ratios by data set. Smallest and largest known: {'; '.join(ranges)}."


def parallel(
    theme: Theme, changes: Mapping[tuple[str, str], Float[np.ndarray, "2 points"]]
) -> Figure:
    """Draw pattern change against weight change (`Digits.changes`), a panel per architecture."""
    titles = list(dict.fromkeys(architecture for architecture, _ in changes))
    figure, axes = theme.panels(len(titles), height=2.8, sharey=True)
    panels = dict(zip(titles, axes, strict=True))
    for (architecture, name), (weights, patterns) in changes.items():
        panels[architecture].plot(
            weights,
            patterns,
            MARKERS[name],
            markersize=2.6,
            alpha=0.6,
            color=theme.colour(name),
            rasterized=True,
            label=NAMES[name],
        )
    for title, ax in panels.items():
        ax.plot([3e-3, 1.0], [3e-3, 1.0], **theme.stroke("theory"))
        ax.set(xscale="log", yscale="log", title=NAMES[title], xlim=(3e-3, 1.5), ylim=(3e-3, 1.5))
        ax.set_xlabel("weight change / peak")
    outer_label(theme, axes, "pattern change / peak")
    axes[0].legend(loc="upper left", markerscale=2, handlelength=1)
    return figure


def causes(theme: Theme, table: pd.DataFrame) -> Figure:
    """Draw what was changed (the column `change`) and its ratio, a panel per architecture."""
    titles, changes = (list(dict.fromkeys(table[name])) for name in ("architecture", "change"))
    figure, axes = theme.panels(len(titles), height=3.3, sharey=True)
    for ax, architecture in zip(axes, titles, strict=True):
        for name in OPTIMIZERS:
            rows = _known(table, optimizer=name, architecture=architecture)
            x = rows["change"].map(changes.index).to_numpy(dtype=float) + 0.2 * _OFFSETS[name]
            ax.vlines(x, rows["low"], rows["high"], color=theme.colour(name), linewidth=2)
            optimizer_dots(theme, ax, x, rows["ratio"], rows, name, NAMES[name])
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


def causes_alt(table: pd.DataFrame) -> str:
    """Say the ratio of every setting that has one."""
    ratios = [
        f"{NAMES[row.architecture]} {NAMES[row.optimizer]} {row.change} {row.ratio:.2f}"
        for row in table.dropna(subset=["ratio"]).itertuples()
    ]
    return f"Median ratios: {'; '.join(ratios)}."


def _known(table: pd.DataFrame, **choices: str) -> pd.DataFrame:
    kept = table["ratio"].notna()
    for name, value in choices.items():
        kept &= table[name] == value
    return table[kept]
