"""The figures of the chapter on ageing: responses, kernels, one rapidity, one weight, features.

Functions take plain numbers, so that this room needs nothing of the simulators.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from regime_lib.companion.pictures.tracking import Bundle
from regime_lib.companion.theme import Theme

Array = npt.NDArray[np.float64]

_STYLES: tuple[Any, ...] = ("-", (0, (6, 1.5)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 1)), (0, (1, 1)))
_MARKERS = {"full-batch": "o", "sgd": "s", "label-noise": "^"}
TRAININGS = {"full-batch": "full batch", "sgd": "one by one", "label-noise": "with label noise"}


def ageing(
    theme: Theme,
    responses: Mapping[str, Mapping[str, Bundle]],
    laws: Mapping[str, Mapping[str, float]],
    kernels: Mapping[str, Bundle],
    closed: Array | None = None,
) -> Figure:
    """Draw responses at the trained string for each loss, and the kernel at the logit.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    responses : mapping from loss to mapping from "output" and "logit" to Bundle
        Positive responses against the epoch.
    laws : mapping from loss to mapping from "output" and "logit" to float
        Exponents of the dotted guides.
    kernels : mapping from name to Bundle
        Kernel against Hamming distance, at some epochs.
    closed : array, shape (distances,), optional
        A closed form to draw over the kernels.
    """
    figure, axes = theme.panels(len(responses) + 1, height=2.9)
    for ax, (loss, pair) in zip(axes, responses.items(), strict=False):
        for where, bundle in pair.items():
            _band(theme, ax, bundle, where, f"at the {where}")
            _guide(theme, ax, bundle, laws[loss][where])
        ax.set(xscale="log", yscale="log", xlabel="epoch", title=loss)
        _decades(ax)
        ax.legend(loc="lower left")
    axes[0].set_ylabel("response at the trained string")
    kernel_panel(theme, axes[-1], kernels, "logit")
    if closed is not None:
        line = {"color": theme.colour("theory"), "linestyle": theme.line("theory")}
        axes[-1].plot(np.arange(len(closed)), closed, label="closed form", **line)
    axes[-1].legend(loc="best")
    axes[-1].set(title="kernel at the logit", ylabel="response / own response")
    return figure


def kernel_panel(theme: Theme, ax: Axes, kernels: Mapping[str, Bundle], quantity: str) -> None:
    """Draw kernels against Hamming distance in shades, the first plain."""
    shades = theme.shades(quantity, len(kernels))
    for shade, style, (name, bundle) in zip(shades, _STYLES, kernels.items(), strict=False):
        low, mid, high = bundle.quantiles()
        ax.fill_between(bundle.steps, low, high, color=shade, alpha=0.2, linewidth=0)
        ax.plot(bundle.steps, mid, color=shade, linestyle=style, label=name)
    ax.set_xlabel("Hamming distance")
    ax.set_xticks(range(0, len(bundle.steps), 2))


def two_kernels(theme: Theme, logit: Mapping[str, Bundle], output: Mapping[str, Bundle]) -> Figure:
    """Draw the kernel at the logit and at the output, at some epochs.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    logit, output : mapping from name to Bundle
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
    theme: Theme, curves: Mapping[str, Bundle], theory: Mapping[str, Array], half: float
) -> Figure:
    """Draw the response over its first value, early on, against scaled time.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    curves : mapping from "output" and "logit" to Bundle
        Response over first response; steps are scaled times.
    theory : mapping from "output" and "logit" to array, shape (times,)
        The one-weight system at the same times.
    half : float
        Scaled time at which the output response has halved.
    """
    figure, (ax,) = theme.panels(1, height=2.9)
    for where, bundle in curves.items():
        _band(theme, ax, bundle, where, f"at the {where}")
        ax.plot(
            bundle.steps,
            theory[where],
            color=theme.colour("theory"),
            linestyle=theme.line("theory"),
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


def rapidity(
    theme: Theme,
    long: Bundle,
    guide: Array,
    net: Bundle,
    errors: Mapping[str, Bundle],
    kernels: Mapping[str, Array],
) -> Figure:
    """Draw the rapidity over astronomical times, the error of the reduction, and its kernels.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    long : Bundle
        Rapidity of the flow.
    guide : array, shape (times,)
        Half the logarithm of the logarithm, shifted, at the times of `long`.
    net : Bundle
        Rapidity read off trained networks.
    errors : mapping from rate to Bundle
        Absolute difference of the logits of net and flow, against flow time.
    kernels : mapping from name to array, shape (distances,)
        Kernel that the rotation predicts; the last is the limit.
    """
    figure, axes = theme.panels(3, height=2.9)
    line = {"color": theme.colour("theory"), "linestyle": theme.line("theory")}
    _band(theme, axes[0], long, "logit", "reduction")
    axes[0].plot(long.steps, guide, label="½ ln ln t + c", **line)
    shown = net.quantiles()[1]
    axes[0].plot(net.steps, shown, "o", color=theme.text, markersize=3.5, label="network")
    axes[0].set(xscale="log", xlabel="epoch", ylabel="rapidity θ", title="one number")
    axes[0].legend(loc="lower right")
    shades = theme.shades("logit", len(errors))
    for shade, style, (name, bundle) in zip(shades, _STYLES, errors.items(), strict=False):
        low, mid, high = bundle.quantiles()
        axes[1].fill_between(bundle.steps, low, high, color=shade, alpha=0.2, linewidth=0)
        axes[1].plot(bundle.steps, mid, color=shade, linestyle=style, label=name)
    axes[1].set(xscale="log", yscale="log", xlabel="epoch × rate", title="net against flow")
    axes[1].set_ylabel("difference of logits")
    axes[1].legend(loc="lower left")
    shades = theme.shades("logit", len(kernels))
    for shade, style, (name, kernel) in zip(shades, _STYLES, kernels.items(), strict=False):
        last = name == list(kernels)[-1]
        look = line if last else {"color": shade, "linestyle": style}
        axes[2].plot(np.arange(len(kernel)), kernel, label=name, **look)
    axes[2].set(xlabel="Hamming distance", title="kernel")
    axes[2].set_ylabel("response / own response")
    axes[2].set_xticks(range(0, len(kernel), 2))
    axes[2].legend(loc="upper right")
    return figure


def noise(
    theme: Theme,
    responses: Mapping[str, Mapping[str, Bundle]],
    kernels: Mapping[str, Mapping[str, Bundle]],
) -> Figure:
    """Draw output responses with and without noise, and the kernels at the end.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    responses : mapping from network to mapping from kind of noise to Bundle
        Positive responses against the epoch, the first without noise.
    kernels : mapping from network to mapping from kind of noise to Bundle
        Kernel at the logit, last epoch.
    """
    figure, axes = theme.panels(3, height=3.1)
    for ax, (network, kinds) in zip(axes, responses.items(), strict=False):
        shades = theme.shades("output", len(kinds))
        for shade, style, (kind, bundle) in zip(shades, _STYLES, kinds.items(), strict=False):
            low, mid, high = bundle.quantiles()
            ax.fill_between(bundle.steps, low, high, color=shade, alpha=0.18, linewidth=0)
            ax.plot(bundle.steps, mid, color=shade, linestyle=style, label=kind)
        ax.set(xscale="log", yscale="log", xlabel="epoch", title=network)
        _decades(ax)
    axes[0].set_ylabel("output response")
    axes[0].legend(loc="lower left")
    for row, (network, kinds) in enumerate(kernels.items()):
        shades = theme.shades("logit", len(kinds))
        for shade, style, (kind, bundle) in zip(shades, _STYLES, kinds.items(), strict=False):
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
    residuals: Mapping[str, Mapping[str, Bundle]],
    predicted: Mapping[str, Mapping[str, Array]],
) -> Figure:
    """Draw distances to targets inside (0, 1) against the epoch, with the predicted decay.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    residuals : mapping from loss to mapping from target to Bundle
        One run per target, as absolute distances.
    predicted : mapping from loss to mapping from target to array
        The same from the predicted rate, NaN where it does not apply.
    """
    figure, axes = theme.panels(len(residuals), height=2.9, sharey=True)
    for ax, (loss, targets) in zip(axes, residuals.items(), strict=True):
        shades = theme.shades("output", len(targets))
        for shade, style, (target, bundle) in zip(shades, _STYLES, targets.items(), strict=False):
            mid = np.abs(bundle.values[:, 0])
            ax.plot(bundle.steps, mid, color=shade, linestyle=style, label=f"target {target}")
            line = {"color": theme.colour("theory"), "linestyle": theme.line("theory")}
            ax.plot(bundle.steps, predicted[loss][target], **line)
        ax.plot([], [], label="predicted rate", **line)
        ax.set(yscale="log", xlabel="epoch", title=loss, ylim=(1e-12, 2))
        ax.legend(loc="upper right")
    for ax in axes if theme.narrow else axes[:1]:
        ax.set_ylabel("distance to the target")
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
    line = {"color": theme.colour("theory"), "linestyle": theme.line("theory"), "zorder": 3}
    shades = theme.shades("output", len(towards_one))
    for shade, style, (name, (x, y)) in zip(shades, 3 * _STYLES, towards_one.items(), strict=False):
        axes[0].plot(x, y, color=shade, linestyle=style, label=name)
    axes[0].plot(*closed, label="closed form", **line)
    axes[0].set(xscale="log", yscale="log", title="target one")
    axes[0].set_xlabel("step × rate × slope²")
    axes[0].set_ylabel("response / (rate × slope²)")
    axes[0].legend(loc="lower left")
    shades = theme.shades("output", len(inside))
    for shade, style, (name, (x, y, law)) in zip(shades, _STYLES, inside.items(), strict=False):
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
        ax.plot(steps, law, color=theme.colour("theory"), linestyle=theme.line("theory"))
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
    figure.legend(
        *axes[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=1 if theme.narrow else 4,
    )
    for ax in axes if theme.narrow else axes[:1]:
        ax.set_ylabel("share not of rank one")
    return figure


def flips(
    theme: Theme,
    patterns: Bundle,
    predicted: tuple[Array, Array],
    tracked: tuple[Array, Array],
    changes: Mapping[str, Bundle],
) -> Figure:
    """Draw the flips of the ageing toy: how many so far, and per epoch beside the weights.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    patterns : Bundle
        Share of flipped units since the start.
    predicted : pair of array
        Epochs, and the share that the rapidity alone gives, median.
    tracked : pair of array
        Epochs, and the share that the instrument counted on one network.
    changes : mapping from "pattern" and "weight" to Bundle
        Change per epoch over the first.
    """
    figure, axes = theme.panels(2, height=2.9)
    runs = patterns.values.shape[1]
    _band(theme, axes[0], patterns, "pattern", f"{runs} networks")
    axes[0].plot(
        *predicted,
        color=theme.colour("theory"),
        linestyle=theme.line("theory"),
        label="from the rapidity",
    )
    axes[0].plot(*tracked, "o", color=theme.text, markersize=3.5, label="instrument, first seed")
    axes[0].set(xscale="log", xlabel="epoch", ylabel="share of units", title="flipped so far")
    axes[0].legend(loc="upper left")
    for quantity, bundle in changes.items():
        _band(theme, axes[1], bundle, quantity, f"{quantity} change")
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
    for ax in axes if theme.narrow else axes[:1]:
        ax.set_ylabel("decisions changed by one bit")
    figure.legend(
        *axes[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=1 if theme.narrow else 3,
    )
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
    ax.axvline(claimed, color=theme.colour("theory"), linestyle=theme.line("theory"))
    ax.set_yticks(-np.arange(len(names)), names)
    ax.set(xlabel="rank correlation with the effective number of features", xlim=(-0.75, 0.75))
    ax.set_ylim(0.4 - len(names), 0.6)
    if theme.narrow:
        ax.set_xlabel("rank correlation with\nthe effective number of features")
    ax.grid(axis="y", visible=False)
    figure.legend(loc="outside lower center", ncols=3)
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
    ax.axvline(limit, color=theme.colour("theory"), linestyle=theme.line("theory"))
    ax.annotate(
        "unstable",
        (limit, ax.get_ylim()[1]),
        xytext=(4, -12),
        textcoords="offset points",
    )
    ax.set(xscale="log", ylabel="fitted exponent", xlabel="rate × kernel / 4")
    ax.legend(loc="upper left")
    return figure


def _band(theme: Theme, ax: Axes, bundle: Bundle, quantity: str, label: str) -> None:
    """Draw a bundle's median and band in a quantity's colour."""
    low, mid, high = bundle.quantiles()
    theme.band(ax, bundle.steps, low, mid, high, quantity, label=label)


def _guide(theme: Theme, ax: Axes, bundle: Bundle, exponent: float) -> None:
    """Draw a power law through the end of the median, over the last two decades."""
    last, value = bundle.steps[-1], bundle.quantiles()[1][-1]
    x = np.array([last / 100, last])
    y = 1.6 * value * (x / last) ** exponent
    ax.plot(x, y, color=theme.colour("theory"), linestyle=theme.line("theory"))
    ax.annotate(
        f"{exponent:g}".replace("-", "−"),
        (x[0], y[0]),
        xytext=(3, 4),
        textcoords="offset points",
    )


def _decades(ax: Axes) -> None:
    """Mark every second power of ten, so that labels have room."""
    low, high = np.log10(ax.get_xlim())
    powers = np.arange(np.ceil(low), np.floor(high) + 1, 2)
    ax.set_xticks(10.0**powers)
    ax.minorticks_off()
