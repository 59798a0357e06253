"""The one-weight system that a reader moves: rate, slope and target."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from regime_lib.chapters.training_response.reductions import CHOICES, OneWeightCurves
from regime_lib.companion.figures.scene import Frame, Line, Panel, Points, Scene, Slider
from regime_lib.companion.figures.theme import Theme

_NAMES = ("rate η", "slope a", "target")


def one_weight_scene(result: OneWeightCurves) -> Scene:
    """Make the picture: the response of descent as dots, and the closed form as a line."""
    frames = {}
    for stops in np.ndindex(*map(len, CHOICES)):
        rate, slope, target = (values[stop] for values, stop in zip(CHOICES, stops, strict=True))
        own, law = result.chosen[rate, slope, target]
        kind = "a power law" if target == 1 else "an exponential"
        frames[stops] = Frame(
            ((Line(result.steps, law, "theory"), Points(result.steps, own, "output", 3)),),
            f"η a² = {rate * slope**2:.3g}; at the end the response falls like {kind}",
        )
    return Scene(
        panels=(
            Panel(
                "one weight", "step", "response of the output", (1, 2000), (1e-8, 1), "log", "log"
            ),
        ),
        sliders=tuple(
            Slider(name, tuple(f"{value:g}" for value in values))
            for name, values in zip(_NAMES, CHOICES, strict=True)
        ),
        frames=frames,
        start=(2, 1, 3),
    )


def one_weight_targets(theme: Theme, result: OneWeightCurves) -> Figure:
    """Draw what stands in for the picture: one rate and slope, all targets."""
    figure, (ax,) = theme.panels(1, height=3.0)
    rate, slope, targets = CHOICES[0][2], CHOICES[1][1], CHOICES[2]
    shades = theme.shades("output", len(targets))
    for shade, marker, target in zip(shades, "osD^", targets, strict=True):
        own, law = result.chosen[rate, slope, target]
        ax.plot(result.steps, law, **theme.stroke("theory"))
        ax.plot(result.steps, own, marker, color=shade, markersize=4, label=f"target {target:g}")
    ax.set(xscale="log", yscale="log", xlabel="step", ylabel="response of the output")
    ax.legend(loc="lower left")
    return figure
