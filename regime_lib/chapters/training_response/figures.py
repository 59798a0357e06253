"""The figures of chapter 30: responses and kernels of networks that are trained on one input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from regime_lib.chapters.training_response.flips import PatternFlips
from regime_lib.chapters.training_response.responses import (
    WHERE,
    Kernels,
    KernelsAtEpochs,
    Response,
    Separability,
    Stages,
)
from regime_lib.chapters.training_response.settings import ACTIVATIONS, LOSSES
from regime_lib.chapters.training_response.variations import (
    KINDS,
    TARGETS,
    NoisyResponse,
    Regression,
    UnstableRates,
)
from regime_lib.companion.figures.curves import STYLES, Curves, band, lines, shaded
from regime_lib.companion.figures.marks import legend_below, note, outer_label
from regime_lib.companion.figures.theme import Theme
from regime_lib.simulators.training_response.response import Where
from regime_lib.simulators.training_response.setup import Activation, Loss

#: Line styles of what stands in an order; dots are left to theory.
DASHES: tuple[Any, ...] = (STYLES[0], STYLES[1], STYLES[3], (0, (3, 1)))

#: Exponents that the one-weight system has.
_LAWS: dict[Loss, dict[Where, float]] = {
    "cross-entropy": {"output": -2.0, "logit": -1.0},
    "squared": {"output": -1.5, "logit": -1.0},
}
_OWN = "response / own response"


def response(theme: Theme, result: Response, activation: Activation) -> Figure:
    """Draw responses at the trained input under each loss, and the kernel at the logit."""
    figure, axes = theme.panels(len(LOSSES) + 1, height=2.9)
    for ax, loss in zip(axes, LOSSES, strict=False):
        for where in WHERE:
            curves = Curves(result.epochs, result.responses[activation, loss, where])
            band(theme, ax, curves, where, label=f"at the {where}")
            _guide(theme, ax, curves, _LAWS[loss][where])
        ax.set(xscale="log", yscale="log", xlabel="epoch", title=loss)
        _every_second_power(ax)
        ax.legend(loc="lower left")
    axes[0].set_ylabel("response at the trained input")
    last = int(result.epochs[-1])
    _kernel_panel(theme, axes[-1], result.kernels[activation], (1, last), "logit")
    if activation == "relu":
        distance = np.arange(len(result.closed))
        axes[-1].plot(distance, result.closed, label="closed form", **theme.stroke("theory"))
    axes[-1].legend(loc="best")
    axes[-1].set(title="kernel at the logit", ylabel=_OWN)
    return figure


def response_alt(result: Response, activation: Activation) -> str:
    """Say what a reader who cannot see `response` must know."""
    slopes = "; ".join(
        f"{loss}, {where}: {result.exponents[activation, loss, where]:.2f}"
        for loss in LOSSES
        for where in WHERE
    )
    first, last = np.median(result.kernels[activation][:, 4], axis=1)
    return (
        "Falling straight lines in doubly logarithmic axes; fitted slopes over the last two "
        f"decades: {slopes}. The kernel against Hamming distance falls from 1, and is "
        f"{first:.2f} at distance 4 in the first epoch, {last:.2f} in the last."
    )


def two_kernels(theme: Theme, result: Kernels) -> Figure:
    """Draw the kernel at the logit and at the output, at some epochs."""
    figure, axes = theme.panels(2, height=2.9)
    for ax, where in zip(axes, reversed(WHERE), strict=True):
        _kernel_panel(theme, ax, result.kernels[where], result.epochs, where)
        ax.set(title=f"at the {where}", ylabel=_OWN)
        ax.legend(loc="best")
    axes[1].set_yscale("log")
    return figure


def two_kernels_alt(result: Kernels) -> str:
    """Say what a reader who cannot see `two_kernels` must know."""
    last = np.median(result.kernels["output"][-1], axis=1)
    return (
        "Kernels at three epochs, at the logit and at the output. In the last epoch that at the "
        f"output has its top at distance {last.argmax()}, where the output responds "
        f"{last.max():.0f} times as much as at the trained input."
    )


def stages(theme: Theme, result: Stages) -> Figure:
    """Draw the response over its first value, early on, against scaled time."""
    figure, (ax,) = theme.panels(1, height=2.9)
    for where in WHERE:
        curves = Curves(result.times, result.curves[where])
        band(theme, ax, curves, where, label=f"at the {where}")
        label = "one weight" if where == "output" else None
        ax.plot(result.times, result.one_weight[where], **theme.stroke("theory"), label=label)
    half = result.halved["output"]
    ax.axvline(half, color=theme.text, linewidth=1)
    ax.set(xscale="log", yscale="log", ylabel="response / first response")
    note(ax, "halved", (half, 0.96), (4, 0), xycoords=("data", "axes fraction"), va="top")
    ax.set_xlabel("epoch × rate × kernel")
    ax.legend(loc="lower left")
    return figure


def stages_alt(result: Stages) -> str:
    """Say what a reader who cannot see `stages` must know."""
    return (
        "Two curves that stay near 1 up to a scaled time of about one and then fall, that at the "
        "output more steeply. The output response has halved at a scaled time of "
        f"{result.halved['output']:.2f}, the logit response at {result.halved['logit']:.2f}."
    )


def separability(theme: Theme, result: Separability) -> Figure:
    """Draw what a rank-one table leaves out, against the epoch at which the table ends."""
    figure, axes = theme.panels(len(ACTIVATIONS), height=2.9, sharey=True)
    for ax, (activation, title) in zip(axes, ACTIVATIONS.items(), strict=True):
        for where in reversed(WHERE):
            for scaled, style in ((False, "-"), (True, DASHES[1])):
                values = result.missing[activation, where, scaled]
                low, middle, high = Curves(result.ends, values).quantiles()
                colour = theme.colour(where)
                ax.fill_between(result.ends, low, high, color=colour, alpha=0.2, linewidth=0)
                label = f"{where}, {_rows(scaled)}"
                ax.plot(result.ends, middle, color=colour, linestyle=style, label=label)
        ax.axhline(0.01, color=theme.text, linewidth=1)
        ax.set(xscale="log", yscale="log", xlabel="table ends at epoch", title=title)
    legend_below(theme, figure, axes[0], 4)
    outer_label(theme, axes, "share not of rank one")
    return figure


def separability_alt(result: Separability) -> str:
    """Say what a reader who cannot see `separability` must know."""
    at_end = "; ".join(
        f"{where}, {_rows(scaled)} {np.median(result.missing['relu', where, scaled][-1]):.2g}"
        for where in reversed(WHERE)
        for scaled in (False, True)
    )
    return f"Left out at the last epoch, ReLU: {at_end}. All curves rise with the epoch at first."


def noise(theme: Theme, result: NoisyResponse) -> Figure:
    """Draw output responses with and without noise, and the kernels at the end."""
    figure, axes = theme.panels(3, height=3.1)
    for ax, (activation, title) in zip(axes, ACTIVATIONS.items(), strict=False):
        kinds = {kind: Curves(result.epochs, result.responses[activation, kind]) for kind in KINDS}
        shaded(theme, ax, kinds, "output", styles=DASHES, alpha=0.18)
        ax.set(xscale="log", yscale="log", xlabel="epoch", title=title)
        _every_second_power(ax)
    axes[0].set_ylabel("output response")
    axes[0].legend(loc="lower left")
    for activation, title in ACTIVATIONS.items():
        shades = theme.shades("logit", 2)
        for shade, style, kind in zip(shades, DASHES, KINDS, strict=False):
            middle = np.median(result.kernels[activation, kind], axis=1)
            label = kind if activation == "relu" else None
            axes[2].plot(middle, color=shade, linestyle=style, label=label)
        at = (len(middle) - 3, middle[-3])
        note(axes[2], title, at, (5, 5))
    _distance_axis(axes[2], len(middle))
    axes[2].set(title="kernel at the end", ylabel=_OWN)
    axes[2].legend(loc="lower left")
    return figure


def noise_alt(result: NoisyResponse) -> str:
    """Say what a reader who cannot see `noise` must know."""
    said = "; ".join(
        f"{ACTIVATIONS[activation]}, {kind} {ratio:.2f}"
        for (activation, kind), ratio in result.steeper.items()
    )
    return (
        f"Exponents of the output response with noise over those without: {said}. With flipped "
        "labels the response levels off. A panel of kernels at the end, with and without Gaussian "
        "noise."
    )


def regression(theme: Theme, result: Regression) -> Figure:
    """Draw distances to targets inside (0, 1) against the epoch, with the predicted decay."""
    figure, axes = theme.panels(len(LOSSES), height=2.9)
    for ax, loss in zip(axes, LOSSES, strict=True):
        left = {t: result.residuals[loss, t] for t in TARGETS}
        curves = {f"target {t:g}": (np.arange(len(own)), own) for t, own in left.items()}
        lines(theme, ax, curves, "output", styles=DASHES)
        for target in TARGETS:
            ax.plot(result.predicted[loss, target], **theme.stroke("theory"))
        ax.lines[-1].set_label("predicted rate")
        ax.set(yscale="log", xlabel="epoch", title=loss, ylim=(1e-12, 2))
        ax.legend(loc="upper right")
    outer_label(theme, axes, "distance to the target")
    return figure


def regression_alt(result: Regression) -> str:
    """Say what a reader who cannot see `regression` must know."""
    said = "; ".join(
        f"{loss}, target {target:g}: {ratio:.4f}" for (loss, target), ratio in result.ratios.items()
    )
    return (
        "Straight falls in half-logarithmic axes, on the dotted lines of the predicted rates. "
        f"Fitted over predicted rate, median over seeds: {said}."
    )


def flips(theme: Theme, result: PatternFlips) -> Figure:
    """Draw the flips of ReLU networks: how many so far, and per epoch beside the weights."""
    figure, axes = theme.panels(2, height=2.9)
    shares = Curves(result.epochs, result.from_start)
    band(theme, axes[0], shares, "pattern", label=f"{result.from_start.shape[1]} networks")
    axes[0].plot(*result.predicted, **theme.stroke("theory"), label="from the rotation")
    shown = np.unique(np.geomspace(1, len(result.tracked[0]), 14).round().astype(int)) - 1
    tracked = (values[shown] for values in result.tracked)
    axes[0].plot(*tracked, "o", color=theme.text, markersize=3.5, label="instrument, first seed")
    axes[0].set(xscale="log", xlabel="epoch", ylabel="share of units", title="flipped so far")
    axes[0].legend(loc="upper left")
    for quantity, values in result.per_epoch.items():
        curves = Curves(result.epochs, values)
        band(theme, axes[1], curves, quantity, label=f"{quantity} change")
    axes[1].set(xscale="log", yscale="log", xlabel="epoch", title="per epoch")
    axes[1].set_ylabel("mean change / first")
    axes[1].legend(loc="lower left")
    return figure


def flips_alt(result: PatternFlips) -> str:
    """Say what a reader who cannot see `flips` must know."""
    share, pattern, weight = (
        result.numbers[name] for name in ("flips-share", "flips-slope", "moved-slope")
    )
    return (
        f"The share of flipped units rises slowly to {share:.2f} per cent, beside the prediction "
        "from the hyperbolic rotation. Per epoch, both changes fall; slopes "
        f"over the last two decades: patterns {pattern:.2f}, weights {weight:.2f}."
    )


def unstable_rates(theme: Theme, result: UnstableRates) -> Figure:
    """Draw fitted exponents against the size of the first step; unstable from two on."""
    figure, (ax,) = theme.panels(1, height=2.8)
    for where, slopes in result.exponents.items():
        band(theme, ax, Curves(result.sizes, slopes), where, label=f"at the {where}")
    ax.axvline(2, **theme.stroke("theory"))
    note(ax, "unstable", (2, ax.get_ylim()[1]), (4, -12))
    ax.set(xscale="log", ylabel="fitted exponent", xlabel="rate × kernel / 4")
    ax.legend(loc="upper left")
    return figure


def unstable_rates_alt(result: UnstableRates) -> str:
    """Say what a reader who cannot see `unstable_rates` must know."""
    output, logit = (round(float(np.median(result.exponents[w][-1])), 2) + 0.0 for w in WHERE)
    return (
        "Exponents at the output and at the logit stay near -2 and -1 for small steps. At the "
        f"largest step, {result.sizes[-1]:.0f}, their medians are {output:.2f} and {logit:.2f}."
    )


def _kernel_panel(
    theme: Theme, ax: Axes, kernels: KernelsAtEpochs, epochs: tuple[int, ...], where: Where
) -> None:
    """Draw kernels against Hamming distance in shades, the first plain."""
    curves: Mapping[str, Curves] = {
        f"epoch {epoch:,}": Curves(np.arange(len(kernel)), kernel)
        for epoch, kernel in zip(epochs, kernels, strict=True)
    }
    shaded(theme, ax, curves, where, styles=DASHES)
    _distance_axis(ax, kernels.shape[1])


def _distance_axis(ax: Axes, distances: int) -> None:
    ax.set_xlabel("Hamming distance")
    ax.set_xticks(range(0, distances, 2))


def _rows(scaled: bool) -> str:
    return "rows scaled" if scaled else "as it is"


def _guide(theme: Theme, ax: Axes, curves: Curves, exponent: float) -> None:
    """Draw a power law through the end of the median, over the last two decades."""
    last, value = curves.steps[-1], curves.quantiles()[1][-1]
    x: Float[np.ndarray, " two"] = np.array([last / 100, last])
    y = 1.6 * value * (x / last) ** exponent
    ax.plot(x, y, **theme.stroke("theory"))
    note(ax, f"{exponent:g}".replace("-", "−"), (x[0], y[0]), (3, 4))


def _every_second_power(ax: Axes) -> None:
    """Mark every second power of ten, so that labels have room."""
    low, high = np.log10(ax.get_xlim())
    powers: npt.NDArray[np.float64] = np.arange(np.ceil(low), np.floor(high) + 1, 2)
    ax.set_xticks(10.0**powers)
    ax.minorticks_off()
