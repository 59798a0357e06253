"""The margin that a reader moves: which windows show signs, and how sharp the loss is there."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from regime_lib.chapters.edge_of_stability.figures import MOST, over_steps
from regime_lib.chapters.edge_of_stability.runs import Watched
from regime_lib.chapters.edge_of_stability.windows import RIM, kinds
from regime_lib.companion.figures.scene import (
    Frame,
    HLine,
    Line,
    Mark,
    Panel,
    Points,
    Scene,
    Slider,
)
from regime_lib.companion.figures.theme import Theme
from regime_lib.instrument.tracking.edge_of_stability import MARGIN

MARGINS = (1.5, 2.0, 3.0, MARGIN, 6.0, 10.0)
_KINDS = {"deep": "deep at the edge", "rim": "at the rim", "below": "below it"}


def margins(runs: Mapping[str, Watched]) -> Scene:
    """Make the picture: sharpness and ratio of one setting, and the signs at a margin."""
    last = max(int(own.signs.stops[-1]) for own in runs.values())
    steps = (0.0, 1.02 * last)
    return Scene(
        panels=(
            Panel("by a Hessian", "step", "sharpness / threshold", steps, (0, 2.2)),
            Panel(
                "by the patterns",
                "step",
                "two-step ratio",
                steps,
                (0.9, 1.2 * MOST),
                "linear",
                "log",
            ),
        ),
        sliders=(
            Slider("setting", tuple(runs)),
            Slider("margin", tuple(f"{margin:g}" for margin in MARGINS)),
        ),
        frames={
            (place, number): _frame(name, own, margin)
            for place, (name, own) in enumerate(runs.items())
            for number, margin in enumerate(MARGINS)
        },
        start=(list(runs).index("rate 1") if "rate 1" in runs else 0, MARGINS.index(MARGIN)),
    )


def still(theme: Theme, runs: Mapping[str, Watched]) -> Figure:
    """Draw the setting that the picture begins with."""
    name = "rate 1" if "rate 1" in runs else next(iter(runs))
    return over_steps(theme, {name: runs[name]})


def readout(name: str, own: Watched, margin: float) -> str:
    """Say how many windows of each kind have a ratio of the margin or more."""
    found, signs = kinds(own), own.signs.ratio >= margin
    said = []
    for kind, words in _KINDS.items():
        there = getattr(found, kind)
        said.append(f"{int((signs & there).sum())} of {int(there.sum())} {words}")
    return f"{name}, margin {margin:g}: windows with signs: {', '.join(said)}"


def _frame(name: str, own: Watched, margin: float) -> Frame:
    left: list[Mark] = [HLine(1.0, "theory"), HLine(RIM, ("theory", 0.5))]
    left += [Line(own.steps, run, ("weight", 0.45), width=0.8) for run in own.sharpness.T]
    left.append(Line(own.steps, np.median(own.sharpness, axis=1), "weight"))
    ratio = np.minimum(own.signs.ratio, MOST)
    stops = np.repeat(own.signs.stops, ratio.shape[1]).astype(float)
    flat, signs = ratio.ravel(), (own.signs.ratio >= margin).ravel()
    right: list[Mark] = [HLine(margin, "theory")]
    for chosen, shade, size in ((signs, 0.0, 4.0), (~signs, 0.55, 3.0)):
        if chosen.any():
            right.append(Points(stops[chosen], flat[chosen], ("pattern", shade), size))
    return Frame((tuple(left), tuple(right)), readout(name, own, margin))
