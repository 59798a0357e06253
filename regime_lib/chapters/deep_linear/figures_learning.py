"""Figures of deep linear networks that learn: staircases, kinds of starts, rates, large steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from regime_lib.companion.figures.marks import legend_below, outer_label
from regime_lib.companion.figures.theme import Theme

Array = npt.NDArray[np.float64]
_DASHES = ("-", (0, (6, 1.5)), (0, (2, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (1, 1)))


def staircases(
    theme: Theme,
    shown: Mapping[str, tuple[Array, Array]],
    values: Sequence[Array],
    *,
    xlabel: str = "time",
    log: bool = False,
) -> Figure:
    """Draw falling losses of several runs against critical values, a panel a setting.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    shown : mapping from title to (times, losses)
        Shapes (times,) and (times, runs).
    values : sequence of array
        Critical values to be visited, one array a panel.
    xlabel : str
        What runs to the right.
    log : bool
        Whether it does so logarithmically.
    """
    figure, axes = theme.panels(len(shown), height=2.9, sharey=False)
    for ax, (title, (times, losses)), rungs in zip(axes, shown.items(), values, strict=True):
        _rungs(theme, ax, rungs, "critical values")
        _runs(theme, ax, times, losses, "loss", "loss, a line a start", alpha=0.65)
        ax.set(title=title, xlabel=xlabel, xlim=(times[0], times[-1]))
        if log:
            ax.set_xscale("log")
            ax.set_xlim(left=max(times[0], times[-1] / 2000))
        ax.grid(visible=False)
    outer_label(theme, axes, "loss")
    legend_below(theme, figure, axes[0], 2)
    return figure


def starts(
    theme: Theme, shown: Mapping[str, tuple[Array, Array]], singular_values: Array
) -> Figure:
    """Draw how the modes are learnt from several kinds of starts, a panel a kind.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    shown : mapping from title to (times, modes)
        Shapes (times,) and (times, modes).
    singular_values : array, shape (modes,)
        Where the modes end.
    """
    figure, axes = theme.panels(len(shown), height=2.4, sharey=True)
    shades = theme.shades("weight", len(singular_values))
    for place, (ax, (title, (times, modes))) in enumerate(zip(axes, shown.items(), strict=True)):
        for number, (value, shade) in enumerate(zip(singular_values, shades, strict=True)):
            ax.axhline(value, color=theme.colour("theory"), linestyle=(0, (1.5, 1.5)), linewidth=1)
            ax.plot(
                times,
                modes[:, number],
                color=shade,
                linestyle=_DASHES[number % len(_DASHES)],
                label=f"σ = {value:g}",
            )
        ax.set(title=title, xlim=(times[0], times[-1]))
        if theme.narrow or place >= len(shown) - 3:
            ax.set_xlabel("time")
    outer_label(theme, axes, "strength", columns=3)
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(singular_values)
    )
    return figure


def rates(
    theme: Theme,
    decays: Mapping[str, tuple[Array, Array]],
    formulas: Mapping[str, Array],
    times: Array,
    ratios: Array,
) -> Figure:
    """Draw how the loss falls near the minimum at several depths, and the loss over its bound.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    decays : mapping from name to (times, losses)
        Losses over their first value in the window.
    formulas : mapping from name to array
        The exponential of the formula at the same times.
    times : array, shape (times,)
        Of the starts with a margin.
    ratios : array, shape (times, runs)
        Loss over its bound.
    """
    figure, (left, right) = theme.panels(2, height=3.0)
    shades = theme.shades("loss", len(decays))
    for number, (name, (when, losses)) in enumerate(decays.items()):
        left.plot(when, losses, color=shades[number], linestyle=_DASHES[number % 5], label=name)
        left.plot(
            when,
            formulas[name],
            linewidth=1.2,
            **theme.stroke("theory"),
            label="formula" if number == len(decays) - 1 else None,
        )
    left.set(yscale="log", xlabel="time", ylabel="loss / first", title="near the minimum")
    left.legend(loc="upper right")
    right.plot(times, ratios, color=theme.colour("loss"), linewidth=1, alpha=0.6)
    right.axhline(1, **theme.stroke("theory"))
    right.set(yscale="log", xlabel="time", ylabel="loss / bound", title="from the start on")
    right.set_ylim(bottom=1e-6, top=3)
    return figure


def edge(
    theme: Theme, steps: Array, runs: Mapping[str, tuple[Array, Array]], limits: Mapping[str, float]
) -> Figure:
    """Draw gradient descent with large steps: the loss, and the sharpness against its limit.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    steps : array, shape (steps,)
        Steps done.
    runs : mapping from name to (losses, sharpness)
        Each of shape (steps,).
    limits : mapping from name to float
        Two over the step size.
    """
    figure, (left, right) = theme.panels(2, height=3.0)
    shades = theme.shades("sgd", len(runs))
    for number, (name, (losses, sharpness)) in enumerate(runs.items()):
        style: dict[str, Any] = {
            "color": shades[number],
            "linestyle": _DASHES[number % len(_DASHES)],
        }
        fine = np.isfinite(losses) & (losses < 1e6)  # a run that diverges ends where it does
        left.plot(steps, np.where(fine, np.maximum(losses, 1e-16), np.nan), label=name, **style)
        right.plot(steps, np.where(fine, sharpness / limits[name], np.nan), **style)
    right.axhline(1, **theme.stroke("theory"))
    left.set(yscale="log", xlabel="step", title="loss", ylim=(1e-14, None))
    right.set(xlabel="step", title="sharpness × step / 2", ylim=(0, 2.5))
    legend_below(theme, figure, left)
    return figure


def scale_law(theme: Theme, scales: Array, deviations: Array, exponent: float) -> Figure:
    """Draw how far a plateau is from its critical value against the initial scale.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    scales : array, shape (scales,)
        Standard deviations of the initial weights.
    deviations : array, shape (scales, runs)
        Relative distance of the plateau.
    exponent : float
        Of the power law to draw beside them.
    """
    figure, (ax,) = theme.panels(1, height=2.9)
    low, mid, high = np.nanquantile(deviations, [0.1, 0.5, 0.9], axis=1)
    theme.band(ax, scales, low, mid, high, "loss", label="second plateau, depth 2")
    ax.plot(
        scales,
        mid[0] * (scales / scales[0]) ** exponent,
        **theme.stroke("theory"),
        label=f"power {exponent:.2f} of the scale",
    )
    ax.set(xscale="log", yscale="log", xlabel="standard deviation of the initial weights")
    ax.set_ylabel("relative distance")
    ax.legend(loc="upper left")
    return figure


def stairs_and_flips(
    theme: Theme, steps: Array, losses: Array, flips: Array, values: Array
) -> Figure:
    """Draw the losses of ReLU networks above the share of their patterns that changes a step.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    steps : array, shape (steps,)
        Optimiser steps.
    losses : array, shape (steps, runs)
        Training losses.
    flips : array, shape (steps, runs)
        Share of all units and samples that flipped, smoothed.
    values : array, shape (values,)
        Critical values of the linear network.
    """
    size = (3.9, 4.6) if theme.narrow else (7.2, 4.4)
    figure = Figure(figsize=size, layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(1.4, 1))
    _rungs(theme, top, values, "critical values of the linear network")
    _runs(theme, top, steps, losses, "loss", "loss, a line a seed")
    _tidy(top)
    top.set(ylabel="loss")
    top.legend(loc="center right", bbox_to_anchor=(1, 0.62))
    shown = np.where(flips > 0, flips, np.nan)
    _runs(theme, bottom, steps, shown, "pattern", "pattern change, a line a seed")
    bottom.set(yscale="log", xlabel="step", xlim=(steps[0], steps[-1]))
    bottom.set_ylabel("flips per step")
    bottom.legend(loc="upper right")
    _tidy(bottom)
    return figure


def _rungs(theme: Theme, ax: Axes, values: Array, label: str) -> None:
    """Draw critical values as rungs, and name them once."""
    for number, value in enumerate(values):
        name = label if number == 0 else None
        ax.axhline(value, linewidth=1, label=name, **theme.stroke("theory"))


def _runs(
    theme: Theme, ax: Axes, x: Array, runs: Array, quantity: str, label: str, *, alpha: float = 0.7
) -> None:
    """Draw a thin line for every column of `runs`, and name them once."""
    for number, run in enumerate(runs.T):
        name = label if number == 0 else None
        ax.plot(x, run, color=theme.colour(quantity), linewidth=1.1, alpha=alpha, label=name)


def _tidy(ax: Axes) -> None:
    ax.grid(visible=False)
    ax.yaxis.set_minor_formatter(NullFormatter())
