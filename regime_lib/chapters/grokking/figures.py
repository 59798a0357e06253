"""The figures of the chapter on grokking: what happens when a network generalises late.

Functions take plain arrays. A *bundle* is (times, values), the values of shape (times, runs).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from regime_lib.companion.figures.theme import Theme

Bundle = tuple[npt.ArrayLike, npt.ArrayLike]

SLOPE = "rank slope"
_CASES = ("pattern", "weight", "theory")
_CONDITIONS = ("accuracy", "loss", "theory")
_DASHES = ("-", (0, (6, 1.5)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)))


def passage(
    theme: Theme,
    train: Bundle,
    test: Bundle,
    norm: Bundle,
    basins: Mapping[str, Bundle],
    slopes: Mapping[str, Bundle],
    flips: Bundle,
    updates: Bundle,
    moments: tuple[float, float],
) -> Figure:
    """Draw all quantities of one case over the logarithm of time, in six panels.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    train, test : bundle
        Accuracies.
    norm : bundle
        Norm of all weights.
    basins : mapping from space to bundle
        ``sample`` and ``weight``: the basins.
    slopes : mapping from layer to bundle
        Slopes of the rank distributions.
    flips, updates : bundle
        Share of units that switch per step; relative size of the weight step.
    moments : pair of float
        Steps of memorisation and of 50 % test accuracy, marked in every panel.
    """
    figure, axes = theme.panels(6, height=2.1 if theme.narrow else 2.3)
    accuracy, size, basin, slope, flip, update = axes
    _band(theme, accuracy, train, "theory", "training")
    _band(theme, accuracy, test, "accuracy", "test")
    accuracy.set(title="accuracy", ylim=(-0.03, 1.05))
    _band(theme, size, norm, "weight")
    size.set(title="norm of the weights", ylim=(0, None))
    for space, values in basins.items():
        _band(theme, basin, _positive(values), f"{space} basin", f"{space} space")
    basin.set(title="basins")
    _log_values(basin)
    _legend_if_several(basin, basins)
    for shade, style, (layer, values) in zip(
        theme.shades(SLOPE, len(slopes)), _DASHES, slopes.items(), strict=False
    ):
        _band(theme, slope, values, SLOPE, layer, style, shade)
    slope.axhline(0, color=theme.text, linewidth=0.8)
    slope.set(title="rank-distribution slope")
    _legend_if_several(slope, slopes)
    _band(theme, flip, flips, "pattern")
    flip.set(title="units switching per step")
    _log_values(flip)
    _band(theme, update, updates, "weight")
    update.set(title="weight step / norm")
    _log_values(update)
    for number, ax in enumerate(axes):
        for moment, style in zip(moments, ((0, (1, 2)), "-"), strict=True):
            if np.isfinite(moment):
                ax.axvline(moment, color=theme.text, linestyle=style, linewidth=0.9, zorder=0)
        _log_steps(ax, label=theme.narrow or number > 2)
        ax.set_xlim(accuracy.get_xlim())
    figure.legend(*accuracy.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


def passage_alt(moments: tuple[float, float], values: Sequence[Mapping[str, float]]) -> str:
    """Say in words what `passage` shows.

    Parameters
    ----------
    moments : pair of float
        Steps of memorisation and of 50 % test accuracy.
    values : sequence of three mappings from quantity to number
        At memorisation, at 50 % test accuracy and at the end.
    """
    memorised, jump, end = values
    said = [
        f"{words} {memorised[words]:.2g} at memorisation, {jump[words]:.2g} at the jump, "
        f"{end[words]:.2g} at the end"
        for words in memorised
    ]
    return (
        "Six panels over the logarithm of the step. Training accuracy passes 99 % at step "
        f"{moments[0]:.0f}, test accuracy 50 % at step {moments[1]:.0f}. {'; '.join(said)}."
    )


def controls(
    theme: Theme, accuracies: Mapping[str, tuple[Bundle, Bundle]], flips: Mapping[str, Bundle]
) -> Figure:
    """Draw test accuracy and flips of a case beside its controls, and training accuracy thin.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    accuracies : mapping from condition to (training, test)
        Up to three conditions.
    flips : mapping from condition to bundle
        Share of units that switch per step.
    """
    figure, (left, right) = theme.panels(2, height=2.9)
    for quantity, style, (name, (train, test)) in zip(
        _CONDITIONS, _DASHES, accuracies.items(), strict=False
    ):
        _band(theme, left, test, quantity, name, style)
        steps, values = train
        middle = np.median(np.asarray(values, dtype=float), axis=1)
        left.plot(steps, middle, color=theme.colour(quantity), linestyle=style, linewidth=0.8)
        _band(theme, right, flips[name], quantity, name, style)
    left.set(title="accuracy: test (thick), training (thin)", ylim=(-0.03, 1.05))
    if theme.narrow:
        left.set_title("test (thick), training (thin)")
    right.set(title="units switching per step")
    _log_values(right)
    for ax in (left, right):
        _log_steps(ax)
    figure.legend(
        *left.get_legend_handles_labels(), loc="outside lower center",
        ncols=1 if theme.narrow else 3,
    )  # fmt: skip
    return figure


def aligned(theme: Theme, rows: Mapping[str, Mapping[str, Bundle]]) -> Figure:
    """Draw several cases on one axis, time over the step of 50 % test accuracy.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    rows : mapping from panel to mapping from case to bundle
        ``accuracy`` first; the other panels are over their value on the plateau. Times are
        relative: 1 is the passage of 50 %.
    """
    figure, axes = theme.panels(len(rows), height=2.5 if theme.narrow else 3.0)
    for ax, (title, cases) in zip(axes, rows.items(), strict=True):
        for quantity, style, (case, bundle) in zip(_CASES, _DASHES, cases.items(), strict=False):
            _band(theme, ax, bundle, quantity, case, style)
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
    figure.legend(
        *axes[0].get_legend_handles_labels(), loc="outside lower center",
        ncols=1 if theme.narrow else 3,
    )  # fmt: skip
    return figure


def statistics(
    theme: Theme,
    train: Bundle,
    tests: Mapping[str, Bundle],
    gaps: Mapping[str, Bundle],
    delays: Bundle,
) -> Figure:
    """Draw what batch normalisation scores under several statistics, and how they lag.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    train : bundle
        Training accuracy.
    tests : mapping from name to bundle
        Test accuracy under lagging, fresh and the batch's own statistics.
    gaps : mapping from name to bundle
        Relative norm of running minus true statistics.
    delays : bundle
        Against one over the momentum: steps from memorisation to generalisation.
    """
    figure, (left, middle, right) = theme.panels(3, height=2.6 if theme.narrow else 3.0)
    colours = ("pattern", "weight", "accuracy")
    _band(theme, left, train, "theory", "training", _DASHES[2])
    for quantity, style, (name, bundle) in zip(colours, _DASHES, tests.items(), strict=False):
        _band(theme, left, bundle, quantity, f"test, {name}", style)
    left.set(title="accuracy", ylim=(-0.03, 1.05))
    for quantity, style, (_name, bundle) in zip(colours, _DASHES, gaps.items(), strict=False):
        _band(theme, middle, bundle, quantity, "", style)
    middle.set(title="running − true, relative")
    _log_values(middle)
    for ax in (left, middle):
        _log_steps(ax)
    spans, steps = np.asarray(delays[0], dtype=float), np.asarray(delays[1], dtype=float)
    low, mid, high = np.nanquantile(steps, [0.1, 0.5, 0.9], axis=1)
    right.fill_between(spans, low, high, color=theme.colour("pattern"), alpha=0.22, linewidth=0)
    right.plot(spans, mid, color=theme.colour("pattern"), marker="o", markersize=4)
    right.set(title="delay in steps", xlabel="1 / momentum", xscale="log", yscale="symlog")
    right.set_ylim(0, None)
    right.set_yticks([0, *[t for t in (1, 10, 100, 1000) if t <= max(1.0, np.nanmax(high))]])
    right.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    right.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    figure.legend(
        *left.get_legend_handles_labels(), loc="outside lower center",
        ncols=1 if theme.narrow else 4,
    )  # fmt: skip
    return figure


def _band(
    theme: Theme,
    ax: Axes,
    bundle: Bundle,
    quantity: str,
    label: str | None = None,
    style: object = None,
    shade: str | None = None,
) -> None:
    """Draw the median and the tenth to ninetieth percentile over runs."""
    times, values = (np.asarray(part, dtype=float) for part in bundle)
    kept = np.isfinite(values).any(axis=1) & (times > 0)
    colour = shade or theme.colour(quantity)
    low, mid, high = np.empty((3, 0))
    if kept.any():
        low, mid, high = np.nanquantile(values[kept], [0.1, 0.5, 0.9], axis=1)
    ax.fill_between(times[kept], low, high, color=colour, alpha=0.22, linewidth=0)
    ax.plot(times[kept], mid, color=colour, linestyle=style or theme.line(quantity), label=label)


def _positive(bundle: Bundle) -> Bundle:
    """Leave out the times at which a run has no basin yet, which a logarithm cannot show."""
    times, values = (np.asarray(part, dtype=float) for part in bundle)
    kept = (values > 0).all(axis=1)
    return times[kept], values[kept]


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


def _legend_if_several(ax: Axes, entries: Mapping[str, Bundle]) -> None:
    if len(entries) > 1:
        ax.legend(loc="best")


def _log_steps(ax: Axes, label: bool = True) -> None:
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(FuncFormatter(_short))
    ax.xaxis.set_minor_formatter(NullFormatter())
    if label:
        ax.set_xlabel("step")


def _short(step: float, _position: int) -> str:
    return f"{step / 1000:g}k" if step >= 1000 else f"{step:g}"
