"""Further figures of the tracking chapters: schedules, drift under flicker, the indicator OUI.

Functions take plain numbers (arrays and tables), as those of `tracking` do.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from regime_lib.chapters.tracking.figures import MARKERS, NAMES
from regime_lib.companion.figures.curves import Curves, both_changes, shaded
from regime_lib.companion.figures.marks import legend_below, plain_numbers, ratio_dots
from regime_lib.companion.figures.theme import Theme


def by_schedule(theme: Theme, table: pd.DataFrame, claimed: float, columns: int = 3) -> Figure:
    """Draw the ratio of the two times under several definitions, a panel per schedule.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    table : DataFrame
        Columns `schedule`, `definition`, `optimizer`, `ratio`, `low`, `high`, `bound`; a bound
        other than "exact" is drawn hollow, an undetermined ratio is a cross at one.
    claimed : float
        The ratio that the paper claims.
    columns : int
        Panels in a row of a wide figure.
    """
    schedules = list(dict.fromkeys(table["schedule"]))
    definitions = list(dict.fromkeys(table["definition"]))
    optimizers = list(dict.fromkeys(table["optimizer"]))
    columns = 1 if theme.narrow else min(columns, len(schedules))
    rows = -(-len(schedules) // columns)
    width = 3.9 if theme.narrow else 7.2
    size = (width, (0.42 * len(definitions) + 0.9) * rows + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    place = {definition: -row for row, definition in enumerate(definitions)}
    offsets = dict(zip(optimizers, np.linspace(0.26, -0.26, len(optimizers)), strict=True))
    for ax, schedule in zip(axes, schedules, strict=True):
        for name in optimizers:
            own = table[(table["schedule"] == schedule) & (table["optimizer"] == name)]
            _dots(theme, ax, own, own["definition"].map(place) + offsets[name], name)
        ax.axvline(1, color=theme.text, linewidth=1)
        ax.axvline(claimed, **theme.stroke("theory"))
        ax.set(xscale="log", ylim=(0.55 - len(definitions), 0.55), title=schedule)
        ax.set_yticks(list(place.values()), list(place))
        ax.set_xlabel("weights' time / patterns' time")
        ax.grid(axis="y", visible=False)
    low = np.nanmin(np.append(table["low"], 0.8))
    high = np.nanmax(np.append(table["high"], 1.1 * claimed))
    for ax in axes:
        ax.set_xlim(max(0.05, 0.85 * low), min(60.0, 1.2 * high))
        plain_numbers(ax.xaxis, (0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 50))
    legend_below(theme, figure, axes[0])
    return figure


def _dots(theme: Theme, ax: Axes, rows: pd.DataFrame, y: pd.Series, name: str) -> None:
    """Draw one optimiser's ratios: filled where exact, hollow where a bound, crosses where none."""
    colour = theme.colour(name)
    known = rows["ratio"].notna().to_numpy()
    found, place, marker = rows[known], y[known], MARKERS[name]
    ax.hlines(place, found["low"], found["high"], color=colour, linewidth=2)
    exact = found["bound"] == "exact"
    ratio_dots(
        theme, ax, found["ratio"], place, exact, colour, marker=marker, size=32, linewidth=1.4
    )
    # a name of its own, for all of its ratios may be bounds
    ax.scatter([], [], marker=marker, s=32, color=colour, label=NAMES[name])
    ax.scatter(np.ones((~known).sum()), y[~known], marker="x", s=30, color=colour, zorder=3)


