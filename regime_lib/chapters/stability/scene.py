"""Linear regions that move while a network learns: with a slider, and three of them in print."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from regime_lib.chapters.stability.measure import Regions
from regime_lib.chapters.stability.regions import REACH, Snapshot
from regime_lib.companion.figures.scene import Frame, Line, Panel, Points, Polygon, Scene, Slider
from regime_lib.companion.figures.theme import Theme

_CLASSES = ("one class", "other class")
_LIMITS = (-REACH, REACH)


def moving_regions(regions: Regions) -> Scene:
    """Make a scene with a snapshot per stop of its slider."""
    panel = Panel("", "first input", "second input", _LIMITS, _LIMITS, equal=True)
    dots = [
        Points(points[:, 0], points[:, 1], colour, size=2.4)
        for points, colour in zip(regions.classes, _CLASSES, strict=True)
    ]
    frames: dict[tuple[int, ...], Frame] = {}
    for k, snapshot in enumerate(regions.snapshots):
        marks: list[Any] = [
            Polygon(polygon[:, 0], polygon[:, 1], ("pattern", _shade(share)), opacity=0.55)
            for polygon, share in zip(snapshot.polygons, snapshot.on, strict=True)
        ]
        # NaN breaks the line after each piece
        broken = np.concatenate([snapshot.border, np.full((len(snapshot.border), 1, 2), np.nan)], 1)
        marks.append(Line(broken[:, :, 0].ravel(), broken[:, :, 1].ravel(), "theory", width=2.6))
        frames[(k,)] = Frame(((*marks, *dots),), _in_words(snapshot))
    labels = tuple(str(snapshot.step) for snapshot in regions.snapshots)
    return Scene((panel,), (Slider("optimiser step", labels),), frames)


def three_regions(theme: Theme, regions: Regions) -> Figure:
    """Draw the first, a middle and the last snapshot side by side, for where no script runs."""
    found = regions.snapshots
    shown = (found[0], found[len(found) * 3 // 5], found[-1])
    figure, axes = theme.panels(len(shown), height=2.9 if not theme.narrow else 3.3)
    ground, ink = (np.array(to_rgb(c)) for c in (theme.background, theme.colour("pattern")))
    for ax, snapshot in zip(axes, shown, strict=True):
        ax.add_collection(
            PolyCollection(
                snapshot.polygons,
                facecolors=[ink + (ground - ink) * _shade(share) for share in snapshot.on],
                edgecolors=theme.text,
                linewidths=0.5,
                alpha=0.6,
            )
        )
        for piece in snapshot.border:
            ax.plot(piece[:, 0], piece[:, 1], color=theme.colour("theory"), linewidth=2.2)
        for points, name in zip(regions.classes, _CLASSES, strict=True):
            ax.plot(points[:, 0], points[:, 1], ".", color=theme.colour(name), markersize=4)
        ax.set(xlim=_LIMITS, ylim=_LIMITS, aspect="equal")
        ax.set_title(f"step {snapshot.step}: {len(snapshot.sizes)} regions")
        ax.grid(visible=False)
    handles = [
        Line2D([], [], color=theme.colour("theory"), linewidth=2.2, label="outputs equal"),
        *(
            Line2D([], [], marker=".", linestyle="", color=theme.colour(name), label=name)
            for name in _CLASSES
        ),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=1 if theme.narrow else 3)
    return figure


def regions_alt(regions: Regions) -> str:
    """Say what a reader who cannot see the regions must know."""
    first, last = regions.snapshots[0], regions.snapshots[-1]
    counts = [len(snapshot.sizes) for snapshot in regions.snapshots]
    return (
        f"The plane cut into {counts[0]} polygons before training, {max(counts)} at most and "
        f"{counts[-1]} after {last.step} steps; a broken line comes to separate two half-moons of "
        f"points. Share of points classified correctly: {first.accuracy:.2f} at first, "
        f"{last.accuracy:.2f} at the end."
    )


def _in_words(snapshot: Snapshot) -> str:
    return (
        f"step {snapshot.step}: {len(snapshot.sizes)} linear regions, "
        f"{snapshot.accuracy:.0%} of the points classified correctly"
    )


def _shade(share: float) -> float:
    """Return how far a region fades: the fewer units are on, the paler."""
    return float(np.clip(0.95 - 0.9 * share, 0.05, 0.95))
