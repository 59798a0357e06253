"""A scene of the book drawn by a cell of a page: marks as the numbers that `scene.js` places.

It is shipped to the page as it stands, with the book's colours beside it. Chapters draw theirs with
`companion.figures.scene`, which stands on matplotlib; no page has that.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
from jaxtyping import Float

from regime_lib.companion.publish.live import page

#: Beside this file: the book's colours on light and on dark ground, and the two grounds.
PALETTE = "palette.json"
#: Steps across a panel.
GRID = 2000

Limits = tuple[float, float]


class Scene:
    """Marks on one pair of axes.

    Parameters
    ----------
    x, y : str
        What the axes show.
    xlim, ylim : tuple of float
        Where they begin and end.
    title : str
        What is said above.
    """

    def __init__(self, x: str, y: str, xlim: Limits, ylim: Limits, title: str = "") -> None:
        self.xlim, self.ylim = xlim, ylim
        self.panel = {
            "title": title,
            "x": x,
            "y": y,
            "xt": [(self._across(at, xlim), _label(at)) for at in ticks(*xlim)],
            "yt": [(self._across(at, ylim), _label(at)) for at in ticks(*ylim)],
            "aspect": (ylim[1] - ylim[0]) / (xlim[1] - xlim[0]),
        }
        self.marks: list[dict[str, object]] = []
        self.colours: list[tuple[str, str]] = []

    def area(self, corners: Float[np.ndarray, "corners 2"], colour: str, shade: float) -> None:
        """Add a polygon; a shade of one is the page's ground."""
        self._add("a", corners, colour, shade, f=0.55, e=1)

    def line(self, points: Float[np.ndarray, "points 2"], colour: str, width: float = 2.6) -> None:
        """Add a line through points; NaN breaks it."""
        self._add("l", points, colour, 0.0, w=width)

    def dots(self, points: Float[np.ndarray, "points 2"], colour: str, size: float = 2.4) -> None:
        """Add a dot at each point."""
        self._add("o", points, colour, 0.0, w=size)

    def show(self, says: str) -> None:
        """Draw it in the page, in the place of the scene before it, above one sentence."""
        told = {
            "kind": "scene",
            "grid": GRID,
            "panels": [self.panel],
            "backdrop": [self.marks],
            "colours": self.colours,
            "alt": says,
            "says": says,
        }
        if page.send is not None:
            page.send(json.dumps(told))

    def _add(
        self, kind: str, points: np.ndarray, colour: str, shade: float, **more: object
    ) -> None:
        pair = mixed(colour, shade)
        if pair not in self.colours:
            self.colours.append(pair)
        places: list[int | None] = []
        for u, v in np.asarray(points, dtype=float).tolist():
            nowhere = math.isnan(u + v)
            places += (None, None) if nowhere else (
                self._across(u, self.xlim), self._across(v, self.ylim)
            )  # fmt: skip
        self.marks.append({"k": kind, "c": self.colours.index(pair), "p": places, **more})

    @staticmethod
    def _across(value: float, limits: Limits) -> int:
        low, high = limits
        return round(GRID * min(max((value - low) / (high - low), -1), 2))


def ticks(low: float, high: float) -> list[float]:
    """Return some round numbers from low to high: multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / 5
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(n * size for n in (1, 2, 5, 10) if n * size >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [n * step for n in range(first, last + 1)]


def mixed(colour: str, shade: float) -> tuple[str, str]:
    """Return a colour of the book on light and on dark ground, faded towards the ground."""
    palette = json.loads(Path(__file__).with_name(PALETTE).read_text(encoding="utf-8"))
    pairs = zip(palette["colours"][colour], palette["grounds"], strict=True)
    light, dark = (_towards(ink, ground, shade) for ink, ground in pairs)
    return light, dark


def _towards(ink: str, ground: str, share: float) -> str:
    pairs = [(int(ink[n : n + 2], 16), int(ground[n : n + 2], 16)) for n in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _label(value: float) -> str:
    return f"{value + 0.0:.4g}".replace("-", "\N{MINUS SIGN}")
