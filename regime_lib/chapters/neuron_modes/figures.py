"""The figures of the chapter on neuron modes: rank slopes, linear substitutes, truncation."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, NullLocator

from regime_lib.chapters.neuron_modes.layers import LayerTrajectory
from regime_lib.chapters.neuron_modes.measure import Deep, LateLayers, Slope, VeryDeep
from regime_lib.chapters.neuron_modes.slopes import SlopeRule
from regime_lib.chapters.neuron_modes.three_networks import ThreeNetworks
from regime_lib.companion.figures.curves import STYLES, Curves, band, shaded
from regime_lib.companion.figures.marks import outer_label
from regime_lib.companion.figures.theme import Theme

Moments = dict[str, Float[np.ndarray, "layers seeds"]]

_MARKERS = ("o", "s", "^")
_PLAIN, _DASHED, _DOTTED = STYLES[:3]
_NETS = {"tanh net": "whole net", "linear map of it": "linear substitute", "linear net": "theory"}


def slope_over_training(theme: Theme, slope: Slope) -> Figure:
    """Draw slope and accuracy while a network learns, and rank densities at three moments."""
    figure, (left, middle, right) = theme.panels(3, height=2.8)
    found = slope.trajectory
    for ax, values, quantity in (
        (left, found.slope, "rank slope"),
        (middle, found.accuracy, "accuracy"),
    ):
        band(theme, ax, Curves(found.steps, values), quantity)
        _steps_from_zero(ax, found.steps)
    left.set(title="slope", ylabel="slope of the rank density")
    middle.set(title="test accuracy", ylabel="share", ylim=(0, 1.02))
    densities = {
        name: Curves(found.centres, found.density[check].T) for name, check in found.moments.items()
    }
    styles = (_PLAIN, _DASHED, _DOTTED)
    shaded(theme, right, densities, "rank slope", styles=styles, last_plain=True)
    right.set(title="rank density", xlabel="rank / (P - 1)", ylim=(0, None), xlim=(0, 1))
    right.legend(loc="upper left")
    return figure


def slope_over_training_alt(slope: Slope) -> str:
    """Say what a reader who cannot see `slope_over_training` must know."""
    shown, found = slope.numbers, slope.trajectory
    return (
        f"The slope rises from {shown['slope-start']:.2f} at the start to "
        f"{shown['slope-peak']:.2f} at step {shown['slope-peak-step']} and is "
        f"{shown['slope-end']:.2f} at step {found.steps[-1]}; test accuracy rises from "
        f"{shown['accuracy-start']:.2f} to {shown['accuracy-end']:.2f}. The density is flat at the "
        "start and climbs towards high ranks later."
    )


def three_networks(theme: Theme, found: ThreeNetworks) -> Figure:
    """Draw test accuracy over the number of training samples, and the distance to the tanh net."""
    figure, (left, right) = theme.panels(2, height=3.0)
    sizes, whole = found.sizes, found.accuracy["tanh net"]
    for (name, values), marker in zip(found.accuracy.items(), _MARKERS, strict=True):
        quantity = _NETS[name]
        band(theme, left, Curves(sizes, values), quantity, label=name)
        middle = np.median(values, axis=1)
        left.plot(sizes, middle, marker, color=theme.colour(quantity), markersize=4)
        if name != "tanh net":
            band(theme, right, Curves(sizes, 100 * (whole - values)), quantity)
    right.axhline(0, color=theme.text, linewidth=1)
    left.set(title="test accuracy", ylabel="share")
    right.set(title="behind the tanh net", ylabel="points of accuracy")
    shown = sizes if not theme.narrow else sizes[::2]
    for ax in (left, right):
        ax.set(xscale="log", xlabel="training samples")
        ax.set_xticks(shown, [f"{size:g}" for size in shown])
        ax.xaxis.set_minor_locator(NullLocator())
        ax.tick_params(axis="x", rotation=45)
    left.legend(loc="lower right")
    return figure


def three_networks_alt(found: ThreeNetworks) -> str:
    """Say what a reader who cannot see `three_networks` must know."""
    words = []
    for name, values in found.accuracy.items():
        said = [f"{values[k].mean():.3f} with {found.sizes[k]}" for k in (0, found.few, -1)]
        words.append(f"{name}: {said[0]} samples, {said[1]}, {said[2]}")
    return "; ".join(words) + "."


def deep_layers(theme: Theme, deep: Deep) -> Figure:
    """Draw the slope of every layer of the deep network, early and late run by run."""
    late = deep.trajectory.slope[-1]
    return _layers(theme, deep.trajectory, {"early": deep.reversal.early_slope, "end": late})


def deep_layers_alt(deep: Deep) -> str:
    """Say what a reader who cannot see `deep_layers` must know."""
    early, late = deep.reversal.early_slope, deep.trajectory.slope[-1]
    half = len(early) // 2
    return (
        f"Heat map of slopes by layer and step. Early: {early[0].mean():.2f} in the first layer, "
        f"{early[half].mean():.2f} in layer {half + 1}, {early[-1].mean():.2f} in the last; at the "
        f"end {late[0].mean():.2f}, {late[half].mean():.2f} and {late[-1].mean():.2f}."
    )


def very_deep_layers(theme: Theme, very: VeryDeep) -> Figure:
    """Draw the slope of every layer of the very deep network, after a few steps and at the end."""
    found = very.trajectory
    moments = {f"step {found.steps[1]}": found.slope[1], "end": found.slope[-1]}
    return _layers(theme, found, moments)


def very_deep_layers_alt(very: VeryDeep) -> str:
    """Say what a reader who cannot see `very_deep_layers` must know."""
    ends = very.trajectory.slope[-1]
    return (
        f"At the end the slope is {ends[0].mean():.2f} in the first layer, "
        f"{ends[len(ends) // 2].mean():.2f} in the middle and {ends[-1].mean():.2f} in the last; "
        "standard deviation over layers divided by the mean: "
        f"{very.trajectory.spread[-1].mean():.2f}."
    )


def _layers(theme: Theme, found: LayerTrajectory, moments: Moments) -> Figure:
    """Draw slopes over training as a heat map, averaged over runs, and by layer at two moments."""
    figure, (left, right) = theme.panels(2, height=3.0)
    checks, layers, _ = found.slope.shape
    mesh = left.pcolormesh(
        np.arange(checks + 1),
        np.arange(layers + 1) + 0.5,
        found.slope.mean(axis=2).T,
        cmap="cividis",
        vmin=0,
        rasterized=True,
    )
    bar = figure.colorbar(mesh, ax=left, pad=0.02, aspect=24)
    bar.outline.set_visible(False)
    chosen = np.linspace(0, checks - 1, 5).round().astype(int)
    left.set_xticks(chosen + 0.5, [f"{found.steps[c]:g}" for c in chosen])
    left.set(title="slope of every layer", xlabel="optimiser step", ylabel="layer")
    left.grid(visible=False)
    number = np.arange(1, layers + 1)
    curves = {name: Curves(number, rows) for name, rows in moments.items()}
    styles = (_DOTTED, _DASHED)
    shaded(theme, right, curves, "rank slope", styles=styles, markers=_MARKERS, last_plain=True)
    right.set(title="early and late", xlabel="layer", ylabel="slope")
    right.set_xticks(number if layers <= 12 else number[::4])
    right.legend(loc="best")
    return figure


def truncation(theme: Theme, late: LateLayers) -> Figure:
    """Draw accuracy against the number of activations that stay, a panel per network."""
    nets = late.truncations
    figure, axes = theme.panels(len(nets), height=2.9, sharey=True)
    for ax, (title, net) in zip(axes, nets.items(), strict=True):
        kept = np.arange(len(net.cut["shifts kept"]))
        curves = {name: Curves(kept, values) for name, values in net.cut.items()}
        styles = (_DASHED, _DOTTED)
        shaded(theme, ax, curves, "linear substitute", styles=styles, markers=_MARKERS)
        whole = float(np.median(net.whole))
        ax.axhline(whole, color=theme.colour("whole net"), label="whole net")
        ax.set(title=title, xlabel="activations kept", ylim=(0, 1.03))
        ax.set_xticks(range(0, len(kept), 1 if len(kept) < 8 else 2))
    outer_label(theme, axes, "test accuracy")
    axes[0].legend(loc="lower right")
    return figure


def truncation_alt(late: LateLayers) -> str:
    """Say what a reader who cannot see `truncation` must know."""
    said = []
    for title, net in late.truncations.items():
        numbers = ", ".join(f"{x:.2f}" for x in net.cut["shifts kept"].mean(axis=1))
        said.append(f"{title}, shifts kept: {numbers}; whole {net.whole.mean():.2f}")
    return "Mean accuracy over runs, by number of activations kept. " + ". ".join(said) + "."


def rule(theme: Theme, found: SlopeRule) -> Figure:
    """Draw accuracy against the slope of the first layer, a point per run, a marker per rate.

    Both are deviations from the run's mean over rates, as the rule is read.
    """
    figure, (ax,) = theme.panels(1, height=3.0)
    shades = theme.shades("rank slope", len(found.rates))
    slope = found.slope - found.slope.mean(axis=0)
    points = 100 * (found.accuracy - found.accuracy.mean(axis=0))
    for rate, x, y, shade, marker in zip(found.rates, slope, points, shades, _MARKERS, strict=True):
        ax.plot(x, y, marker, color=shade, markersize=6, alpha=0.85, label=f"rate {rate:g}")
    ax.set(xlabel="slope of the first layer, from the run's mean", ylabel="accuracy, in points")
    ax.xaxis.set_major_locator(MaxNLocator(5))
    figure.legend(loc="outside lower center", ncols=1 if theme.narrow else 3)
    return figure


def rule_alt(found: SlopeRule) -> str:
    """Say what a reader who cannot see `rule` must know."""
    rows = zip(found.rates, found.slope, found.accuracy, strict=True)
    said = [f"rate {r:g}: slope {x.mean():.2f}, accuracy {y.mean():.4f}" for r, x, y in rows]
    return "; ".join(said) + "."


def _steps_from_zero(ax: Axes, steps: np.ndarray) -> None:
    """Show steps from 0 logarithmically: 0 stands at the left end."""
    ax.set_xscale("symlog", linthresh=max(1.0, float(steps[steps > 0].min())), linscale=0.6)
    ax.set(xlabel="optimiser step", xlim=(0, float(steps[-1])))
    ax.set_xticks([0.0, *(10.0**k for k in range(int(np.log10(steps[-1])) + 1))])
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
