"""Many runs of the two-layer network against the laws of its phases, with 5 to 95 % over runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from regime_lib.chapters.multi_phase.by_descent import ByDescent
from regime_lib.chapters.multi_phase.condensation import Condensation, Living
from regime_lib.chapters.multi_phase.convergence import Limits, Spread
from regime_lib.chapters.multi_phase.plateaus import TIMES, OnPlateau, Scaling
from regime_lib.chapters.multi_phase.settings import PARAMETERS, Array
from regime_lib.chapters.multi_phase.switches import Sensitivity
from regime_lib.chapters.multi_phase.trend import Complexity
from regime_lib.chapters.multi_phase.variations import Survival
from regime_lib.chapters.multi_phase.worded import EVENTS
from regime_lib.companion.figures.curves import Curves, band, shaded
from regime_lib.companion.figures.marks import legend_below
from regime_lib.companion.figures.theme import WIDTH_INCHES, Theme

_MARKERS = ("o", "s", "^")
_LEVELS = [0.05, 0.5, 0.95]
_TICKS = (100, 300, 1000, 3000)

#: The panels of `spread`: title, colour, and the criterion of the claim.
PANELS: dict[str, tuple[str, str, tuple[float, float] | None]] = {
    "living_plus": ("living positive", "positive", (0.95, 1.05)),
    "living_minus": ("living negative", "negative", (0.95, 1.05)),
    "condensed_minus": ("1 − cos, negative", "negative", None),
    "height": ("plateau, height", "loss", (0.98, 1.02)),
    "arrival": ("plateau, arrival", "loss", (0.95, 1.05)),
    "accuracy_time": ("full accuracy", "accuracy", (0.95, 1.05)),
    "off_time": ("switching off", "positive", (0.95, 1.05)),
    "on_delay": ("delay until return", "negative", (0.9, 1.1)),
    "final_constant": ("final loss × time", "loss", (0.99, 1.01)),
}


def living(theme: Theme, found: Living) -> Figure:
    """Draw living fractions of every run with their formula, and how wide is wide enough."""
    figure, (each, wide) = theme.panels(2, height=2.9)
    names = ("positive", "negative")
    law = theme.stroke("theory")
    for row, (name, fractions) in enumerate(zip(names, found.fractions, strict=True)):
        offsets = row + 0.3 * (np.arange(len(fractions)) / max(len(fractions) - 1, 1) - 0.5)
        each.plot(fractions, offsets, "o", color=theme.colour(name), markersize=4, alpha=0.8)
        each.plot([found.expected[row]] * 2, [row - 0.35, row + 0.35], **law)
    each.set(xlabel="living fraction", ylim=(-0.6, 1.6), title="one dot per run")
    each.set_yticks((0, 1), names, rotation=90, va="center")
    wide.plot(found.widths, found.chances, color=theme.colour("theory"), linestyle="-")
    title = "chance that both ranges hold"
    wide.set(xscale="log", xlabel="neurons", title=title, ylim=(-0.03, 1.03))
    return figure


def living_alt(found: Living) -> str:
    """Describe `living`."""
    said = ", ".join(
        f"{name} {fractions.min():.3f} to {fractions.max():.3f} around {law:.3f}"
        for name, fractions, law in zip(
            ("positive", "negative"), found.fractions, found.expected, strict=True
        )
    )
    return (
        f"Dots scatter around the formula: {said}. The chance rises from near zero for 30 neurons "
        "to one for thousands."
    )


def condensation(theme: Theme, found: Condensation) -> Figure:
    """Draw how far the living neurons are from their common direction, against time."""
    figure, (ax,) = theme.panels(1, height=3.0)
    for row, name in enumerate(("positive", "negative")):
        curves = Curves(found.times, found.angles[:, row].T, 0.9)
        band(theme, ax, curves, name, label=f"{name}, farthest neuron")
    square = np.nanmax(found.at_end[:, 0]) * (found.times / found.ready) ** -2.0
    ax.plot(found.times, square, **theme.stroke("theory"), label="slope −2")
    ax.axvline(found.ready, color=theme.text, linewidth=1)
    ax.text(found.ready, 0.96, " end of phase I", transform=ax.get_xaxis_transform(), va="top")
    ax.set(xscale="log", yscale="log", xlabel="time", ylabel="1 − cosine")
    ax.legend(loc="lower left")
    return figure


def condensation_alt(found: Condensation) -> str:
    """Describe `condensation`."""
    positive, negative = np.median(found.at_end, axis=0)
    return (
        f"Two falling curves. At the end of phase I, time {found.ready:.3g}, the farthest positive "
        f"neuron is at {positive:.1e}, the farthest negative one at {negative:.1e}."
    )


def plateau(theme: Theme, found: OnPlateau) -> Figure:
    """Draw the way onto the plateau, and along it over the closed form."""
    figure, (rise, along) = theme.panels(2, height=2.9)
    law = theme.stroke("theory")
    band(theme, rise, Curves(found.times, found.rises.T, 0.9), "loss", label="exact flow")
    rise.plot(found.times, found.rise_law, **law, label="tanh law")
    rise.set(xlabel="time", title="√(p B / A) on the rise")
    rise.legend(loc="lower right")
    band(theme, along, Curves(found.shares, 100 * found.off_law.T, 0.9), "loss")
    along.axhline(0, **law)
    along.set(xscale="log", xlabel="time / that of full accuracy", title="loss off the law, in %")
    return figure


def plateau_alt(found: OnPlateau) -> str:
    """Describe `plateau`."""
    return (
        f"On the rise a curve goes from 1 to near {np.sqrt(found.ratio):.2f} beside the law. Along "
        f"the plateau the deviation stays within {100 * np.abs(found.off_law).max():.2f} per cent "
        "until full accuracy."
    )


def scaling(theme: Theme, found: Scaling) -> Figure:
    """Draw times against a parameter on logarithmic axes, a panel per parameter."""
    axes = {name: axis for name, axis in found.axes.items() if name != "κ₁"}
    figure, panels = theme.panels(len(axes), height=3.3)
    for ax, (symbol, axis) in zip(panels, axes.items(), strict=True):
        quantities = ("accuracy", "positive", "loss")
        for name, quantity, marker in zip(TIMES, quantities, _MARKERS, strict=True):
            low, middle, high = _with_late_ones(axis.measured[name])
            style: dict[str, Any] = {
                "fmt": marker,
                "color": theme.colour(quantity),
                "markersize": 4.5,
            }
            ends = [middle - low, high - middle]
            ax.errorbar(axis.values, middle, ends, label=EVENTS.get(name, name), **style)
            ax.plot(axis.values, axis.predicted[name], **theme.stroke("theory"))
        ax.set(xscale="log", yscale="log", xlabel=symbol)
    legend_below(theme, figure, panels[0], 3)
    return figure


def scaling_alt(found: Scaling) -> str:
    """Describe `scaling`."""
    said = (
        f"Exponents of {EVENTS[name]}: "
        + ", ".join(f"{symbol} {found.exponents[symbol, name]}" for symbol in found.axes)
        for name in TIMES[:2]
    )
    return f"Straight lines on logarithmic axes. {'. '.join(said)}."


def sensitivity(theme: Theme, found: Sensitivity) -> Figure:
    """Draw the time of the switch against the ratio of living negatives to positives."""
    figure, (ax,) = theme.panels(1, height=3.2)
    dots: dict[str, Any] = {
        "color": theme.colour("positive"),
        "markersize": 5,
        "label": "exact flow",
    }
    ax.plot(found.ratios, found.switched, "o", **dots)
    law = theme.stroke("theory")
    ax.plot(found.law_ratios, found.law, **law, label="closed form")
    right = max(found.ratios[np.isfinite(found.switched)].max(initial=0), found.never) + 0.08
    ax.axvspan(found.never, right, color=theme.text, alpha=0.1, linewidth=0)
    centre: dict[str, Any] = {"transform": ax.get_xaxis_transform(), "ha": "center", "va": "center"}
    ax.text((found.never + right) / 2, 0.5, "never", rotation=90, **centre)
    ax.set(
        yscale="log",
        xlabel="living negative / living positive neurons",
        ylabel="time of switching off",
    )
    ax.set_xlim(found.law_ratios.min(), right)
    ax.legend(loc="upper left")
    return figure


def sensitivity_alt(found: Sensitivity) -> str:
    """Describe `sensitivity`."""
    never = np.count_nonzero(np.isnan(found.switched))
    return (
        "Dots climb steeply along the closed form, from "
        f"{np.nanmin(found.switched):.0f} to {np.nanmax(found.switched):.1e}; {never} of "
        f"{len(found.switched)} networks do not switch before time {found.horizon:.0e}."
    )


def limits(theme: Theme, found: Limits) -> Figure:
    """Draw loss times time over its limit, and the limits of all runs against the formula."""
    figure, (approach, ends_of) = theme.panels(2, height=3.0)
    law = theme.stroke("theory")
    band(theme, approach, Curves(found.times, found.approach.T, 0.9), "loss")
    approach.axhline(1, **law)
    approach.set(xscale="log", xlabel="time", title="loss × time over its limit", ylim=(0, 1.2))
    both = np.concatenate([found.predicted, found.final])
    ends_of.plot([both.min(), both.max()], [both.min(), both.max()], **law)
    ends_of.plot(found.predicted, found.final, "o", color=theme.colour("loss"), markersize=5)
    ends_of.set(xlabel="predicted from the living neurons", title="loss × time at the end")
    return figure


def limits_alt(found: Limits) -> str:
    """Describe `limits`."""
    return (
        "Curves of loss times time rise to their limit; at the end, dots lie along the diagonal "
        f"from {found.final.min():.0f} to {found.final.max():.0f}."
    )


def complexity(theme: Theme, found: Complexity) -> Figure:
    """Draw how many features carry the outputs against time."""
    figure, (ax,) = theme.panels(1, height=3.0)
    outputs, fan = (Curves(found.times, rows.T, 0.9) for rows in (found.effective, found.ranks))
    band(theme, ax, outputs, "pattern", label="features by their outputs")
    band(theme, ax, fan, "weight", label="rank on a fan of inputs")
    ax.set(xscale="log", xlabel="time", ylabel="effective number")
    ax.legend(loc="upper right")
    return figure


def complexity_alt(found: Complexity) -> str:
    """Describe `complexity`."""
    middle, ranks = (np.median(rows, axis=0) for rows in (found.effective, found.ranks))
    return (
        f"From {middle[0]:.2f} features the curve falls to {middle.min():.2f}, stays there for "
        f"decades of time, and rises to {middle[-1]:.2f}. The rank on a fan of inputs goes from "
        f"{ranks[0]:.2f} to {ranks.min():.2f} and ends at {ranks[-1]:.2f}."
    )


def by_descent(theme: Theme, found: ByDescent) -> Figure:
    """Draw what gradient descent does at the second switch and at the end, a dot per network."""
    figure, (switch, final) = theme.panels(2, height=3.0)
    law, there = theme.stroke("theory"), np.isfinite(found.switched)
    dots: dict[str, Any] = {"color": theme.colour("negative"), "markersize": 5}
    switch.plot(found.switched[there], found.ratios[there], "o", **dots)
    switch.axhline(1, **law)
    switch.set(xscale="log", xlabel="time of the second switch", title="A / B there, over cos Δ")
    switch.minorticks_off()
    switch.set_xticks(_TICKS, [f"{tick}" for tick in _TICKS])
    ends = [np.nanmin(found.moved), np.nanmax(found.moved)] if there.any() else [0.0, 1.0]
    final.plot(ends, ends, **law)
    final.plot(found.predicted[there], found.moved[there], "o", **dots)
    final.set(xlabel="predicted from the start", title="final direction, u / v")
    return figure


def by_descent_alt(found: ByDescent) -> str:
    """Describe `by_descent`."""
    there = np.isfinite(found.switched)
    ratios, moved = found.ratios[there], found.moved[there]
    if not there.any():
        return "No network switches in time."
    return (
        f"Ratios from {ratios.min():.3f} to {ratios.max():.3f} at times from "
        f"{found.switched[there].min():.0f} to {found.switched[there].max():.0f}. Final "
        f"directions: dots along the diagonal from {moved.min():.3f} to {moved.max():.3f}."
    )


def spread(theme: Theme, found: Spread) -> Figure:
    """Draw medians with 5 to 95 % ranges at every level of every parameter."""
    columns = 2 if theme.narrow else 3
    rows = -(-len(PANELS) // columns)
    size = (WIDTH_INCHES[theme.narrow], 1.75 * rows)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for unused in axes[len(PANELS) :]:
        unused.remove()
    for ax, (name, (title, quantity, limits)) in zip(axes, PANELS.items(), strict=False):
        if limits:
            ax.axhspan(*limits, color=theme.colour("theory"), alpha=0.14, linewidth=0)
            ax.axhline(1.0, **theme.stroke("theory"), linewidth=1.4)
        _levels(ax, found, name, theme.colour(quantity))
        ax.set(title=title, yscale="linear" if limits else "log")
        ax.set_ylabel("over prediction" if limits else "measured")
    return figure


def spread_alt(found: Spread) -> str:
    """Describe `spread`."""

    def medians(table: pd.DataFrame) -> str:
        return ", ".join(f"{title} {table[k].median():.3g}" for k, (title, *_) in PANELS.items())

    table = found.table
    return (
        f"Nine panels. Medians over all runs: {medians(table)}. At the widest angle: "
        f"{medians(table[table['Δ'] > 0])}."
    )


def survival(theme: Theme, found: Survival) -> Figure:
    """Draw which share of the flow's living negatives survives gradient descent."""
    figure, (constant, growing) = theme.panels(2, height=3.0)
    curves = {name: Curves(found.steps, rows.T, 0.9) for name, rows in found.constant.items()}
    shaded(theme, constant, curves, "negative", markers=_MARKERS)
    constant.set(xlabel="step × κ₂ / κ₁", title="share that survives")
    constant.legend(loc="lower left")
    dots: dict[str, Any] = {"color": theme.colour("negative"), "marker": "o", "markersize": 4.5}
    growing.plot(found.moments, found.raised, **dots)
    growing.axvline(found.safe, **theme.stroke("theory"))
    growing.set(xlabel="time at which the step is raised", title="the same, growing step")
    for ax in (constant, growing):
        ax.set(xscale="log", ylim=(-0.05, 1.2))
    return figure


