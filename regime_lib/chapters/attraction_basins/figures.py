"""The figures of the chapter on attraction basins: sizes, trade-off, classes, planes of inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from regime_lib.companion.figures.theme import WIDTH_INCHES, Theme

Array = npt.NDArray[np.float64]
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def against_setting(
    theme: Theme,
    settings: Array,
    accuracy: Array,
    basins: Mapping[str, Array],
    xlabel: str,
    *,
    log: bool = False,
) -> Figure:
    """Draw test accuracy and both basins against one setting, with bands over seeds.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    settings : array, shape (settings,)
        Depths, widths, rates or batch sizes.
    accuracy : array, shape (settings, seeds)
        Shares.
    basins : mapping from "sample basin" and "weight basin" to array, shape (settings, seeds)
        Amplitudes.
    xlabel : str
        What the setting is.
    log : bool
        Whether it runs logarithmically.
    """
    figure, axes = theme.panels(3, height=2.7)
    series = {"accuracy": accuracy, **basins}
    labels = ("test accuracy", "noise on inputs", "noise / std of weights")
    for ax, (quantity, values), label in zip(axes, series.items(), labels, strict=True):
        low, mid, high = np.quantile(values, [0.1, 0.5, 0.9], axis=1)
        theme.band(ax, settings, low, mid, high, quantity)
        ax.plot(settings, mid, "o", color=theme.colour(quantity), markersize=4)
        ax.set(title=quantity if quantity != "accuracy" else "test accuracy", xlabel=xlabel)
        ax.set_ylabel(label)
        if quantity != "accuracy":
            ax.set_ylim(bottom=0)
        setting_axis(ax, settings, log=log)
    return figure


def depth_and_width(theme: Theme, depths: Array, accuracy: Mapping[int, Array]) -> Figure:
    """Draw test accuracy over depth, a line a width.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    depths : array, shape (depths,)
        Hidden layers.
    accuracy : mapping from width to array, shape (depths, seeds)
        Shares.
    """
    figure, (ax,) = theme.panels(1, height=3.0)
    shades = theme.shades("accuracy", len(accuracy))[::-1]
    styles: Sequence[object] = ((0, (1.5, 1.5)), (0, (6, 1.5)), "-")
    for (width, values), shade, style, marker in zip(
        accuracy.items(), shades, styles, _MARKERS, strict=False
    ):
        low, mid, high = np.quantile(values, [0.1, 0.5, 0.9], axis=1)
        ax.fill_between(depths, low, high, color=shade, alpha=0.2, linewidth=0)
        ax.plot(
            depths,
            mid,
            color=shade,
            linestyle=style,
            marker=marker,
            markersize=4,
            label=f"width {width}",
        )
    ax.axvspan(6, 8, color=theme.colour("theory"), alpha=0.12, linewidth=0, label="claimed best")
    ax.set(xlabel="hidden layers", ylabel="test accuracy")
    ax.set_xticks(depths)
    figure.legend(loc="outside lower center", ncols=2 if theme.narrow else 4)
    return figure


def trade_off(
    theme: Theme,
    families: Mapping[str, tuple[Array, Array, Sequence[str]]],
) -> Figure:
    """Draw every setting as a point in the plane of the two basins, a panel a family of settings.

    All panels show the same part of the plane, with the other families in grey; so names of
    settings that lie together in the plane do not.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    families : mapping from family to (sample basins, weight basins, names)
        Arrays of shape (settings, seeds), and a short name for each setting.
    """
    columns = min(2, len(families))
    rows = -(-len(families) // columns)
    figure = Figure(
        figsize=(WIDTH_INCHES[theme.narrow], (2.2 if theme.narrow else 2.5) * rows + 0.4),
        layout="constrained",
    )
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    for unused in grid[len(families) :]:
        unused.remove()
    colours = [theme.colour(q) for q in ("sample basin", "weight basin", "theory", "accuracy")]
    points = {
        family: (np.median(sample, axis=1), np.median(weight, axis=1))
        for family, (sample, weight, _) in families.items()
    }
    across = np.concatenate([x for x, _ in points.values()])
    middle = float(across.min() + across.max()) / 2
    for ax, (family, (sample, weight, names)), colour, marker in zip(
        grid, families.items(), colours, _MARKERS, strict=False
    ):
        x, y = points[family]
        ax.plot(x, y, color=colour, marker=marker, markersize=5)
        ends = np.quantile(sample, [0.1, 0.9], axis=1), np.quantile(weight, [0.1, 0.9], axis=1)
        ax.hlines(y, *ends[0], color=colour, linewidth=1, alpha=0.6)
        ax.vlines(x, *ends[1], color=colour, linewidth=1, alpha=0.6)
        for other in points:
            if other != family:
                ax.plot(*points[other], color=theme.text, linewidth=1, alpha=0.3, zorder=1)
        _name_ends(theme, ax, x, y, names, middle, colour)
        ax.set_title(family)
    separator = "\n" if theme.narrow else " "
    for number, ax in enumerate(grid[: len(families)]):
        if number % columns == 0:
            ax.set_ylabel("weight basin (noise / std)")
        if number >= len(families) - columns:
            ax.set_xlabel(f"sample basin{separator}(noise on inputs)")
    return figure


def _name_ends(
    theme: Theme, ax: Axes, x: Array, y: Array, names: Sequence[str], middle: float, colour: str
) -> None:
    """Name the first and the last setting: towards the middle, the upper one above its point."""
    for place, opposite in ((0, -1), (-1, 0)):
        left, above = x[place] > middle, y[place] > y[opposite]
        ax.annotate(
            names[place],
            (x[place], y[place]),
            xytext=(-7 if left else 7, 4 if above else -4),
            textcoords="offset points",
            ha="right" if left else "left",
            va="bottom" if above else "top",
            fontsize=8.5,
            color=colour,
            bbox={"facecolor": theme.background, "linewidth": 0, "pad": 0.6},
            zorder=2,
        )


def by_class(theme: Theme, names: Sequence[str], basin: Array, slope: Array) -> Figure:
    """Draw basin and rank slope of every class, with bands over seeds, and one against the other.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    names : sequence of str
        The classes.
    basin, slope : array, shape (seeds, classes)
        Sample basins and rank slopes.
    """
    figure, axes = theme.panels(3, height=2.9)
    place = np.arange(len(names))
    for ax, values, quantity in zip(
        axes, (basin, slope), ("sample basin", "rank slope"), strict=False
    ):
        low, mid, high = np.quantile(values, [0.1, 0.5, 0.9], axis=0)
        colour = theme.colour(quantity)
        ax.vlines(place, low, high, color=colour, linewidth=2)
        ax.plot(place, mid, "o", color=colour, markersize=5)
        ax.set(title=quantity, xlabel="digit")
        ax.set_xticks(place, names)
    x, y = np.median(basin, axis=0), np.median(slope, axis=0)
    axes[2].plot(x, y, ".", color=theme.colour("theory"), markersize=3)
    for name, a, b in zip(names, x, y, strict=True):
        axes[2].annotate(name, (a, b), xytext=(3, 2), textcoords="offset points")
    axes[2].set(title="one against the other", xlabel="sample basin", ylabel="rank slope")
    axes[2].margins(0.15)
    return figure


def planes(
    theme: Theme,
    regions: Mapping[str, npt.NDArray[np.int64]],
    extent: float,
    corners: Array,
    names: Sequence[str],
) -> Figure:
    """Draw which class a network answers on a plane of input space through three samples.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    regions : mapping from title to array, shape (n, n)
        The answers on a square grid, rows from below.
    extent : float
        The grid goes from minus to plus this number in both directions.
    corners : array, shape (3, 2)
        Where the three samples lie.
    names : sequence of str
        Their classes.
    """
    figure, axes = theme.panels(len(regions), height=2.9)
    palette = sns.color_palette("colorblind", 10)
    muted = [tuple(0.75 * c + 0.25 * (0.1 if theme.dark else 1.0) for c in rgb) for rgb in palette]
    for ax, (title, answers) in zip(axes, regions.items(), strict=True):
        ax.imshow(
            answers,
            origin="lower",
            extent=(-extent, extent, -extent, extent),
            cmap=ListedColormap(muted),
            vmin=-0.5,
            vmax=9.5,
            interpolation="nearest",
        )
        for digit in np.unique(answers):
            rows, columns = np.nonzero(answers == digit)
            if len(rows) > 0.04 * answers.size:
                step = 2 * extent / len(answers)
                middle = int(np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2))
                ax.annotate(
                    str(digit),
                    (columns[middle] * step - extent, rows[middle] * step - extent),
                    ha="center",
                    va="center",
                    color="black",
                    weight="bold",
                )
        ax.plot(*corners.T, "o", color="white", markeredgecolor="black", markersize=6)
        for name, (x, y) in zip(names, corners, strict=True):
            ax.annotate(
                name, (x, y), xytext=(5, 4), textcoords="offset points", color="black", fontsize=8.5
            )
        ax.set(title=title, xticks=[-extent, 0, extent], yticks=[-extent, 0, extent])
        ax.grid(visible=False)
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.0f}"))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.0f}"))
    return figure


def setting_axis(ax: Axes, settings: Array, *, log: bool) -> None:
    """Mark the settings that were run, and no others."""
    if log:
        ax.set_xscale("log")
    ax.set_xticks(settings, [f"{value:g}" for value in settings])
    ax.xaxis.set_minor_locator(NullLocator())
