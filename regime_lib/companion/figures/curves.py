"""One series over training in several runs, and the bands that are drawn of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from regime_lib.companion.figures.theme import Theme

#: Line styles of things that stand in an order, such as layers.
STYLES: tuple[Any, ...] = ("-", (0, (6, 1.5)), (0, (1.5, 1.5)), (0, (6, 1.5, 1.5, 1.5)))


@dataclass(frozen=True)
class Curves:
    """One series over training in several runs."""

    steps: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    """Shape (steps, runs)."""
    share: float = 0.8
    """How many of the runs a band holds: 0.8 is from the tenth to the ninetieth percentile."""

    def quantiles(self, scale: npt.ArrayLike = 1.0) -> npt.NDArray[np.float64]:
        """Return the ends and the middle of the band over runs: low, median, high; (3, steps)."""
        values = self.values / np.asarray(scale)
        levels = [0.5 - self.share / 2, 0.5, 0.5 + self.share / 2]
        whole = ~np.isnan(values).any(axis=1)
        found = np.empty((3, len(values)))
        found[:, whole] = np.quantile(values[whole], levels, axis=1)
        if not whole.all():  # many times slower
            found[:, ~whole] = np.nanquantile(values[~whole], levels, axis=1)
        return found

    def over_peak(self) -> npt.NDArray[np.float64]:
        """Return the quantiles of every run over its own largest value."""
        return self.quantiles(self.values.max(axis=0))


def both_changes(theme: Theme, ax: Axes, weight: Curves, pattern: Curves) -> None:
    """Draw weight change and pattern change per step, each over its peak."""
    for quantity, bundle in (("weight", weight), ("pattern", pattern)):
        low, mid, high = bundle.over_peak()
        theme.band(ax, bundle.steps, low, mid, high, quantity, label=f"{quantity} change")


def band(
    theme: Theme, ax: Axes, bundle: Curves, quantity: str, *, label: str | None = None
) -> None:
    """Draw the median over runs, and the band around it."""
    low, mid, high = bundle.quantiles()
    theme.band(ax, bundle.steps, low, mid, high, quantity, label=label)


def lines(
    theme: Theme,
    ax: Axes,
    curves: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]],
    quantity: str,
    *,
    styles: Sequence[Any] = STYLES,
) -> None:
    """Draw single curves in shades of one quantity, each in a line style of its own."""
    shades = theme.shades(quantity, len(curves))
    for shade, style, (name, curve) in zip(shades, styles, curves.items(), strict=False):
        ax.plot(*curve, color=shade, linestyle=style, label=name)


def shaded(
    theme: Theme,
    ax: Axes,
    bundles: Mapping[str, Curves],
    quantity: str,
    *,
    styles: Sequence[Any] = STYLES,
    markers: Sequence[str] = (),
    last_plain: bool = False,
    over_peak: bool = False,
    alpha: float = 0.2,
) -> None:
    """Draw bands in shades of one quantity, the first plain, each in a line style of its own."""
    shades = theme.shades(quantity, len(bundles))[:: -1 if last_plain else 1]
    marks = [*markers, *[""] * len(bundles)]
    for shade, style, mark, (name, bundle) in zip(
        shades, styles, marks, bundles.items(), strict=False
    ):
        low, mid, high = bundle.over_peak() if over_peak else bundle.quantiles()
        ax.fill_between(bundle.steps, low, high, color=shade, alpha=alpha, linewidth=0)
        ax.plot(
            bundle.steps, mid, color=shade, linestyle=style, marker=mark, markersize=4, label=name
        )
