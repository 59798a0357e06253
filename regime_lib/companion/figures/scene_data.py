"""A scene as plain numbers that the page's script draws, beside its still picture.

All arithmetic is done here: positions are whole numbers from 0 to `GRID` across a panel, ticks come
with their labels. ``book/_static/scene.js`` only places them, so that what a reader sees can be
tested against the data.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import matplotlib.colors as mcolors
import numpy as np
import numpy.typing as npt
from matplotlib.ticker import MaxNLocator

from regime_lib.companion.figures.drawn import DrawnFigure
from regime_lib.companion.figures.scene import (
    Colour,
    HLine,
    Label,
    Line,
    Mark,
    Panel,
    Points,
    Polygon,
    Scene,
    VLine,
)
from regime_lib.companion.figures.theme import BACKGROUND, COLOURS
from regime_lib.errors import RegimeError

#: Steps across a panel: finer than any screen.
GRID = 2000
#: A page should open at once, also on a telephone.
MOST_BYTES = 1_500_000

# from how many decades on a logarithmic axis has powers of ten, and 1, 2, 5 of each of them
_POWERS, _ROUND = 2.2, 1.0
_BEYOND = 1  # how many panels outside its panel a point is kept; lines must leave at their slope
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def with_scene(still: DrawnFigure, scene: Scene) -> DrawnFigure:
    """Return a figure that a reader can move; its pictures are seen without a script, and in print.

    A scene that is too large for a page is refused.
    """
    data = {**encode(scene), "alt": still.alt}
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    size = len(text.encode())
    if size > MOST_BYTES:
        raise RegimeError(
            f"scene {still.name} takes {size / 1e6:.1f} MB, more than {MOST_BYTES / 1e6:.1f} MB; "
            "draw fewer frames or fewer points"
        )
    return dataclasses.replace(still, scene=text)


def encode(scene: Scene) -> dict[str, Any]:
    """Return a scene as plain numbers and texts."""
    palette = _Palette()

    def marks(of: tuple[tuple[Mark, ...], ...]) -> list[list[dict[str, Any]]]:
        return [
            [_mark(mark, panel, palette) for mark in own]
            for own, panel in zip(of, scene.panels, strict=True)
        ]

    frames = {
        ",".join(map(str, at)): {"m": marks(frame.marks), "r": frame.readout}
        for at, frame in sorted(scene.frames.items())
    }
    return {
        "grid": GRID,
        "panels": [panel_data(panel) for panel in scene.panels],
        "sliders": [{"name": s.name, "labels": list(s.labels)} for s in scene.sliders],
        "start": list(scene.start or (0,) * len(scene.sliders)),
        "backdrop": marks(scene.backdrop or ((),) * len(scene.panels)),
        "frames": frames,
        "colours": palette.colours,
    }


class _Palette:
    """The colours in use, each once, on light and on dark ground."""

    def __init__(self) -> None:
        self._index: dict[Colour, int] = {}
        self.colours: list[tuple[str, str]] = []

    def __call__(self, colour: Colour) -> int:
        if colour not in self._index:
            self._index[colour] = len(self.colours)
            self.colours.append(in_both_themes(colour))
        return self._index[colour]


def in_both_themes(colour: Colour) -> tuple[str, str]:
    """Return a colour on light and on dark ground."""
    name, shade = colour if isinstance(colour, tuple) else (colour, 0.0)
    light, dark = (_towards(COLOURS[name][d], BACKGROUND[bool(d)], shade) for d in (0, 1))
    return light, dark


def _towards(colour: str, ground: str, share: float) -> str:
    start, end = (np.array(mcolors.to_rgb(c)) for c in (colour, ground))
    return mcolors.to_hex(start + (end - start) * share)


def _mark(mark: Mark, panel: Panel, palette: _Palette) -> dict[str, Any]:
    base: dict[str, Any] = {"c": palette(mark.colour)}
    match mark:
        case Line():
            found = {"k": "l", "p": _points(mark.x, mark.y, panel), "w": mark.width}
            return base | found | ({"d": 1} if mark.dash else {})
        case Points():
            return base | {"k": "o", "p": _points(mark.x, mark.y, panel), "w": mark.size}
        case Polygon():
            found = {"k": "a", "p": _points(mark.x, mark.y, panel), "f": mark.opacity}
            return base | found | ({"e": 1} if mark.edge else {})
        case VLine():
            return base | {"k": "v", "p": _across([mark.x], panel.xlim, panel.xscale)}
        case HLine():
            return base | {"k": "h", "p": _across([mark.y], panel.ylim, panel.yscale)}
        case Label():
            return base | {"k": "t", "p": _points([mark.x], [mark.y], panel), "t": mark.text}


def _points(x: npt.ArrayLike, y: npt.ArrayLike, panel: Panel) -> list[int | None]:
    """Return x and y in turn; null stands for what is not a number."""
    across = _across(x, panel.xlim, panel.xscale)
    up = _across(y, panel.ylim, panel.yscale)
    pairs = [
        (a, b) if a is not None and b is not None else (None, None)
        for a, b in zip(across, up, strict=True)
    ]
    return [number for pair in pairs for number in pair]


def _across(values: npt.ArrayLike, limits: tuple[float, float], scale: str) -> list[int | None]:
    """Return positions on an axis, in steps of the grid."""
    numbers = np.asarray(values, dtype=float)
    low, high = np.array(limits, dtype=float)
    if scale == "log":
        with np.errstate(divide="ignore", invalid="ignore"):
            numbers = np.log(numbers)  # zero lies infinitely far down, and is cut off there
        low, high = np.log(low), np.log(high)
    shares = np.clip((numbers - low) / (high - low), -_BEYOND, 1 + _BEYOND)
    return [None if np.isnan(share) else round(GRID * share) for share in shares.tolist()]


def panel_data(panel: Panel) -> dict[str, Any]:
    """Return the axes of a panel as the page's script draws them."""
    (left, right), (low, high) = panel.xlim, panel.ylim
    return {
        "title": panel.title,
        "x": panel.xlabel,
        "y": panel.ylabel,
        "xt": _ticks(panel.xlim, panel.xscale) if panel.ticks else [],
        "yt": _ticks(panel.ylim, panel.yscale) if panel.ticks else [],
        "aspect": (high - low) / (right - left) if panel.equal else None,
    }


def _ticks(limits: tuple[float, float], scale: str) -> list[tuple[int | None, str]]:
    """Return where ticks stand, and what stands at them."""
    low, high = limits
    if scale == "log":
        decades = np.log10(high / low)
        first, last = int(np.ceil(np.log10(low) - 1e-9)), int(np.floor(np.log10(high) + 1e-9))
        if decades >= _POWERS:
            every = -(-(last - first) // 5)
            powers = range(first, last + 1, every)
            labels = [f"10{str(power).translate(_SUPERSCRIPT)}" for power in powers]
            return list(zip(_across([10.0**p for p in powers], limits, scale), labels, strict=True))
        if decades >= _ROUND:
            numbers = [m * 10.0**p for p in range(first - 1, last + 1) for m in (1, 2, 5)]
            shown = [n for n in numbers if low * (1 - 1e-9) <= n <= high * (1 + 1e-9)]
            return list(zip(_across(shown, limits, scale), [f"{n:g}" for n in shown], strict=True))
    places = MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    margin = 1e-9 * (high - low)
    inside = [place for place in places if low - margin <= place <= high + margin]
    inside = [place for place in inside if scale == "linear" or place > 0]
    labels = [f"{place + 0.0:.4g}".replace("-", "−") for place in inside]
    return list(zip(_across(inside, limits, scale), labels, strict=True))
