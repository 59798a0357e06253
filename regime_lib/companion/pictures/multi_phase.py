"""The figures of the chapter on four phases: runs, times and neurons of the two-layer network.

Functions take plain numbers, so that this room needs nothing of the simulators.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from regime_lib.companion.theme import Theme

Array = npt.NDArray[np.float64]
_MARKERS = ("o", "s", "^", "D")


@dataclass(frozen=True)
class Fan:
    """A curve over runs: a position, and one row a run."""

    x: Array
    rows: Array
    """Shape (runs, positions)."""

    def quantiles(self) -> Array:
        """Return the 5 %, 50 % and 95 % quantiles over runs, shape (3, positions)."""
        return np.quantile(self.rows, [0.05, 0.5, 0.95], axis=0)


def phases(
    theme: Theme,
    times: Array,
    loss: Array,
    accuracy: Array,
    ends: Mapping[str, float],
    prediction: tuple[Array, Array],
) -> Figure:
    """Draw loss and accuracy against time, with the phases shaded between measured events.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    times, loss, accuracy : array
        One run.
    ends : mapping from str to float
        When each phase ends; the last one lasts until the end of the run.
    prediction : pair of array
        Times and losses of the closed form.
    """
    figure, (linear, log) = theme.panels(2, height=3.1)
    for ax in (linear, log):
        shade_phases(theme, ax, times, ends)
        ax.plot(times, loss, color=theme.colour("loss"), label="loss")
        ax.plot(
            *prediction,
            color=theme.colour("theory"),
            linestyle=":",
            linewidth=2.6,
            label="closed form",
            zorder=3,
        )
        ax.set(xscale="log", xlabel="time", xlim=(times[0], times[-1]))
    linear.plot(
        times,
        accuracy,
        color=theme.colour("accuracy"),
        linestyle=theme.line("accuracy"),
        label="accuracy",
    )
    linear.set(title="loss and accuracy", ylim=(0, 1.18))
    linear.legend(loc="lower left")
    log.set(title="loss, logarithmic", yscale="log", ylim=(loss[-1], 6))
    return figure


def shade_phases(theme: Theme, ax: Axes, times: Array, ends: Mapping[str, float]) -> None:
    """Shade every other phase and write its numeral at the top."""
    edges = [times[0], *ends.values(), times[-1]]
    names = [*ends, "IV"]
    for i, (left, right) in enumerate(pairwise(edges)):
        if not right > left:
            continue
        if i % 2 == 0:
            ax.axvspan(left, right, color=theme.text, alpha=0.09, linewidth=0)
        ax.text(
            np.sqrt(left * right),
            0.97,
            names[i],
            transform=ax.get_xaxis_transform(),
            ha="center",
            va="top",
        )


def condensation(theme: Theme, positive: Fan, negative: Fan, end: float, bound: Array) -> Figure:
    """Draw how far the living neurons are from their common direction, against time."""
    figure, (ax,) = theme.panels(1, height=3.0)
    for name, fan in (("positive", positive), ("negative", negative)):
        low, mid, high = fan.quantiles()
        theme.band(ax, fan.x, low, mid, high, name, label=f"{name}, farthest neuron")
    ax.plot(positive.x, bound, color=theme.colour("theory"), linestyle=":", label="slope −2")
    ax.axvline(end, color=theme.text, linewidth=1)
    ax.text(end, 0.96, " T_I", transform=ax.get_xaxis_transform(), va="top")
    ax.set(xscale="log", yscale="log", xlabel="time", ylabel="1 − cosine")
    ax.legend(loc="lower left")
    return figure


def living(
    theme: Theme, runs: Mapping[str, tuple[Array, float]], widths: Array, odds: Array
) -> Figure:
    """Draw living fractions of every run with their formula, and how wide is wide enough.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    runs : mapping from "positive" and "negative" to (fractions, formula)
        Fractions of the runs, and their expected value.
    widths, odds : array
        Numbers of neurons, and the chance that both recalled ranges hold there.
    """
    figure, (left, right) = theme.panels(2, height=2.9)
    for row, (name, (fractions, formula)) in enumerate(runs.items()):
        offsets = row + 0.3 * (np.arange(len(fractions)) / max(len(fractions) - 1, 1) - 0.5)
        left.plot(fractions, offsets, "o", color=theme.colour(name), markersize=4, alpha=0.8)
        left.plot(
            [formula] * 2, [row - 0.35, row + 0.35], color=theme.colour("theory"), linestyle=":"
        )
    left.set(xlabel="living fraction", ylim=(-0.6, 1.6), title="one dot a run")
    left.set_yticks(range(len(runs)), list(runs), rotation=90, va="center")
    right.plot(widths, odds, color=theme.colour("theory"), linestyle="-")
    right.set(
        xscale="log", xlabel="neurons", title="chance that both ranges hold", ylim=(-0.03, 1.03)
    )
    return figure


def plateau(theme: Theme, rise: Fan, rise_law: Array, drift: Fan) -> Figure:
    """Draw the way onto the plateau, and along it over the closed form."""
    figure, (left, right) = theme.panels(2, height=2.9)
    low, mid, high = rise.quantiles()
    theme.band(left, rise.x, low, mid, high, "loss", label="exact flow")
    left.plot(rise.x, rise_law, color=theme.colour("theory"), linestyle=":", label="tanh law")
    left.set(xlabel="time", title="√(p B / A) on the rise")
    left.legend(loc="lower right")
    low, mid, high = 100 * drift.quantiles()
    theme.band(right, drift.x, low, mid, high, "loss")
    right.axhline(0, color=theme.colour("theory"), linestyle=":")
    right.set(xscale="log", xlabel="time / T_acc", title="loss off the law, in %")
    return figure


def scaling(
    theme: Theme, sweeps: Mapping[str, tuple[Array, Mapping[str, Fan], Mapping[str, Array]]]
) -> Figure:
    """Draw times against a parameter on logarithmic axes, a panel a parameter.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    sweeps : mapping from parameter to (values, measured, predicted)
        `measured` and `predicted` map what is measured to its values.
    """
    figure, axes = theme.panels(len(sweeps), height=3.3)
    for ax, (name, (values, measured, predicted)) in zip(axes, sweeps.items(), strict=True):
        for (label, fan), marker in zip(measured.items(), _MARKERS, strict=False):
            # a run that never gets there counts as infinite, so quantiles are order statistics
            rows = np.where(np.isfinite(fan.rows), fan.rows, np.inf)
            found = np.quantile(rows, [0.05, 0.5, 0.95], axis=0, method="nearest")
            low, mid, high = np.where(np.isfinite(found), found, np.nan)
            colour = {"T_acc": "accuracy", "T_II": "positive", "L·t": "loss"}[label]
            ax.errorbar(
                values,
                mid,
                [mid - low, high - mid],
                fmt=marker,
                color=theme.colour(colour),
                markersize=4.5,
                label=label,
            )
            ax.plot(values, predicted[label], color=theme.colour("theory"), linestyle=":")
        ax.set(xscale="log", yscale="log", xlabel=name)
    axes[0].legend(loc="lower left")
    return figure


def sensitivity(
    theme: Theme, share: Array, measured: Array, curve: tuple[Array, Array], never: float
) -> Figure:
    """Draw the time of the switch against the ratio of living negatives to positives."""
    figure, (ax,) = theme.panels(1, height=3.2)
    ax.plot(share, measured, "o", color=theme.colour("positive"), markersize=5, label="exact flow")
    ax.plot(*curve, color=theme.colour("theory"), linestyle=":", label="closed form")
    ax.axvspan(never, max(share.max(), never) + 0.08, color=theme.text, alpha=0.1, linewidth=0)
    middle = 0.5 * (never + max(share.max(), never) + 0.08)
    ax.text(
        middle,
        0.5,
        "never",
        transform=ax.get_xaxis_transform(),
        rotation=90,
        ha="center",
        va="center",
    )
    ax.set(yscale="log", xlabel="living negative / living positive neurons", ylabel="T_II")
    ax.set_xlim(curve[0].min(), max(share.max(), never) + 0.08)
    ax.legend(loc="upper left")
    return figure


def river(
    theme: Theme,
    times: Array,
    positive: Mapping[str, Array],
    negative: Mapping[str, Array],
    ends: Mapping[str, float],
) -> Figure:
    """Draw how many neurons hold each pattern: positive above, negative below, against time."""
    figure, axes = theme.panels(2, height=3.2)
    for ax, name, counts in zip(axes, ("positive", "negative"), (positive, negative), strict=True):
        strengths = {"off": 0.10, "x₋ only": 0.35, "x₊ only": 0.6, "both": 0.95}
        floor = np.zeros(len(times))
        for label, values in counts.items():
            top = floor + values
            ax.fill_between(
                times,
                floor,
                top,
                step="post",
                alpha=strengths[label],
                color=theme.colour(name),
                linewidth=0,
                label=label,
            )
            ax.step(times, top, where="post", color=theme.background, linewidth=1)
            floor = top
        for end in ends.values():
            ax.axvline(end, color=theme.text, linewidth=0.8, linestyle=":")
        ax.set(xscale="log", xlabel="time", title=f"{name} neurons", ylim=(0, floor.max()))
        ax.set_xlim(times[0], times[-1])
        ax.grid(visible=False)
        ax.legend(
            loc="upper left",
            frameon=True,
            framealpha=0.85,
            facecolor=theme.background,
            edgecolor="none",
        )
    return figure


def limits(theme: Theme, approach: Fan, predicted: Array, final: Array) -> Figure:
    """Draw loss times time over its limit, and the limits of all runs against the formula."""
    figure, (left, right) = theme.panels(2, height=3.0)
    low, mid, high = approach.quantiles()
    theme.band(left, approach.x, low, mid, high, "loss")
    left.axhline(1, color=theme.colour("theory"), linestyle=":")
    left.set(xscale="log", xlabel="time", title="loss × time over its limit", ylim=(0, 1.2))
    ends = np.array([min(predicted.min(), final.min()), max(predicted.max(), final.max())])
    right.plot(ends, ends, color=theme.colour("theory"), linestyle=":")
    right.plot(predicted, final, "o", color=theme.colour("loss"), markersize=5)
    right.set(xlabel="predicted from the living neurons", title="loss × time at the end")
    return figure


def beyond(theme: Theme, runs: Sequence[tuple[str, Array, Array, Mapping[str, float]]]) -> Figure:
    """Draw the losses of variants, a panel a variant, with their events."""
    figure, axes = theme.panels(len(runs), height=3.0)
    styles = {"T_acc": "accuracy", "T_II": "positive", "T_III": "negative"}
    for ax, (title, times, loss, events) in zip(axes, runs, strict=True):
        ax.plot(times, loss, color=theme.colour("loss"))
        for name, when in events.items():
            if np.isfinite(when):
                quantity = styles[name]
                ax.axvline(
                    when, color=theme.colour(quantity), linestyle=theme.line(quantity), label=name
                )
        ax.set(xscale="log", yscale="log", xlabel="time", title=title)
        ax.legend(loc="lower left")
    return figure


def survival(
    theme: Theme, curves: Mapping[str, Fan], moments: Array, kept: Array, safe: float
) -> Figure:
    """Draw which share of the flow's living negatives survive gradient descent.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    curves : mapping from label to Fan
        Survival against a constant step.
    moments, kept : array
        Survival against the moment at which a small step is raised.
    safe : float
        When it is predicted to become safe.
    """
    figure, (left, right) = theme.panels(2, height=3.0)
    for shade, marker, (label, fan) in zip(
        theme.shades("negative", len(curves)), _MARKERS, curves.items(), strict=False
    ):
        low, mid, high = fan.quantiles()
        left.fill_between(fan.x, low, high, color=shade, alpha=0.22, linewidth=0)
        left.plot(fan.x, mid, color=shade, marker=marker, markersize=4.5, label=label)
    left.set(xlabel="step × κ₂ / κ₁", title="share that survives")
    left.legend(loc="lower left")
    right.plot(moments, kept, color=theme.colour("negative"), marker="o", markersize=4.5)
    right.axvline(safe, color=theme.colour("theory"), linestyle=":")
    right.set(xlabel="time at which the step is raised", title="the same, growing step")
    for ax in (left, right):
        ax.set(xscale="log", ylim=(-0.05, 1.2))
    return figure


def settling(
    theme: Theme,
    times: Array,
    speed: Array,
    events: Array,
    settled: Mapping[str, float],
    ends: Mapping[str, float],
) -> Figure:
    """Draw the speed of the weights and the moments at which a pattern changes."""
    figure, (ax,) = theme.panels(1, height=3.2)
    shade_phases(theme, ax, times, ends)
    ax.plot(
        times,
        speed,
        color=theme.colour("weight"),
        linestyle=theme.line("weight"),
        label="weight speed over its peak",
    )
    ax.plot(
        events,
        np.full(len(events), 3.0),
        "|",
        color=theme.colour("pattern"),
        markersize=11,
        label="a pattern changes",
    )
    for name, when in settled.items():
        ax.axvline(when, color=theme.colour(name), linestyle=theme.line(name), linewidth=1.3)
    ax.axhline(0.1, color=theme.text, linewidth=0.8, linestyle=":")
    ax.set(xscale="log", yscale="log", xlabel="time", ylim=(speed.min() / 2, 30))
    ax.set_xlim(times[0], times[-1])
    ax.legend(loc="lower left")
    return figure


def tracked(
    theme: Theme,
    times: Array,
    pattern: Array,
    weight: Array,
    ends: Mapping[str, float],
) -> Figure:
    """Draw what the tracker sees on gradient descent: flips and updates per step, smoothed."""
    figure, axes = theme.panels(2, height=2.9)
    for ax, values, quantity in zip(axes, (pattern, weight), ("pattern", "weight"), strict=True):
        ax.plot(times, values, color=theme.colour(quantity), linestyle=theme.line(quantity))
        for name, when in ends.items():
            ax.axvline(when, color=theme.text, linewidth=0.8, linestyle=":")
            ax.text(
                when, 0.98, f"{name} ", transform=ax.get_xaxis_transform(), ha="right", va="top"
            )
        ax.set(yscale="log", xlabel="time", title=f"{quantity} change per step")
    return figure


def plane(
    theme: Theme,
    positions: Sequence[tuple[str, Array, Array, Array]],
    rays: Mapping[str, tuple[float, float]],
) -> Figure:
    """Draw neurons in the plane of the inputs at a few moments, a panel each.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    positions : sequence of (title, positive, negative, dead)
        Points of shape (2, n), with compressed radius; dead neurons of either sign.
    rays : mapping from label to (x, y)
        Unit vectors of the two inputs.
    """
    figure, axes = theme.panels(len(positions), height=2.9)
    reach = 1.1 * max(np.abs(x).max() for _, *sets in positions for x in sets if x.size)
    for ax, (title, positive, negative, dead) in zip(axes, positions, strict=True):
        for label, (x, y) in rays.items():
            ax.plot(
                [reach * y, -reach * y], [-reach * x, reach * x], color=theme.text, linewidth=0.6
            )
            ax.annotate(label, (reach * x * 0.92, reach * y * 0.92), ha="center", va="center")
        ax.plot(*dead, ".", color=theme.text, markersize=2.5, alpha=0.4, label="dead")
        for name, points, marker in (("negative", negative, "s"), ("positive", positive, "o")):
            ax.plot(*points, marker, color=theme.colour(name), markersize=3, label=name)
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), title=title, aspect="equal")
        ax.set_xticks([])
        ax.set_yticks([])
        ax.grid(visible=False)
    axes[0].legend(loc="lower left")
    return figure
