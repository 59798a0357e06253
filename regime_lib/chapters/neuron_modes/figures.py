"""The figures of the chapter on neuron modes: rank slopes, linear substitutes, truncation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from regime_lib.companion.figures.theme import Theme

Array = npt.NDArray[np.float64]
_MARKERS = ("o", "s", "^", "D", "v", "P")
_NETS = {"tanh net": "whole net", "linear map of it": "linear substitute", "linear net": "theory"}


def quantiles(values: Array) -> tuple[Array, Array, Array]:
    """Return the 10 %, 50 % and 90 % quantiles over the last axis, the runs."""
    low, mid, high = np.nanquantile(values, [0.1, 0.5, 0.9], axis=-1)
    return low, mid, high


def slope_over_training(
    theme: Theme,
    steps: Array,
    slopes: Array,
    accuracy: Array,
    centres: Array,
    densities: Mapping[str, Array],
) -> Figure:
    """Draw the slope and the accuracy while a network learns, and rank densities at some times.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    steps : array, shape (checks,)
        Optimiser steps, from 0.
    slopes, accuracy : array, shape (checks, seeds)
        Rank slope and test accuracy.
    centres : array, shape (bins,)
        Middles of the bins of ranks.
    densities : mapping from moment to array, shape (seeds, bins)
        The rank densities, in order.
    """
    figure, (left, middle, right) = theme.panels(3, height=2.8)
    theme.band(left, steps, *quantiles(slopes), "rank slope")
    left.set(title="slope", ylabel="slope of the rank density")
    theme.band(middle, steps, *quantiles(accuracy), "accuracy")
    middle.set(title="test accuracy", ylabel="share", ylim=(0, 1.02))
    for ax in (left, middle):
        step_axis(ax, steps)
    shades = theme.shades("rank slope", len(densities))[::-1]
    styles: Sequence[object] = ("-", (0, (6, 1.5)), (0, (1.5, 1.5)))
    for (moment, rows), shade, style in zip(densities.items(), shades, styles, strict=False):
        low, mid, high = quantiles(rows.T)
        right.fill_between(centres, low, high, color=shade, alpha=0.2, linewidth=0)
        right.plot(centres, mid, color=shade, linestyle=style, label=moment)
    right.set(title="rank density", xlabel="rank / (P - 1)", ylim=(0, None), xlim=(0, 1))
    right.legend(loc="upper left")
    return figure


def three_networks(theme: Theme, sizes: Array, accuracy: Mapping[str, Array]) -> Figure:
    """Draw test accuracy over the number of training samples, and the distance to the tanh net.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    sizes : array, shape (sizes,)
        Training samples.
    accuracy : mapping from network to array, shape (sizes, seeds)
        Shares, for ``tanh net``, ``linear map of it`` and ``linear net``.
    """
    figure, (left, right) = theme.panels(2, height=3.0)
    whole = accuracy["tanh net"]
    for (name, values), marker in zip(accuracy.items(), _MARKERS, strict=False):
        quantity = _NETS[name]
        theme.band(left, sizes, *quantiles(values), quantity, label=name)
        left.plot(sizes, quantiles(values)[1], marker, color=theme.colour(quantity), markersize=4)
        if name != "tanh net":
            theme.band(right, sizes, *quantiles(100 * (whole - values)), quantity)
    right.axhline(0, color=theme.text, linewidth=1)
    left.set(title="test accuracy", ylabel="share")
    right.set(title="behind the tanh net", ylabel="points of accuracy")
    for ax in (left, right):
        ax.set(xscale="log", xlabel="training samples")
        shown = sizes if not theme.narrow else sizes[::2]
        ax.set_xticks(shown, [f"{size:g}" for size in shown])
        ax.xaxis.set_minor_locator(NullLocator())
        ax.tick_params(axis="x", rotation=45)
    left.legend(loc="lower right")
    return figure


def layer_slopes(
    theme: Theme, steps: Array, slopes: Array, moments: Mapping[str, Array], per_step: str = ""
) -> Figure:
    """Draw the slope of every layer over training as a heat map, and by layer at some moments.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    steps : array, shape (checks,)
        Optimiser steps.
    slopes : array, shape (checks, layers)
        Slopes, averaged over runs.
    moments : mapping from moment to array, shape (layers, seeds)
        Slopes early and late, run by run.
    per_step : str
        Said above the heat map.
    """
    figure, (left, right) = theme.panels(2, height=3.0)
    checks, layers = slopes.shape
    mesh = left.pcolormesh(
        np.arange(checks + 1),
        np.arange(layers + 1) + 0.5,
        slopes.T,
        cmap="cividis",
        vmin=0,
        rasterized=True,
    )
    bar = figure.colorbar(mesh, ax=left, pad=0.02, aspect=24)
    bar.outline.set_visible(False)
    chosen = np.linspace(0, checks - 1, 5).round().astype(int)
    left.set_xticks(chosen + 0.5, [f"{steps[c]:g}" for c in chosen])
    left.set(title=per_step or "slope of every layer", xlabel="optimiser step", ylabel="layer")
    left.grid(visible=False)
    shades = theme.shades("rank slope", len(moments))[::-1]
    number = np.arange(1, layers + 1)
    styles: Sequence[object] = ((0, (1.5, 1.5)), (0, (6, 1.5)), "-")
    for (moment, rows), shade, style, marker in zip(
        moments.items(), shades, styles, _MARKERS, strict=False
    ):
        low, mid, high = quantiles(rows)
        right.fill_between(number, low, high, color=shade, alpha=0.2, linewidth=0)
        right.plot(
            number, mid, color=shade, linestyle=style, marker=marker, markersize=4, label=moment
        )
    right.set(title="early and late", xlabel="layer", ylabel="slope", ylim=(None, None))
    right.set_xticks(number if layers <= 12 else number[::4])
    right.legend(loc="best")
    return figure


def truncation(
    theme: Theme, curves: Mapping[str, Mapping[str, Array]], whole: Mapping[str, Array]
) -> Figure:
    """Draw accuracy against the number of activations that stay, a panel a network.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    curves : mapping from network to mapping from treatment of shifts to array
        Shares of shape (activations + 1, seeds).
    whole : mapping from network to array, shape (seeds,)
        Accuracy of the untouched network.
    """
    figure, axes = theme.panels(len(curves), height=2.9, sharey=True)
    for ax, (title, treatments) in zip(axes, curves.items(), strict=True):
        shades = theme.shades("linear substitute", len(treatments))
        styles: Sequence[object] = ((0, (6, 1.5)), (0, (1.5, 1.5)))
        for (name, values), shade, style, marker in zip(
            treatments.items(), shades, styles, _MARKERS, strict=False
        ):
            kept = np.arange(len(values))
            low, mid, high = quantiles(values)
            ax.fill_between(kept, low, high, color=shade, alpha=0.2, linewidth=0)
            ax.plot(
                kept, mid, color=shade, linestyle=style, marker=marker, markersize=4, label=name
            )
        ax.axhline(
            float(np.median(whole[title])), color=theme.colour("whole net"), label="whole net"
        )
        ax.set(title=title, xlabel="activations kept", ylim=(0, 1.03))
        ax.set_xticks(range(0, len(kept), 1 if len(kept) < 8 else 2))
    for ax in axes if theme.narrow else axes[:1]:
        ax.set_ylabel("test accuracy")
    axes[0].legend(loc="lower right")
    return figure


def rule(
    theme: Theme, slopes: Mapping[str, Array], accuracy: Mapping[str, Array], xlabel: str
) -> Figure:
    """Draw accuracy against the slope of the first layer, a point a run, a marker a setting.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    slopes, accuracy : mapping from setting to array, shape (seeds,)
        First-layer slopes and test accuracies.
    xlabel : str
        What runs to the right.
    """
    figure, (ax,) = theme.panels(1, height=3.0)
    shades = theme.shades("rank slope", len(slopes))
    for (name, x), shade, marker in zip(slopes.items(), shades, _MARKERS, strict=False):
        ax.plot(x, accuracy[name], marker, color=shade, markersize=6, alpha=0.85, label=name)
    ax.set(xlabel=xlabel, ylabel="test accuracy")
    ax.xaxis.set_major_locator(MaxNLocator(5))
    figure.legend(loc="outside lower center", ncols=1 if theme.narrow else 3)
    return figure


def step_axis(ax: Axes, steps: Array) -> None:
    """Show steps from 0 logarithmically: 0 stands at the left end."""
    ax.set_xscale("symlog", linthresh=max(1.0, float(steps[steps > 0].min())), linscale=0.6)
    ax.set(xlabel="optimiser step", xlim=(0, float(steps[-1])))
    ticks = [0.0, *(10.0**k for k in range(int(np.log10(steps[-1])) + 1))]
    ax.set_xticks(ticks)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
