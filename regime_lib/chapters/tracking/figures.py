"""The figures of the tracking chapters: patterns and weights settling, with their alt texts.

A figure takes a `Theme` first, then what a part of a chapter returned (see `parts`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import seaborn as sns
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from regime_lib.chapters.tracking.parts import (
    FlipLaw,
    Layers,
    OneRun,
    PerRun,
    Proportional,
    Ratios,
    Series,
    late_level,
    of,
)
from regime_lib.companion.figures.curves import Curves, band, both_changes, shaded
from regime_lib.companion.figures.marks import legend_below, outer_label, plain_numbers, ratio_dots
from regime_lib.companion.figures.theme import Theme

NAMES = {"sgd": "SGD", "momentum": "SGD with momentum", "adam": "Adam", "adamw": "AdamW"}
MARKERS = {"sgd": "o", "momentum": "s", "adam": "^", "adamw": "^"}
CLAIMED = 3.0  # times earlier, in the paper's abstract
RATIOS = (0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 50)  # that an axis may name


def in_words(name: str) -> str:
    """Write the name of a run, such as ``letters sgd``, for a reader."""
    return " ".join(NAMES.get(word, word) for word in name.split())


def medians_in_words(values: Mapping[str, PerRun], digits: int) -> str:
    """Write the median over seeds of every name."""
    return ", ".join(
        f"{in_words(name)} {np.nanmedian(own):.{digits}f}" for name, own in values.items()
    )


def curves(series: Mapping[str, Series]) -> dict[str, Curves]:
    """Return series as the shared figures take them."""
    return {name: Curves(*own) for name, own in series.items()}


def least_median_most(runs: Mapping[str, PerRun]) -> pd.DataFrame:
    """Return the least, the median and the greatest value over runs, a row for each name."""
    rows = {in_words(name): np.quantile(values, [0, 0.5, 1]) for name, values in runs.items()}
    return pd.DataFrame(rows, index=["least", "median", "most"]).T


def still_steps(
    images: Int[np.ndarray, " probes"], still: Float[np.ndarray, " probes"]
) -> pd.DataFrame:
    """Return the share of steps without a flip by the number of images in the probe."""
    return pd.DataFrame({"images": images, "steps without a flip": still}).set_index("images")


def settling(theme: Theme, found: Ratios, task: str = "") -> Figure:
    """Draw pattern change and weight change per step, each over its peak; of one task, or of all.

    A vertical line stands where a series has settled, if it settles in every run.
    """
    patterns, weights = curves(of(task, found.patterns)), curves(of(task, found.weights))
    figure, axes = theme.panels(len(patterns), height=2.9, sharey=True)
    for ax, (name, settled) in zip(axes, of(task, found.settled).items(), strict=True):
        both_changes(theme, ax, weights[name], patterns[name])
        for quantity, time in zip(("pattern", "weight"), settled.times, strict=True):
            if np.isfinite(time):
                ax.axvline(time, **theme.stroke(quantity))
        ax.set_title(NAMES.get(name, name))
    _changes_over_steps(theme, axes)
    legend_below(theme, figure, axes[0])
    return figure


def settling_alt(found: Ratios, task: str = "") -> str:
    """Say when both series settle; where they do not, how high they stay."""
    words = []
    patterns, weights = of(task, found.patterns), of(task, found.weights)
    for name, settled in of(task, found.settled).items():
        words.append(f"{in_words(name)}: {settled}")
        if settled.bound != "exact":
            words[-1] += (
                f"; in the second half patterns at {late_level(patterns[name]):.2f} and weights at "
                f"{late_level(weights[name]):.2f} of their peaks"
            )
    return f"Falling curves in {len(words)} panels. {'. '.join(words)}."


def warm_up_alt(found: Ratios) -> str:
    """Say when both series settle, and the ratios of areas."""
    before, after = (f"{found.numbers[f'area-{when}']:.2f}" for when in ("before", "after"))
    return (
        f"{settling_alt(found)} Area under the weights' curve over area under the patterns' curve, "
        f"median over seeds: {before} without and {after} with the warm-up."
    )


def by_definition(theme: Theme, table: pd.DataFrame) -> Figure:
    """Draw the ratio of the two times under every definition (see `measure.ratio_rows`).

    A bound is drawn hollow, an undetermined ratio is left out.
    """
    names = list(dict.fromkeys(table["definition"]))
    figure, (ax,) = theme.panels(1, height=0.36 * len(names) + 1.0)
    draw_ratios(theme, ax, table, 0.24)
    for ratio, meaning in ((1.0, "together"), (CLAIMED, "claimed")):
        ax.annotate(meaning, (ratio, 0.55), xytext=(4, 0), textcoords="offset points", va="center")
    ax.set_ylim(0.5 - len(names), 0.8)
    ax.set_yticks([-row for row in range(len(names))], [_wrapped(d, theme) for d in names])
    plain_numbers(ax.xaxis, RATIOS)
    legend_below(theme, figure, ax, 3)
    return figure


def draw_ratios(theme: Theme, ax: Axes, table: pd.DataFrame, spread: float) -> None:
    """Draw a row of ratios per definition, hollow where they are bounds."""
    definitions = list(dict.fromkeys(table["definition"]))
    place = {definition: -row for row, definition in enumerate(definitions)}
    optimizers = list(dict.fromkeys(table["optimizer"]))
    for offset, name in zip(np.linspace(spread, -spread, len(optimizers)), optimizers, strict=True):
        own = table[table["optimizer"] == name]
        y, known = own["definition"].map(place) + offset, own["ratio"].notna()
        found, colour, marker = own[known], theme.colour(name), MARKERS[name]
        ax.hlines(y[known], found["low"], found["high"], color=colour, linewidth=2)
        x, exact = found["ratio"], found["bound"] == "exact"
        ratio_dots(theme, ax, x, y[known], exact, colour, marker=marker, size=33, linewidth=1.4)
        # a name of its own, for all of its ratios may be bounds
        ax.scatter([], [], marker=marker, s=33, color=colour, label=NAMES[name])
    for row in range(0, len(definitions), 2):  # bands lead the eye from a name to its dots
        ax.axhspan(-row - 0.5, -row + 0.5, color=theme.text, alpha=0.06, linewidth=0, zorder=0)
    ax.axvline(1, color=theme.text, linewidth=1)
    ax.axvline(CLAIMED, **theme.stroke("theory"))
    ax.set(xscale="log", xlabel="weights' time / patterns' time")
    ax.grid(axis="y", visible=False)


def by_definition_alt(table: pd.DataFrame) -> str:
    """Say between which ratios each optimiser lies, bounds left out."""
    exact = table[table["bound"] == "exact"].groupby("optimizer", sort=False)["ratio"]
    words = [f"{NAMES[str(name)]} from {own.min():.2f} to {own.max():.1f}" for name, own in exact]
    return (
        f"Ratios of the weights' time to the patterns' time under {table['definition'].nunique()} "
        f"definitions: {', '.join(words) or 'no definition gives a number'}."
    )


def by_layer(theme: Theme, layers: Layers) -> Figure:
    """Draw the changes per step of every layer, patterns on the left and weights on the right."""
    figure, axes = theme.panels(2, height=2.9)
    both = {"pattern": layers.patterns, "weight": layers.weights}
    for ax, (quantity, found) in zip(axes, both.items(), strict=True):
        shaded(theme, ax, curves(found), quantity, over_peak=True)
        ax.set_title(f"{quantity}s")
        ax.legend(loc="lower left")
    _changes_over_steps(theme, axes)
    return figure


def by_layer_alt(layers: Layers) -> str:
    """Say when each layer has fallen to a tenth of its peak, and where it ends."""
    words = []
    for name, (steps, values) in (layers.patterns | layers.weights).items():
        curve = np.median(values / values.max(axis=0), axis=1)
        below = (curve <= 0.1) & (np.arange(len(curve)) > curve.argmax())
        when = f"from step {steps[below.argmax()]}" if below.any() else "never"
        words.append(f"{name} {when}, {curve[-1]:.3f} at the end")
    return (
        "Two panels of falling curves. When the median first lies below a tenth of its peak, and "
        f"its last share of the peak: {'; '.join(words)}."
    )


def law_against_measurement(theme: Theme, law: FlipLaw) -> Figure:
    """Draw measured flips per step over what the flip law predicts, for every optimiser."""
    figure, axes = theme.panels(len(law.measured), height=2.9, sharey=True)
    for ax, name in zip(axes, law.measured, strict=True):
        band(theme, ax, Curves(*law.measured[name]), "pattern", label="measured")
        band(theme, ax, Curves(*law.predicted[name]), "theory", label="flip law")
        ax.set(yscale="log", title=NAMES[name])
        _step_axis(ax)
    outer_label(theme, axes, "share of units flipped")
    axes[0].legend(loc="lower left")
    return figure


def law_alt(law: FlipLaw) -> str:
    """Say by how much measurement and law differ."""
    return (
        "Three panels in which the measured share of flips and the law fall together over about "
        "two decades. Measured over predicted, geometric mean over training: "
        f"{medians_in_words(law.factors, 2)}."
    )


def proportional(theme: Theme, found: Proportional, task: str = "") -> Figure:
    """Draw pattern change against weight change, a point per step, with a line of slope one."""
    shown = of(task, found.points)
    figure, axes = theme.panels(len(shown), height=2.7, sharey=True)
    for ax, (name, (x, y)) in zip(axes, shown.items(), strict=True):
        colour = theme.colour(name)
        ax.plot(x, y, ".", markersize=2.5, alpha=0.5, color=colour, rasterized=True)
        ax.plot([2e-3, 1], [2e-3, 1], **theme.stroke("theory"), label="slope one")
        ax.set(xscale="log", yscale="log", xlim=(1e-3, 1.5), ylim=(1e-3, 1.5))
        ax.set(title=NAMES[name], xlabel="weight change / peak")
    outer_label(theme, axes, "pattern change / peak")
    axes[0].legend(loc="upper left")
    return figure


def proportional_alt(found: Proportional) -> str:
    """Say the slopes."""
    return (
        "Three clouds of points about a line of slope one. Slopes fitted to the smoothed series, "
        f"median over seeds: {medians_in_words(found.slopes, 2)}."
    )


def flip_rates(theme: Theme, run: OneRun) -> Figure:
    """Draw how often every unit still flips while training goes on, and both changes per step."""
    size = (3.9, 4.6) if theme.narrow else (7.2, 4.9)
    figure = Figure(figsize=size, layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(2.4, 1))
    edges = np.unique(np.geomspace(1, len(run.flips) + 1, 60 if theme.narrow else 110).astype(int))
    rates = np.array([run.flips[a - 1 : b - 1].mean(axis=0) for a, b in pairwise(edges)])
    borders = list(pairwise(np.cumsum([0, *run.layers])))
    # within a layer, the units that flip most lie lowest
    order = [a + np.argsort(-run.flips[:, a:b].sum(axis=0), kind="stable") for a, b in borders]
    shown = np.ma.masked_equal(rates.T[np.concatenate(order)], 0)
    # glows out of the page's own background
    glow = sns.color_palette("rocket" if theme.dark else "rocket_r", as_cmap=True)
    units, scale = np.arange(len(shown) + 1), LogNorm(1e-4, 1e-1)
    mesh = top.pcolormesh(edges, units, shown, norm=scale, cmap=glow, rasterized=True)
    bar = figure.colorbar(mesh, ax=top, pad=0.01, aspect=30, extend="both")
    bar.set_label("flips per input and step")
    bar.outline.set_visible(False)
    for border, _ in borders[1:]:
        top.axhline(border, color=theme.background, linewidth=2)
    names = [f"layer {number}" for number in range(1, len(borders) + 1)]
    top.set_yticks([(a + b) / 2 for a, b in borders], names, rotation=90, va="center")
    top.tick_params(axis="y", length=0)
    top.grid(visible=False)
    for quantity, (steps, values) in (("weight", run.weight), ("pattern", run.pattern)):
        label = f"{quantity} change"
        bottom.plot(steps, values / values.max(), label=label, **theme.stroke(quantity))
    bottom.set(xscale="log", yscale="log", xlim=(1, len(run.flips)))
    bottom.set(xlabel="optimiser step", ylabel="per step / peak")
    bottom.legend(loc="lower left")
    return figure


def flip_rates_alt(run: OneRun) -> str:
    """Say how fast the picture fades."""
    steps, units = run.flips.shape
    return (
        f"Heat map of the flips of {units} units over {steps} steps: it glows at the start and "
        f"fades to the right; half of all flips fall in the first {run.numbers['flips-half']} "
        "steps. Below, the pattern change per step falls earlier than the weight change, then both "
        "fall side by side."
    )


def horizon(theme: Theme, table: pd.DataFrame) -> Figure:
    """Draw how the ratio changes with the length of the run (see `measure_mlp.horizon`)."""
    figure, axes = theme.panels(2, height=2.8)
    for name, rows in table.groupby("optimizer", sort=False):
        shown = rows[rows["ratio"].notna()]
        style = {**theme.stroke(name), "marker": MARKERS[name]}
        axes[0].plot(shown["steps"], shown["ratio"], **style)
        axes[0].vlines(shown["steps"], shown["low"], shown["high"], color=theme.colour(name))
        axes[1].plot(rows["steps"], rows["undetermined"], label=NAMES[name], **style)
    axes[0].axhline(1, color=theme.text, linewidth=1)
    axes[0].set(yscale="log", xscale="log", ylabel="weights / patterns", title="the ratio")
    plain_numbers(axes[0].yaxis, RATIOS)
    axes[1].set(xscale="log", ylim=(-0.04, 1.04), ylabel="share of runs", title="neither settles")
    lengths = sorted(table["steps"].unique())
    for ax in axes:
        ax.set_xlabel("length of the run in steps")
        ax.set_xticks(lengths, [f"{steps}" for steps in lengths])
        ax.tick_params(axis="x", labelrotation=45 if theme.narrow else 0)
        ax.xaxis.set_minor_formatter(NullFormatter())
    legend_below(theme, figure, axes[1], 3)
    return figure


def horizon_alt(table: pd.DataFrame) -> str:
    """Say how many runs the shortest length leaves undetermined."""
    shortest = table[table["steps"] == table["steps"].min()]
    pairs = zip(shortest["optimizer"], shortest["undetermined"], strict=True)
    words = [f"{NAMES[name]} {share:.2f}" for name, share in pairs]
    return (
        "Ratios, and the share of censored runs, against the length of the run. "
        f"At {table['steps'].min()} steps neither series settles in this share of the runs: "
        f"{', '.join(words)}."
    )


def _changes_over_steps(theme: Theme, axes: Sequence[Axes]) -> None:
    for ax in axes:
        ax.set(yscale="log", ylim=(1.5e-3, 1.3))
        _step_axis(ax)
    outer_label(theme, axes, "change per step / peak")


def _step_axis(ax: Axes) -> None:
    ax.set_xlabel("optimiser step")
    ax.set_xlim(left=0)
    thousands = ax.get_xlim()[1] >= 2000
    ax.xaxis.set_major_formatter(
        FuncFormatter(lambda x, _: f"{x / 1000:g}k" if thousands and x else f"{x:g}")
    )


def _wrapped(text: str, theme: Theme) -> str:
    """Break a long tick label in two lines where there is little room."""
    if not theme.narrow or len(text) < 22:
        return text
    words = text.split()
    half = len(words) // 2
    return " ".join(words[:half]) + "\n" + " ".join(words[half:])
