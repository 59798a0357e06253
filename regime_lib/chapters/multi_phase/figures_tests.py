"""Figures that put the four phases to the test: segments found blindly, saddles, any points."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from regime_lib.chapters.multi_phase.any_points import AnyPoints, Family
from regime_lib.chapters.multi_phase.figures_runs import name_ends
from regime_lib.chapters.multi_phase.saddles import PLACES, Saddles
from regime_lib.chapters.multi_phase.settings import Array
from regime_lib.chapters.multi_phase.trend import Segments
from regime_lib.companion.figures.curves import Curves, band
from regime_lib.companion.figures.theme import Theme


def segments(theme: Theme, found: Segments) -> Figure:
    """Draw the three series of one run with what was found in them, and the counts of all runs."""
    figure, (series, counted) = theme.panels(2, height=3.2)
    rows = zip(("loss", "weight", "pattern"), found.series.levels.T, strict=True)
    for row, (quantity, level) in enumerate(rows):
        series.stairs(
            level - level.min() + 1.2 * row,
            found.series.times,
            baseline=None,
            color=theme.colour(quantity),
            linewidth=1.6,
        )
    for start in found.found:
        series.axvline(start, color=theme.text, linewidth=1.2)
    name_ends(theme, series, found.ends)
    series.set(xscale="log", xlabel="time")
    series.set_yticks([0.5, 1.7, 2.9], ["loss", "speed", "changes"])
    series.grid(visible=False)
    numbers, counts = np.unique(found.counts, return_counts=True)
    counted.bar(numbers, counts, color=theme.colour("theory"), width=0.6)
    counted.set(xlabel="segments found", title="runs of the grid", xlim=(1.3, 9.7))
    counted.set_xticks(range(2, 10))
    return figure


def segments_alt(found: Segments) -> str:
    """Describe `segments`."""
    starts = ", ".join(f"{start:.2g}" for start in found.found)
    numbers, counts = np.unique(found.counts, return_counts=True)
    bars = ", ".join(f"{k} in {n} runs" for k, n in zip(numbers, counts, strict=True))
    return f"In one network new segments begin at {starts}. Segments found: {bars}."


def saddles(theme: Theme, found: Saddles) -> Figure:
    """Draw the length of the gradient against time, with the two places at which it is judged."""
    figure, (ax,) = theme.panels(1, height=3.0)
    band(theme, ax, Curves(found.shares, found.gradients.T, 0.9), "weight", label="all times")
    for marker, place, when, height in zip("os", PLACES, found.when.T, found.there.T, strict=True):
        ax.plot(
            when, height, marker, color=theme.colour("theory"), markersize=4, label=f"the {place}"
        )
    ax.axhline(0.1, color=theme.text, linewidth=0.8, linestyle=":")
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="time / that of full accuracy",
        ylabel="gradient norm / maximum",
    )
    ax.legend(loc="lower left")
    return figure


def saddles_alt(found: Saddles) -> str:
    """Describe `saddles`."""
    if not len(found.there):
        return "No network rests."
    first, flat = np.median(found.there, axis=0)
    return (
        f"In the middle of the first rest the gradient has {first:.2f} of its greatest length, on "
        f"the plateau {flat:.2f}; it goes on falling after that."
    )


def any_points(theme: Theme, found: AnyPoints) -> Figure:
    """Draw the losses on all data sets, with a dot where a pattern changes after the first fall."""
    figure, axes = theme.panels(2, height=3.2)
    families = {"random points": found.random, "nearly two points": found.near}
    for ax, (title, family) in zip(axes, families.items(), strict=True):
        _losses(theme, ax, found.times, family)
        ax.set(xscale="log", yscale="log", xlabel="time", title=title, xlim=(1e-2, found.times[-1]))
    axes[0].set_ylabel("loss")
    return figure


def _losses(theme: Theme, ax: Axes, times: Array, family: Family) -> None:
    for loss, changed in zip(family.loss, family.changed, strict=True):
        ax.plot(times, loss, color=theme.colour("loss"), linewidth=0.8, alpha=0.6)
        late = changed[changed > times[np.argmax(loss < 0.98 * loss[0])]]
        heights = np.exp(np.interp(np.log(late), np.log(times), np.log(loss)))
        ax.plot(late, heights, ".", color=theme.colour("pattern"), markersize=4)


def any_points_alt(found: AnyPoints) -> str:
    """Describe `any_points`."""
    random, near = found.random, found.near
    return (
        f"Of {len(random.learnt)} losses on random points {random.learnt.sum()} are learnt. On "
        f"nearly two points {near.plateaus} of {len(near.learnt)} rest at a common height before "
        "they fall. Dots: late changes of pattern."
    )
