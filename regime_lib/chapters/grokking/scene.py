"""Units that tune to one frequency while a network learns to add: a moving picture, its still."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from regime_lib.companion.figures.scene import (
    Frame,
    HLine,
    Line,
    Mark,
    Panel,
    Points,
    Scene,
    Slider,
    VLine,
)
from regime_lib.companion.figures.theme import Theme

Array = npt.NDArray[np.float64]

TUNING = "full-batch"


def spectrum_scene(
    steps: Sequence[int],
    train: Sequence[float],
    test: Sequence[float],
    power: Array,
    waves: Array,
    purity: Sequence[float],
) -> Scene:
    """Make the moving picture of modular addition: accuracy, and what three units have learnt.

    Parameters
    ----------
    steps : sequence of int
        Stops of the slider, from step 1 on.
    train, test : sequence of float
        Accuracies at the stops.
    power : array, shape (stops, units, frequencies)
        Share of each frequency, from 1 on, in the input weights of a few units.
    waves : array, shape (stops, units, residues)
        Their input weights against the residue, over their largest size at the end.
    purity : sequence of float
        Share of a unit's strongest frequency, averaged over all units, at the stops.
    """
    residues = np.arange(waves.shape[2], dtype=float)
    frequencies = np.arange(1, power.shape[2] + 1, dtype=float)
    size = 1.15 * float(np.abs(waves).max())
    first, last = float(steps[0]), float(steps[-1])
    curves: tuple[Mark, ...] = (Line(steps, train, "theory", True), Line(steps, test, "accuracy"))
    frames: dict[tuple[int, ...], Frame] = {}
    for stop, step in enumerate(steps):
        bars: list[Mark] = []
        lines: list[Mark] = []
        for number, (shares, wave) in enumerate(zip(power[stop], waves[stop], strict=True)):
            colour = (TUNING, 0.3 * number)
            bars += [
                Line([f + 0.25 * (number - 1)] * 2, [0.0, float(share)], colour, width=3.0)
                for f, share in zip(frequencies, shares, strict=True)
            ]
            lines.append(Line(residues, wave, colour, dash=number % 2 == 1))
        now: tuple[Mark, ...] = (
            VLine(float(step), "pattern"),
            Points([step], [test[stop]], "accuracy", 4.0),
        )
        frames[(stop,)] = Frame(
            (now, tuple(bars), tuple(lines)),
            f"step {step}: training accuracy {train[stop]:.2f}, test accuracy {test[stop]:.2f}; "
            f"a unit's strongest frequency holds {purity[stop]:.2f} of its power on average",
        )
    return Scene(
        panels=(
            Panel("accuracy", "step", "", (first, last), (-0.03, 1.05), "log"),
            Panel(
                "power of three units", "frequency", "", (0.0, frequencies[-1] + 1.0),
                (0.0, 1.05),
            ),
            Panel("their weights", "residue", "", (0.0, residues[-1]), (-size, size)),
        ),
        sliders=(Slider("step", tuple(f"{step:,}" for step in steps)),),
        frames=frames,
        backdrop=(curves, (), (HLine(0.0, "theory"),)),
        start=(len(steps) - 1,),
    )  # fmt: skip


def spectrum_still(
    theme: Theme, stops: Sequence[tuple[str, Array]], frequencies: Sequence[int] | Array
) -> Figure:
    """Draw the spectra of a few units at two stops of the moving picture.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    stops : sequence of (str, array of shape (units, frequencies))
        What each stop is, and the share of each frequency in each unit.
    frequencies : array
        Their numbers.
    """
    figure, axes = theme.panels(len(stops), height=2.6, sharey=True)
    places = np.asarray(frequencies, dtype=float)
    for ax, (name, power) in zip(axes, stops, strict=True):
        shades = theme.shades(TUNING, len(power))
        for number, (shade, shares) in enumerate(zip(shades, power, strict=True)):
            ax.bar(places + 0.25 * (number - 1), shares, color=shade, width=0.22)
        ax.set(title=name, xlabel="frequency", ylim=(0, 1.05))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(axis="x", visible=False)
    axes[0].set_ylabel("share of a unit's power")
    return figure


def spectrum_alt(
    steps: Sequence[int] | Array,
    train: Sequence[float] | Array,
    test: Sequence[float] | Array,
    purity: Sequence[float] | Array,
    early: int,
) -> str:
    """Say in words what `spectrum_scene` shows, at an early stop and at the last.

    Parameters
    ----------
    steps, train, test, purity : sequences
        As for `spectrum_scene`.
    early : int
        Number of the early stop.
    """
    return (
        f"At step {steps[early]}, training accuracy {train[early]:.2f} and test accuracy "
        f"{test[early]:.2f}, the strongest frequency of a unit holds on average "
        f"{purity[early]:.2f} of its power; at step {steps[-1]}, with test accuracy "
        f"{test[-1]:.2f}, {purity[-1]:.2f}."
    )