def survival_alt(found: Survival) -> str:
    """Describe `survival`."""
    said = "; ".join(
        f"{name} {np.median(rows, 0)[0]:.2f} to {np.median(rows, 0)[-1]:.2f}"
        for name, rows in found.constant.items()
    )
    return (
        f"Share that survives, from the smallest to the largest step: {said}. It goes "
        f"from {found.raised[0]:.2f} to {found.raised[-1]:.2f} when the step is raised later."
    )


def _with_late_ones(rows: Array) -> Array:
    """Return the 5 %, 50 % and 95 % quantiles over runs; one that never arrives is the longest."""
    endless = np.where(np.isfinite(rows), rows, np.inf)  # so that these are order statistics
    found = np.quantile(endless, _LEVELS, axis=0, method="nearest")
    return np.where(np.isfinite(found), found, np.nan)


def _levels(ax: Axes, found: Spread, name: str, colour: str) -> None:
    """Draw one quantity at the levels of every parameter, one parameter beside the other."""
    middles, first = [], 0.0
    for symbol in PARAMETERS:
        levels = [runs.quantile(_LEVELS) for _, runs in found.table.groupby(symbol)[name]]
        low, middle, high = np.array(levels).T  # of the runs that get there
        places = first + np.arange(len(levels))
        ax.plot(places, middle, "o-", color=colour, markersize=3.5, linewidth=1)
        ax.vlines(places, low, high, color=colour, linewidth=2.2, alpha=0.55)
        middles.append(float(places.mean()))
        first = float(places[-1]) + 1.9
    ax.set_xticks(middles, PARAMETERS)
    ax.tick_params(axis="x", length=0)
    ax.grid(axis="x", visible=False)
