"""The figures of chapter 30 on several inputs: competition, feature spaces and fragility."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from regime_lib.chapters.training_response import data, tasks
from regime_lib.chapters.training_response.settings import ACTIVATIONS
from regime_lib.companion.figures.curves import Curves
from regime_lib.companion.figures.marks import finished, plain_numbers
from regime_lib.companion.figures.theme import Theme
from regime_lib.estimate import Estimate

NAMES = {
    "full-batch": "full batch",
    "sgd": "SGD",
    "label-noise": "SGD with label noise",
    "cyclic": "fixed order",
}
_MARKERS = {"full-batch": "o", "sgd": "s", "label-noise": "^", "cyclic": "D"}
_SHOWN = tasks.TRAININGS[:3]
_DEFINITIONS = {
    "flips": "one bit, trained inputs",
    "flips_everywhere": "one bit, all inputs",
    "nearness": "closeness to the boundary",
    "few_bits": "few bits to the boundary",
    "adversarial": "adversarial, box of 0.5",
}
#: What is held fixed, in words.
HELD = {
    "nothing": "features, nothing held",
    "training and step": "features, training and step held",
    "margin too": "features, margin held too",
    "the margin itself": "margin, training and step held",
}


def competition(theme: Theme, result: data.Competition) -> Figure:
    """Draw who decides the inputs that were not trained, against the number of trained ones."""
    figure, axes = theme.panels(len(ACTIVATIONS), height=2.9, sharey=True)
    rules = (
        ("like the nearest trained input", result.nearest, "o", "-"),
        ("by the sum of the kernels", result.by_kernels, "s", (0, (6, 1.5))),
    )
    for i, (ax, title) in enumerate(zip(axes, ACTIVATIONS.values(), strict=True)):
        for (label, shares, marker, style), colour in zip(
            rules, theme.shades("pattern", len(rules)), strict=True
        ):
            low, mid, high = Curves(np.array(data.COUNTS), shares[i]).quantiles()
            ax.fill_between(data.COUNTS, low, high, color=colour, alpha=0.15, linewidth=0)
            ax.plot(data.COUNTS, mid, marker=marker, linestyle=style, color=colour, label=label)
        ax.axhline(0.5, label="a coin", **theme.stroke("theory"))
        ax.set(xscale="log", xlabel="trained inputs", title=title, ylim=(0.45, 1.03))
        plain_numbers(ax.xaxis, data.COUNTS)
    return finished(theme, figure, axes, "share of other inputs", 3)


def competition_alt(result: data.Competition) -> str:
    """Say what a reader who cannot see `competition` must know."""
    said = "; ".join(
        f"{count} trained inputs, {title}: {result.nearest[i, c].mean():.2f} like the nearest, "
        f"{result.by_kernels[i, c].mean():.2f} by the kernels"
        for i, title in enumerate(ACTIVATIONS.values())
        for c, count in ((0, data.COUNTS[0]), (-1, data.COUNTS[-1]))
    )
    return f"Shares against the number of trained inputs, and a line at one half. {said}."


def features_by_step(theme: Theme, result: tasks.FeatureSpaces) -> Figure:
    """Draw the features that each way of training leaves against the step, down to step zero."""
    figure, axes = theme.panels(len(ACTIVATIONS), height=3.1, sharey=True)
    colours = {name: theme.colour(name) for name in _SHOWN}
    colours["cyclic"] = theme.shades("sgd", 2)[1]
    for i, (ax, title) in enumerate(zip(axes, ACTIVATIONS.values(), strict=True)):
        for k, training in enumerate(tasks.TRAININGS[1:], start=1):
            low, mid, high = Curves(np.arange(len(result.rates)), result.kept[i, k]).quantiles()
            colour = colours[training]
            if training != "cyclic":
                ax.fill_between(result.rates, low, high, color=colour, alpha=0.15, linewidth=0)
            mark: dict[str, Any] = {"marker": _MARKERS[training], "color": colour}
            style = "--" if training == "cyclic" else "-"
            ax.plot(result.rates, mid, linestyle=style, label=NAMES[training], **mark)
            limit = _with_ends(result.limits[title, training])
            shift = (k - 2) * 0.012 * result.rates[0]
            ax.errorbar(shift, *limit, markerfacecolor=theme.background, capsize=2, **mark)
        ax.axhline(1, color=theme.text, linewidth=1)
        ax.set(xlabel="rate of a step on one input", title=title)
    return finished(theme, figure, axes, "features / those of full batches", 3)


def features_by_step_alt(result: tasks.FeatureSpaces) -> str:
    """Say what a reader who cannot see `features_by_step` must know."""
    said = "; ".join(
        f"{title}, {NAMES[training]}: {np.median(result.kept[i, k, 0]):.2f} at the largest step, "
        f"{result.limits[title, training].value:.2f} at step zero"
        for i, title in enumerate(ACTIVATIONS.values())
        for k, training in enumerate(tasks.TRAININGS[1:], start=1)
    )
    return f"Features over those of full batches, against the step. {said}."


def feature_spaces(theme: Theme, result: tasks.FeatureSpaces) -> Figure:
    """Draw fragility against the size of the feature space, a point per run."""
    figure, axes = theme.panels(len(ACTIVATIONS), height=3.1, sharey=True)
    for ax, title, effective, flipped in zip(
        axes, ACTIVATIONS.values(), result.effective, result.flipped, strict=True
    ):
        for training, x, y in zip(_SHOWN, effective[:3, 0], flipped[:3, 0], strict=True):
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
    return finished(theme, figure, axes, "decisions changed by one bit", 3)


def feature_spaces_alt(result: tasks.FeatureSpaces) -> str:
    """Say what a reader who cannot see `feature_spaces` must know."""
    said = "; ".join(
        f"{title}, {NAMES[training]}: {np.median(result.effective[i, k, 0]):.0f} features, "
        f"{result.flipped[i, k, 0].mean():.3f} of the decisions"
        for i, title in enumerate(ACTIVATIONS.values())
        for k, training in enumerate(_SHOWN)
    )
    return (
        "Clouds of points, one for each way of training: features across, decisions that one bit "
        f"changes upwards. {said}."
    )


def correlations(theme: Theme, result: tasks.FragilityCorrelations) -> Figure:
    """Draw rank correlations with intervals, a row per definition of fragility."""
    figure, ax = _rows(theme, [_DEFINITIONS[name] for name in tasks.DEFINITIONS])
    places = zip((0.22, 0.0, -0.22), ("o", "s", "D"), (False, True, False), strict=True)
    for group, (shift, marker, hollow) in zip(tasks.GROUPS, places, strict=True):
        found = [result.correlations[name, group] for name in tasks.DEFINITIONS]
        fill = theme.background if hollow else theme.text
        _row_marks(theme, ax, found, shift, marker=marker, markerfacecolor=fill, label=group)
    between = "\n" if theme.narrow else " "
    ax.set_xlabel(f"rank correlation with{between}the effective number of features")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def held(theme: Theme, result: tasks.FragilityCorrelations) -> Figure:
    """Draw the correlation with fragility as more is held, and that of the margin."""
    figure, ax = _rows(theme, [HELD[name] for name in result.held])
    _row_marks(theme, ax, [*result.held.values()], 0.0, marker="o")
    between = "\n" if theme.narrow else " "
    ax.set_xlabel(f"rank correlation with{between}changed decisions")
    return figure


def held_alt(result: tasks.FragilityCorrelations) -> str:
    """Say what a reader who cannot see `held` must know."""
    said = "; ".join(f"{HELD[name]}: {one.value:.2f}" for name, one in result.held.items())
    return f"Rank correlations with the share of decisions that one flipped bit changes. {said}."


def _rows(theme: Theme, names: list[str]) -> tuple[Figure, Axes]:
    """Return axes for correlations, a row for each name, with the claims' criterion."""
    figure, (ax,) = theme.panels(1, height=0.55 * len(names) + 1.1)
    ax.axvline(0, color=theme.text, linewidth=1)
    ax.axvline(-0.3, **theme.stroke("theory"))
    ax.set_yticks(-np.arange(len(names)), names)
    ax.set(xlim=(-0.85, 0.85), ylim=(0.4 - len(names), 0.6))
    ax.grid(axis="y", visible=False)
    return figure, ax


def _row_marks(theme: Theme, ax: Axes, found: list[Estimate], shift: float, **mark: Any) -> None:
    value, low, high = np.array([(e.value, e.low, e.high) for e in found], dtype=float).T
    y = shift - np.arange(len(found))
    ax.hlines(y, low, high, color=theme.text, linewidth=1.6)
    ax.plot(value, y, linestyle="none", color=theme.text, markersize=6, **mark)


def _with_ends(estimate: Estimate) -> tuple[float, Any]:
    """Return a value, and how far its interval reaches to either side."""
    value, low, high = np.array([estimate.value, estimate.low, estimate.high], dtype=float)
    return value, [[value - low], [high - value]]


def correlations_alt(result: tasks.FragilityCorrelations) -> str:
    """Say what a reader who cannot see `correlations` must know."""
    said = "; ".join(
        f"{_DEFINITIONS[name]} {result.correlations[name, 'both'].value:.2f}"
        for name in tasks.DEFINITIONS
    )
    return f"Rank correlations for both networks together: {said}."
