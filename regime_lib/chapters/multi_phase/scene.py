"""Neurons that move in the plane of the two inputs: with a slider, and three moments in print."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from regime_lib.chapters.multi_phase.one_run import Plane
from regime_lib.companion.figures.scene import (
    Frame,
    Label,
    Line,
    Panel,
    Points,
    Scene,
    Slider,
    VLine,
)
from regime_lib.companion.figures.theme import Theme

_NAMES = {1: "positive", -1: "negative"}


def moving_neurons(plane: Plane) -> Scene:
    """Make a scene with a moment per stop of its slider, beside the loss."""
    places = _logarithmic(plane)
    reach = 1.08 * np.abs(places).max()
    boundaries: list[Line | Label] = []
    for name, (x, y) in _inputs(plane).items():
        ends = (reach * y, -reach * y), (-reach * x, reach * x)
        boundaries.append(Line(*ends, ("theory", 0.4), width=1))
        boundaries.append(Label(0.9 * reach * x, 0.9 * reach * y, name, "theory"))
    frames: dict[tuple[int, ...], Frame] = {
        (i,): Frame(
            (
                _dots(plane, places, i),
                (VLine(time, "theory"), Points([time], [plane.loss[i]], "loss", size=5)),
            ),
            _in_words(plane, i),
        )
        for i, time in enumerate(plane.times)
    }
    limits = (-reach, reach)
    return Scene(
        panels=(
            Panel("neurons, radius logarithmic", xlim=limits, ylim=limits, equal=True),
            Panel(
                "loss",
                xlabel="time",
                xlim=(plane.times[0], plane.times[-1]),
                ylim=(0.5 * plane.loss.min(), 2.0),
                xscale="log",
                yscale="log",
            ),
        ),
        sliders=(Slider("time", tuple(f"{time:.3g}" for time in plane.times)),),
        frames=frames,
        backdrop=(tuple(boundaries), (Line(plane.times, plane.loss, "loss"),)),
        start=(len(plane.times) // 2,),
    )


def three_moments(theme: Theme, plane: Plane) -> Figure:
    """Draw the start, the end of phase I and the end side by side, for where no script runs."""
    places = _logarithmic(plane)
    condensed = int(np.searchsorted(plane.times, plane.phases.condensed * 1.0001)) - 1
    moments = {"start": 0, "phase I ends": condensed, "late": len(plane.times) - 1}
    figure, axes = theme.panels(len(moments), height=2.9)
    reach = 1.1 * np.abs(places[list(moments.values())]).max()
    for ax, (title, i) in zip(axes, moments.items(), strict=True):
        for name, (x, y) in _inputs(plane).items():
            ends = [reach * y, -reach * y], [-reach * x, reach * x]
            ax.plot(*ends, color=theme.text, linewidth=0.6)
            ax.annotate(name, (reach * x * 0.92, reach * y * 0.92), ha="center", va="center")
            arrow = {"arrowstyle": "-|>", "color": theme.text, "linewidth": 1.2}
            ax.annotate("", (0.8 * reach * x, 0.8 * reach * y), (0, 0), arrowprops=arrow)
        dead = places[i][~plane.alive[i]].T
        ax.plot(*dead, ".", color=theme.text, markersize=2.5, alpha=0.4, label="dead")
        for sign, marker in ((-1, "s"), (1, "o")):
            shown = places[i][plane.alive[i] & (plane.signs == sign)].T
            name = _NAMES[sign]
            ax.plot(*shown, marker, color=theme.colour(name), markersize=4.5, label=name)
        ax.set(xlim=(-reach, reach), ylim=(-reach, reach), title=title, aspect="equal")
        ax.set(xticks=[], yticks=[])
        ax.grid(visible=False)
    axes[0].legend(loc="lower left")
    return figure


def plane_alt(plane: Plane) -> str:
    """Say what a reader who cannot see the neurons must know."""
    return (
        f"Neurons start on a circle. {np.count_nonzero(~plane.alive[-1])} of {len(plane.signs)} "
        "die near where they stood. The living positive ones gather in one direction, the living "
        "negative ones on the boundary of x plus; later the positives settle on the boundary of x "
        "minus and the negatives leave theirs."
    )


def _logarithmic(plane: Plane) -> Float[np.ndarray, "times neurons 2"]:
    """Return the neurons with their true direction, and the logarithm of their length as radius."""
    length = np.linalg.norm(plane.weights, axis=-1, keepdims=True)
    first = length[0, 0]
    return plane.weights / length * np.log10(1 + 9 * length / first)


def _inputs(plane: Plane) -> dict[str, tuple[float, float]]:
    return {"x₊": (1.0, 0.0), "x₋": (math.cos(plane.delta), math.sin(plane.delta))}


def _dots(plane: Plane, places: Float[np.ndarray, "times neurons 2"], i: int) -> tuple[Points, ...]:
    """Return the neurons at a moment: dead ones small and pale, living ones above them."""
    found = []
    for sign, name in _NAMES.items():
        for alive, shade, size in ((False, 0.65, 2.5), (True, 0.0, 4.0)):
            chosen = (plane.alive[i] == alive) & (plane.signs == sign)
            if chosen.any():
                x, y = places[i][chosen].T
                found.append(Points(x, y, (name, shade), size=size))
    return tuple(found)


def _in_words(plane: Plane, i: int) -> str:
    positive, negative = (int((plane.alive[i] & (plane.signs == s)).sum()) for s in (1, -1))
    return (
        f"t = {plane.times[i]:.3g}, phase {plane.names[i]}: {positive} positive and {negative} "
        f"negative neurons alive, loss {plane.loss[i]:.3g}, accuracy {plane.accuracy[i]:.2f}"
    )