def raw_and_average(
    theme: Theme,
    raw: Mapping[str, tuple[Curves, Curves]],
    average: Mapping[str, tuple[Curves, Curves]],
) -> Figure:
    """Draw the change per step of the trained weights (above) and of their average (below).

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    raw, average : mapping from optimiser to pair of Curves
        Smoothed pattern change and weight change per step.
    """
    size = (3.9, 1.9 * 2 * len(raw)) if theme.narrow else (7.2, 4.6)
    figure = Figure(figsize=size, layout="constrained")
    shape = (2 * len(raw), 1) if theme.narrow else (2, len(raw))
    grid = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False)
    kinds = (("trained weights", raw), ("their average", average))
    for row, (kind, runs) in enumerate(kinds):
        for column, (name, (pattern, weight)) in enumerate(runs.items()):
            ax = grid[2 * column + row, 0] if theme.narrow else grid[row, column]
            both_changes(theme, ax, weight, pattern)
            ax.set(yscale="log", ylim=(1.5e-3, 1.3))
            if theme.narrow:
                ax.set_title(f"{NAMES[name]}: {kind}")
            elif row == 0:
                ax.set_title(NAMES[name])
            if column == 0 and not theme.narrow:
                ax.set_ylabel(f"{kind}\nchange / peak")
    last = grid[-1, 0] if theme.narrow else None
    for ax in [last] if last is not None else grid[-1]:
        ax.set_xlabel("optimiser step")
    grid[0, 0].legend(loc="lower left")
    return figure


def flicker(
    theme: Theme,
    left: Mapping[str, Curves],
    right: Mapping[str, Curves],
    titles: tuple[str, str],
) -> Figure:
    """Draw flips per net flip in two panels.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    left, right : mapping from optimiser to Curves
        Flips per net flip; where they are not finite they are left out.
    titles : pair of str
        What the panels show.
    """
    figure, axes = theme.panels(2, height=2.9)
    for ax, runs, title in zip(axes, (left, right), titles, strict=True):
        for name, bundle in runs.items():
            finite = Curves(
                bundle.steps, np.where(np.isfinite(bundle.values), bundle.values, np.nan)
            )
            shown = np.isfinite(finite.values).any(axis=1)
            low, mid, high = Curves(finite.steps[shown], finite.values[shown]).quantiles()
            theme.band(ax, finite.steps[shown], low, mid, high, name, label=NAMES[name])
        ax.axhline(1, color=theme.text, linewidth=1)
        ax.set(yscale="log", title=title, xlabel="optimiser step")
        plain_numbers(ax.yaxis, (1, 2, 5, 10, 20, 50, 100, 200, 500))
    axes[0].set_ylabel("flips per net flip")
    legend_below(theme, figure, axes[0])
    return figure


def indicator(
    theme: Theme,
    changes: Mapping[str, Curves],
    overall: Mapping[str, Curves],
    layers: Mapping[str, Curves],
    good: tuple[float, float],
    layers_of: str,
) -> Figure:
    """Draw pattern change beside OUI: over all layers by optimiser, and layer by layer.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    changes, overall : mapping from optimiser to Curves
        Smoothed pattern change per step; OUI over all layers.
    layers : mapping from layer to Curves
        OUI of each layer, for one optimiser.
    good : pair of float
        Between which values OUI is said to stay.
    layers_of : str
        Which optimiser the layers belong to.
    """
    figure, axes = theme.panels(3, height=2.8)
    for name in changes:
        bundle = changes[name]
        low, mid, high = bundle.over_peak()
        theme.band(axes[0], bundle.steps, low, mid, high, name, label=NAMES[name])
        low, mid, high = overall[name].quantiles()
        theme.band(axes[1], overall[name].steps, low, mid, high, name)
    axes[0].set(yscale="log", ylabel="pattern change / peak", title="one sample, two times")
    legend_below(theme, figure, axes[0])
    shaded(theme, axes[2], layers, "pattern")
    axes[2].legend(loc="upper right" if len(layers) > 2 else "lower right")
    axes[1].set(title="two samples, one time", ylabel="OUI")
    axes[2].set(title=f"by layer ({NAMES[layers_of]})", ylabel="OUI")
    for ax in axes[1:]:
        ax.axhspan(*good, color=theme.colour("accuracy"), alpha=0.15, linewidth=0)
        ax.set_ylim(0, 1.02)
    for ax in axes:
        ax.set_xlabel("optimiser step")
    return figure
