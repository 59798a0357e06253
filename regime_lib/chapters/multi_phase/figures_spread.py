"""Measured over predicted, for every quantity of the phases and over all parameters at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from regime_lib.companion.figures.theme import WIDTH_INCHES, Theme

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """What one panel shows.

    Attributes
    ----------
    title : str
        The quantity.
    quantity : str
        Whose colour it has.
    rows : mapping from parameter to sequence of array
        For each of its levels, from low to high, all runs at this level, whatever the rest.
    target : float or None
        Where the prediction lies.
    limits : pair of float or None
        Between which values the claim's criterion is fulfilled.
    log : bool
        Whether the vertical axis is logarithmic.
    """

    title: str
    quantity: str
    rows: Mapping[str, Sequence[Array]]
    target: float | None = 1.0
    limits: tuple[float, float] | None = None
    log: bool = False


def spreads(theme: Theme, panels: Sequence[Spread]) -> Figure:
    """Draw medians with 5 to 95 % ranges at every level of every parameter, a panel a quantity.

    Parameters
    ----------
    theme : Theme
        Light or dark, wide or narrow.
    panels : sequence of Spread
        In reading order.
    """
    columns = 2 if theme.narrow else 3
    size = (WIDTH_INCHES[theme.narrow], 1.75 * -(-len(panels) // columns))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(-(-len(panels) // columns), columns, squeeze=False).ravel()
    for unused in axes[len(panels) :]:
        unused.remove()
    for ax, panel in zip(axes, panels, strict=False):
        if panel.limits:
            low, high = panel.limits
            ax.axhspan(low, high, color=theme.colour("theory"), alpha=0.14, linewidth=0)
        if panel.target is not None:
            ax.axhline(panel.target, color=theme.colour("theory"), linestyle=":", linewidth=1.4)
        middles, place = [], 0.0
        for levels in panel.rows.values():
            places = place + np.arange(len(levels))
            found = np.array([_quantiles(values) for values in levels]).T
            colour = theme.colour(panel.quantity)
            ax.plot(places, found[1], "o-", color=colour, markersize=3.5, linewidth=1)
            ax.vlines(places, found[0], found[2], color=colour, linewidth=2.2, alpha=0.55)
            middles.append(float(places.mean()))
            place = float(places[-1]) + 1.9
        ax.set_xticks(middles, list(panel.rows))
        ax.set(title=panel.title, yscale="log" if panel.log else "linear")
        ax.tick_params(axis="x", length=0)
        ax.grid(axis="x", visible=False)
    return figure


def _quantiles(values: Array) -> Array:
    """Return the 5 %, 50 % and 95 % quantiles of the runs that get there, NaN if there are none."""
    reached = values[np.isfinite(values)]
    return np.quantile(reached, [0.05, 0.5, 0.95]) if len(reached) else np.full(3, np.nan)
