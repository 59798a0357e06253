"""Figures of networks at one training loss: what controls their basins, and what tells of them."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from regime_lib.chapters.attraction_basins.controls import FAMILIES, Controls
from regime_lib.chapters.attraction_basins.predictors import PREDICTORS, Predictors
from regime_lib.companion.figures.theme import WIDTH_INCHES, Theme
from regime_lib.estimate import Estimate

_NAMES = {"mnist": "MNIST", "digits": "digits"}
_MARKS = {"mnist": "o", "digits": "s"}
_LABELS = {"rate": "learning rate of SGD", "batch": "batch size"}
_OWN = {"sample basin", "weight basin"}
_WITHIN = 1.5  # "about the same"


def at_equal_loss(theme: Theme, found: Controls) -> Figure:
    """Draw both basins over rate and batch size, each over its mean at the first setting."""
    figure, axes = theme.panels(len(FAMILIES), height=3.0, sharey=True)
    for ax, family in zip(axes, FAMILIES, strict=True):
        ax.axhspan(1 / _WITHIN, _WITHIN, color=theme.colour("theory"), alpha=0.12, linewidth=0)
        for dataset, scans in found.scans.items():
            scan = scans[family]
            for quantity, values in scan.basins.items():
                relative = values / values[0].mean()
                low, high = np.quantile(relative, [0.1, 0.9], axis=1)
                colour = theme.colour(quantity)
                full = dataset == "mnist"
                ax.vlines(scan.values, low, high, color=colour, linewidth=1.2)
                ax.plot(
                    scan.values, relative.mean(axis=1), **theme.stroke(quantity),
                    marker=_MARKS[dataset], markersize=5,
                    markerfacecolor=colour if full else theme.background,
                    label=f"{quantity}, {_NAMES[dataset]}",
                )  # fmt: skip
        ax.set(xscale="log", yscale="log", xlabel=_LABELS[family])
        settings = next(iter(found.scans.values()))[family].values
        ax.set_xticks(settings, [f"{value:g}" for value in settings])
        ax.xaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_minor_locator(NullLocator())
        ax.set_yticks([0.5, 0.67, 1, 1.5, 2], ["0.5", "0.67", "1", "1.5", "2"])
    axes[0].set_ylabel("basin / that of the first setting")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=1 if theme.narrow else 2)
    return figure


def at_equal_loss_alt(found: Controls) -> str:
    """Say what a reader who cannot see `at_equal_loss` must know."""
    words = []
    for dataset in found.scans:
        for family in FAMILIES:
            sample, weight = (
                found.numbers[f"equal-{family}-{basin}-{dataset}"] for basin in ("sample", "weight")
            )
            words.append(
                f"{_NAMES[dataset]}, {family}, last over first setting: sample basin {sample:.2f}, "
                f"weight basin {weight:.2f}"
            )
    return "; ".join(words) + "."


def accuracy_over_basins(theme: Theme, found: Predictors, dataset: str = "mnist") -> Figure:
    """Draw test accuracy over each basin, a point a setting, shaded by the number of layers."""
    own = found.hundred[dataset]
    figure, axes = theme.panels(2, height=3.1, sharey=True)
    depths = np.unique(own.depth)
    points = 100 * own.accuracy.mean(axis=1)
    for ax, quantity in zip(axes, ("sample basin", "weight basin"), strict=True):
        basin = own.predictors[quantity].mean(axis=1)
        for number, (depth, shade) in enumerate(
            zip(depths, theme.shades(quantity, len(depths)), strict=True)
        ):
            here = own.depth == depth
            ax.plot(
                basin[here], points[here], "os^Dv"[number % 5], color=shade, markersize=4,
                label=f"{depth}",
            )  # fmt: skip
        ax.set(title=quantity, xlabel="noise on inputs" if ax is axes[0] else "noise / std")
    axes[0].set_ylabel("test accuracy (%)")
    axes[1].legend(title="hidden layers")
    return figure


def accuracy_over_basins_alt(found: Predictors, dataset: str = "mnist") -> str:
    """Say what a reader who cannot see `accuracy_over_basins` must know."""
    own = found.hundred[dataset]
    points = 100 * own.accuracy.mean(axis=1)
    said = ", ".join(
        f"{name} {_number(found.plain[dataset][name])}" for name in ("sample basin", "weight basin")
    )
    return (
        f"{len(points)} settings with test accuracies from {points.min():.1f} to "
        f"{points.max():.1f} per cent. Rank correlations: {said}."
    )


def rivals(theme: Theme, found: Predictors) -> Figure:
    """Draw the rank correlation of every predictor with its interval, and beyond the settings."""
    columns = 1 if theme.narrow else 2
    figure = Figure(
        figsize=(WIDTH_INCHES[theme.narrow], 3.0 * (2 / columns) + 0.3), layout="constrained"
    )
    axes = figure.subplots(2 // columns, columns, sharex=True, sharey=True, squeeze=False).ravel()
    titles = ("as measured", "beyond the settings")
    for ax, title, estimates in zip(axes, titles, (found.plain, found.beyond), strict=True):
        _correlations(theme, ax, estimates)
        ax.set(title=title, xlabel="rank correlation with test accuracy")
        ax.tick_params(labelbottom=True)
    if len(found.plain) > 1:
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def rivals_alt(found: Predictors) -> str:
    """Say what a reader who cannot see `rivals` must know."""
    words = []
    for dataset, plain in found.plain.items():
        left = found.beyond[dataset]
        said = [
            f"{name} {_number(estimate)}, beyond the settings {_number(left[name])}"
            for name, estimate in plain.items()
        ]
        words.append(f"{_NAMES[dataset]}: {'; '.join(said)}")
    return "Rank correlations. " + ". ".join(words) + "."


def _correlations(theme: Theme, ax: Axes, estimates: dict[str, dict[str, Estimate]]) -> None:
    places = np.arange(len(PREDICTORS))[::-1]
    ax.axvline(0, color=theme.colour("theory"), linewidth=1)
    ax.axvspan(-0.3, 0.3, color=theme.colour("theory"), alpha=0.1, linewidth=0)
    for number, (dataset, own) in enumerate(estimates.items()):
        for place, name in zip(places, PREDICTORS, strict=True):
            one = own[name]
            colour = theme.colour(name if name in _OWN else "theory")
            at = place + 0.16 - 0.32 * number
            if one.value is None:
                continue
            if one.low is not None and one.high is not None:
                ax.hlines(at, one.low, one.high, color=colour, linewidth=1.6)
            ax.plot(
                one.value, at, _MARKS[dataset], color=colour, markersize=5.5,
                markerfacecolor=colour if dataset == "mnist" else theme.background,
                label=_NAMES[dataset] if name == "margin" else None,
            )  # fmt: skip
    ax.set_yticks(places, list(PREDICTORS))
    ax.grid(axis="y", visible=False)
    ax.set_ylim(-0.6, len(PREDICTORS) - 0.4)
    ax.xaxis.set_major_locator(MaxNLocator(5))


def _number(one: Estimate) -> str:
    return "no number" if one.value is None else f"{one.value:.2f}"
