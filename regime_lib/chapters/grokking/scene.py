"""Units that come to read one frequency while a network learns to add: a scene and its still."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from regime_lib.chapters.grokking.fourier import FourierFeatures
from regime_lib.chapters.grokking.measure import Addition
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

COLOUR = "full-batch"


def spectrum_scene(found: FourierFeatures) -> Scene:
    """Let a reader move through modular addition: accuracy, and what three units have learnt."""
    residues = np.arange(found.waves.shape[2], dtype=float)
    frequencies = np.arange(1, found.shares.shape[2] + 1, dtype=float)
    size = 1.15 * float(np.abs(found.waves).max())
    steps = found.steps.tolist()
    train, test, purity = (x.tolist() for x in (found.train, found.test, found.purity))
    curves: tuple[Mark, ...] = (Line(steps, train, "theory", True), Line(steps, test, "accuracy"))
    ends = (float(steps[0]), float(steps[-1]))
    frames: dict[tuple[int, ...], Frame] = {}
    for check, step in enumerate(steps):
        bars: list[Mark] = []
        lines: list[Mark] = []
        for number, (shares, wave) in enumerate(
            zip(found.shares[check], found.waves[check], strict=True)
        ):
            colour = (COLOUR, 0.3 * number)
            bars += [
                Line([f + 0.25 * (number - 1)] * 2, [0.0, float(share)], colour, width=3.0)
                for f, share in zip(frequencies, shares, strict=True)
            ]
            lines.append(Line(residues, wave, colour, dash=number % 2 == 1))
        now: tuple[Mark, ...] = (
            VLine(float(step), "pattern"),
            Points([step], [test[check]], "accuracy", 4.0),
        )
        frames[(check,)] = Frame(
            (now, tuple(bars), tuple(lines)),
            f"step {step}: training accuracy {train[check]:.2f}, test accuracy {test[check]:.2f}; "
            f"a unit's strongest frequency holds {purity[check]:.2f} of its power on average",
        )
    return Scene(
        panels=(
            Panel("accuracy", "step", "", ends, (-0.03, 1.05), "log"),
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


def spectrum_still(theme: Theme, addition: Addition) -> Figure:
    """Draw the spectra of three units at memorisation and at the end."""
    found = addition.fourier
    figure, axes = theme.panels(2, height=2.6, sharey=True)
    places = np.arange(1, found.shares.shape[2] + 1)
    for ax, check in zip(axes, (addition.memorised, -1), strict=True):
        shades = theme.shades(COLOUR, found.shares.shape[1])
        for number, (shade, shares) in enumerate(zip(shades, found.shares[check], strict=True)):
            ax.bar(places + 0.25 * (number - 1), shares, color=shade, width=0.22)
        ax.set(title=f"step {found.steps[check]}", xlabel="frequency", ylim=(0, 1.05))
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(axis="x", visible=False)
    axes[0].set_ylabel("share of a unit's power")
    return figure


def spectrum_alt(addition: Addition) -> str:
    """Say what a reader who cannot see `spectrum_scene` must know."""
    found, early = addition.fourier, addition.memorised
    return (
        f"At step {found.steps[early]}, training accuracy {found.train[early]:.2f} and test "
        f"accuracy {found.test[early]:.2f}, the strongest frequency of a unit holds on average "
        f"{found.purity[early]:.2f} of its power; at step {found.steps[-1]}, with test accuracy "
        f"{found.test[-1]:.2f}, {found.purity[-1]:.2f}."
    )
