"""The two-layer network beyond the paper: other losses, and steps of gradient descent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from regime_lib.chapters.multi_phase.figures_laws import Fan
from regime_lib.companion.figures.theme import Theme

Array = npt.NDArray[np.float64]
_MARKERS = ("o", "s", "^", "D")


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
