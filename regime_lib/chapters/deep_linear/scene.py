"""What a reader moves: depth, start and singular values, drawn by the page from closed forms."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from regime_lib.companion.figures.computed import Computed, Range
from regime_lib.companion.figures.scene import Panel
from regime_lib.companion.figures.theme import Theme
from regime_lib.simulators.deep_linear.critical import visited_values
from regime_lib.simulators.deep_linear.solutions import learning_curve

# What the page shows first, and the still picture always.
DEPTH, STRENGTH, SPECTRUM = 4, 1e-4, (3.0, 2.0, 1.0)
_POINTS = 60  # of a curve
_TIME = "share of the learning time"
ALT = (
    "The loss falls in stairs onto dotted lines at the critical values, while the modes rise one "
    "after the other, the largest first. Deeper networks and smaller initial strengths have "
    "flatter plateaus and steeper transitions; at depth 1 all modes rise together and there are "
    "no stairs."
)


def learning() -> Computed:
    """Make the picture: the loss and the strengths of the modes, over the whole learning time."""
    highest = 4.0
    tallest = 0.5 * sum(sigma**2 for sigma in SPECTRUM)
    return Computed(
        "staircase",
        (
            Panel("loss", _TIME, "", (0, 1), (-0.03 * tallest, 1.4 * tallest)),
            Panel("what is learnt", _TIME, "", (0, 1), (-0.03 * highest, 1.03 * highest)),
        ),
        (
            Range("depth", 1, 8, DEPTH),
            Range("start strength", 1e-6, 0.3, STRENGTH, log=True),
            *(
                Range(f"singular value {number}", 0.35, highest, sigma)
                for number, sigma in enumerate(SPECTRUM, 1)
            ),
        ),
        {},
        ("theory", "loss", *(("weight", 0.25 * number) for number in range(len(SPECTRUM)))),
    )


def still(theme: Theme) -> Figure:
    """Draw what the page shows first as a figure."""
    spectrum = SPECTRUM
    times, strengths, losses, _ = _learn(DEPTH, STRENGTH, spectrum)
    figure, (left, right) = theme.panels(2, height=2.9)
    for value in visited_values(spectrum, len(spectrum)):
        left.axhline(value, linewidth=1, **theme.stroke("theory"))
    left.plot(times, losses, color=theme.colour("loss"))
    shades = theme.shades("weight", len(spectrum))
    for sigma, values, shade in zip(spectrum, strengths, shades, strict=True):
        right.axhline(sigma, linewidth=1, **theme.stroke("theory"))
        right.plot(times, values, color=shade)
    left.set(title="loss", xlim=(0, 1), xlabel=_TIME)
    right.set(title="what is learnt", xlim=(0, 1), xlabel=_TIME)
    return figure


def learnt_at() -> list[float]:
    """Return when each mode of the first view is half learnt, over the learning time."""
    times, strengths, _, _ = _learn(DEPTH, STRENGTH, SPECTRUM)
    halves = zip(SPECTRUM, strengths, strict=True)
    return [float(times[np.argmax(own >= sigma / 2)]) for sigma, own in halves]


def _learn(
    depth: int, start: float, spectrum: tuple[float, ...]
) -> tuple[
    Float[np.ndarray, " times"],
    Float[np.ndarray, "modes times"],
    Float[np.ndarray, " times"],
    float,
]:
    """Return shares of the learning time, strengths, losses and the learning time."""
    curves = [learning_curve(depth, sigma, start, points=_POINTS) for sigma in spectrum]
    times = np.unique(np.concatenate([times for times, _ in curves]))
    strengths = np.array([np.interp(times, when, values) for when, values in curves])
    losses = 0.5 * ((np.array(spectrum)[:, None] - strengths) ** 2).sum(axis=0)
    return times / times[-1], strengths, losses, float(times[-1])
