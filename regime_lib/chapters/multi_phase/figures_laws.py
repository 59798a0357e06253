"""Runs of the two-layer network against the laws of its phases, with bands over runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from regime_lib.companion.figures.theme import Theme

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
