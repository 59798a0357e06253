"""Which features of the ageing toy flip, how many there are, and how fragile they make it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from regime_lib.chapters.training_response import style as strokes
from regime_lib.companion.figures.curves import Curves
from regime_lib.companion.figures.marks import legend_below, outer_label
from regime_lib.companion.figures.theme import Theme

Array = npt.NDArray[np.float64]
_MARKERS = {"full-batch": "o", "sgd": "s", "label-noise": "^"}
TRAININGS = {"full-batch": "full batch", "sgd": "one by one", "label-noise": "with label noise"}


def flips(
    theme: Theme,
    patterns: Curves,
    predicted: tuple[Array, Array],
    tracked: tuple[Array, Array],
    changes: Mapping[str, Curves],
) -> Figure:
    """Draw the flips of the ageing toy: how many so far, and per epoch beside the weights.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    patterns : Curves
        Share of flipped units since the start.
    predicted : pair of array
        Epochs, and the share that the rapidity alone gives, median.
    tracked : pair of array
        Epochs, and the share that the instrument counted on one network.
    changes : mapping from "pattern" and "weight" to Curves
        Change per epoch over the first.
    """
    figure, axes = theme.panels(2, height=2.9)
    runs = patterns.values.shape[1]
    strokes.band(theme, axes[0], patterns, "pattern", f"{runs} networks")
    axes[0].plot(
        *predicted,
        **theme.stroke("theory"),
        label="from the rapidity",
    )
    axes[0].plot(*tracked, "o", color=theme.text, markersize=3.5, label="instrument, first seed")
    axes[0].set(xscale="log", xlabel="epoch", ylabel="share of units", title="flipped so far")
    axes[0].legend(loc="upper left")
    for quantity, bundle in changes.items():
        strokes.band(theme, axes[1], bundle, quantity, f"{quantity} change")
    axes[1].set(xscale="log", yscale="log", xlabel="epoch", title="per epoch")
    axes[1].set_ylabel("mean change / first")
    axes[1].legend(loc="lower left")
    return figure


def feature_spaces(
    theme: Theme,
    effective: Mapping[str, Mapping[str, Array]],
    fragile: Mapping[str, Mapping[str, Array]],
) -> Figure:
    """Draw fragility against the size of the feature space, a point a run, a panel a network.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    effective, fragile : mapping from network to mapping from training to array, shape (runs,)
        What is drawn across and up.
    """
    figure, axes = theme.panels(len(effective), height=3.1, sharey=True)
    for ax, (network, trainings) in zip(axes, effective.items(), strict=True):
        for training, values in trainings.items():
            rate = fragile[network][training]
            look: dict[str, Any] = {"marker": _MARKERS[training], "color": theme.colour(training)}
            ax.scatter(values, rate, s=13, alpha=0.6, linewidth=0, **look)
            ax.plot(
                np.median(values),
                np.mean(rate),
                markersize=9,
                markeredgecolor=theme.text,
                linestyle="none",
                label=TRAININGS[training],
                zorder=4,
                **look,
            )
        ax.set(xlabel="effective number of features", title=network)
    outer_label(theme, axes, "decisions changed by one bit")
    legend_below(theme, figure, axes[0], 3)
    return figure


def correlations(
    theme: Theme, names: Sequence[str], found: Mapping[str, Array], claimed: float
) -> Figure:
    """Draw rank correlations with intervals, a row a definition of fragility.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    names : sequence of str
        The definitions.
    found : mapping from group to array, shape (definitions, 3)
        Value, low and high, for each group of networks.
    claimed : float
        Where the criterion lies.
    """
    figure, (ax,) = theme.panels(1, height=0.55 * len(names) + 1.1)
    looks = zip((0.22, 0.0, -0.22), ("o", "s", "D"), (False, True, False), strict=True)
    for (group, rows), (shift, marker, hollow) in zip(found.items(), looks, strict=False):
        y = shift - np.arange(len(names))
        ax.hlines(y, rows[:, 1], rows[:, 2], color=theme.text, linewidth=1.6)
        fill = theme.background if hollow else theme.text
        ax.plot(
            rows[:, 0], y, marker, color=theme.text, markerfacecolor=fill, markersize=6, label=group
        )
    ax.axvline(0, color=theme.text, linewidth=1)
    ax.axvline(claimed, **theme.stroke("theory"))
    ax.set_yticks(-np.arange(len(names)), names)
    ax.set(xlabel="rank correlation with the effective number of features", xlim=(-0.75, 0.75))
    ax.set_ylim(0.4 - len(names), 0.6)
    if theme.narrow:
        ax.set_xlabel("rank correlation with\nthe effective number of features")
    ax.grid(axis="y", visible=False)
    figure.legend(loc="outside lower center", ncols=3)
    return figure
