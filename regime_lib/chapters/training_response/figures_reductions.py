"""The ageing toy reduced to one number or one weight, and when its steps are unstable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from regime_lib.chapters.training_response import style as strokes
from regime_lib.chapters.training_response.style import STYLES
from regime_lib.companion.figures.curves import Curves, shaded
from regime_lib.companion.figures.marks import legend_below, outer_label
from regime_lib.companion.figures.theme import Theme

Array = npt.NDArray[np.float64]


def rapidity(
    theme: Theme,
    long: Curves,
    guide: Array,
    net: Curves,
    errors: Mapping[str, Curves],
    kernels: Mapping[str, Array],
) -> Figure:
    """Draw the rapidity over astronomical times, the error of the reduction, and its kernels.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    long : Curves
        Rapidity of the flow.
    guide : array, shape (times,)
        Half the logarithm of the logarithm, shifted, at the times of `long`.
    net : Curves
        Rapidity read off trained networks.
    errors : mapping from rate to Curves
        Absolute difference of the logits of net and flow, against flow time.
    kernels : mapping from name to array, shape (distances,)
        Kernel that the rotation predicts; the last is the limit.
    """
    figure, axes = theme.panels(3, height=2.9)
    line = theme.stroke("theory")
    strokes.band(theme, axes[0], long, "logit", "reduction")
    axes[0].plot(long.steps, guide, label="½ ln ln t + c", **line)
    shown = net.quantiles()[1]
    axes[0].plot(net.steps, shown, "o", color=theme.text, markersize=3.5, label="network")
    axes[0].set(xscale="log", xlabel="epoch", ylabel="rapidity θ", title="one number")
    axes[0].legend(loc="lower right")
    shaded(theme, axes[1], errors, "logit", styles=STYLES)
    axes[1].set(xscale="log", yscale="log", xlabel="epoch × rate", title="net against flow")
    axes[1].set_ylabel("difference of logits")
    axes[1].legend(loc="lower left")
    shades = theme.shades("logit", len(kernels))
    for shade, style, (name, kernel) in zip(shades, STYLES, kernels.items(), strict=False):
        last = name == list(kernels)[-1]
        look = line if last else {"color": shade, "linestyle": style}
        axes[2].plot(np.arange(len(kernel)), kernel, label=name, **look)
    axes[2].set(xlabel="Hamming distance", title="kernel")
    axes[2].set_ylabel("response / own response")
    axes[2].set_xticks(range(0, len(kernel), 2))
    axes[2].legend(loc="upper right")
    return figure


def one_weight(
    theme: Theme,
    towards_one: Mapping[str, tuple[Array, Array]],
    closed: tuple[Array, Array],
    inside: Mapping[str, tuple[Array, Array, Array]],
) -> Figure:
    """Draw the collapse of all rates and slopes on one curve, and two targets inside (0, 1).

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    towards_one : mapping from setting to pair of array
        Scaled time and output response over rate × slope².
    closed : pair of array
        The same for the closed form.
    inside : mapping from target to triple of array
        Step, response, and response of the closed form.
    """
    figure, axes = theme.panels(2, height=2.9)
    line = {**theme.stroke("theory"), "zorder": 3}
    shades = theme.shades("output", len(towards_one))
    for shade, style, (name, (x, y)) in zip(shades, 3 * STYLES, towards_one.items(), strict=False):
        axes[0].plot(x, y, color=shade, linestyle=style, label=name)
    axes[0].plot(*closed, label="closed form", **line)
    axes[0].set(xscale="log", yscale="log", title="target one")
    axes[0].set_xlabel("step × rate × slope²")
    axes[0].set_ylabel("response / (rate × slope²)")
    axes[0].legend(loc="lower left")
    shades = theme.shades("output", len(inside))
    for shade, style, (name, (x, y, law)) in zip(shades, STYLES, inside.items(), strict=False):
        axes[1].plot(x, y, color=shade, linestyle=style, label=f"target {name}")
        axes[1].plot(x, law, **line)
    axes[1].plot([], [], label="closed form", **line)
    axes[1].set(yscale="log", title="targets inside (0, 1)", xlabel="step", ylabel="response")
    axes[1].legend(loc="upper right")
    return figure


def one_weight_still(theme: Theme, steps: Array, curves: Mapping[str, Sequence[Array]]) -> Figure:
    """Draw what stands in for the picture with sliders: one rate and slope, several targets.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    steps : array, shape (times,)
        Steps.
    curves : mapping from target to pair of array
        Response of descent and of the closed form, NaN where too small.
    """
    figure, (ax,) = theme.panels(1, height=3.0)
    shades = theme.shades("output", len(curves))
    for shade, marker, (name, (own, law)) in zip(shades, "osD^", curves.items(), strict=False):
        ax.plot(steps, law, **theme.stroke("theory"))
        ax.plot(steps, own, marker, color=shade, markersize=4, label=name)
    ax.set(xscale="log", yscale="log", xlabel="step", ylabel="response of the output")
    ax.legend(loc="lower left")
    return figure


def separability(theme: Theme, ends: Array, missing: Mapping[str, Mapping[str, Array]]) -> Figure:
    """Draw what a rank-one table leaves out, against the epoch at which the table ends.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    ends : array, shape (tables,)
        Last epoch of each table.
    missing : mapping from network to mapping from name to array, shape (tables, seeds)
        One minus the rank-one share; names begin with "logit" or "output".
    """
    figure, axes = theme.panels(len(missing), height=2.9, sharey=True)
    for ax, (network, tables) in zip(axes, missing.items(), strict=True):
        for name, values in tables.items():
            where, _, how = name.partition(", ")
            style = "-" if how == "as it is" else (0, (6, 1.5))
            low, mid, high = np.quantile(values, [0.1, 0.5, 0.9], axis=1)
            colour = theme.colour(where)
            ax.fill_between(ends, low, high, color=colour, alpha=0.2, linewidth=0)
            ax.plot(ends, mid, color=colour, linestyle=style, label=name)
        ax.axhline(0.01, color=theme.text, linewidth=1)
        ax.set(xscale="log", yscale="log", xlabel="table ends at epoch", title=network)
    legend_below(theme, figure, axes[0], 4)
    outer_label(theme, axes, "share not of rank one")
    return figure


def stability(theme: Theme, sizes: Array, slopes: Mapping[str, Array], limit: float) -> Figure:
    """Draw fitted exponents against the size of the first step.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    sizes : array, shape (rates,)
        Rate × kernel / 4, median over seeds.
    slopes : mapping from "output" and "logit" to array, shape (rates, seeds)
        Fitted exponents.
    limit : float
        Where steps become unstable.
    """
    figure, (ax,) = theme.panels(1, height=2.8)
    for where, values in slopes.items():
        low, mid, high = np.quantile(values, [0.1, 0.5, 0.9], axis=1)
        theme.band(ax, sizes, low, mid, high, where, label=f"at the {where}")
    ax.axvline(limit, **theme.stroke("theory"))
    ax.annotate(
        "unstable",
        (limit, ax.get_ylim()[1]),
        xytext=(4, -12),
        textcoords="offset points",
    )
    ax.set(xscale="log", ylabel="fitted exponent", xlabel="rate × kernel / 4")
    ax.legend(loc="upper left")
    return figure
