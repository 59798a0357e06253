"""Figures of deep linear networks that learn: plateaus, initialisations, rates, large steps.

Every function takes the theme and what a part of the chapter measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from regime_lib.chapters.deep_linear import learning
from regime_lib.chapters.deep_linear.beyond import CorrelatedData, LargeSteps, Relu, ScaleLaw
from regime_lib.chapters.deep_linear.coefficients import Coefficients
from regime_lib.chapters.deep_linear.race import Race
from regime_lib.companion.figures.curves import STYLES, Curves, band, lines
from regime_lib.companion.figures.marks import finished, legend_below, note, outer_label
from regime_lib.companion.figures.theme import Theme
from regime_lib.estimate import Estimate
from regime_lib.instrument.settling.timescales import smooth

_SMOOTHING = 15  # steps over which flips are averaged


def small_weights(theme: Theme, found: learning.SmallWeights) -> Figure:
    """Draw falling losses from small weights against critical values, a panel per depth."""
    return _falling(theme, found.runs, found.values)


def small_weights_alt(found: learning.SmallWeights) -> str:
    """Describe `small_weights`."""
    return (
        "Three panels of falling curves. At depth 1 one smooth fall. At depth 2 and 3 stairs whose "
        f"plateaus lie at {', '.join(f'{x:g}' for x in found.values)}; the largest relative "
        f"distance of a plateau from its critical value is {found.worst[2].max():.1e} at depth 2 "
        f"and {found.worst[3].max():.1e} at depth 3."
    )


def correlated_data(theme: Theme, found: CorrelatedData) -> Figure:
    """Draw falling losses on correlated data against critical values, a panel per depth."""
    return _falling(theme, found.runs, found.values)


def correlated_data_alt(found: CorrelatedData) -> str:
    """Describe `correlated_data`."""
    values, numbers = ", ".join(f"{x:.2f}" for x in found.values), found.numbers
    return (
        f"Two panels of stairs with plateaus at {values}. The largest relative distance of a "
        f"plateau is {numbers['raw-worst-2']:.1e} at depth 2 and {numbers['raw-worst-3']:.1e} at "
        "depth 3."
    )


def _falling(
    theme: Theme, runs: Mapping[str, learning.Losses], values: Float[np.ndarray, " values"]
) -> Figure:
    """Draw losses over logarithmic time, a panel per setting, and the values to be visited."""
    figure, axes = theme.panels(len(runs), height=2.9)
    for ax, (title, (times, losses)) in zip(axes, runs.items(), strict=True):
        _levels(theme, ax, values, "critical values")
        _lines(theme, ax, times, losses, "loss", "loss, a line per run", alpha=0.65)
        ax.set(title=title, xlabel="time", xscale="log")
        ax.set_xlim(max(times[0], times[-1] / 2000), times[-1])
        ax.grid(visible=False)
    return finished(theme, figure, axes, "loss", 2)


def race(theme: Theme, found: Race) -> Figure:
    """Draw how often the smaller of two values is learnt first, against their ratio."""
    figure, axes = theme.panels(2, height=3.0, sharey=True)
    shades = theme.shades("weight", len(found.predicted))
    for ax, depth in zip(axes, ("depth 2", "depth 3"), strict=True):
        own = {name: found.shares[name] for name in found.shares if name.startswith(depth)}
        for (name, shares), shade, marker in zip(own.items(), shades, "os", strict=False):
            _dots(ax, found.ratios[name], shares, shade, marker, name.split(", ")[1])
        ax.set(title=depth, xlabel="σ₁ / σ₂", yscale="log", xlim=(1.02, 1.53), ylim=(0.006, 0.7))
    for curve in found.predicted.values():
        axes[0].plot(found.fine, curve, linewidth=1.2, **theme.stroke("theory"))
    axes[0].lines[-1].set_label("race of two")
    return finished(theme, figure, axes, "smaller one first", 3)


def race_alt(found: Race) -> str:
    """Describe `race`."""
    said = "; ".join(
        f"{name}: {shares[0].value:.3f} at ratio {found.ratios[name][0]:g} and "
        f"{shares[-1].value:.3f} at {found.ratios[name][-1]:g}"
        for name, shares in found.shares.items()
    )
    return (
        "Two panels, depths 2 and 3: dots with bars fall as the singular values part, "
        f"and lie lower for smaller weights. {said}. At depth 2 two dotted curves of the race run "
        "above them with the same fall."
    )


def _dots(
    ax: Axes,
    x: Sequence[float] | range,
    found: Sequence[Estimate],
    colour: str,
    marker: str,
    label: str,
) -> None:
    """Draw estimates as dots with bars from low to high, where there is an interval."""
    ends = [(one.value, one.low, one.high) for one in found]
    values = np.array([[np.nan if end is None else end for end in own] for own in ends])
    bars = abs(values[:, 1:] - values[:, :1]).T
    ax.errorbar(
        x, values[:, 0], bars, fmt=marker, markersize=5, capsize=2, color=colour, label=label
    )


def coefficients(theme: Theme, found: Coefficients) -> Figure:
    """Draw the exact learning coefficient of each plateau, and what chains sample."""
    figure, axes = theme.panels(2, height=2.9, sharey=True)
    for ax, (name, exact) in zip(axes, found.exact.items(), strict=True):
        learnt = range(len(exact))
        ax.step(learnt, exact, where="mid", label="exact", **theme.stroke("theory"))
        _dots(ax, learnt, found.sampled[name], theme.colour("loss"), "o", "sampled")
        ax.set(title=name, xlabel="singular values learnt", xticks=learnt)
    return finished(theme, figure, axes, "learning coefficient", 2)


def coefficients_alt(found: Coefficients) -> str:
    """Describe `coefficients`."""
    said = "; ".join(
        f"{name}: exact {', '.join(f'{x:g}' for x in exact)}, sampled "
        f"{', '.join(f'{one.value:.2f}' for one in found.sampled[name])}"
        for name, exact in found.exact.items()
    )
    return f"Two panels of rising steps with dots near them, from nothing to all learnt. {said}."


def initialisations(theme: Theme, found: learning.Initialisations) -> Figure:
    """Draw how the modes are learnt from several kinds of initialisations, a panel per kind."""
    figure, axes = theme.panels(len(found.modes), height=2.4, sharey=True)
    shades = theme.shades("weight", len(found.sigma))
    for ax, (title, modes) in zip(axes, found.modes.items(), strict=True):
        for mode, value, shade, style in zip(modes.T, found.sigma, shades, STYLES, strict=False):
            ax.axhline(value, linewidth=1, **theme.stroke("theory"))
            ax.plot(found.times, mode, color=shade, linestyle=style, label=f"σ = {value:g}")
        ax.set(title=title, xlim=(found.times[0], found.times[-1]))
        ax.set_xlabel("time")
    outer_label(theme, axes, "strength", columns=3)
    names = axes[0].get_legend_handles_labels()
    figure.legend(*names, loc="outside lower center", ncols=len(found.sigma))
    return figure


def initialisations_alt(found: learning.Initialisations) -> str:
    """Describe `initialisations`."""
    halves = "; ".join(f"{name}: {a:.1f} and {b:.1f}" for name, (a, b) in found.halves.items())
    return (
        "Five panels with three rising curves each. Times at which half of the largest and of the "
        f"smallest value is learnt: {halves} (0 means not within the time shown)."
    )


def rates(theme: Theme, found: learning.Rates, bound: learning.RateBound) -> Figure:
    """Draw how the loss falls near the minimum at several depths, and the loss over its bound."""
    figure, (left, right) = theme.panels(2, height=3.0)
    lines(theme, left, found.decays, "loss", styles=(*STYLES, (0, (1, 1))))
    for name, (times, losses) in found.decays.items():
        left.plot(times, found.formulas[name], linewidth=1.2, **theme.stroke("theory"))
        end = {"va": "top", "ha": "center", "fontsize": 10}
        note(left, name.removeprefix("depth "), (times[-1], losses[-1]), (0, -3), **end)
    formula = left.lines[-1]
    formula.set_label("formula")
    left.set(yscale="log", xlabel="time", ylabel="loss / first", title="near the minimum, by depth")
    left.set_ylim(bottom=min(float(losses[-1]) for _, losses in found.decays.values()) / 20)
    left.legend(handles=[formula], loc="upper right")
    every_other = bound.ratios[:, ::2]
    right.plot(bound.times, every_other, color=theme.colour("loss"), linewidth=1, alpha=0.6)
    right.axhline(1, **theme.stroke("theory"))
    right.set(yscale="log", xlabel="time", ylabel="loss / bound", title="from the start on")
    right.set_ylim(bottom=1e-6, top=3)
    return figure


def rates_alt(found: learning.Rates, bound: learning.RateBound) -> str:
    """Describe `rates`."""
    rate = found.claims["dl-rate"]
    return (
        "Near the minimum, straight falling lines on a logarithmic axis, one for each depth; "
        f"fitted over predicted rates lie between {rate.low:.4f} and {rate.high:.4f}. From the "
        f"start on, all {bound.ratios.shape[1]} ratios start at one; the logarithm of the loss "
        "falls at least "
        f"{bound.claims['dl-rate-bound'].value:.3g} times as far as it must."
    )


def large_steps(theme: Theme, found: LargeSteps) -> Figure:
    """Draw gradient descent with large steps: the loss, and the sharpness against its limit."""
    figure, (left, right) = theme.panels(2, height=3.0)
    shades = theme.shades("sgd", len(found.losses))
    for (name, losses), shade, style in zip(found.losses.items(), shades, STYLES, strict=True):
        fine = np.isfinite(losses) & (losses < 1e6)  # a run that diverges ends where it does
        shown = np.where(fine, np.maximum(losses, 1e-16), np.nan)
        left.plot(shown, color=shade, linestyle=style, label=name)
        right.plot(np.where(fine, found.sharpness[name], np.nan), color=shade, linestyle=style)
    right.axhline(1, **theme.stroke("theory"))
    left.set(yscale="log", xlabel="step", title="loss", ylim=(1e-14, None))
    right.set(xlabel="step", title="sharpness × step / 2", ylim=(0, 2.5))
    legend_below(theme, figure, left)
    return figure


def large_steps_alt(found: LargeSteps) -> str:
    """Describe `large_steps`."""
    ends = {
        name: f"{sharpness[-1]:.2f}" if found.converged[name] else "diverged"
        for name, sharpness in found.sharpness.items()
    }
    return (
        "Losses that first rise and then fall where the step is above the limit. Sharpness over "
        f"its limit at the end: {'; '.join(f'{name}, {end}' for name, end in ends.items())}."
    )


def relu(theme: Theme, found: Relu) -> Figure:
    """Draw the losses of ReLU networks above the share of their patterns that changes per step."""
    size = (3.9, 4.6) if theme.narrow else (7.2, 4.4)
    figure = Figure(figsize=size, layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(1.4, 1))
    steps = np.arange(1.0, len(found.losses) + 1)
    flips = smooth(found.flips, _SMOOTHING)
    _levels(theme, top, found.values, "critical values of the linear network")
    _one_of(theme, top, steps, found.losses, "loss", "loss")
    top.set(ylabel="loss")
    top.legend(loc="center right", bbox_to_anchor=(1, 0.62))
    shown = np.where(flips > 0, flips, np.nan)
    _one_of(theme, bottom, steps, shown, "pattern", "pattern change")
    bottom.set(yscale="log", xlabel="step", ylabel="flips per step", xlim=(1, steps[-1]))
    bottom.legend(loc="upper right")
    for ax in (top, bottom):
        ax.grid(visible=False)
        ax.yaxis.set_minor_formatter(NullFormatter())
    return figure


def relu_alt(found: Relu) -> str:
    """Describe `relu`."""
    stages = zip(found.shares["stage"], found.shares["of the flips"], strict=True)
    return (
        f"Losses of {found.losses.shape[1]} networks fall from {found.losses[0].mean():.1f} in "
        "steps. Shares of all pattern changes: "
        f"{', '.join(f'{name} {share:.2f}' for name, share in stages)}."
    )


def scale_law(theme: Theme, found: ScaleLaw) -> Figure:
    """Draw how far a plateau is from its critical value against the initial scale."""
    figure, (ax,) = theme.panels(1, height=2.9)
    curves = Curves(found.scales, found.deviations)
    band(theme, ax, curves, "loss", label="second plateau, depth 2")
    power = curves.quantiles()[1, 0] * (found.scales / found.scales[0]) ** found.exponent
    label = f"power {found.exponent:.2f} of the scale"
    ax.plot(found.scales, power, **theme.stroke("theory"), label=label)
    ax.set(xscale="log", yscale="log", xlabel="standard deviation of the initial weights")
    ax.set_ylabel("relative distance")
    ax.legend(loc="upper left")
    return figure


def scale_law_alt(found: ScaleLaw) -> str:
    """Describe `scale_law`."""
    medians = np.median(found.deviations, axis=1)
    return (
        "A line on logarithmic axes: the relative distance falls from "
        f"{medians[-1]:.2g} at scale {found.scales[-1]:g} to {medians[0]:.2g} at scale "
        f"{found.scales[0]:g}, with slope {found.numbers['scale-exponent']:.2f} where "
        f"{found.exponent:.2f} is predicted."
    )


def _one_of(
    theme: Theme,
    ax: Axes,
    x: Float[np.ndarray, " points"],
    runs: Float[np.ndarray, "points runs"],
    quantity: str,
    label: str,
) -> None:
    """Draw the run of the first seed, and those of the others pale behind it."""
    _lines(theme, ax, x, runs[:, 1:], quantity, f"{label}, other seeds", alpha=0.22)
    ax.plot(x, runs[:, 0], color=theme.colour(quantity), linewidth=1.8, label=f"{label}, one seed")


def _levels(theme: Theme, ax: Axes, values: Float[np.ndarray, " values"], label: str) -> None:
    """Draw critical values as lines across, and name them once."""
    for value in values:
        line = ax.axhline(value, linewidth=1, **theme.stroke("theory"))
    line.set_label(label)


def _lines(
    theme: Theme,
    ax: Axes,
    x: Float[np.ndarray, " points"],
    runs: Float[np.ndarray, "points runs"],
    quantity: str,
    label: str,
    *,
    alpha: float = 0.7,
) -> None:
    """Draw a thin line for every column of `runs`, and name them once."""
    lines = ax.plot(x, runs, color=theme.colour(quantity), linewidth=1.1, alpha=alpha)
    lines[0].set_label(label)
