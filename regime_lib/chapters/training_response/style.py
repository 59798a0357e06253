"""Strokes that the figures of the ageing toy share."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from regime_lib.companion.figures.curves import Curves
from regime_lib.companion.figures.theme import Theme

STYLES: tuple[Any, ...] = ("-", (0, (6, 1.5)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 1)), (0, (1, 1)))


def band(theme: Theme, ax: Axes, bundle: Curves, quantity: str, label: str) -> None:
    """Draw a bundle's median and band in a quantity's colour."""
    low, mid, high = bundle.quantiles()
    theme.band(ax, bundle.steps, low, mid, high, quantity, label=label)


def guide(theme: Theme, ax: Axes, bundle: Curves, exponent: float) -> None:
    """Draw a power law through the end of the median, over the last two decades."""
    last, value = bundle.steps[-1], bundle.quantiles()[1][-1]
    x = np.array([last / 100, last])
    y = 1.6 * value * (x / last) ** exponent
    ax.plot(x, y, color=theme.colour("theory"), linestyle=theme.line("theory"))
    ax.annotate(
        f"{exponent:g}".replace("-", "−"),
        (x[0], y[0]),
        xytext=(3, 4),
        textcoords="offset points",
    )


def decades(ax: Axes) -> None:
    """Mark every second power of ten, so that labels have room."""
    low, high = np.log10(ax.get_xlim())
    powers = np.arange(np.ceil(low), np.floor(high) + 1, 2)
    ax.set_xticks(10.0**powers)
    ax.minorticks_off()
