"""The figures of the chapter on stability: attacks on radii, the flip law, certified steps."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from regime_lib.chapters.stability.measure import AlongTraining, BeyondRadius, FlipLaw, Radius
from regime_lib.companion.figures.curves import Curves, band, shaded
from regime_lib.companion.figures.marks import finished, legend_below, note, outer_label
from regime_lib.companion.figures.theme import Theme

#: What each certificate knows of the step, and the quantity whose colour it takes.
CERTIFICATES = {
    "unchanged": ("truly unchanged", "pattern"),
    "by_path": ("proven: the update itself", "theory"),
    "by_sizes": ("proven: size of each entry", "weight"),
    "by_size": ("proven: largest entry only", "radius"),
}
_OPTIMIZERS = {"sgd": "SGD", "adam": "Adam"}


def tightness(theme: Theme, radius: Radius) -> Figure:
    """Draw certified radius over the smallest movement found to flip: median, 10 % to 90 %."""
    figure, (ax,) = theme.panels(1, height=0.34 * len(radius.ratios) + 0.9)
    y = -np.arange(len(radius.ratios))
    low, middle, high = np.transpose(
        [np.quantile(r, [0.1, 0.5, 0.9]) for r in radius.ratios.values()]
    )
    colour = theme.colour("radius")
    ax.hlines(y, low, high, color=colour, linewidth=2.4)
    ax.scatter(middle, y, color=colour, s=36, zorder=3)
    ax.axvline(1, **theme.stroke("theory"))
    ax.set(xlim=(0, 1.05), ylim=(0.6 - len(y), 0.6))
    ax.set_yticks(y, list(radius.ratios))
    ax.set_xlabel("certified radius / smallest flip found")
    ax.grid(axis="y", visible=False)
    return figure


def tightness_alt(radius: Radius) -> str:
    """Say what a reader who cannot see `tightness` must know."""
    medians = ", ".join(f"{name} {np.median(ratio):.2f}" for name, ratio in radius.ratios.items())
    return f"Points with bars for five networks, all at or below one. Medians: {medians}."


def beyond_radius(theme: Theme, beyond: BeyondRadius) -> Figure:
    """Draw the share of attacks that change a pattern, against the size of the movement."""
    figure, axes = theme.panels(len(beyond.flipped), height=2.7, sharey=True)
    for ax, (network, shares) in zip(axes, beyond.flipped.items(), strict=True):
        for kind, quantity, marker in (("gradient", "radius", "o"), ("random", "weight", "s")):
            style = theme.stroke(quantity) | {"marker": marker, "markersize": 3.5}
            ax.plot(beyond.sizes, shares[kind], label=f"{kind} attacks", **style)
        ax.axvline(1, **theme.stroke("theory"))
        note(ax, "radius", (1, 1.04), (-3, 0), ha="right")
        ax.set(xscale="log", ylim=(-0.04, 1.14), title=network)
        ax.set_xlabel("movement / certified radius")
    return finished(theme, figure, axes, "share of inputs flipped")


def beyond_radius_alt(beyond: BeyondRadius) -> str:
    """Say what a reader who cannot see `beyond_radius` must know."""
    at = int(np.argmin(np.abs(beyond.sizes - 1.5)))
    gradient = ", ".join(
        f"{shares['gradient'][at]:.0%} at {beyond.sizes[at]:g} radii ({name})"
        for name, shares in beyond.flipped.items()
    )
    half = {}
    for name, shares in beyond.flipped.items():
        reached = beyond.sizes[shares["random"] >= 0.5]
        half[name] = f"{reached[0]:g} radii" if len(reached) else "no size shown"
    random = ", ".join(f"{size} ({name})" for name, size in half.items())
    return (
        f"Two panels. Below one, nothing flips. Gradient attacks flip {gradient}; random attacks "
        f"reach one half at {random}."
    )


def flip_law(theme: Theme, law: FlipLaw) -> Figure:
    """Draw flips over the law against the relative step, a line per layer; bands: all seeds."""
    figure, axes = theme.panels(2, height=2.8, sharey=True)
    panels = (
        (law.over_law, "from the step alone"),
        (law.over_law_of_change, "from the change of z"),
    )
    largest = max(ratio.max() for ratios, _ in panels for ratio in ratios.values())
    for ax, (ratios, title) in zip(axes, panels, strict=True):
        layers = {name: Curves(law.steps, ratio, share=1.0) for name, ratio in ratios.items()}
        shaded(theme, ax, layers, "pattern", markers="o" * len(layers))
        ax.axhline(1, **theme.stroke("theory"))
        ax.set(xscale="log", title=title, ylim=(0, 1.05 * largest))
        ax.set_xlabel("relative step of the weights")
    outer_label(theme, axes, "flips / law")
    axes[0].legend(loc="lower left")
    return figure


def flip_law_alt(law: FlipLaw) -> str:
    """Say what a reader who cannot see `flip_law` must know."""
    step, unit = (
        ", ".join(f"{layer} {ratio.mean():.2f}" for layer, ratio in ratios.items())
        for ratios in (law.over_law, law.over_law_of_change)
    )
    return f"Lines over the steps. Means over the law of the step: {step}. Of each unit: {unit}."


def along_training(theme: Theme, training: AlongTraining) -> Figure:
    """Draw which share of inputs keep their pattern in a step, and which provably do."""
    figure, axes = theme.panels(len(training.shares), height=3.1, sharey=True)
    for ax, (optimizer, shares) in zip(axes, training.shares.items(), strict=True):
        for name, (label, quantity) in CERTIFICATES.items():
            band(theme, ax, Curves(training.steps, shares[name], share=1.0), quantity, label=label)
        ax.set(xscale="log", ylim=(-0.02, 1.02), title=_OPTIMIZERS[optimizer])
        ax.set_xlabel("optimiser step")
    outer_label(theme, axes, "share of inputs")
    legend_below(theme, figure, axes[0], columns=2)
    return figure


def along_training_alt(training: AlongTraining) -> str:
    """Say what a reader who cannot see `along_training` must know."""
    medians = "; ".join(
        f"{name} "
        + ", ".join(
            f"{training.numbers[f'{quantity}-{optimizer}']:.2f}"
            for quantity in ("stable", "late-sizes", "late-size")
        )
        for optimizer, name in _OPTIMIZERS.items()
    )
    left = max((own["unchanged"] - own["by_path"]).max() for own in training.shares.values())
    return (
        "Two panels, SGD and Adam. After the first tenth of training, medians of the share truly "
        f"unchanged, proven from each entry's size, and from the largest entry: {medians}. The "
        "share proven from the update itself coincides with the truth: the largest difference is "
        f"{left:.4f}."
    )
