"""Further figures of the tracking chapters: averaged weights, the indicator OUI.

A figure takes a `Theme` first, then what a part of a chapter returned (see `parts`).
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from regime_lib.chapters.tracking.figures import (
    NAMES,
    curves,
    medians_in_words,
)
from regime_lib.chapters.tracking.parts import GOOD, Drift, Flicker, Indicator, of
from regime_lib.companion.figures.curves import Curves, band, both_changes, shaded
from regime_lib.companion.figures.marks import legend_below, plain_numbers
from regime_lib.companion.figures.theme import Theme


def raw_and_average(theme: Theme, drift: Drift) -> Figure:
    """Draw the change per step of the trained weights (above) and of their average (below)."""
    count, narrow = len(drift.raw), theme.narrow
    figure = Figure(figsize=(3.9, 3.8 * count) if narrow else (7.2, 4.6), layout="constrained")
    shape = (2 * count, 1) if narrow else (2, count)
    grid = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False)
    panels = grid.reshape(count, 2).T if narrow else grid
    kinds = {"trained weights": drift.raw, "their average": drift.average}
    for row, (kind, runs) in zip(panels, kinds.items(), strict=True):
        for ax, (name, (pattern, weight)) in zip(row, runs.items(), strict=True):
            both_changes(theme, ax, Curves(*weight), Curves(*pattern))
            ax.set(yscale="log", ylim=(1.5e-3, 1.3))
            if narrow or kind == "trained weights":
                ax.set_title(NAMES[name] + f": {kind}" * narrow)
        if not narrow:
            row[0].set_ylabel(f"{kind}\nchange / peak")
    for ax in grid[-1]:
        ax.set_xlabel("optimiser step")
    grid[0, 0].legend(loc="lower left")
    return figure


def raw_and_average_alt(drift: Drift) -> str:
    """Say the ratios of areas."""
    return (
        f"Falling curves in {2 * len(drift.raw)} panels. Area under the weights' curve over area "
        "under the patterns' curve, median over seeds: of the trained weights "
        f"{medians_in_words(drift.raw_areas, 2)}; of their average "
        f"{medians_in_words(drift.average_areas, 2)}."
    )


def flicker(theme: Theme, found: Flicker) -> Figure:
    """Draw flips per net flip in two panels; where they are not finite they are left out."""
    figure, axes = theme.panels(2, height=2.9)
    for ax, (title, runs) in zip(axes, found.panels.items(), strict=True):
        for name, (steps, ratios) in runs.items():
            finite = np.where(np.isfinite(ratios), ratios, np.nan)
            shown = np.isfinite(finite).any(axis=1)
            band(theme, ax, Curves(steps[shown], finite[shown]), name, label=NAMES[name])
        ax.axhline(1, color=theme.text, linewidth=1)
        ax.set(yscale="log", title=title, xlabel="optimiser step")
        plain_numbers(ax.yaxis, (1, 2, 5, 10, 20, 50, 100, 200, 500))
    axes[0].set_ylabel("flips per net flip")
    legend_below(theme, figure, axes[0])
    return figure


def flicker_alt(found: Flicker) -> str:
    """Say how many flips make one net flip in the second half of the run."""
    return (
        "Curves of flips per net flip in two panels. From half of the run to its end, median over "
        f"seeds: {medians_in_words(found.second_half, 1)}."
    )


def indicator(theme: Theme, found: Indicator, task: str = "") -> Figure:
    """Draw pattern change beside OUI, over all layers by optimiser, and by layer under AdamW."""
    figure, axes = theme.panels(3, height=2.8)
    changes, overall = (curves(of(task, runs)) for runs in (found.changes, found.overall))
    for name, change in changes.items():
        low, mid, high = change.over_peak()
        theme.band(axes[0], change.steps, low, mid, high, name, label=NAMES[name])
        band(theme, axes[1], overall[name], name)
    axes[0].set(yscale="log", ylabel="pattern change / peak", title="one sample, two times")
    legend_below(theme, figure, axes[0])
    shaded(theme, axes[2], curves(found.layers), "pattern")
    axes[2].legend(loc="upper right" if len(found.layers) > 2 else "lower right")
    axes[1].set(title="two samples, one time", ylabel="OUI")
    axes[2].set(title="by layer (AdamW)", ylabel="OUI")
    for ax in axes[1:]:
        ax.axhspan(*GOOD, color=theme.colour("accuracy"), alpha=0.15, linewidth=0)
        ax.set_ylim(0, 1.02)
    for ax in axes:
        ax.set_xlabel("optimiser step")
    return figure


def indicator_alt(found: Indicator) -> str:
    """Say where the indicator ends."""
    layers = {name: values[-1] for name, (_, values) in found.layers.items()}
    return (
        "Three panels. Pattern change falls, while the indicator ends, median over seeds, at "
        f"{medians_in_words(found.final, 2)}; by layer under AdamW at "
        f"{medians_in_words(layers, 2)}."
    )
