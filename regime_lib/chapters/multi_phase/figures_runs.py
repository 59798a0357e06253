"""Runs of the two-layer network against time: loss, patterns and weight speed."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from regime_lib.chapters.multi_phase.one_run import OneRun
from regime_lib.chapters.multi_phase.settings import Array
from regime_lib.chapters.multi_phase.variations import Tracked, Variants
from regime_lib.chapters.multi_phase.worded import EVENTS
from regime_lib.companion.figures.marks import legend_below
from regime_lib.companion.figures.theme import Theme
from regime_lib.simulators.two_layer.flow import Pattern

#: What a neuron sees, with how strongly it is drawn; a sliding one sees one input.
_SEEN = {
    "both": ((Pattern.BOTH,), 0.95),
    "x₊ only": ((Pattern.PLUS, Pattern.SLIDE_V), 0.6),
    "x₋ only": ((Pattern.MINUS, Pattern.SLIDE_U), 0.35),
    "off": ((Pattern.OFF,), 0.1),
}


def phases(theme: Theme, run: OneRun) -> Figure:
    """Draw loss and accuracy against time, with the phases shaded between measured events."""
    figure, (linear, log) = theme.panels(2, height=3.1)
    law = {**theme.stroke("theory"), "linewidth": 2.6, "zorder": 3}
    for ax in (linear, log):
        _shade_phases(theme, ax, run.times, run.ends)
        ax.plot(run.times, run.loss, color=theme.colour("loss"), label="loss")
        ax.plot(run.on_plateau, run.law, label="closed form", **law)
        ax.set(xscale="log", xlabel="time", xlim=(run.times[0], run.times[-1]))
    linear.plot(run.times, run.accuracy, **theme.stroke("accuracy"), label="accuracy")
    linear.set(title="loss and accuracy", ylim=(0, 1.18))
    linear.legend(loc="lower left")
    log.set(title="loss, logarithmic", yscale="log", ylim=(run.loss[-1], 6))
    return figure


def phases_alt(run: OneRun) -> str:
    """Describe `phases`."""
    found, flat = run.phases, run.plateau
    return (
        f"The loss stays near 1, falls at time 1 to 10 to {flat.loss:.2f}, stays there, drifts "
        f"down and then falls as a straight line. Accuracy steps from {flat.accuracy:.2f} to 1 at "
        f"time {found.accurate:.0f}. Phase I ends at {found.condensed:.4f}, II at "
        f"{found.off_first:.0f}, III at {found.on_first:.0f}."
    )


def patterns(theme: Theme, run: OneRun) -> Figure:
    """Draw how many neurons see which inputs against time, positive and negative ones."""
    figure, axes = theme.panels(2, height=3.2)
    times = run.count_times
    for row, (ax, name) in enumerate(zip(axes, ("positive", "negative"), strict=True)):
        floor = np.zeros(len(times))
        for label, (held, strength) in _SEEN.items():
            top = floor + run.counts[:, row, list(held)].sum(axis=1)
            style: dict[str, Any] = {"alpha": strength, "color": theme.colour(name), "linewidth": 0}
            ax.fill_between(times, floor, top, step="post", label=label, **style)
            ax.step(times, top, where="post", color=theme.background, linewidth=1)
            floor = top
        name_ends(theme, ax, run.ends)
        ax.set(xscale="log", xlabel="time", ylim=(0, floor.max()))
        ax.set_title(f"{name} neurons", pad=18)
        ax.set_xlim(times[0], times[-1])
        ax.grid(visible=False)
        frame: dict[str, Any] = {
            "facecolor": theme.background,
            "edgecolor": "none",
            "framealpha": 0.85,
        }
        ax.legend(loc="upper left", frameon=True, **frame)
    return figure


def name_ends(theme: Theme, ax: Axes, ends: Mapping[str, float]) -> None:
    """Draw where phases end, and name them above; ends that no eye tells apart share a name."""
    names: dict[float, str] = {}
    for name, end in ends.items():
        ax.axvline(end, **theme.stroke("theory"), linewidth=1.2)
        last = max(names, default=0.0)
        if end < 10 * last:
            names[last] += f", {name}"
        else:
            names[end] = name
    for end, name in names.items():
        ax.text(end, 1.01, name, transform=ax.get_xaxis_transform(), ha="center", va="bottom")


def patterns_alt(run: OneRun) -> str:
    """Describe `patterns`."""
    positive, negative = run.counts[-1, 0, Pattern.SLIDE_V], run.counts[-1, 1, Pattern.BOTH]
    return (
        f"Most changes happen before time {run.phases.condensed:.4f}. Then {positive} living "
        f"positive neurons go from both inputs to x plus only at {run.phases.off_first:.0f}, and "
        f"{negative} living negative ones from x minus only to both at {run.phases.on_first:.0f}."
    )


def settling(theme: Theme, run: OneRun) -> Figure:
    """Draw the speed of the weights, and how many patterns change per time, over their peaks."""
    figure, (ax,) = theme.panels(1, height=3.2)
    _shade_phases(theme, ax, run.speed_times, run.ends)
    label = "weight speed over its peak"
    ax.plot(run.speed_times, run.speed, **theme.stroke("weight"), label=label)
    changed = run.rate > 0
    dots: dict[str, Any] = {
        "color": theme.colour("pattern"),
        "markersize": 5,
        "label": "pattern changes per time over its peak",
    }
    ax.plot(run.rate_times[changed], run.rate[changed], "s", **dots)
    for name, when in run.settled.items():
        ax.axvline(when, **theme.stroke(name), linewidth=1.3)
    ax.axhline(0.1, color=theme.text, linewidth=0.8, linestyle=":")
    ax.set(xscale="log", yscale="log", xlabel="time", ylim=(_floor(run) / 50, 30))
    ax.set_xlim(run.speed_times[0], run.speed_times[-1])
    ax.legend(loc="lower left", bbox_to_anchor=(0.12, 0.0))
    return figure


def _floor(run: OneRun) -> float:
    return float(min(run.speed.min(), run.rate[run.rate > 0].min())) / 5


def settling_alt(run: OneRun) -> str:
    """Describe `settling`."""
    last = run.rate_times[run.rate > 0][-1]
    return (
        "The weight speed is largest at the start, falls below a tenth of that at "
        f"{run.settled['weight']:.3g} and goes on falling for many decades. Changes of pattern per "
        f"time fall below a tenth of their peak at {run.settled['pattern']:.2g}; squares far below "
        f"follow near {last:.2g}."
    )


def tracked(theme: Theme, found: Tracked) -> Figure:
    """Draw what the tracker sees on gradient descent: flips and updates per step."""
    figure, axes = theme.panels(2, height=2.9)
    flips = np.where(found.flips > 0, found.flips, np.nan)
    series = (("pattern", flips), ("weight", found.updates))
    for ax, (quantity, values) in zip(axes, series, strict=True):
        ax.plot(found.times, values, **theme.stroke(quantity))
        for (name, when), style in zip(found.switches.items(), (":", "--"), strict=False):
            ax.axvline(when, color=theme.text, linewidth=1, linestyle=style, label=EVENTS[name])
        ax.set(yscale="log", xlabel="time", title=f"{quantity} change per step")
    legend_below(theme, figure, axes[0], 2)
    return figure


def tracked_alt(found: Tracked) -> str:
    """Describe `tracked`."""
    return (
        f"Flips never stop: at the end {found.numbers['tracked-flips']:.2f} bits flip per step on "
        f"average. The update falls from {found.updates.max():.1e} to {found.updates[-1]:.1e}."
    )


def variants(theme: Theme, found: Variants) -> Figure:
    """Draw the losses of variants, a panel per variant, with their events."""
    figure, axes = theme.panels(len(found.runs), height=3.0)
    styles = {"T_acc": "accuracy", "T_II": "positive", "T_III": "negative"}
    for ax, run in zip(axes, found.runs, strict=True):
        ax.plot(run.times, run.loss, color=theme.colour("loss"))
        for name, when in run.events.items():
            if np.isfinite(when):
                ax.axvline(when, **theme.stroke(styles[name]), label=EVENTS[name])
        ax.set(xscale="log", yscale="log", xlabel="time", title=run.title)
    legend_below(theme, figure, max(axes, key=lambda ax: len(ax.get_legend_handles_labels()[0])), 3)
    return figure


def variants_alt(found: Variants) -> str:
    """Describe `variants`."""
    said = (
        f"{run.title}: " + ", ".join(f"{EVENTS[n]} {when:.3g}" for n, when in run.events.items())
        for run in found.runs
    )
    return f"Three falling curves with plateaus. {'. '.join(said)}."


def _shade_phases(theme: Theme, ax: Axes, times: Array, ends: Mapping[str, float]) -> None:
    """Shade every other phase and write its numeral at the top."""
    edges = [times[0], *ends.values(), times[-1]]
    for i, ((left, right), name) in enumerate(zip(pairwise(edges), [*ends, "IV"], strict=True)):
        if not right > left:
            continue
        if i % 2 == 0:
            ax.axvspan(left, right, color=theme.text, alpha=0.09, linewidth=0)
        top: dict[str, Any] = {"transform": ax.get_xaxis_transform(), "ha": "center", "va": "top"}
        ax.text(np.sqrt(left * right), 0.97, name, **top)
