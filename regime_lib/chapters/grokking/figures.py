"""The figures of the chapter on grokking: what happens when a network generalises late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from regime_lib.chapters.grokking.measure import RegimeChange
from regime_lib.chapters.grokking.measure_batchnorm import Normalised
from regime_lib.chapters.grokking.run import MeasuredRun
from regime_lib.chapters.grokking.three_cases import QUANTITIES, ThreeCases
from regime_lib.companion.figures.curves import STYLES, Curves
from regime_lib.companion.figures.marks import legend_below
from regime_lib.companion.figures.theme import Theme

Times = Shaped[np.ndarray, " times"]
Values = Float[np.ndarray, "times runs"]

SLOPE = "rank slope"
_CASES = ("pattern", "weight", "theory")
_CONDITIONS = ("accuracy", "loss", "theory")
_TESTS = ("pattern", "weight", "accuracy")


def measured_run(theme: Theme, run: MeasuredRun) -> Figure:
    """Draw all quantities of one case over the logarithm of time, in six panels.

    Dotted and full lines mark the steps of memorisation and of 50 % test accuracy.
    """
    figure, axes = theme.panels(6, height=2.1 if theme.narrow else 1.9, columns=2)
    accuracy, size, basin, slope, flip, update = axes
    _band(theme, accuracy, run.steps, run.train, "theory", "training")
    _band(theme, accuracy, run.steps, run.test, "accuracy", "test")
    accuracy.set(title="accuracy", ylim=(-0.03, 1.05))
    _band(theme, size, run.steps, run.norm, "weight")
    size.set(title="norm of the weights", ylim=(0, None))
    for space, basins in (("sample", run.sample_basin), ("weight", run.weight_basin)):
        there = (basins > 0).all(axis=1)  # a logarithm cannot show a run that has none yet
        _band(theme, basin, run.steps[there], basins[there], f"{space} basin", f"{space} space")
    basin.set(title="basins")
    _log_values(basin)
    # opaque: a vertical line passes behind the names
    basin.legend(loc="upper left", frameon=True, framealpha=1, edgecolor="none")
    shades = theme.shades(SLOPE, len(run.slopes))
    layers = enumerate(zip(shades, STYLES, run.slopes, strict=False), start=1)
    for number, (shade, style, slopes) in layers:
        _band(theme, slope, run.steps, slopes, SLOPE, f"layer {number}", style, shade)
    slope.axhline(0, color=theme.text, linewidth=0.8)
    slope.set(title="rank-distribution slope")
    if len(run.slopes) > 1:
        slope.legend(loc="best")
    _band(theme, flip, run.steps, run.flips, "pattern")
    flip.set(title="units switching per step")
    _log_values(flip)
    _band(theme, update, run.steps, run.update, "weight")
    update.set(title="weight step / norm")
    _log_values(update)
    for number, ax in enumerate(axes):
        for moment, style in zip(run.moments.medians, ((0, (1, 2)), "-"), strict=True):
            if np.isfinite(moment):
                ax.axvline(moment, color=theme.text, linestyle=style, linewidth=0.9, zorder=0)
        _log_steps(ax, label=theme.narrow or number > 3)
        ax.set_xlim(accuracy.get_xlim())
    figure.legend(*accuracy.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def measured_run_alt(run: MeasuredRun) -> str:
    """Say what a reader who cannot see `measured_run` must know."""
    times = run.moments.medians
    memorised, jump, end = (run.at(step) for step in (*times, float(run.steps[-1])))
    said = [
        f"{words} {memorised[words]:.2g} at memorisation, {jump[words]:.2g} at the jump, "
        f"{end[words]:.2g} at the end"
        for words in memorised
    ]
    return (
        "Six panels over the logarithm of the step. Training accuracy passes 99 % at step "
        f"{times[0]:.0f}, test accuracy 50 % at step {times[1]:.0f}. {'; '.join(said)}."
    )


def controls(theme: Theme, runs: Mapping[str, MeasuredRun]) -> Figure:
    """Draw test accuracy and flips of up to three conditions, and training accuracy thin."""
    figure, (left, right) = theme.panels(2, height=2.9)
    for quantity, style, (name, run) in zip(_CONDITIONS, STYLES, runs.items(), strict=False):
        _band(theme, left, run.steps, run.test, quantity, name, style)
        stroke = {"color": theme.colour(quantity), "linestyle": style}
        left.plot(run.steps, np.median(run.train, axis=1), linewidth=0.8, **stroke)
        _band(theme, right, run.steps, run.flips, quantity, name, style)
    title = "test (thick), training (thin)"
    left.set(title=title if theme.narrow else f"accuracy: {title}", ylim=(-0.03, 1.05))
    right.set(title="units switching per step")
    _log_values(right)
    for ax in (left, right):
        _log_steps(ax)
    legend_below(theme, figure, left)
    return figure


def controls_alt(runs: Mapping[str, MeasuredRun]) -> str:
    """Say what a reader who cannot see `controls` must know."""
    accuracy = ", ".join(f"{name} {np.median(run.test[-1]):.2f}" for name, run in runs.items())
    flips = ", ".join(f"{name} {np.median(run.flips[-1]):.2g}" for name, run in runs.items())
    return (
        f"All three conditions memorise. Test accuracy at the end: {accuracy}. Share of units "
        f"switching per step at the end: {flips}."
    )


def aligned(theme: Theme, found: RegimeChange) -> Figure:
    """Draw several cases on one axis, time over the step of 50 % test accuracy."""
    figure, axes = theme.panels(len(found.curves), height=2.5 if theme.narrow else 3.0)
    for ax, (title, cases) in zip(axes, found.curves.items(), strict=True):
        for quantity, style, (case, values) in zip(_CASES, STYLES, cases.items(), strict=False):
            _band(theme, ax, found.times, values, quantity, case, style)
        ax.axvline(1, color=theme.text, linewidth=0.9, zorder=0)
        ax.set(title=title, xscale="log")
        if title == "test accuracy":
            ax.set_ylim(-0.03, 1.05)
        else:
            ax.axhline(1, color=theme.text, linewidth=0.8, zorder=0)
            _log_values(ax)
        ax.set_xticks([0.1, 0.3, 1, 3], ["1/10", "1/3", "1", "3"])
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set_xlim(0.08, 5)
        ax.set_xlabel("step / step of 50 %")
    legend_below(theme, figure, axes[0])
    return figure


def aligned_alt(found: RegimeChange) -> str:
    """Say what a reader who cannot see `aligned` must know."""
    switched, per_step = (
        ", ".join(f"{name} {own[key]:.2f}" for name, own in found.rises.items())
        for key in ("flips", "excess")
    )
    return (
        f"Three panels. Around the jump flips per step are, over the plateau: {switched}; per "
        f"relative weight step: {per_step}."
    )


def side_by_side(theme: Theme, found: ThreeCases) -> Figure:
    """Draw the factors of all cases from plateau to jump, of flips and of flips per weight step."""
    figure, axes = theme.panels(len(QUANTITIES), height=2.3)
    for ax, (quantity, words) in zip(axes, QUANTITIES.items(), strict=True):
        cases = found.factors[quantity]
        places = np.arange(len(cases))[::-1]
        for place, one in zip(places, cases.values(), strict=True):
            if one.value is None:
                continue
            if one.low is not None and one.high is not None:
                ax.hlines(place, one.low, one.high, color=theme.colour("pattern"), linewidth=2)
            ax.plot(one.value, place, "o", color=theme.colour("pattern"), markersize=6)
            ax.annotate(
                f"{one.value:.2g}", (one.value, place), xytext=(0, 6),
                textcoords="offset points", ha="center",
            )  # fmt: skip
        ax.axvline(1, color=theme.text, linewidth=0.9, zorder=0)
        ax.axvline(2, color=theme.text, linewidth=0.9, linestyle=":", zorder=0)
        ax.set(title=words, xscale="log", xlabel="around the jump / on the plateau")
        ax.set_xticks([0.5, 1, 2, 4, 8], ["0.5", "1", "2", "4", "8"])
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_xlim(0.6, 8)
        ax.set_yticks(places, list(cases))
        ax.set_ylim(-0.5, len(cases) - 0.4)
        ax.grid(axis="y", visible=False)
    return figure


def side_by_side_alt(found: ThreeCases) -> str:
    """Say what a reader who cannot see `side_by_side` must know."""
    said = []
    for quantity, words in QUANTITIES.items():
        factors = [
            f"{name} {'no number' if one.value is None else format(one.value, '.2f')}"
            for name, one in found.factors[quantity].items()
        ]
        said.append(f"{words}: {', '.join(factors)}")
    return f"Factors from the plateau to the jump. {'; '.join(said)}."


def statistics(theme: Theme, found: Normalised) -> Figure:
    """Draw what batch normalisation scores under several statistics, and how they lag."""
    figure, (left, middle, right) = theme.panels(3, height=2.6 if theme.narrow else 3.0)
    run = found.run
    _band(theme, left, run.steps, run.train_accuracy, "theory", "training", STYLES[2])
    for quantity, style, (name, test) in zip(_TESTS, STYLES, found.tests.items(), strict=False):
        _band(theme, left, run.steps, test, quantity, f"test, {name}", style)
    left.set(title="accuracy", ylim=(-0.03, 1.05))
    for k, (quantity, style) in enumerate(zip(_TESTS[:2], STYLES, strict=False)):
        _band(theme, middle, run.steps, run.gap[:, k], quantity, "", style)
    middle.set(title="running − true, relative")
    _log_values(middle)
    for ax in (left, middle):
        _log_steps(ax)
    order = np.argsort(run.momenta)[::-1]
    spans: Times = 1 / np.array(run.momenta)[order]
    low, mid, high = Curves(spans, found.delays[order]).quantiles()
    right.fill_between(spans, low, high, color=theme.colour("pattern"), alpha=0.22, linewidth=0)
    right.plot(spans, mid, color=theme.colour("pattern"), marker="o", markersize=4)
    right.set(title="delay in steps", xlabel="1 / momentum", xscale="log", yscale="symlog")
    right.set_ylim(0, None)
    right.set_yticks([0, *[t for t in (1, 10, 100, 1000) if t <= max(1.0, np.nanmax(high))]])
    right.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    right.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    legend_below(theme, figure, left)
    return figure


def statistics_alt(found: Normalised) -> str:
    """Say what a reader who cannot see `statistics` must know."""
    scores = [np.median(test[found.memorised]) for test in found.tests.values()]
    delays = dict(zip(found.run.momenta, np.nanmedian(found.delays, axis=1), strict=True))
    return (
        f"At step {found.run.steps[found.memorised]}, when training accuracy passes 99 %, test "
        f"accuracy is {scores[0]:.2f} with running statistics of momentum 0.1, {scores[1]:.2f} "
        f"with momentum 1 and {scores[2]:.2f} with the batch's own. The delay grows from "
        f"{delays[1.0]:.0f} steps at momentum 1 to {delays[0.03]:.0f} at momentum 0.03."
    )


def _band(
    theme: Theme,
    ax: Axes,
    times: Times,
    values: Values,
    quantity: str,
    label: str | None = None,
    style: Any = None,
    shade: str | None = None,
) -> None:
    """Draw the median and the tenth to ninetieth percentile over runs, where any is known."""
    kept = np.isfinite(values).any(axis=1) & (times > 0)
    colour = shade or theme.colour(quantity)
    low, mid, high = Curves(times[kept], values[kept]).quantiles()
    ax.fill_between(times[kept], low, high, color=colour, alpha=0.22, linewidth=0)
    ax.plot(times[kept], mid, color=colour, linestyle=style or theme.line(quantity), label=label)


def _log_values(ax: Axes) -> None:
    """Make the vertical axis logarithmic, labelled at powers of ten, or finer if it spans little.

    Where nothing positive is drawn it stays linear: a logarithm has nothing to show.
    """
    if not 0 < ax.dataLim.minposy < np.inf:
        return
    ax.set_yscale("log")
    low, high = ax.get_ylim()
    if high < 100 * low:
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def _log_steps(ax: Axes, label: bool = True) -> None:
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(FuncFormatter(_short))
    ax.xaxis.set_minor_formatter(NullFormatter())
    if label:
        ax.set_xlabel("step")


def _short(step: float, _position: int) -> str:
    return f"{step / 1000:g}k" if step >= 1000 else f"{step:g}"
