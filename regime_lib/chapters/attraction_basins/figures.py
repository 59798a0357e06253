"""The figures of the chapter on attraction basins: sizes, trade-off, classes, planes of inputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import seaborn as sns
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, NullLocator
from scipy.ndimage import distance_transform_edt

from regime_lib.chapters.attraction_basins.measure import Classes, Depth, Plane, Starts, TradeOff
from regime_lib.chapters.attraction_basins.scans import BasinScan
from regime_lib.companion.figures.curves import STYLES, Curves, band, shaded
from regime_lib.companion.figures.theme import WIDTH_INCHES, Theme

Array = Float[np.ndarray, " settings"]

_MARKERS = ("o", "s", "^", "D")
_OUTLINE = [withStroke(linewidth=2.5, foreground="white")]  # black digits on any colour
_NARROWEST = 0.02  # of the plane's side, from a region's border to its number


def against_setting(theme: Theme, found: BasinScan, xlabel: str, *, log: bool = False) -> Figure:
    """Draw test accuracy and both basins against one setting, with bands over seeds."""
    figure, axes = theme.panels(3, height=2.7)
    settings = np.array(found.values)
    series = {"accuracy": found.accuracy, **found.basins}
    labels = ("test accuracy", "noise on inputs", "noise / std of weights")
    for ax, (quantity, values), label in zip(axes, series.items(), labels, strict=True):
        band(theme, ax, Curves(settings, values), quantity)
        ax.plot(
            settings, np.median(values, axis=1), "o", color=theme.colour(quantity), markersize=4
        )
        ax.set(title=quantity if quantity != "accuracy" else "test accuracy", xlabel=xlabel)
        ax.set_ylabel(label)
        if quantity != "accuracy":
            ax.set_ylim(bottom=0)
        if log:
            ax.set_xscale("log")
        ax.set_xticks(settings, [f"{value:g}" for value in settings])
        ax.xaxis.set_minor_locator(NullLocator())
    return figure


def against_setting_alt(found: BasinScan, setting: str, *shown: int) -> str:
    """Say what a reader who cannot see `against_setting` must know, of some settings."""
    words = []
    for name, values in found.basins.items():
        medians = np.median(values, axis=1)
        said = [f"{medians[k]:.2f} at {setting} {found.values[k]:g}" for k in shown]
        words.append(f"{name}: {', '.join(said)}")
    return "; ".join(words) + "."


def two_starts(theme: Theme, found: Starts) -> Figure:
    """Draw test accuracy and the basin in weight space over width, a line for each start."""
    figure, axes = theme.panels(2, height=2.9)
    names = ("test accuracy", "basin in weight space")
    for ax, quantity, name in zip(axes, ("accuracy", "weight basin"), names, strict=True):
        curves = {
            f"{start} start": Curves(
                np.array(scan.values),
                scan.accuracy if quantity == "accuracy" else scan.weight_basin,
            )
            for start, scan in found.scans.items()
        }
        shaded(theme, ax, curves, quantity, styles=STYLES, markers=_MARKERS)
        widths = found.scans["usual"].values
        ax.set(title=name, xlabel="units a layer", xscale="log")
        ax.set_xticks(widths, [f"{width:g}" for width in widths])
        ax.xaxis.set_minor_locator(NullLocator())
    axes[0].set_ylabel("share")
    axes[1].set(ylabel="noise / std of weights", ylim=(0, None))
    axes[0].legend(loc="lower right")
    return figure


def two_starts_alt(found: Starts) -> str:
    """Say what a reader who cannot see `two_starts` must know."""
    words = []
    for start, scan in found.scans.items():
        ends = [
            f"{scan.accuracy[k].mean():.3f} and {scan.weight_basin[k].mean():.2f} at width "
            f"{scan.values[k]:g}"
            for k in (0, -1)
        ]
        words.append(f"{start} start: {', '.join(ends)}")
    return f"Mean test accuracy and basin in weight space. {'; '.join(words)}."


def depth_and_width(theme: Theme, depth: Depth) -> Figure:
    """Draw test accuracy over depth, a line per width."""
    figure, (ax,) = theme.panels(1, height=3.0)
    depths = np.array(depth.basins.values)
    curves = {f"width {w}": Curves(depths, found.accuracy) for w, found in depth.by_width.items()}
    styles = STYLES[2::-1]
    shaded(theme, ax, curves, "accuracy", styles=styles, markers=_MARKERS, last_plain=True)
    ax.axvspan(6, 8, color=theme.colour("theory"), alpha=0.12, linewidth=0, label="claimed best")
    ax.set(xlabel="hidden layers", ylabel="test accuracy")
    ax.set_xticks(depths)
    figure.legend(loc="outside lower center", ncols=2 if theme.narrow else 4)
    return figure


def depth_and_width_alt(depth: Depth) -> str:
    """Say what a reader who cannot see `depth_and_width` must know."""
    words = []
    for width, found in depth.by_width.items():
        means = found.accuracy.mean(axis=1)
        best, last = _depth(int(found.values[means.argmax()])), found.values[-1]
        words.append(f"width {width}: best {means.max():.3f} at {best}, {means[-1]:.3f} at {last}")
    return f"Mean test accuracy over runs: {'; '.join(words)}."


def trade_off(theme: Theme, found: TradeOff) -> Figure:
    """Draw every setting as a point in the plane of the two basins, a panel per family of settings.

    All panels show the same part of the plane, with the other families in grey; so names of
    settings that lie together in the plane do not.
    """
    families = found.families
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
        family: (np.median(scan.sample_basin, axis=1), np.median(scan.weight_basin, axis=1))
        for family, scan in families.items()
    }
    across = np.concatenate([x for x, _ in points.values()])
    middle = float(across.min() + across.max()) / 2
    for ax, (family, scan), colour, marker in zip(
        grid, families.items(), colours, _MARKERS, strict=False
    ):
        x, y = points[family]
        ax.plot(x, y, color=colour, marker=marker, markersize=5)
        left, right = np.quantile(scan.sample_basin, [0.1, 0.9], axis=1)
        low, high = np.quantile(scan.weight_basin, [0.1, 0.9], axis=1)
        ax.hlines(y, left, right, color=colour, linewidth=1, alpha=0.6)
        ax.vlines(x, low, high, color=colour, linewidth=1, alpha=0.6)
        for other in points:
            if other != family:
                ax.plot(*points[other], color=theme.text, linewidth=1, alpha=0.3, zorder=1)
        _name_ends(theme, ax, x, y, found.names[family], middle, colour)
        ax.set_title(family)
        ax.margins(y=0.15)  # a name may hang below the lowest point
    separator = "\n" if theme.narrow else " "
    for number, ax in enumerate(grid[: len(families)]):
        if number % columns == 0:
            ax.set_ylabel("weight basin (noise / std)")
        if number >= len(families) - columns:
            ax.set_xlabel(f"sample basin{separator}(noise on inputs)")
    return figure


def trade_off_alt(found: TradeOff) -> str:
    """Say what a reader who cannot see `trade_off` must know."""
    words = []
    for family, names in found.names.items():
        move = found.families[family].move
        words.append(
            f"{family} from {names[0]} to {names[-1]}: sample basin times "
            f"{np.exp(move.sample):.2f}, weight "
            f"basin times {np.exp(move.weight):.2f}"
        )
    return "Points in the plane of sample basin and weight basin. " + "; ".join(words) + "."


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


def by_class(theme: Theme, classes: Classes) -> Figure:
    """Draw basin and rank slope of every class, with bands over seeds, and one against the other.

    A class whose basin lies outside the bracket in some run has no band.
    """
    figure, axes = theme.panels(3, height=2.9)
    names, place = classes.classes, np.arange(len(classes.classes))
    basin = np.where(np.isfinite(classes.found.basin), classes.found.basin, np.nan)
    slope = classes.found.slope
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
    axes[2].scatter(x, y, s=190, color=theme.colour("sample basin"), alpha=0.22, linewidth=0)
    for name, a, b in zip(names, x, y, strict=True):
        axes[2].text(a, b, name, ha="center", va="center", weight="bold")
    axes[2].set(title="one against the other", xlabel="sample basin", ylabel="rank slope")
    axes[2].margins(0.15)
    return figure


def by_class_alt(classes: Classes) -> str:
    """Say what a reader who cannot see `by_class` must know."""
    basins, slopes = (
        ", ".join(f"{k}: {m:.2f}" for k, m in enumerate(np.median(values, axis=0)))
        for values in (classes.found.basin, classes.found.slope)
    )
    return f"Basins by digit: {basins}. Slopes: {slopes}."


def planes(theme: Theme, plane: Plane) -> Figure:
    """Draw which class networks answer on a plane of input space through three samples."""
    figure, axes = theme.panels(len(plane.answers), height=2.9)
    palette = sns.color_palette("colorblind", 10)
    muted = [tuple(0.75 * c + 0.25 * (0.1 if theme.dark else 1.0) for c in rgb) for rgb in palette]
    extent = plane.extent
    for ax, (layers, answers) in zip(axes, plane.answers.items(), strict=True):
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
            # where the region is widest, so that the number stands inside
            inside = distance_transform_edt(np.pad(answers == digit, 1))[1:-1, 1:-1]
            row, column = np.unravel_index(inside.argmax(), inside.shape)
            if inside.max() > _NARROWEST * len(answers):
                step = 2 * extent / len(answers)
                ax.annotate(
                    str(digit),
                    (column * step - extent, row * step - extent),
                    ha="center",
                    va="center",
                    color="black",
                    weight="bold",
                    path_effects=_OUTLINE,
                )
        ax.plot(*plane.corners.T, "o", color="white", markeredgecolor="black", markersize=6)
        for digit, place in zip(plane.digits, plane.corners, strict=True):
            ax.annotate(
                f"a {digit}", place, xytext=(5, 4), textcoords="offset points",
                color="black", fontsize=8.5, path_effects=_OUTLINE,
            )  # fmt: skip
        ax.set(title=_depth(layers), xticks=[-extent, 0, extent], yticks=[-extent, 0, extent])
        ax.grid(visible=False)
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.0f}"))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.0f}"))
    return figure


def planes_alt(plane: Plane) -> str:
    """Say what a reader who cannot see `planes` must know."""
    said = [
        f"{_depth(layers)}: {len(np.unique(answers))} different digits are answered"
        for layers, answers in plane.answers.items()
    ]
    digits = "a {}, a {} and a {}".format(*plane.digits)
    return f"Regions of answers on a plane through {digits}. " + "; ".join(said) + "."


def _depth(layers: int) -> str:
    return "1 layer" if layers == 1 else f"{layers} layers"
