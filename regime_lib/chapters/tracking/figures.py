"""The figures of the tracking chapters: patterns and weights settling, in one look for all of them.

Functions take plain numbers (arrays and tables), so that this room needs nothing of the instrument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from regime_lib.companion.figures.curves import Curves, both_changes, shaded
from regime_lib.companion.figures.marks import legend_below, outer_label, plain_numbers, ratio_dots
from regime_lib.companion.figures.theme import Theme

NAMES = {"sgd": "SGD", "momentum": "SGD with momentum", "adam": "Adam", "adamw": "AdamW"}
MARKERS = {"sgd": "o", "momentum": "s", "adam": "^", "adamw": "^"}
_RATIOS = (0.5, 1, 2, 3, 5, 10, 20, 50)  # that an axis may name


def settling(
    theme: Theme,
    patterns: Mapping[str, Curves],
    weights: Mapping[str, Curves],
    times: Mapping[str, tuple[float, float]],
) -> Figure:
    """Draw pattern change and weight change per step, each over its peak, a panel per optimiser.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    patterns, weights : mapping from optimiser, or any title, to Curves
        Smoothed changes per step.
    times : mapping from optimiser to pair of float
        When patterns and weights settle, in steps; NaN where they do not.
    """
    figure, axes = theme.panels(len(patterns), height=2.9, sharey=True)
    for ax, name in zip(axes, patterns, strict=True):
        both_changes(theme, ax, weights[name], patterns[name])
        for quantity, time in zip(("pattern", "weight"), times[name], strict=True):
            if np.isfinite(time):
                ax.axvline(time, **theme.stroke(quantity))
        ax.set(yscale="log", ylim=(1.5e-3, 1.3), title=NAMES.get(name, name))
        _step_axis(ax)
    outer_label(theme, axes, "change per step / peak")
    axes[0].legend(loc="lower left")
    return figure


def by_definition(theme: Theme, table: pd.DataFrame, claimed: float) -> Figure:
    """Draw the ratio of the two times under every definition, with intervals.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    table : DataFrame
        Columns `definition`, `optimizer`, `ratio`, `low`, `high`, `bound`; a bound other than
        "exact" is drawn hollow, an undetermined ratio is left out.
    claimed : float
        The ratio that the paper claims.
    """
    definitions = list(dict.fromkeys(table["definition"]))
    optimizers = list(dict.fromkeys(table["optimizer"]))
    figure, (ax,) = theme.panels(1, height=0.36 * len(definitions) + 1.0)
    place = {definition: -row for row, definition in enumerate(definitions)}
    for offset, name in zip(np.linspace(0.24, -0.24, len(optimizers)), optimizers, strict=True):
        rows = table[(table["optimizer"] == name) & table["ratio"].notna()]
        y = rows["definition"].map(place) + offset
        colour = theme.colour(name)
        ax.hlines(y, rows["low"], rows["high"], color=colour, linewidth=2)
        look: dict[str, Any] = {
            "marker": MARKERS[name],
            "size": 34,
            "linewidth": 1.4,
            "label": NAMES[name],
        }
        ratio_dots(theme, ax, rows["ratio"], y, rows["bound"] == "exact", colour, **look)
    ax.axvline(1, color=theme.text, linewidth=1)
    ax.axvline(claimed, **theme.stroke("theory"))
    for ratio, meaning in ((1.0, "together"), (claimed, "claimed")):
        ax.annotate(meaning, (ratio, 0.55), xytext=(4, 0), textcoords="offset points", va="center")
    ax.set(xscale="log", ylim=(0.5 - len(definitions), 0.8))
    ax.set_yticks(list(place.values()), [_wrapped(d, theme) for d in definitions])
    plain_numbers(ax.xaxis, _RATIOS)
    ax.set_xlabel("weights' time / patterns' time")
    ax.grid(axis="y", visible=False)
    legend_below(theme, figure, ax, 3)
    return figure


def by_layer(
    theme: Theme,
    patterns: Mapping[str, Curves],
    weights: Mapping[str, Curves],
) -> Figure:
    """Draw the changes per step of every layer, patterns on the left and weights on the right.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    patterns, weights : mapping from layer to Curves
        Smoothed changes per step.
    """
    figure, axes = theme.panels(2, height=2.9)
    for ax, quantity, layers in zip(axes, ("pattern", "weight"), (patterns, weights), strict=True):
        shaded(theme, ax, layers, quantity, over_peak=True)
        ax.set(yscale="log", ylim=(1.5e-3, 1.3), title=f"{quantity}s")
        ax.legend(loc="lower left")
        _step_axis(ax)
    outer_label(theme, axes, "change per step / peak")
    return figure


def law_against_measurement(
    theme: Theme, measured: Mapping[str, Curves], predicted: Mapping[str, Curves]
) -> Figure:
    """Draw measured flips per step over what the flip law predicts, for every optimiser.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    measured, predicted : mapping from optimiser to Curves
        Smoothed shares of flipped units.
    """
    figure, axes = theme.panels(len(measured), height=2.9, sharey=True)
    for ax, name in zip(axes, measured, strict=True):
        steps = measured[name].steps
        for bundle, quantity, label in (
            (measured[name], "pattern", "measured"),
            (predicted[name], "theory", "flip law"),
        ):
            low, mid, high = bundle.quantiles()
            theme.band(ax, steps, low, mid, high, quantity, label=label)
        ax.set(yscale="log", title=NAMES[name])
        _step_axis(ax)
    outer_label(theme, axes, "share of units flipped")
    axes[0].legend(loc="lower left")
    return figure


def proportional(
    theme: Theme, patterns: Mapping[str, Curves], weights: Mapping[str, Curves]
) -> Figure:
    """Draw pattern change against weight change, a point a step, with a line of slope one.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    patterns, weights : mapping from optimiser to Curves
        Changes per step.
    """
    figure, axes = theme.panels(len(patterns), height=2.7, sharey=True)
    for ax, name in zip(axes, patterns, strict=True):
        x = weights[name].values / weights[name].values.max(axis=0)
        y = patterns[name].values / patterns[name].values.max(axis=0)
        chosen = np.unique(np.geomspace(1, len(x), 220).astype(int)) - 1
        ax.plot(
            x[chosen].ravel(),
            y[chosen].ravel(),
            ".",
            markersize=2.5,
            alpha=0.5,
            color=theme.colour(name),
            rasterized=True,
        )
        ends = np.array([2e-3, 1.0])
        ax.plot(
            ends,
            ends,
            **theme.stroke("theory"),
            label="slope one",
        )
        ax.set(xscale="log", yscale="log", title=NAMES[name], xlim=(1e-3, 1.5), ylim=(1e-3, 1.5))
        ax.set_xlabel("weight change / peak")
    outer_label(theme, axes, "pattern change / peak")
    axes[0].legend(loc="upper left")
    return figure


def embers(
    theme: Theme,
    flips: npt.NDArray[np.float64],
    layer_sizes: Sequence[int],
    patterns: Curves,
    weights: Curves,
) -> Figure:
    """Draw how often every unit still flips while training goes on, and both changes per step.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    flips : array, shape (steps, units)
        Share of the probe for which a unit flipped in a step.
    layer_sizes : sequence of int
        Units of each layer, in order.
    patterns, weights : Curves
        Smoothed changes per step of the same run.
    """
    size = (3.9, 4.6) if theme.narrow else (7.2, 4.9)
    figure = Figure(figsize=size, layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(2.4, 1))
    edges = np.unique(np.geomspace(1, len(flips) + 1, 60 if theme.narrow else 110).astype(int))
    rates = np.array([flips[a - 1 : b - 1].mean(axis=0) for a, b in pairwise(edges)])
    borders = np.cumsum([0, *layer_sizes])
    # within a layer, the units that flip most lie lowest
    order = np.concatenate(
        [a + np.argsort(-flips[:, a:b].sum(axis=0), kind="stable") for a, b in pairwise(borders)]
    )
    mesh = top.pcolormesh(
        edges,
        np.arange(flips.shape[1] + 1),
        np.ma.masked_equal(rates.T[order], 0),
        norm=LogNorm(1e-4, 1e-1),
        cmap=_heat(theme),
        rasterized=True,
    )
    bar = figure.colorbar(mesh, ax=top, pad=0.01, aspect=30, extend="both")
    bar.set_label("flips per input and step")
    bar.outline.set_visible(False)
    for border in borders[1:-1]:
        top.axhline(border, color=theme.background, linewidth=2)
    middles = [(a + b) / 2 for a, b in pairwise(borders)]
    names = [f"layer {number}" for number in range(1, len(layer_sizes) + 1)]
    top.set_yticks(middles, names, rotation=90, va="center")
    top.tick_params(axis="y", length=0)
    top.grid(visible=False)
    for quantity, bundle in (("weight", weights), ("pattern", patterns)):
        values = bundle.values[:, 0] / bundle.values[:, 0].max()
        line = theme.stroke(quantity)
        bottom.plot(bundle.steps, values, label=f"{quantity} change", **line)
    bottom.set(xscale="log", yscale="log", xlim=(1, len(flips)), xlabel="optimiser step")
    bottom.set_ylabel("per step / peak")
    bottom.legend(loc="lower left")
    return figure


def horizon(theme: Theme, table: pd.DataFrame) -> Figure:
    """Draw how the ratio changes when the same runs are cut short.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    table : DataFrame
        Columns `share` (of the run), `optimizer`, `ratio`, `low`, `high`, `bound`, `undetermined`
        (share of runs in which neither settles).
    """
    figure, axes = theme.panels(2, height=2.8)
    for name, rows in table.groupby("optimizer", sort=False):
        shown = rows[rows["ratio"].notna()]
        style = theme.stroke(name)
        axes[0].plot(shown["share"], shown["ratio"], marker=MARKERS[name], **style)
        axes[0].vlines(shown["share"], shown["low"], shown["high"], color=theme.colour(name))
        axes[1].plot(
            rows["share"], rows["undetermined"], marker=MARKERS[name], label=NAMES[name], **style
        )
    axes[0].axhline(1, color=theme.text, linewidth=1)
    axes[0].set(yscale="log", xscale="log", ylabel="weights / patterns", title="the ratio")
    plain_numbers(axes[0].yaxis, _RATIOS)
    axes[1].set(xscale="log", ylim=(-0.04, 1.04), ylabel="share of runs", title="neither settles")
    for ax in axes:
        ax.set_xlabel("part of the run that is seen")
        shares = sorted(table["share"].unique())
        ax.set_xticks(shares, [f"{share:.0%}" for share in shares])
        ax.xaxis.set_minor_formatter(NullFormatter())
    legend_below(theme, figure, axes[1], 3)
    return figure


def _heat(theme: Theme) -> ListedColormap:
    """Return seaborn's heat map, glowing out of the page's own background."""
    return sns.color_palette("rocket" if theme.dark else "rocket_r", as_cmap=True)


def _step_axis(ax: Axes) -> None:
    ax.set_xlabel("optimiser step")
    ax.set_xlim(left=0)
    thousands = ax.get_xlim()[1] >= 2000
    ax.xaxis.set_major_formatter(
        FuncFormatter(lambda x, _: f"{x / 1000:g}k" if thousands and x else f"{x:g}")
    )


def _wrapped(text: str, theme: Theme) -> str:
    """Break a long tick label in two lines where there is little room."""
    if not theme.narrow or len(text) < 22:
        return text
    words = text.split()
    half = len(words) // 2
    return " ".join(words[:half]) + "\n" + " ".join(words[half:])
