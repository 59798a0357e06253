"""How responses and kernels of the ageing toy change, with and without noise."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from regime_lib.chapters.training_response import style as strokes
from regime_lib.chapters.training_response.style import STYLES
from regime_lib.companion.figures.curves import Curves, shaded
from regime_lib.companion.figures.marks import outer_label
from regime_lib.companion.figures.theme import Theme

Array = npt.NDArray[np.float64]


def ageing(
    theme: Theme,
    responses: Mapping[str, Mapping[str, Curves]],
    laws: Mapping[str, Mapping[str, float]],
    kernels: Mapping[str, Curves],
    closed: Array | None = None,
) -> Figure:
    """Draw responses at the trained string for each loss, and the kernel at the logit.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    responses : mapping from loss to mapping from "output" and "logit" to Curves
        Positive responses against the epoch.
    laws : mapping from loss to mapping from "output" and "logit" to float
        Exponents of the dotted guides.
    kernels : mapping from name to Curves
        Kernel against Hamming distance, at some epochs.
    closed : array, shape (distances,), optional
        A closed form to draw over the kernels.
    """
    figure, axes = theme.panels(len(responses) + 1, height=2.9)
    for ax, (loss, pair) in zip(axes, responses.items(), strict=False):
        for where, bundle in pair.items():
            strokes.band(theme, ax, bundle, where, f"at the {where}")
            strokes.guide(theme, ax, bundle, laws[loss][where])
        ax.set(xscale="log", yscale="log", xlabel="epoch", title=loss)
        strokes.decades(ax)
        ax.legend(loc="lower left")
    axes[0].set_ylabel("response at the trained string")
    kernel_panel(theme, axes[-1], kernels, "logit")
    if closed is not None:
        line = theme.stroke("theory")
        axes[-1].plot(np.arange(len(closed)), closed, label="closed form", **line)
    axes[-1].legend(loc="best")
    axes[-1].set(title="kernel at the logit", ylabel="response / own response")
    return figure


def kernel_panel(theme: Theme, ax: Axes, kernels: Mapping[str, Curves], quantity: str) -> None:
    """Draw kernels against Hamming distance in shades, the first plain."""
    shaded(theme, ax, kernels, quantity, styles=STYLES)
    ax.set_xlabel("Hamming distance")
    ax.set_xticks(range(0, max(len(bundle.steps) for bundle in kernels.values()), 2))


def two_kernels(theme: Theme, logit: Mapping[str, Curves], output: Mapping[str, Curves]) -> Figure:
    """Draw the kernel at the logit and at the output, at some epochs.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    logit, output : mapping from name to Curves
        Kernel against Hamming distance.
    """
    figure, axes = theme.panels(2, height=2.9)
    for ax, quantity, kernels in zip(axes, ("logit", "output"), (logit, output), strict=True):
        kernel_panel(theme, ax, kernels, quantity)
        ax.set(title=f"at the {quantity}", ylabel="response / own response")
        ax.legend(loc="best")
    axes[1].set_yscale("log")
    return figure


def stages(
    theme: Theme, curves: Mapping[str, Curves], theory: Mapping[str, Array], half: float
) -> Figure:
    """Draw the response over its first value, early on, against scaled time.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    curves : mapping from "output" and "logit" to Curves
        Response over first response; steps are scaled times.
    theory : mapping from "output" and "logit" to array, shape (times,)
        The one-weight system at the same times.
    half : float
        Scaled time at which the output response has halved.
    """
    figure, (ax,) = theme.panels(1, height=2.9)
    for where, bundle in curves.items():
        strokes.band(theme, ax, bundle, where, f"at the {where}")
        ax.plot(
            bundle.steps,
            theory[where],
            **theme.stroke("theory"),
            label="one weight" if where == "output" else None,
        )
    ax.axvline(half, color=theme.text, linewidth=1)
    ax.set(xscale="log", yscale="log", ylabel="response / first response")
    ax.annotate(
        "halved",
        (half, 0.96),
        xycoords=("data", "axes fraction"),
        xytext=(4, 0),
        textcoords="offset points",
        va="top",
    )
    ax.set_xlabel("epoch × rate × kernel")
    ax.legend(loc="lower left")
    return figure


def noise(
    theme: Theme,
    responses: Mapping[str, Mapping[str, Curves]],
    kernels: Mapping[str, Mapping[str, Curves]],
) -> Figure:
    """Draw output responses with and without noise, and the kernels at the end.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    responses : mapping from network to mapping from kind of noise to Curves
        Positive responses against the epoch, the first without noise.
    kernels : mapping from network to mapping from kind of noise to Curves
        Kernel at the logit, last epoch.
    """
    figure, axes = theme.panels(3, height=3.1)
    for ax, (network, kinds) in zip(axes, responses.items(), strict=False):
        shaded(theme, ax, kinds, "output", styles=STYLES, alpha=0.18)
        ax.set(xscale="log", yscale="log", xlabel="epoch", title=network)
        strokes.decades(ax)
    axes[0].set_ylabel("output response")
    axes[0].legend(loc="lower left")
    for row, (network, kinds) in enumerate(kernels.items()):
        shades = theme.shades("logit", len(kinds))
        for shade, style, (kind, bundle) in zip(shades, STYLES, kinds.items(), strict=False):
            mid = bundle.quantiles()[1]
            name = kind if row == 0 else None
            axes[2].plot(bundle.steps, mid, color=shade, linestyle=style, label=name)
        axes[2].annotate(
            network,
            (bundle.steps[-3], mid[-3]),
            xytext=(5, 5),
            textcoords="offset points",
        )
    axes[2].set(xlabel="Hamming distance", title="kernel at the end")
    axes[2].set_ylabel("response / own response")
    axes[2].set_xticks(range(0, len(bundle.steps), 2))
    axes[2].legend(loc="lower left")
    return figure


def regression(
    theme: Theme,
    residuals: Mapping[str, Mapping[str, Curves]],
    predicted: Mapping[str, Mapping[str, Array]],
) -> Figure:
    """Draw distances to targets inside (0, 1) against the epoch, with the predicted decay.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    residuals : mapping from loss to mapping from target to Curves
        One run per target, as absolute distances.
    predicted : mapping from loss to mapping from target to array
        The same from the predicted rate, NaN where it does not apply.
    """
    figure, axes = theme.panels(len(residuals), height=2.9, sharey=True)
    for ax, (loss, targets) in zip(axes, residuals.items(), strict=True):
        shades = theme.shades("output", len(targets))
        for shade, style, (target, bundle) in zip(shades, STYLES, targets.items(), strict=False):
            mid = np.abs(bundle.values[:, 0])
            ax.plot(bundle.steps, mid, color=shade, linestyle=style, label=f"target {target}")
            line = theme.stroke("theory")
            ax.plot(bundle.steps, predicted[loss][target], **line)
        ax.plot([], [], label="predicted rate", **line)
        ax.set(yscale="log", xlabel="epoch", title=loss, ylim=(1e-12, 2))
        ax.legend(loc="upper right")
    outer_label(theme, axes, "distance to the target")
    return figure
