"""The figures of chapter 30 on what can be solved: one weight, the rotation, lazy training."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from regime_lib.chapters.training_response.figures import DASHES
from regime_lib.chapters.training_response.lazy import SCALES, WIDTHS, Lazy
from regime_lib.chapters.training_response.reductions import OneWeightCurves, Rotation
from regime_lib.chapters.training_response.settings import ACTIVATIONS
from regime_lib.companion.figures.curves import Curves, band, lines, shaded
from regime_lib.companion.figures.marks import finished, plain_numbers
from regime_lib.companion.figures.theme import Theme

_MARKERS = "osD^vP"


def one_weight(theme: Theme, result: OneWeightCurves) -> Figure:
    """Draw the collapse of all rates and slopes on one curve, and two targets inside (0, 1)."""
    figure, axes = theme.panels(2, height=2.9)
    line = {**theme.stroke("theory"), "zorder": 3}
    axes[0].plot(*result.closed, label="closed form", **line)
    for place, (name, (x, y)) in enumerate(result.scaled.items()):
        own = slice(place, None, len(result.scaled))  # so that no mark hides another's
        mark: dict[str, Any] = {
            "color": theme.colour("output"),
            "markerfacecolor": "none",
            "markersize": 5,
        }
        axes[0].plot(x[own], y[own], _MARKERS[place % len(_MARKERS)], label=name, **mark)
    axes[0].set(xscale="log", yscale="log", title="target one", xlabel="step × rate × slope²")
    axes[0].set_ylabel("response / (rate × slope²)")
    axes[0].legend(loc="lower left")
    inside = {f"target {name}": (x, y) for name, (x, y, _) in result.inside.items()}
    lines(theme, axes[1], inside, "output", styles=DASHES)
    for x, _, law in result.inside.values():
        axes[1].plot(x, law, **line)
    axes[1].lines[-1].set_label("closed form")
    axes[1].set(yscale="log", title="targets inside (0, 1)", xlabel="step", ylabel="response")
    axes[1].legend(loc="upper right")
    return figure


def rotation(theme: Theme, result: Rotation) -> Figure:
    """Draw the angle over astronomical times, the error of the rotation, and its kernels."""
    figure, axes = theme.panels(3, height=2.9)
    line = theme.stroke("theory")
    band(theme, axes[0], Curves(result.times, result.angles), "logit", label="rotation")
    axes[0].plot(result.times, result.guide, label="½ ln ln t + c", **line)
    measured = np.median(result.measured, axis=1)
    axes[0].plot(result.epochs, measured, "o", color=theme.text, markersize=3.5, label="network")
    axes[0].set(xscale="log", xlabel="epoch", ylabel="hyperbolic angle θ", title="one number")
    axes[0].legend(loc="lower right")
    gaps = {name: Curves(*gap) for name, gap in result.differences.items()}
    shaded(theme, axes[1], gaps, "logit", styles=DASHES)
    axes[1].set(xscale="log", yscale="log", xlabel="epoch × rate", title="net against flow")
    axes[1].set_ylabel("difference of logits")
    axes[1].legend(loc="lower left")
    shades = theme.shades("logit", len(result.kernels))
    for shade, style, (name, kernel) in zip(shades, DASHES, result.kernels.items(), strict=False):
        stroke = line if name == "limit" else {"color": shade, "linestyle": style}
        axes[2].plot(kernel, label=name, **stroke)
    axes[2].set(xlabel="Hamming distance", title="kernel", ylabel="response / own response")
    axes[2].set_xticks(range(0, len(kernel), 2))
    axes[2].legend(loc="upper right")
    return figure


def rotation_alt(result: Rotation) -> str:
    """Say what a reader who cannot see `rotation` must know."""
    limit = (
        "; the limit is a straight line that reaches zero between distances 4 and 5"
        if "limit" in result.kernels
        else ""
    )
    coarse, fine, _ = (np.median(values[-1]) for _, values in result.differences.values())
    return (
        f"The angle is {np.median(result.angles[0]):.2f} at epoch 1, "
        f"{result.numbers['theta-1e4']:.2f} at epoch 1e4 and only "
        f"{result.numbers['theta-1e30']:.2f} at epoch 1e30, along half the logarithm of the "
        f"logarithm. The logits of net and rotation differ by {coarse:.4f} at the end, and by "
        f"{fine:.4f} for a third of the rate. The kernels fall with distance, later ones faster"
        f"{limit}."
    )


def lazy(theme: Theme, result: Lazy) -> Figure:
    """Draw the change of the kernel in training against the width and the scale of the start."""
    figure, axes = theme.panels(2, height=2.9, sharey=True)
    for ax, (name, values) in zip(axes, (("width", WIDTHS), ("scale", SCALES)), strict=True):
        for activation, colour in zip(ACTIVATIONS, theme.shades("logit", 2), strict=True):
            changes = Curves(np.arange(len(values)), result.changes[activation, name])
            low, mid, high = changes.quantiles()
            ax.fill_between(values, low, high, color=colour, alpha=0.15, linewidth=0)
            marker = "o" if activation == "relu" else "s"
            ax.plot(values, mid, marker, color=colour, label=ACTIVATIONS[activation])
        law = np.median(result.predicted[name], axis=1)
        ax.plot(values, law, label="rotation, from the start", **theme.stroke("theory"))
        ax.set(xscale="log", yscale="log")
        plain_numbers(ax.xaxis, values)
    axes[0].set(xlabel="width", title="scale of the start 1")
    axes[1].set(xlabel="scale of the start", title="width 128")
    return finished(theme, figure, axes, "change of the tangent kernel", 3)


def lazy_alt(result: Lazy) -> str:
    """Say what a reader who cannot see `lazy` must know."""
    said = "; ".join(
        f"{ACTIVATIONS[activation]}, {name} {values[place]:g}: "
        f"{np.median(result.changes[activation, name][place]):.1g}"
        for activation in ACTIVATIONS
        for name, values in (("width", WIDTHS), ("scale", SCALES))
        for place in (0, -1)
    )
    return (
        "Points that fall steeply in doubly logarithmic axes, those of ReLU along the prediction "
        f"of the rotation. Relative changes: {said}."
    )
