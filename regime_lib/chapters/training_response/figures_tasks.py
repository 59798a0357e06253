"""The figures of chapter 30 on several inputs: feature spaces, and their link to fragility."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from regime_lib.chapters.training_response import tasks
from regime_lib.chapters.training_response.settings import ACTIVATIONS
from regime_lib.companion.figures.marks import legend_below, outer_label
from regime_lib.companion.figures.theme import Theme

NAMES = {"full-batch": "full batch", "sgd": "SGD", "label-noise": "SGD with label noise"}
_MARKERS = {"full-batch": "o", "sgd": "s", "label-noise": "^"}
_DEFINITIONS = {
    "flips": "one bit, trained inputs",
    "flips_everywhere": "one bit, all inputs",
    "nearness": "closeness to the boundary",
    "few_bits": "few bits to the boundary",
    "adversarial": "adversarial, box of 0.5",
}


def feature_spaces(theme: Theme, result: tasks.FeatureSpaces) -> Figure:
    """Draw fragility against the size of the feature space, a point per run."""
    figure, axes = theme.panels(len(ACTIVATIONS), height=3.1, sharey=True)
    for ax, title, effective, flipped in zip(
        axes, ACTIVATIONS.values(), result.effective, result.flipped, strict=True
    ):
        for training, x, y in zip(tasks.TRAININGS, effective, flipped, strict=True):
            mark: dict[str, Any] = {
                "marker": _MARKERS[training],
                "color": theme.colour(training),
            }
            ax.scatter(x, y, s=13, alpha=0.6, linewidth=0, **mark)
            ax.plot(
                np.median(x),
                np.mean(y),
                markersize=9,
                markeredgecolor=theme.text,
                linestyle="none",
                label=NAMES[training],
                zorder=4,
                **mark,
            )
        ax.set(xlabel="effective number of features", title=title)
    outer_label(theme, axes, "decisions changed by one bit")
    legend_below(theme, figure, axes[0], 3)
    return figure


def feature_spaces_alt(result: tasks.FeatureSpaces) -> str:
    """Say what a reader who cannot see `feature_spaces` must know."""
    said = "; ".join(
        f"{title}, {NAMES[training]}: {np.median(result.effective[i, k]):.0f} features, "
        f"{result.flipped[i, k].mean():.3f} of the decisions"
        for i, title in enumerate(ACTIVATIONS.values())
        for k, training in enumerate(tasks.TRAININGS)
    )
    return (
        "Two clouds of points that move far to the left from full batches to label noise and "
        f"hardly upwards. {said}."
    )


def correlations(theme: Theme, result: tasks.FragilityCorrelations) -> Figure:
    """Draw rank correlations with intervals, a row per definition of fragility."""
    figure, (ax,) = theme.panels(1, height=0.55 * len(tasks.DEFINITIONS) + 1.1)
    places = zip((0.22, 0.0, -0.22), ("o", "s", "D"), (False, True, False), strict=True)
    for group, (shift, marker, hollow) in zip(tasks.GROUPS, places, strict=True):
        found = [result.correlations[name, group] for name in tasks.DEFINITIONS]
        value, low, high = np.array([(e.value, e.low, e.high) for e in found], dtype=float).T
        y = shift - np.arange(len(found))
        ax.hlines(y, low, high, color=theme.text, linewidth=1.6)
        fill = theme.background if hollow else theme.text
        ax.plot(
            value,
            y,
            marker,
            color=theme.text,
            markerfacecolor=fill,
            markersize=6,
            label=group,
        )
    ax.axvline(0, color=theme.text, linewidth=1)
    ax.axvline(-0.3, **theme.stroke("theory"))  # the claim's criterion
    ax.set_yticks(
        -np.arange(len(tasks.DEFINITIONS)), [_DEFINITIONS[name] for name in tasks.DEFINITIONS]
    )
    ax.set(xlim=(-0.75, 0.75), ylim=(0.4 - len(tasks.DEFINITIONS), 0.6))
    between = "\n" if theme.narrow else " "
    ax.set_xlabel(f"rank correlation with{between}the effective number of features")
    ax.grid(axis="y", visible=False)
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def correlations_alt(result: tasks.FragilityCorrelations) -> str:
    """Say what a reader who cannot see `correlations` must know."""
    said = "; ".join(
        f"{_DEFINITIONS[name]} {result.correlations[name, 'both'].value:.2f}"
        for name in tasks.DEFINITIONS
    )
    return f"Rank correlations for both networks together: {said}."
