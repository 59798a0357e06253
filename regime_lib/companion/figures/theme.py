"""The look of every figure: one colour per quantity, in light and dark, wide and narrow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import matplotlib.colors as mcolors
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from regime_lib.companion.figures import typeface
from regime_lib.errors import RegimeError

#: Backgrounds of the two themes of the book.
BACKGROUND = {False: "#ffffff", True: "#14181e"}
TEXT = {False: "#22272e", True: "#e3e6ea"}
GRID = {False: "#d8dce2", True: "#3a424d"}

#: Colour of each quantity on light and on dark ground. Within a row of `TOGETHER` they stay apart
#: for readers with any of the three colour-vision deficiencies (a test computes it); the line
#: style says the same again without colour.
COLOURS: dict[str, tuple[str, str]] = {
    "pattern": ("#2261b3", "#3b86e6"),
    "weight": ("#bb4704", "#e87b17"),
    "loss": ("#4b1f63", "#c9a0ce"),
    "accuracy": ("#2e9362", "#57bf8a"),
    "theory": ("#2b2b2b", "#ececec"),
    "sgd": ("#0d9db4", "#37d3fd"),
    "momentum": ("#a38227", "#e0c050"),
    "adam": ("#ab2563", "#d94a83"),
    "adamw": ("#ab2563", "#d94a83"),
    "radius": ("#c76b99", "#d98cd9"),
    "one class": ("#d6336c", "#ff6fa3"),
    "other class": ("#8a8f00", "#ffe066"),
    "output": ("#318c7a", "#1dbf7e"),
    "logit": ("#b2391b", "#f24e24"),
    "full-batch": ("#761bb2", "#9455f2"),
    "label-noise": ("#b26d3e", "#f2a024"),
    "positive": ("#087f94", "#3fd0f5"),
    "negative": ("#a62a5c", "#e0568c"),
    # those of neuron modes and basins take over the tested sets of other chapters
    "rank slope": ("#2261b3", "#3b86e6"),
    "whole net": ("#318c7a", "#1dbf7e"),
    "linear substitute": ("#b2391b", "#f24e24"),
    "sample basin": ("#087f94", "#3fd0f5"),
    "weight basin": ("#a62a5c", "#e0568c"),
}
TOGETHER = (
    ("pattern", "weight", "theory"),
    ("pattern", "weight", "loss", "accuracy"),
    ("loss", "accuracy", "theory"),
    ("sgd", "momentum", "adam", "theory"),
    ("pattern", "weight", "theory", "radius"),
    ("pattern", "theory", "one class", "other class"),
    ("output", "logit", "theory"),
    ("full-batch", "sgd", "label-noise", "theory"),
    ("positive", "negative", "theory"),
    ("whole net", "linear substitute", "theory"),
    ("sample basin", "weight basin", "theory"),
    ("rank slope", "accuracy", "theory"),
)
_DASHED = ("weight", "accuracy", "momentum", "logit", "label-noise", "negative")
_LINES: dict[str, Any] = {
    **dict.fromkeys((*_DASHED, "linear substitute", "weight basin"), (0, (6, 1.5))),
    **dict.fromkeys(("adam", "adamw", "radius"), (0, (6, 1.5, 1.5, 1.5))),
    "theory": (0, (1.5, 1.5)),
}

# Inches, and the width in CSS pixels at which a reader at least sees a figure of that width.
WIDTH_INCHES = {False: 7.2, True: 3.9}
WIDTH_PIXELS = {False: 640, True: 342}
#: Smallest text that is allowed in a wide and in a narrow figure, in CSS pixels.
SMALLEST_TEXT = {False: 10.0, True: 8.0}
_MOST_COLUMNS = 3


@dataclass(frozen=True)
class Theme:
    """How one variant of a figure is drawn."""

    dark: bool = False  # light lines on a dark ground
    narrow: bool = False  # drawn for a telephone: panels stand in a column

    @property
    def background(self) -> str:
        """The colour of the page."""
        return BACKGROUND[self.dark]

    @property
    def text(self) -> str:
        """The colour of text and axes."""
        return TEXT[self.dark]

    def colour(self, quantity: str) -> str:
        """Return the colour of a quantity, the same in the whole book."""
        if quantity not in COLOURS:
            raise RegimeError(f"no colour for '{quantity}'; there are {', '.join(COLOURS)}")
        return COLOURS[quantity][self.dark]

    def line(self, quantity: str) -> Any:
        """Return the line style of a quantity, so that colour is never the only sign."""
        self.colour(quantity)
        return _LINES.get(quantity, "-")

    def stroke(self, quantity: str) -> dict[str, Any]:
        """Return colour and line style of a quantity, as matplotlib takes them."""
        return {"color": self.colour(quantity), "linestyle": self.line(quantity)}

    def shades(self, quantity: str, n: int) -> list[str]:
        """Return `n` shades of a quantity's colour, for example one a layer, first the plain one.

        Later shades move towards the colour of the text, so that every one stays readable.
        """
        start, end = (np.array(mcolors.to_rgb(c)) for c in (self.colour(quantity), self.text))
        return [mcolors.to_hex(start + (end - start) * share) for share in np.linspace(0, 0.7, n)]

    def panels(
        self,
        n: int = 1,
        *,
        height: float = 2.9,
        sharey: bool = False,
        columns: int = _MOST_COLUMNS,
    ) -> tuple[Figure, tuple[Axes, ...]]:
        """Return a figure and its `n` panels: in rows of up to `columns` if wide, else in a column.

        `height` is that of one row, in inches; `sharey` lets all share their vertical axis.
        """
        columns = 1 if self.narrow else min(n, columns)
        rows = -(-n // columns)
        size = (WIDTH_INCHES[self.narrow], height * rows)
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(rows, columns, sharey=sharey, squeeze=False).ravel()
        for unused in grid[n:]:
            unused.remove()
        return figure, tuple(grid[:n])

    def band(
        self,
        ax: Axes,
        x: npt.ArrayLike,
        low: npt.ArrayLike,
        mid: npt.ArrayLike,
        high: npt.ArrayLike,
        quantity: str,
        *,
        label: str | None = None,
        colour: str | None = None,
    ) -> None:
        """Draw a line with its band over seeds, in the colour and line style of a quantity.

        The legend has `label`, by default the quantity; `colour` may be one of its `shades`.
        """
        chosen = colour or self.colour(quantity)
        ax.fill_between(x, low, high, color=chosen, alpha=0.22, linewidth=0)
        ax.plot(x, mid, color=chosen, linestyle=self.line(quantity), label=label or quantity)

    def rc(self) -> dict[str, Any]:
        """Return matplotlib's settings for this variant."""
        size = 9.5 if self.narrow else 10.0
        return {
            "figure.facecolor": self.background,
            "savefig.facecolor": self.background,
            "axes.facecolor": self.background,
            "axes.edgecolor": self.text,
            "axes.labelcolor": self.text,
            "axes.grid": True,
            "axes.axisbelow": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlelocation": "left",
            "axes.titlesize": size,
            "axes.labelsize": size,
            "font.size": size,
            **typeface.settings(),
            "grid.color": GRID[self.dark],
            "grid.linewidth": 0.6,
            "legend.frameon": False,
            "legend.fontsize": size - 1,
            "legend.handlelength": 2.6,
            "lines.linewidth": 1.8,
            "text.color": self.text,
            "xtick.color": self.text,
            "ytick.color": self.text,
            "xtick.labelsize": size - 1,
            "ytick.labelsize": size - 1,
        }
