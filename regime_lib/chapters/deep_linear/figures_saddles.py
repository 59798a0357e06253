"""Figures of critical points: values, curvatures, ways in and out.

Every function takes the theme and what a part of the chapter measured.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from regime_lib.chapters.deep_linear.landscape import CriticalPoints, HalfLines, Saddles
from regime_lib.chapters.deep_linear.saddle_sets import MatrixSaddle
from regime_lib.chapters.deep_linear.settings import ONE
from regime_lib.companion.figures.curves import STYLES
from regime_lib.companion.figures.marks import note
from regime_lib.companion.figures.theme import Theme
from regime_lib.simulators.deep_linear.problem import velocity

Line = tuple[Float[np.ndarray, " _"], Float[np.ndarray, " _"]]
_MARKERS = "osd^v"


def critical_points(theme: Theme, points: CriticalPoints) -> Figure:
    """Draw critical values as lines, and the losses at critical points that were found."""
    figure, (ax,) = theme.panels(1, height=3.6)
    for name, loss in points.predicted.items():
        ax.axhline(loss, linewidth=1, **theme.stroke("theory"))
        beside = {"xycoords": ("axes fraction", "data"), "va": "center", "color": theme.text}
        note(ax, name, (1.0, loss), (4, 0), **beside)
    shades, start = theme.shades("pattern", len(points.found)), 0
    for (name, losses), shade, marker in zip(points.found.items(), shades, _MARKERS, strict=False):
        places = start + np.arange(len(losses))
        ax.plot(places, losses, marker, color=shade, markersize=4, label=name)
        start += len(losses) + 6
    highest = max(points.predicted.values())
    ax.set(xlim=(-4, start), ylim=(-0.04 * highest, 1.06 * highest), ylabel="loss", xticks=[])
    ax.set_xlabel("critical points found, one search after another")
    ax.grid(visible=False)
    figure.legend(loc="outside lower center", ncols=1 if theme.narrow else len(points.found))
    return figure


def critical_points_alt(points: CriticalPoints) -> str:
    """Describe `critical_points`."""
    count = sum(len(losses) for losses in points.found.values())
    return (
        f"{count} points and {len(points.predicted)} dotted lines between 0 and "
        f"{max(points.predicted.values()):g}: all points lie on the lines, none between them."
    )


def inertia(theme: Theme, found: Saddles) -> Figure:
    """Draw how many curvatures are negative, zero and positive, a bar per critical point."""
    counts = np.array(list(found.inertia.values()))
    shares = counts / counts.sum(axis=1, keepdims=True)
    starts = shares.cumsum(axis=1) - shares
    places = -np.arange(len(counts), dtype=float)
    figure, (ax,) = theme.panels(1, height=0.8 + 0.36 * len(counts))
    kinds = (("negative", "weight", "//"), ("zero", "theory", ""), ("positive", "pattern", ".."))
    for column, (kind, quantity, hatch) in enumerate(kinds):
        ax.barh(
            places,
            shares[:, column],
            left=starts[:, column],
            height=0.62,
            color=theme.colour(quantity),
            alpha=0.35 if kind == "zero" else 0.9,
            hatch=hatch,
            edgecolor=theme.background,
            linewidth=0,
            label=kind,
        )
        for row in np.flatnonzero(counts[:, column]):
            ax.text(
                starts[row, column] + shares[row, column] / 2,
                places[row],
                str(counts[row, column]),
                ha="center",
                va="center",
                color=theme.text,
                bbox={"facecolor": theme.background, "edgecolor": "none", "pad": 1.2},
            )
    ax.set_yticks(places, list(found.inertia))
    ax.set(xlim=(0, 1), xlabel="share of all curvatures")
    ax.grid(visible=False)
    figure.legend(loc="outside lower center", ncols=3)
    return figure


def inertia_alt(found: Saddles) -> str:
    """Describe `inertia`."""
    bars = "; ".join(f"{name}: {a}, {b}, {c}" for name, (a, b, c) in found.inertia.items())
    return f"Stacked bars of negative, zero and positive curvatures: {bars}."


@dataclass(frozen=True, eq=False)
class Portrait:
    """The flow of chains with goal one in a plane of two numbers, and its special lines."""

    title: str
    side: Float[np.ndarray, " points"]  # of the square grid
    flow: tuple[Float[np.ndarray, "rows columns"], Float[np.ndarray, "rows columns"]]  # velocities
    minima: tuple[Line, ...]
    stable: tuple[Line, ...]
    unstable: tuple[Line, ...]
    saddles: tuple[Line, ...]


@functools.cache
def portraits_of_chains() -> tuple[Portrait, Portrait]:
    """Return the plane of a chain of two, and that of a chain of three that ends with equals."""
    side = np.linspace(-2, 2, 31)
    x, y = (grid[..., None, None] for grid in np.meshgrid(side, side))
    two, three = (velocity(layers, ONE) for layers in ((x, y), (x, y, y)))
    line, half = np.array([-2.0, 2.0]), np.array([0.0, 2.0])
    short, branch = np.linspace(0.5, 2, 175), np.linspace(0.25, 2, 200)
    root = 1 / np.sqrt(branch)
    return (
        Portrait(
            "depth 2",
            side,
            (two[0][..., 0, 0], two[1][..., 0, 0]),
            minima=((1 / short, short), (-1 / short, -short)),
            stable=((line, -line),),
            unstable=((line, line),),
            saddles=((np.zeros(1), np.zeros(1)),),
        ),
        Portrait(
            "depth 3, w₂ = w₃",
            side,
            (three[0][..., 0, 0], three[1][..., 0, 0]),
            minima=((branch, root), (branch, -root)),
            stable=((-half, half), (-half, -half)),
            unstable=((half, half), (half, -half)),
            saddles=((line, np.zeros(2)),),
        ),
    )


PORTRAITS_ALT = (
    "Two planes of flow lines. At depth two, two branches of a hyperbola attract everything except "
    "the diagonal where the two numbers are opposite, which runs into the origin. At depth three "
    "all flow goes to the curve of minima at positive first number; where that number is negative "
    "two half-lines run into the origin, where it is positive two leave it, and the horizontal "
    "axis consists of saddles."
)


def portraits(theme: Theme) -> Figure:
    """Draw phase portraits of chains: the flow, minima, saddles, stable and unstable lines."""
    shown = portraits_of_chains()
    figure, axes = theme.panels(len(shown), height=3.5)
    for ax, one in zip(axes, shown, strict=True):
        _portrait(theme, ax, one)
    handles, labels = axes[-1].get_legend_handles_labels()
    columns = 2 if theme.narrow else len(handles)
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)
    return figure


def _portrait(theme: Theme, ax: Axes, one: Portrait) -> None:
    faint = "#5d6773" if theme.dark else "#9aa3ae"  # between text and ground
    paths, arrows = _streamlines(one)
    ax.add_collection(LineCollection(paths, colors=faint, linewidths=0.8))
    for tail, head in arrows:
        style = {"arrowstyle": "-|>", "color": faint, "mutation_scale": 8}
        ax.annotate("", tuple(head), tuple(tail), arrowprops=style)
    for name, lines, quantity, dash, width in (
        ("minima", one.minima, "loss", "-", 2.4),
        ("stable", one.stable, "pattern", STYLES[1], 2.2),
        ("unstable", one.unstable, "weight", STYLES[2], 2.2),
        ("saddles", one.saddles, "theory", "-", 1.6),
    ):
        for number, (x, y) in enumerate(lines):
            ax.plot(
                x,
                y,
                color=theme.colour(quantity),
                linestyle=dash if len(x) > 1 else "none",
                marker=None if len(x) > 1 else "o",
                linewidth=width,
                label=None if number else name,
                zorder=3,
            )
    ends = one.side[0], one.side[-1]
    ax.set(title=one.title, xlabel="w₁", ylabel="w₂", xlim=ends, ylim=ends, aspect="equal")
    ax.grid(visible=False)


@functools.lru_cache(maxsize=2)
def _streamlines(shown: Portrait) -> tuple[list[np.ndarray], list[tuple[np.ndarray, np.ndarray]]]:
    """Return lines of flow and an arrow in the middle of each; the same for all four variants."""
    found = Figure().subplots().streamplot(shown.side, shown.side, *shown.flow, density=0.5)
    paths = [path for path in found.lines.get_segments() if len(path) > 2]
    middles = [len(path) // 2 for path in paths]
    arrows = [(path[k - 1], path[k]) for path, k in zip(paths, middles, strict=True)]
    return paths, arrows


def half_lines(theme: Theme, found: HalfLines) -> Figure:
    """Draw how slowly a saddle is approached, and the escape time over its formula."""
    figure, (left, right) = theme.panels(2, height=3.0)
    shades = theme.shades("weight", len(found.weights))
    for name, shade, style, marker in zip(found.weights, shades, STYLES, _MARKERS, strict=False):
        plain = {"color": shade, "linestyle": style, "label": name}
        left.plot(found.times, found.weights[name], **plain)
        left.plot(found.times, found.formulas[name], linewidth=1.2, **theme.stroke("theory"))
        right.plot(found.distances, found.escapes[name], marker=marker, markersize=4, **plain)
    left.lines[-1].set_label("formula")
    left.set(xscale="log", yscale="log", xlabel="time", ylabel="|w|", title="into the saddle")
    left.set_ylim(bottom=min(float(w.min()) for w in found.weights.values()) / 3)
    left.legend(loc="lower left")
    right.axhline(1, **theme.stroke("theory"))
    right.set(xscale="log", xlabel="starting distance a", ylabel="time / formula")
    right.set_title("out of it")
    return figure


def half_lines_alt(found: HalfLines) -> str:
    """Describe `half_lines`."""
    slopes = ", ".join(f"{slope:.3f}" for slope in found.slopes.values())
    ratios = ", ".join(f"{escapes[0]:.3f}" for escapes in found.escapes.values())
    return (
        f"Into the saddle, three falling lines on logarithmic axes, slopes {slopes} at depths 3, "
        "4, 5, beside their formulas. Out of it, times over the formula at distance "
        f"{found.distances[0]:g}: {ratios}."
    )


def matrix_saddle(theme: Theme, found: MatrixSaddle) -> Figure:
    """Draw how a network of matrices falls into the origin, and how others turn away from it."""
    figure, (left, right) = theme.panels(2, height=3.0)
    name = next(iter(found.strengths))
    own, formula = found.strengths[name], found.formulas[name]
    for k, shade in enumerate(theme.shades("weight", own.shape[1])):
        left.plot(found.times, own[:, k], color=shade, linestyle=STYLES[k], label=f"number {k + 1}")
        left.plot(found.times, formula[:, k], linewidth=1.2, **theme.stroke("theory"))
    left.lines[-1].set_label("formula")
    top = 2 * float(own.max())
    left.set(xscale="log", yscale="log", ylim=(float(own.min()) / 2, top), xlabel="time")
    left.set(ylabel="singular value", title=f"on the stable set, {name}")
    left.legend(loc="lower left")
    shades = theme.shades("pattern", len(found.norms))
    for (share, norms), shade, style in zip(found.norms.items(), shades, STYLES, strict=True):
        right.plot(found.early, norms, color=shade, linestyle=style, label=share)
    right.set(xscale="log", yscale="log", xlabel="time", ylabel="norm of all weights")
    right.set_title("beside it, depth 3")
    right.legend(title="turned by", loc="lower left")
    return figure


def matrix_saddle_alt(found: MatrixSaddle) -> str:
    """Describe `matrix_saddle`."""
    name = next(iter(found.strengths))
    ratios = found.strengths[name][-1] / found.formulas[name][-1]
    lowest = ", ".join(f"{norms.min():.2g}" for norms in found.norms.values())
    return (
        "On the stable set, falling lines on logarithmic axes beside their formulas; at the end "
        f"the ratios are {', '.join(f'{ratio:.3f}' for ratio in ratios)}. Beside it, lines that "
        f"fall together; those that are turned rise again: lowest {lowest}."
    )
