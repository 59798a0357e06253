"""One run of the two-layer network: loss, patterns and neurons against time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from regime_lib.companion.figures.theme import Theme

Array = npt.NDArray[np.float64]


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
        **theme.stroke("accuracy"),
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
        **theme.stroke("weight"),
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
        ax.axvline(when, **theme.stroke(name), linewidth=1.3)
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
        ax.plot(times, values, **theme.stroke(quantity))
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
