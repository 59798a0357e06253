"""What a reader moves: depth, initial strength and singular values, drawn from closed forms."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from regime_lib.companion.figures.scene import Frame, HLine, Line, Mark, Panel, Scene, Slider
from regime_lib.companion.figures.theme import Theme
from regime_lib.simulators.deep_linear.critical import visited_values
from regime_lib.simulators.deep_linear.solutions import learning_curve

DEPTHS = (1, 2, 3, 4)
STRENGTHS = (0.1, 0.01, 0.001, 0.0001)
SPECTRA = ((3.0, 2.0, 1.0), (3.0, 2.5, 2.0), (3.0, 1.0, 0.4))
_POINTS = 36  # of a curve: few enough for the page
_TIME = "share of the learning time"
ALT = (
    "Left, the loss falls in stairs onto dotted lines at the critical values. Right, the modes "
    "rise one after the other, the largest first. Deeper networks and smaller initial strengths "
    "have flatter plateaus and steeper transitions; at depth 1 all modes rise together and there "
    "are no stairs."
)


def learning() -> Scene:
    """Make the scene: the loss and the strengths of the modes, over the whole learning time."""
    highest = max(max(spectrum) for spectrum in SPECTRA)
    tallest = max(visited_values(spectrum, 0)[0] for spectrum in SPECTRA)
    return Scene(
        panels=(
            Panel("loss", _TIME, "", (0, 1), (-0.03 * tallest, 1.05 * tallest)),
            Panel("what is learnt", _TIME, "", (0, 1), (-0.03 * highest, 1.08 * highest)),
        ),
        sliders=(
            Slider("depth", tuple(map(str, DEPTHS))),
            Slider("strength at the start", tuple(f"{start:g}" for start in STRENGTHS)),
            Slider("singular values", tuple(", ".join(f"{s:g}" for s in v) for v in SPECTRA)),
        ),
        frames={
            (i, j, k): _frame(depth, start, spectrum)
            for i, depth in enumerate(DEPTHS)
            for j, start in enumerate(STRENGTHS)
            for k, spectrum in enumerate(SPECTRA)
        },
        start=(len(DEPTHS) - 1, len(STRENGTHS) - 1, 0),
    )


def still(theme: Theme) -> Figure:
    """Draw the first frame as a figure."""
    spectrum = SPECTRA[0]
    times, strengths, losses, _ = _learn(DEPTHS[-1], STRENGTHS[-1], spectrum)
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


def _frame(depth: int, start: float, spectrum: tuple[float, ...]) -> Frame:
    times, strengths, losses, total = _learn(depth, start, spectrum)
    values = visited_values(spectrum, len(spectrum))
    left: list[Mark] = [HLine(float(value), "theory") for value in values]
    left.append(Line(times, losses, "loss"))
    right: list[Mark] = [HLine(sigma, "theory") for sigma in spectrum]
    for number, curve in enumerate(strengths):
        right.append(Line(times, curve, ("weight", 0.25 * number), dash=number % 2 == 1))
    halves = [float(np.interp(s / 2, v, times)) for s, v in zip(spectrum, strengths, strict=True)]
    words = ", ".join(f"{s:g} at {h:.2f}" for s, h in zip(spectrum, halves, strict=True))
    readout = f"depth {depth}, learning time {total:.3g}; half learnt: {words} of it"
    return Frame(marks=(tuple(left), tuple(right)), readout=readout)


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
