"""Figures of the network as one matrix, of what its flow conserves, and of fibres.

Every function takes the theme and what a part of the chapter measured.
"""

from __future__ import annotations

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from regime_lib.chapters.deep_linear.structure import Conservation, Fibres, MatrixFlow
from regime_lib.companion.figures.curves import STYLES, Curves, band, lines
from regime_lib.companion.figures.theme import Theme


def matrices(theme: Theme, flow: MatrixFlow) -> Figure:
    """Draw the size of every entry before and after learning, and of the power at the end."""
    shown = {
        "A at the start": flow.begin,
        "A at the end": flow.end,
        "its third power": flow.power,
    }
    figure, axes = theme.panels(len(shown), height=2.5)
    colours = LinearSegmentedColormap.from_list("", [theme.background, theme.colour("weight")])
    for ax, (title, matrix) in zip(axes, shown.items(), strict=True):
        ax.imshow(abs(matrix) ** 0.5, cmap=colours, vmin=0)
        for edge in np.cumsum(flow.sizes)[:-1] - 0.5:
            ax.axhline(edge, color=theme.text, linewidth=0.6)
            ax.axvline(edge, color=theme.text, linewidth=0.6)
        ax.grid(visible=False)
        ax.set(title=title, xticks=[], yticks=[])
    return figure


def matrices_alt(flow: MatrixFlow) -> str:
    """Describe `matrices`."""
    units = len(flow.begin)
    corner = np.diag(flow.power[-flow.sizes[-1] :, : flow.sizes[0]])
    return (
        f"Three matrices of {units} by {units} entries. In the first two only the three blocks "
        "below the diagonal are filled, and they have grown in the second. The third holds only "
        f"its lower left corner, whose diagonal is {', '.join(f'{x:.2f}' for x in corner)}."
    )


def drift(theme: Theme, found: Conservation) -> Figure:
    """Draw how far the conserved quantities drift: along one run, and against the step size."""
    figure, (left, right) = theme.panels(2, height=2.9)
    colours = [theme.colour("pattern"), *theme.shades("weight", len(found.runs))]
    for (name, values), colour, style in zip(found.runs.items(), colours, STYLES, strict=False):
        shown = np.maximum(values[1:], 1e-17)
        left.plot(found.times[1:], shown, color=colour, linestyle=style, label=name)
    left.set(yscale="log", xlabel="time", ylabel="drift", title="along a run")
    left.set_xlim(0, found.times[-1])
    left.legend(loc="center right", bbox_to_anchor=(1, 0.55))
    band(theme, right, Curves(found.steps, found.drifts), "weight", label="descent")
    right.plot(
        found.steps, found.predicted, **theme.stroke("theory"), label="first order in the step"
    )
    right.set(xscale="log", yscale="log", xlabel="step size", title="at the end")
    right.legend(loc="upper left")
    return figure


def drift_alt(found: Conservation) -> str:
    """Describe `drift`."""
    _, large, small = (run[-1] for run in found.runs.values())
    flow, slope = (found.claims[f"dl-conservation{k}"].value for k in ("", "-descent"))
    return (
        f"Along a run the drift of the flow stays below {flow:.0e} while descent with step 0.01 "
        f"drifts by {large:.2g} and with step 0.001 by {small:.2g}. At the end, drift against step "
        f"size on logarithmic axes: a line of slope {slope:.3f} beside the dotted formula."
    )


def fibres(theme: Theme, found: Fibres) -> Figure:
    """Draw fibres of a chain of two, the flow across them, and the curvature along the minima."""
    figure, (left, right) = theme.panels(2, height=3.3)
    for x, y in found.paths.transpose(2, 0, 1):
        left.plot(x, y, color=theme.colour("weight"), linewidth=1)
        left.plot(x[0], y[0], ".", color=theme.colour("weight"), markersize=5)
    for number, (name, (x, y)) in enumerate(found.fibres.items()):
        left.plot(
            x,
            y,
            color=theme.colour("loss"),
            linewidth=1.1 if number else 2.4,
            linestyle=STYLES[2] if number else "-",
            label=name,
        )
    end = max(float(np.nanmax(x)) for x, _ in found.fibres.values())
    left.set(xlabel="w₁", ylabel="w₂", title="fibres and flow", xlim=(0, end), ylim=(0, end))
    left.set_aspect("equal")
    left.grid(visible=False)
    left.legend(loc="upper right")
    lines(theme, right, {h: (found.imbalance, y) for h, y in found.curvature.items()}, "loss")
    right.set(xlabel="imbalance w₂² − w₁²", ylabel="curvature", title="along the minima")
    right.set_ylim(bottom=0)
    right.legend(loc="upper center")
    return figure


def fibres_alt(found: Fibres) -> str:
    """Describe `fibres`."""
    lowest = {name: found.imbalance[curve.argmin()] for name, curve in found.curvature.items()}
    return (
        "Trajectories from near the origin and from outside run into the hyperbola of minima, each "
        "at its own place. Along the minima, curvatures with their lowest point at imbalance "
        + ", ".join(f"{x:.2f} ({name})" for name, x in lowest.items())
        + "."
    )
