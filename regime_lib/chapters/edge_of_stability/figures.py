"""The figures of chapter 25: sharpness beside the two-step ratio, over steps and by window."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from regime_lib.chapters.edge_of_stability.quadratic import Quadratic, expected
from regime_lib.chapters.edge_of_stability.runs import Watched
from regime_lib.chapters.edge_of_stability.windows import RIM, kinds
from regime_lib.companion.figures.curves import Curves, lines, shaded
from regime_lib.companion.figures.marks import legend_below, plain_numbers
from regime_lib.companion.figures.theme import Theme
from regime_lib.instrument.tracking.edge_of_stability import MARGIN

#: Ratios beyond this are drawn at the upper end of an axis.
MOST = 100.0
_LEVEL, _RATIO = "sharpness / threshold", "two-step ratio"
_TICKS = (1, 2, 4, 10, 20, 50, 100)
_MARKERS = "os^D"


def over_steps(theme: Theme, runs: Mapping[str, Watched]) -> Figure:
    """Draw the sharpness and the two-step ratio of several settings over the steps."""
    figure, (sharp, flips) = theme.panels(2, height=3.1)
    shaded(theme, sharp, {n: Curves(r.steps, r.sharpness) for n, r in runs.items()}, "weight")
    _threshold(theme, sharp)
    shaded(theme, flips, {n: ratios(r) for n, r in runs.items()}, "pattern")
    _ratio_axis(theme, flips)
    sharp.set(xlabel="step", ylabel=_LEVEL, title="by a Hessian", ylim=(0, None))
    flips.set(xlabel="step", ylabel=_RATIO, title="by the patterns")
    legend_below(theme, figure, flips)
    return figure


def over_steps_alt(runs: Mapping[str, Watched]) -> str:
    """Say in words what `over_steps` shows."""
    said = [
        f"{name}: the sharpness ends at {np.median(own.level[-1]):.2f} of the threshold and the "
        f"ratio at {np.nanmedian(own.signs.ratio[-1]):.1f}"
        for name, own in runs.items()
    ]
    return (
        "The sharpness over its threshold, and the two-step ratio of the patterns, both over the "
        f"steps, medians over runs. {'; '.join(said)}."
    )


def ratios(own: Watched) -> Curves:
    """Return the two-step ratio of every run, at the ends of the windows and below the top."""
    return Curves(own.signs.stops, np.minimum(own.signs.ratio, MOST))


def by_window(theme: Theme, groups: Mapping[str, Mapping[str, Watched]]) -> Figure:
    """Draw every window of every run as a dot: its sharpness, and the ratio of its patterns."""
    figure, axes = theme.panels(len(groups), height=4.1, sharey=not theme.narrow)
    for ax, (title, runs) in zip(axes, groups.items(), strict=True):
        shades = theme.shades("pattern", len(runs))
        for shade, marker, (name, own) in zip(shades, _MARKERS, runs.items(), strict=False):
            ratio = np.minimum(own.signs.ratio, MOST)
            ax.plot(
                own.level.ravel(), ratio.ravel(), marker, color=shade, markersize=3, alpha=0.65,
                label=name, linestyle="none",
            )  # fmt: skip
        _law(theme, ax)
        _ratio_axis(theme, ax)
        ax.axvline(1, color=theme.text, linewidth=0.8)
        ax.set(title=title, xlabel=_LEVEL, xlim=(0, 1.8))
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), handletextpad=0.2)
    for ax in axes if theme.narrow else axes[:1]:
        ax.set_ylabel(_RATIO)
    return figure


def by_window_alt(groups: Mapping[str, Mapping[str, Watched]]) -> str:
    """Say in words what `by_window` shows."""
    said = []
    for title, runs in groups.items():
        below, close = (f"{x:.1f}" if np.isfinite(x) else "none" for x in medians_of(runs))
        said.append(f"{title}: {below} below four fifths of the threshold, {close} above")
    return (
        "Dots, one a window: the two-step ratio against the sharpness over its threshold, with the "
        f"curve of a single direction. Median ratios: {'; '.join(said)}."
    )


def medians_of(runs: Mapping[str, Watched]) -> tuple[float, float]:
    """Return the median ratio of windows below four fifths of the threshold, and above; or NaN."""
    found = {name: kinds(own) for name, own in runs.items()}
    ratios = [
        np.concatenate([own.signs.ratio[getattr(found[name], kind)] for name, own in runs.items()])
        for kind in ("below", "close")
    ]
    low, high = (float(np.nanmedian(v)) if np.isfinite(v).any() else np.nan for v in ratios)
    return low, high


def law(theme: Theme, found: Quadratic) -> Figure:
    """Draw the two-step ratio on a quadratic against the closed form."""
    figure, (ax,) = theme.panels(1, height=3.0)
    s = np.linspace(0.6, 1.98, 200)
    ax.plot(
        s / 2, [expected(float(one)) for one in s], label="closed form", **theme.stroke("theory")
    )
    ax.plot(
        found.scaled / 2, np.median(found.ratio, axis=1), "o", color=theme.colour("pattern"),
        label="random units", markersize=5,
    )  # fmt: skip
    _ratio_axis(theme, ax)
    ax.axvline(RIM, color=theme.text, linewidth=0.8)
    ax.set(xlabel="rate × curvature / 2", ylabel=_RATIO)
    ax.legend(loc="upper left")
    return figure


def law_alt(found: Quadratic) -> str:
    """Say in words what `law` shows."""
    middle, share = np.median(found.ratio, axis=1), found.scaled / 2
    half = len(middle) // 2
    return (
        "The two-step ratio of random units on a quadratic lies on the closed form: one up to half "
        f"of the threshold, {middle[half]:.1f} at {share[half]:.2f} of it, and {middle[-1]:.0f} at "
        f"{share[-1]:.2f}."
    )


def layers(theme: Theme, runs: Mapping[str, Watched]) -> Figure:
    """Draw the two-step ratio of every layer, a panel a setting."""
    figure, axes = theme.panels(len(runs), height=3.0, sharey=not theme.narrow)
    for ax, (name, own) in zip(axes, runs.items(), strict=True):
        found = {
            f"layer {number}": (own.signs.stops, values)
            for number, values in enumerate(own.by_layer.values(), start=1)
        }
        lines(theme, ax, found, "pattern")
        _ratio_axis(theme, ax)
        ax.set(title=name, xlabel="step")
        ax.legend(loc="lower right")
    axes[0].set_ylabel(_RATIO)
    return figure


def layers_alt(runs: Mapping[str, Watched]) -> str:
    """Say in words what `layers` shows."""
    said = []
    for name, own in runs.items():
        ends = [f"{values[-1]:.1f}" for values in own.by_layer.values()]
        said.append(f"{name}: {', '.join(ends)}")
    ends_said = "; ".join(said)
    return (
        "Two-step ratios by layer over the steps, medians over runs. At the end, from the first "
        f"layer up: {ends_said}."
    )


def _threshold(theme: Theme, ax: Axes) -> None:
    ax.axhline(1, **theme.stroke("theory"))
    ax.axhline(RIM, color=theme.text, linewidth=0.8)


def _law(theme: Theme, ax: Axes) -> None:
    s = np.linspace(0.05, 1.98, 200)
    ax.plot(s / 2, [expected(float(one)) for one in s], linewidth=1.2, **theme.stroke("theory"))


def _ratio_axis(theme: Theme, ax: Axes) -> None:
    ax.set(yscale="log", ylim=(0.9, 1.2 * MOST))
    plain_numbers(ax.yaxis, _TICKS)
    ax.axhline(MARGIN, color=theme.text, linewidth=0.8)
