"""The staircase that a reader moves: depth, start and singular values, drawn from closed forms."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from regime_lib.companion.figures.scene import Frame, HLine, Line, Mark, Panel, Scene, Slider
from regime_lib.companion.figures.theme import Theme

Array = npt.NDArray[np.float64]
#: (depth, singular value, start) -> (times, strengths)
Curve = Callable[[int, float, float], tuple[Array, Array]]


def staircase_scene(
    curve: Curve,
    depths: Sequence[int],
    starts: Sequence[float],
    spectra: Sequence[Sequence[float]],
) -> Scene:
    """Make the picture: the loss and the strengths of the modes, over the whole learning time.

    Parameters
    ----------
    curve : callable
        ``(depth, sigma, start) -> (times, strengths)``, the closed form of one mode.
    depths : sequence of int
        Stops of the first slider.
    starts : sequence of float
        Stops of the second one: the strength that every mode starts with.
    spectra : sequence of sequence of float
        Stops of the third one: singular values, the largest first.
    """
    highest = max(max(spectrum) for spectrum in spectra)
    tallest = max(0.5 * sum(s**2 for s in spectrum) for spectrum in spectra)
    frames: dict[tuple[int, ...], Frame] = {
        (i, j, k): _frame(curve, depth, start, spectrum)
        for i, depth in enumerate(depths)
        for j, start in enumerate(starts)
        for k, spectrum in enumerate(spectra)
    }
    return Scene(
        panels=(
            Panel(
                "loss", "share of the learning time", "", (0, 1), (-0.03 * tallest, 1.05 * tallest)
            ),
            Panel(
                "what is learnt",
                "share of the learning time",
                "",
                (0, 1),
                (-0.03 * highest, 1.08 * highest),
            ),
        ),
        sliders=(
            Slider("depth", tuple(str(depth) for depth in depths)),
            Slider("strength at the start", tuple(f"{start:g}" for start in starts)),
            Slider(
                "singular values",
                tuple(", ".join(f"{s:g}" for s in spectrum) for spectrum in spectra),
            ),
        ),
        frames=frames,
        start=(len(depths) - 1, len(starts) - 1, 0),
    )


def still(
    theme: Theme, curve: Curve, depth: int, start: float, spectrum: Sequence[float]
) -> Figure:
    """Draw one stop of the sliders as a figure.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    curve, depth, start, spectrum
        As for `staircase_scene`.
    """
    times, strengths, losses = _learn(curve, depth, start, spectrum)
    figure, (left, right) = theme.panels(2, height=2.9)
    for rung in _rungs(spectrum):
        left.axhline(
            rung, color=theme.colour("theory"), linestyle=theme.line("theory"), linewidth=1
        )
    left.plot(times, losses, color=theme.colour("loss"))
    for shade, sigma, values in zip(
        theme.shades("weight", len(spectrum)), spectrum, strengths, strict=True
    ):
        right.axhline(sigma, color=theme.colour("theory"), linestyle=(0, (1.5, 1.5)), linewidth=1)
        right.plot(times, values, color=shade)
    left.set(title="loss", xlim=(0, 1))
    right.set(title="what is learnt", xlim=(0, 1))
    for ax in (left, right):
        ax.set_xlabel("share of the learning time")
    return figure


def _frame(curve: Curve, depth: int, start: float, spectrum: Sequence[float]) -> Frame:
    times, strengths, losses = _learn(curve, depth, start, spectrum)
    steps: list[Mark] = [HLine(rung, "theory") for rung in _rungs(spectrum)]
    steps.append(Line(times, losses, "loss"))
    modes: list[Mark] = [HLine(sigma, "theory") for sigma in spectrum]
    for number, values in enumerate(strengths):
        modes.append(Line(times, values, ("weight", 0.25 * number), dash=number % 2 == 1))
    total = max(curve(depth, sigma, start)[0][-1] for sigma in spectrum)
    halves = [float(np.interp(s / 2, v, times)) for s, v in zip(spectrum, strengths, strict=True)]
    words = ", ".join(f"{s:g} at {h:.2f}" for s, h in zip(spectrum, halves, strict=True))
    readout = f"depth {depth}, learning time {total:.3g}; half learnt: {words} of it"
    return Frame(marks=(tuple(steps), tuple(modes)), readout=readout)


def _learn(
    curve: Curve, depth: int, start: float, spectrum: Sequence[float]
) -> tuple[Array, Array, Array]:
    """Return times over the whole learning time, strengths (modes, times) and losses."""
    curves = [curve(depth, sigma, start) for sigma in spectrum]
    total = max(times[-1] for times, _ in curves)
    times = np.unique(np.concatenate([times for times, _ in curves]))
    strengths = np.array([np.interp(times, when, values) for when, values in curves])
    losses = 0.5 * ((np.array(spectrum)[:, None] - strengths) ** 2).sum(axis=0)
    return times / total, strengths, losses


def _rungs(spectrum: Sequence[float]) -> list[float]:
    squares = np.square(np.array(spectrum, dtype=float))
    return [float(0.5 * squares[k:].sum()) for k in range(len(squares) + 1)]
