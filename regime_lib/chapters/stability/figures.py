"""The figures of the chapter on stability: cliffs, certificates along training, moving regions.

Functions take plain numbers, so that this room needs nothing of the instrument or the theory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from regime_lib.chapters.tracking.figures import NAMES
from regime_lib.companion.figures.scene import Frame, Line, Panel, Points, Polygon, Scene, Slider
from regime_lib.companion.figures.theme import Theme

Array = npt.NDArray[np.float64]

#: What each certificate knows of the step, and the quantity whose colour it takes.
CERTIFICATES = {
    "unchanged": ("truly unchanged", "pattern"),
    "by_path": ("proven: the update itself", "theory"),
    "by_sizes": ("proven: size of each entry", "weight"),
    "by_size": ("proven: largest entry only", "radius"),
}


def cliff(theme: Theme, sizes: Array, flipped: Mapping[str, Mapping[str, Array]]) -> Figure:
    """Draw the share of inputs that change their pattern, against the size of the movement.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    sizes : array, shape (sizes,)
        Movements in units of each input's certified radius.
    flipped : mapping from network to mapping from kind of attack to array, shape (sizes,)
        Kinds are "random" and "gradient".
    """
    figure, axes = theme.panels(len(flipped), height=2.7, sharey=True)
    for ax, (network, kinds) in zip(axes, flipped.items(), strict=True):
        for kind, quantity in (("gradient", "radius"), ("random", "weight")):
            ax.plot(
                sizes,
                kinds[kind],
                color=theme.colour(quantity),
                linestyle=theme.line(quantity),
                marker="o" if kind == "gradient" else "s",
                markersize=3.5,
                label=f"{kind} attacks",
            )
        ax.axvline(1, color=theme.colour("theory"), linestyle=theme.line("theory"))
        ax.annotate("radius", (1, 1.04), xytext=(-3, 0), textcoords="offset points", ha="right")
        ax.set(xscale="log", ylim=(-0.04, 1.14), title=network)
        ax.set_xlabel("movement / certified radius")
    for ax in axes if theme.narrow else axes[:1]:
        ax.set_ylabel("share of inputs flipped")
    figure.legend(
        *axes[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=1 if theme.narrow else 2,
    )
    return figure


def tightness(theme: Theme, table: pd.DataFrame) -> Figure:
    """Draw certified radius over the smallest movement found to flip, for several networks.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    table : DataFrame
        Columns `network`, `low`, `median`, `high` (tenth and ninetieth percentile over inputs).
    """
    figure, (ax,) = theme.panels(1, height=0.34 * len(table) + 0.9)
    y = -np.arange(len(table))
    colour = theme.colour("radius")
    ax.hlines(y, table["low"], table["high"], color=colour, linewidth=2.4)
    ax.scatter(table["median"], y, color=colour, s=36, zorder=3)
    ax.axvline(1, color=theme.colour("theory"), linestyle=theme.line("theory"))
    ax.set(xlim=(0, 1.05), ylim=(0.6 - len(table), 0.6))
    ax.set_yticks(y, table["network"])
    ax.set_xlabel("certified radius / smallest flip found")
    ax.grid(axis="y", visible=False)
    return figure


def flip_law(
    theme: Theme,
    steps: Array,
    measured: Mapping[str, Array],
    corrected: Mapping[str, Array],
) -> Figure:
    """Draw the share of flipped units over the law's, against the relative step, a line a layer.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    steps : array, shape (steps,)
        Relative steps.
    measured : mapping from layer to array, shape (steps, seeds)
        Shares of flips over the arctangent of the step over pi.
    corrected : mapping from layer to array, shape (steps, seeds)
        Shares of flips over the law with the layer's own measured change.
    """
    figure, axes = theme.panels(2, height=2.8, sharey=True)
    styles = ("-", (0, (6, 1.5)), (0, (1.5, 1.5)))
    titles = ("from the step alone", "from the change of z")
    for ax, ratios, title in zip(axes, (measured, corrected), titles, strict=True):
        shades = theme.shades("pattern", len(ratios))
        for shade, style, (layer, values) in zip(shades, styles, ratios.items(), strict=False):
            low, mid, high = values.min(axis=1), np.median(values, axis=1), values.max(axis=1)
            ax.fill_between(steps, low, high, color=shade, alpha=0.2, linewidth=0)
            ax.plot(steps, mid, color=shade, linestyle=style, marker="o", ms=3.5, label=layer)
        ax.axhline(1, color=theme.colour("theory"), linestyle=theme.line("theory"))
        ax.set(xscale="log", title=title, ylim=(0.3, 1.8))
        ax.set_xlabel("relative step of the weights")
    for ax in axes if theme.narrow else axes[:1]:
        ax.set_ylabel("flips / law")
    axes[0].legend(loc="lower left")
    return figure


def along_training(theme: Theme, steps: Array, shares: Mapping[str, Mapping[str, Array]]) -> Figure:
    """Draw which share of inputs keep their pattern in a step, and which provably do.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    steps : array, shape (checks,)
        The optimiser steps that were looked at.
    shares : mapping from optimiser to mapping from certificate to array, shape (checks, seeds)
        The keys of `CERTIFICATES`.
    """
    figure, axes = theme.panels(len(shares), height=3.1, sharey=True)
    for ax, (optimizer, own) in zip(axes, shares.items(), strict=True):
        for name, (label, quantity) in CERTIFICATES.items():
            low, mid, high = np.quantile(own[name], [0.0, 0.5, 1.0], axis=1)
            theme.band(ax, steps, low, mid, high, quantity, label=label)
        ax.set(xscale="log", ylim=(-0.02, 1.02), title=NAMES.get(optimizer, optimizer))
        ax.set_xlabel("optimiser step")
    for ax in axes if theme.narrow else axes[:1]:
        ax.set_ylabel("share of inputs")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=1 if theme.narrow else 2)
    return figure


@dataclass(frozen=True)
class Snapshot:
    """The regions of a network on the plane at one step."""

    step: int
    polygons: Sequence[Array]
    """Each of shape (corners, 2)."""
    on: Array
    """Share of units that are on, one a polygon."""
    border: Sequence[Array]
    """Pieces of the line where the two outputs are equal, each of shape (2, 2)."""
    accuracy: float

    @property
    def readout(self) -> str:
        """The state in words."""
        return (
            f"step {self.step}: {len(self.polygons)} linear regions, "
            f"{self.accuracy:.0%} of the points classified rightly"
        )


def regions_scene(snapshots: Sequence[Snapshot], classes: Sequence[Array], reach: float) -> Scene:
    """Make a scene of linear regions that move while a network learns.

    Parameters
    ----------
    snapshots : sequence of Snapshot
        In time.
    classes : sequence of array, shape (points, 2)
        The points of the two classes.
    reach : float
        The plane is shown from minus to plus this number.
    """
    panel = Panel("", "first input", "second input", (-reach, reach), (-reach, reach), equal=True)
    frames: dict[tuple[int, ...], Frame] = {}
    for k, snapshot in enumerate(snapshots):
        marks: list[Any] = [
            Polygon(p[:, 0], p[:, 1], ("pattern", _shade(share)), opacity=0.55)
            for p, share in zip(snapshot.polygons, snapshot.on, strict=True)
        ]
        x, y = _broken(snapshot.border)
        marks.append(Line(x, y, "theory", width=2.6))
        for points, colour in zip(classes, ("one class", "other class"), strict=True):
            marks.append(Points(points[:, 0], points[:, 1], colour, size=2.4))
        frames[(k,)] = Frame((tuple(marks),), snapshot.readout)
    slider = Slider("optimiser step", tuple(str(snapshot.step) for snapshot in snapshots))
    return Scene((panel,), (slider,), frames)


def regions_still(
    theme: Theme, snapshots: Sequence[Snapshot], classes: Sequence[Array], reach: float
) -> Figure:
    """Draw a few of the snapshots side by side, for where no script runs.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    snapshots : sequence of Snapshot
        The ones to draw, up to three.
    classes, reach
        As for `regions_scene`.
    """
    figure, axes = theme.panels(len(snapshots), height=2.9 if not theme.narrow else 3.3)
    for ax, snapshot in zip(axes, snapshots, strict=True):
        ground = np.array(_rgb(theme.background))
        ink = np.array(_rgb(theme.colour("pattern")))
        shades = [ink + (ground - ink) * _shade(share) for share in snapshot.on]
        ax.add_collection(
            PolyCollection(
                list(snapshot.polygons),
                facecolors=shades,
                edgecolors=theme.text,
                linewidths=0.5,
                alpha=0.6,
            )
        )
        for piece in snapshot.border:
            ax.plot(piece[:, 0], piece[:, 1], color=theme.colour("theory"), linewidth=2.2)
        for points, colour in zip(classes, ("one class", "other class"), strict=True):
            ax.plot(points[:, 0], points[:, 1], ".", color=theme.colour(colour), markersize=4)
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        ax.set_title(f"step {snapshot.step}: {len(snapshot.polygons)} regions")
        ax.grid(visible=False)
    handles = [
        Line2D([], [], color=theme.colour("theory"), linewidth=2.2, label="outputs equal"),
        *(
            Line2D([], [], marker=".", linestyle="", color=theme.colour(name), label=name)
            for name in ("one class", "other class")
        ),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=1 if theme.narrow else 3)
    return figure


def _shade(share: float) -> float:
    """Return how far a region fades: the fewer units are on, the paler."""
    return float(np.clip(0.95 - 0.9 * share, 0.05, 0.95))


def _broken(pieces: Sequence[Array]) -> tuple[Array, Array]:
    """Join pieces of a line into one with gaps."""
    if not pieces:
        return np.array([np.nan, np.nan]), np.array([np.nan, np.nan])
    joined = np.concatenate([np.vstack([piece, [[np.nan, np.nan]]]) for piece in pieces])
    return joined[:, 0], joined[:, 1]


def _rgb(colour: str) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return to_rgb(colour)
