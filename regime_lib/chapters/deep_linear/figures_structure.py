"""What a deep linear network conserves, and how its fibres lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from regime_lib.companion.figures.theme import Theme

Array = npt.NDArray[np.float64]
_DASHES = ("-", (0, (6, 1.5)), (0, (2, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (1, 1)))


def matrices(theme: Theme, shown: Mapping[str, Array], sizes: Sequence[int]) -> Figure:
    """Draw the size of every entry of some square matrices, with lines between the layers.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    shown : mapping from title to array, shape (units, units)
        The matrices.
    sizes : sequence of int
        Units of each layer.
    """
    figure, axes = theme.panels(len(shown), height=2.5)
    glow = LinearSegmentedColormap.from_list("glow", [theme.background, theme.colour("weight")])
    for ax, (title, matrix) in zip(axes, shown.items(), strict=True):
        ax.imshow(abs(matrix) ** 0.5, cmap=glow, vmin=0)
        for edge in np.cumsum(sizes)[:-1] - 0.5:
            ax.axhline(edge, color=theme.text, linewidth=0.6)
            ax.axvline(edge, color=theme.text, linewidth=0.6)
        ax.grid(visible=False)
        ax.set(title=title, xticks=[], yticks=[])
    return figure


def drift(
    theme: Theme,
    times: Array,
    runs: Mapping[str, Array],
    steps: Array,
    drifts: Array,
    predicted: Array,
) -> Figure:
    """Draw how far the conserved quantities drift: along runs, and against the step size.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    times : array, shape (times,)
        Common times of the runs.
    runs : mapping from name to array, shape (times,)
        Drift since the start; the first one is the flow.
    steps : array, shape (steps,)
        Step sizes of gradient descent.
    drifts : array, shape (steps, runs)
        Final drift.
    predicted : array, shape (steps,)
        Leading order in the step, median over runs.
    """
    figure, (left, right) = theme.panels(2, height=2.9)
    shades = theme.shades("weight", len(runs))
    for number, (name, values) in enumerate(runs.items()):
        left.plot(
            times[1:],
            np.maximum(values[1:], 1e-17),
            color=theme.colour("pattern") if number == 0 else shades[number - 1],
            linestyle=_DASHES[number % len(_DASHES)],
            label=name,
        )
    left.set(yscale="log", xlabel="time", ylabel="drift", title="along a run", xlim=(0, times[-1]))
    left.legend(loc="center right", bbox_to_anchor=(1, 0.55))
    low, mid, high = np.quantile(drifts, [0.1, 0.5, 0.9], axis=1)
    theme.band(right, steps, low, mid, high, "weight", label="descent")
    right.plot(
        steps,
        predicted,
        color=theme.colour("theory"),
        linestyle=theme.line("theory"),
        label="first order in the step",
    )
    right.set(xscale="log", yscale="log", xlabel="step size", title="at the end")
    right.legend(loc="upper left")
    return figure


def fibre(
    theme: Theme,
    paths: Sequence[tuple[Array, Array]],
    fibres: Mapping[str, tuple[Array, Array]],
    rates: Mapping[str, tuple[Array, Array]],
) -> Figure:
    """Draw fibres of a chain of depth two, the flow across them, and the rate along the minima.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    paths : sequence of (w_1, w_2)
        Trajectories in the plane.
    fibres : mapping from name to (w_1, w_2)
        Where the product has one value; the first one holds the minima.
    rates : mapping from name to (imbalance, rate)
        How fast the minimum is approached, along the fibre of the minima.
    """
    figure, (left, right) = theme.panels(2, height=3.3)
    for x, y in paths:
        left.plot(x, y, color=theme.colour("weight"), linewidth=1)
        left.plot(x[0], y[0], ".", color=theme.colour("weight"), markersize=5)
    for number, (name, (x, y)) in enumerate(fibres.items()):
        left.plot(
            x,
            y,
            color=theme.colour("loss"),
            linewidth=2.4 if number == 0 else 1.1,
            linestyle="-" if number == 0 else (0, (2, 1.2)),
            label=name,
        )
    end = max(float(np.nanmax(x)) for x, _ in fibres.values())
    left.set(xlabel="w₁", ylabel="w₂", title="fibres and flow", xlim=(0, end), ylim=(0, end))
    left.set_aspect("equal")
    left.grid(visible=False)
    left.legend(loc="upper right")
    for number, (name, (x, y)) in enumerate(rates.items()):
        right.plot(
            x,
            y,
            color=theme.shades("loss", len(rates))[number],
            linestyle=_DASHES[number],
            label=name,
        )
    right.set(xlabel="imbalance w₂² − w₁²", ylabel="curvature", title="along the minima")
    right.set_ylim(bottom=0)
    right.legend(loc="upper center")
    return figure
