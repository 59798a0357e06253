"""Figures of counts: folding units and their weight vectors, readable layers, layers by depth."""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from regime_lib.chapters.neuron_modes.counts import KINDS, column
from regime_lib.chapters.neuron_modes.measure_units import ByDepth
from regime_lib.companion.figures.curves import STYLES, Curves, shaded
from regime_lib.companion.figures.theme import Theme

_MARKERS = ("o", "s", "^")
_PLACES = (
    ("tanh", "start"),
    ("tanh", "peak"),
    ("tanh", "end"),
    ("ReLU", "end"),
    ("Gaussian", "end"),
)
_SHARES = {
    "alone": "by itself",
    "pair": "with a partner",
    "shuffled": "with a partner, readout shuffled",
}


def units(theme: Theme, rows: pd.DataFrame) -> Figure:
    """Draw the shares of folding units, and how near to class means both modes lie."""
    figure, (left, right) = theme.panels(2, height=3.2)
    kinds, places = _shown(rows)
    colours = {
        "alone": theme.colour("rank slope"),
        "pair": theme.colour("linear substitute"),
        "shuffled": theme.text,
    }
    for place, (kind, moment) in enumerate(places):
        for shift, (name, words), marker in zip(
            (-0.2, 0.0, 0.2), _SHARES.items(), _MARKERS, strict=True
        ):
            values = column(rows, name, kind=kind, moment=moment)
            if len(values):  # readouts are shuffled at the end only
                known = left.get_legend_handles_labels()[1]
                label = None if words in known else words
                _dots(left, place + shift, values, colours[name], marker, label)
    left.set(title="share of folding units", ylim=(-0.03, 1.03))
    left.set_xticks(range(len(places)), [f"{kind}\n{moment}" for kind, moment in places])
    for place, kind in enumerate(kinds):
        for shift, mode, marker, colour in (
            (-0.12, "keep", "D", theme.colour("whole net")),
            (0.12, "fold", "v", theme.colour("linear substitute")),
        ):
            values = column(rows, f"{mode} alignment", kind=kind, moment="end")
            words = "keeps the order" if mode == "keep" else "folds"
            _dots(right, place + shift, values, colour, marker, None if place else words)
    right.set(title="cosine with the nearest class", ylim=(0, 1.1 * right.get_ylim()[1]))
    right.set_xticks(range(len(kinds)), kinds)
    for ax in (left, right):
        ax.grid(visible=False, axis="x")
    right.legend(loc="lower left")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=1 if theme.narrow else 3)
    return figure


def units_alt(rows: pd.DataFrame) -> str:
    """Say what a reader who cannot see `units` must know."""
    said = []
    kinds, places = _shown(rows)
    for kind, moment in places:
        alone, pair = (
            column(rows, name, kind=kind, moment=moment).mean() for name in ("alone", "pair")
        )
        said.append(f"{kind}, {moment}: {alone:.2f} by itself, {pair:.2f} with a partner")
    lie = []
    for kind in kinds:
        keep, fold = (
            column(rows, f"{mode} alignment", kind=kind, moment="end").mean()
            for mode in ("keep", "fold")
        )
        lie.append(f"{kind} {keep:.2f} and {fold:.2f}")
    return (
        f"Mean share of units that fold. {'; '.join(said)}. Cosine with the nearest class, units "
        f"that keep the order and units that fold: {'; '.join(lie)}."
    )


def _shown(rows: pd.DataFrame) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the kinds of units that were counted, and where: not all were on MNIST."""
    known = set(rows["kind"])
    kinds = [kind for kind in KINDS if kind in known]
    return kinds, [place for place in _PLACES if place[0] in known]


def readable(theme: Theme, rows: pd.DataFrame) -> Figure:
    """Draw what a linear readout finds in every layer, and the share of folding units there."""
    figure, axes = theme.panels(2, height=2.9)
    last = int(rows["layer"].max())
    for ax, name, first in zip(axes, ("readable", "any"), (0, 1), strict=True):
        layers = np.arange(first, last + 1)
        curves = {
            kind: Curves(layers, np.array([column(rows, name, kind=kind, layer=n) for n in layers]))
            for kind in KINDS
        }
        quantity = "accuracy" if name == "readable" else "rank slope"
        shaded(theme, ax, curves, quantity, styles=STYLES, markers=_MARKERS)
        ax.set(xlabel="layer")
        ax.set_xticks(layers, ["inputs" if not n else str(n) for n in layers])
    axes[0].set(title="a linear readout of the layer", ylabel="test accuracy")
    axes[1].set(title="units that fold", ylabel="share", ylim=(0, 1.03))
    axes[0].legend(loc="lower right")
    return figure


def readable_alt(rows: pd.DataFrame) -> str:
    """Say what a reader who cannot see `readable` must know."""
    said = []
    for kind in KINDS:
        shown = (1, int(rows["layer"].max()))
        told, folding = (
            [f"{column(rows, name, kind=kind, layer=n).mean():.3f}" for n in shown]
            for name in ("readable", "any")
        )
        said.append(f"{kind}: read {' and '.join(told)}, folding {' and '.join(folding)}")
    inputs = column(rows, "readable", kind="tanh", layer=0).mean()
    return f"From the inputs {inputs:.3f} is read. In the first and last layer, {'; '.join(said)}."


def by_depth(theme: Theme, found: ByDepth) -> Figure:
    """Draw how many late activations can be made linear, by depth, a point a run."""
    figure, (ax,) = theme.panels(1, height=3.0)
    depths = np.array(list(found.removable))
    ax.plot(depths, depths, **theme.stroke("theory"), label="all of them")
    for depth, values in found.removable.items():
        label = "can be made linear" if depth == depths[0] else None
        _dots(ax, float(depth), values, theme.colour("linear substitute"), "o", label, spread=0.25)
    ax.set(xlabel="hidden layers", ylabel="activations, from the top", ylim=(-0.3, None))
    ax.set_xticks(depths)
    ax.legend(loc="upper left")
    return figure


def by_depth_alt(found: ByDepth) -> str:
    """Say what a reader who cannot see `by_depth` must know."""
    said = [f"{n:g} layers {values.mean():.1f}" for n, values in found.removable.items()]
    return f"Mean number of late activations that can be made linear: {', '.join(said)}."


def _dots(
    ax: Axes,
    place: float,
    values: Float[np.ndarray, " runs"],
    colour: str,
    marker: str,
    label: str | None,
    *,
    spread: float = 0.06,
) -> None:
    """Draw a small point a run, side by side, and their mean as a large one."""
    x = place + np.linspace(-spread, spread, len(values))
    ax.plot(x, values, ".", color=colour, markersize=3, alpha=0.5)
    ax.plot([place], [values.mean()], marker, color=colour, markersize=7, label=label)
