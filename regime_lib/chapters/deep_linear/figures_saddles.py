"""The critical points of deep linear networks: values, curvatures, ways in and out."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from regime_lib.companion.figures.theme import Theme

Array = npt.NDArray[np.float64]
_MARKERS = "osd^v"
_DASHES = ("-", (0, (6, 1.5)), (0, (2, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (1, 1)))


def ladder(
    theme: Theme, predicted: Mapping[str, float], found: Mapping[str, Array], maximum: float
) -> Figure:
    """Draw critical values as rungs, and the losses at critical points that were found on them.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    predicted : mapping from name to float
        What is learnt, and the loss.
    found : mapping from name to array, shape (points,)
        Losses at critical points, one entry a way of searching.
    maximum : float
        Upper end of the axis.
    """
    figure, (ax,) = theme.panels(1, height=3.6)
    for name, loss in predicted.items():
        ax.axhline(loss, color=theme.colour("theory"), linestyle=theme.line("theory"), linewidth=1)
        ax.annotate(
            name,
            (1.0, loss),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=theme.text,
        )
    shades = theme.shades("pattern", len(found))
    start = 0
    for number, (name, losses) in enumerate(found.items()):
        places = start + np.arange(len(losses))
        ax.plot(
            places,
            losses,
            _MARKERS[number % len(_MARKERS)],
            color=shades[number],
            markersize=4,
            label=name,
        )
        start += len(losses) + 6
    ax.set(xlim=(-4, start), ylim=(-0.04 * maximum, maximum * 1.06), ylabel="loss")
    ax.set_xlabel("critical points found, one search after another")
    ax.set_xticks([])
    ax.grid(visible=False)
    figure.legend(loc="outside lower center", ncols=1 if theme.narrow else len(found))
    return figure


def inertia_bars(theme: Theme, counts: Mapping[str, tuple[int, int, int]]) -> Figure:
    """Draw how many curvatures are negative, zero and positive, a bar a critical point.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    counts : mapping from name to (negative, zero, positive)
        Exact numbers, from top to bottom.
    """
    height = 0.8 + 0.36 * len(counts)
    figure, (ax,) = theme.panels(1, height=height)
    kinds = (("negative", "weight", "//"), ("zero", "theory", ""), ("positive", "pattern", ".."))
    places = -np.arange(len(counts))
    start = np.zeros(len(counts))
    for column, (kind, quantity, hatch) in enumerate(kinds):
        share = np.array([row[column] / sum(row) for row in counts.values()])
        ax.barh(
            places,
            share,
            left=start,
            height=0.62,
            color=theme.colour(quantity),
            alpha=0.35 if kind == "zero" else 0.9,
            hatch=hatch,
            edgecolor=theme.background,
            linewidth=0,
            label=kind,
        )
        for place, left, width, row in zip(places, start, share, counts.values(), strict=True):
            if row[column]:
                ax.text(
                    left + width / 2,
                    float(place),
                    str(row[column]),
                    ha="center",
                    va="center",
                    color=theme.text,
                    bbox={"facecolor": theme.background, "edgecolor": "none", "pad": 1.2},
                )
        start += share
    ax.set_yticks(places, list(counts))
    ax.set(xlim=(0, 1), xlabel="share of all curvatures")
    ax.grid(visible=False)
    figure.legend(loc="outside lower center", ncols=3)
    return figure


@dataclass(frozen=True, eq=False)
class Portrait:
    """A flow in a plane."""

    title: str
    xlabel: str
    ylabel: str
    x: Array
    """Shape (columns,)."""
    y: Array
    """Shape (rows,)."""
    u: Array
    """Velocity along x, shape (rows, columns)."""
    v: Array
    """Velocity along y, shape (rows, columns)."""
    minima: tuple[tuple[Array, Array], ...] = ()
    stable: tuple[tuple[Array, Array], ...] = ()
    unstable: tuple[tuple[Array, Array], ...] = ()
    saddles: tuple[tuple[Array, Array], ...] = ()


def portraits(theme: Theme, shown: Sequence[Portrait]) -> Figure:
    """Draw phase portraits: the flow, its minima, its saddles, and their stable and unstable lines.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    shown : sequence of Portrait
        One panel each.
    """
    figure, axes = theme.panels(len(shown), height=3.5)
    styles = (
        ("minima", "loss", "-", 2.4),
        ("stable", "pattern", (0, (6, 1.5)), 2.2),
        ("unstable", "weight", (0, (2, 1.2)), 2.2),
        ("saddles", "theory", "-", 1.6),
    )
    for ax, one in zip(axes, shown, strict=True):
        paths, arrows = _streamlines(one)
        ax.add_collection(LineCollection(paths, colors=_faint(theme), linewidths=0.8))
        for tail, head in arrows:
            look = {"arrowstyle": "-|>", "color": _faint(theme), "mutation_scale": 8}
            ax.annotate("", tuple(head), tuple(tail), arrowprops=look)
        for name, quantity, dash, width in styles:
            for number, (x, y) in enumerate(getattr(one, name)):
                point = len(np.atleast_1d(x)) == 1
                ax.plot(
                    x,
                    y,
                    color=theme.colour(quantity),
                    linestyle="none" if point else dash,
                    marker="o" if point else None,
                    linewidth=width,
                    label=name if number == 0 else None,
                    zorder=3,
                )
        ax.set(
            title=one.title,
            xlabel=one.xlabel,
            ylabel=one.ylabel,
            xlim=(one.x[0], one.x[-1]),
            ylim=(one.y[0], one.y[-1]),
            aspect="equal",
        )
        ax.grid(visible=False)
    handles = {
        label: handle
        for ax in axes
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="outside lower center",
        ncols=2 if theme.narrow else len(handles),
    )
    return figure


@functools.lru_cache(maxsize=8)
def _streamlines(shown: Portrait) -> tuple[list[Array], list[tuple[Array, Array]]]:
    """Return lines of flow and an arrow in the middle of each; the same for all four variants."""
    found = Figure().subplots().streamplot(shown.x, shown.y, shown.u, shown.v, density=0.5)
    paths = [path for path in found.lines.get_segments() if len(path) > 2]
    middles = [len(path) // 2 for path in paths]
    arrows = [(path[k - 1], path[k]) for path, k in zip(paths, middles, strict=True)]
    return paths, arrows


def half_lines(
    theme: Theme,
    times: Array,
    sizes: Mapping[str, Array],
    formulas: Mapping[str, Array],
    distances: Array,
    ratios: Mapping[str, Array],
) -> Figure:
    """Draw how slowly a saddle is approached, and the escape time over its formula.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    times : array, shape (times,)
        Since the start.
    sizes, formulas : mapping from name to array, shape (times,)
        The weight on the stable half-line, measured and by formula.
    distances : array, shape (distances,)
        Starting distances on the unstable half-line.
    ratios : mapping from name to array, shape (distances,)
        Escape time over its formula.
    """
    figure, (left, right) = theme.panels(2, height=3.0)
    shades = theme.shades("weight", len(sizes))
    for number, name in enumerate(sizes):
        left.plot(times, sizes[name], color=shades[number], linestyle=_DASHES[number], label=name)
        left.plot(
            times,
            formulas[name],
            color=theme.colour("theory"),
            linestyle=theme.line("theory"),
            linewidth=1.2,
            label="formula" if number == len(sizes) - 1 else None,
        )
        right.plot(
            distances,
            ratios[name],
            color=shades[number],
            linestyle=_DASHES[number],
            marker=_MARKERS[number],
            markersize=4,
            label=name,
        )
    left.set(xscale="log", yscale="log", xlabel="time", ylabel="|w|", title="into the saddle")
    left.set_ylim(bottom=float(min(v.min() for v in sizes.values())) / 3)
    left.legend(loc="lower left")
    right.axhline(1, color=theme.colour("theory"), linestyle=theme.line("theory"))
    right.set(xscale="log", xlabel="starting distance a", ylabel="time / formula")
    right.set_title("out of it")
    return figure


def _faint(theme: Theme) -> str:
    """Return a grey between text and ground, for what should stay behind."""
    return "#9aa3ae" if not theme.dark else "#5d6773"
