"""Pictures that a reader moves with sliders: what they are made of, before any page exists."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
import numpy.typing as npt

from regime_lib.companion.figures.theme import COLOURS
from regime_lib.errors import RegimeError

#: A quantity of the theme, or one with a shade from 0 (its colour) to 1 (the page's ground).
Colour = str | tuple[str, float]
Scale = Literal["linear", "log"]

_MOST_PANELS = 3
_MOST_SLIDERS = 3


@dataclass(frozen=True)
class Line:
    """A line through points; NaN breaks it."""

    x: npt.ArrayLike
    y: npt.ArrayLike
    colour: Colour
    dash: bool = False
    width: float = 1.6  # CSS pixels


@dataclass(frozen=True)
class Points:
    """Dots; those that are NaN are left out."""

    x: npt.ArrayLike
    y: npt.ArrayLike
    colour: Colour
    size: float = 3.0  # radius in CSS pixels


@dataclass(frozen=True)
class Polygon:
    """A filled area, closed from its last corner to its first."""

    x: npt.ArrayLike
    y: npt.ArrayLike
    colour: Colour
    opacity: float = 0.5
    edge: bool = True


@dataclass(frozen=True)
class VLine:
    """A vertical line across the panel."""

    x: float
    colour: Colour


@dataclass(frozen=True)
class HLine:
    """A horizontal line across the panel."""

    y: float
    colour: Colour


@dataclass(frozen=True)
class Label:
    """A word whose left end lies at a point."""

    x: float
    y: float
    text: str
    colour: Colour


Mark = Line | Points | Polygon | VLine | HLine | Label


@dataclass(frozen=True)
class Panel:
    """The axes of one panel."""

    title: str = ""
    xlabel: str = ""
    ylabel: str = ""
    xlim: tuple[float, float] = (0.0, 1.0)  # ends of the axes; what lies outside is cut off
    ylim: tuple[float, float] = (0.0, 1.0)
    xscale: Scale = "linear"
    yscale: Scale = "linear"
    equal: bool = False  # whether a unit is as long on both axes (linear scales only)
    ticks: bool = True  # whether numbers stand along the axes


@dataclass(frozen=True)
class Slider:
    """One thing that the reader varies."""

    name: str  # such as time
    labels: tuple[str, ...]  # what the reader sees at each stop


@dataclass(frozen=True)
class Frame:
    """What is seen at one combination of stops."""

    marks: tuple[tuple[Mark, ...], ...]  # one tuple a panel
    readout: str = ""  # the state in words, shown below the picture and read out


@dataclass(frozen=True)
class Scene:
    """A picture with sliders; parts that do not fit together are refused."""

    panels: tuple[Panel, ...]  # one to three
    sliders: tuple[Slider, ...]  # one to three; the first can also play by itself
    frames: Mapping[tuple[int, ...], Frame]  # one for every combination of stops
    backdrop: tuple[tuple[Mark, ...], ...] = ()  # always there, below the others; a tuple a panel
    start: tuple[int, ...] = ()  # the stops that are shown first; those at 0 by default

    def __post_init__(self) -> None:
        _expect(1 <= len(self.panels) <= _MOST_PANELS, "a scene has one to three panels")
        _expect(1 <= len(self.sliders) <= _MOST_SLIDERS, "a scene has one to three sliders")
        for slider in self.sliders:
            _expect(len(slider.labels) >= 2, f"slider {slider.name} needs two stops or more")
        for panel in self.panels:
            check_panel(panel)
        stops = {*itertools.product(*(range(len(s.labels)) for s in self.sliders))}
        if missing := sorted(stops - set(self.frames)):
            raise RegimeError(
                f"the scene lacks a frame for the stops {missing[0]} and {len(missing) - 1} more; "
                "give one for every combination"
            )
        if extra := sorted(set(self.frames) - stops):
            raise RegimeError(f"the scene has a frame {extra[0]} that no slider reaches")
        _expect(not self.start or self.start in stops, f"no frame stands at start {self.start}")
        every = [("the backdrop", self.backdrop)] if self.backdrop else []
        every += [(f"frame {at}", frame.marks) for at, frame in self.frames.items()]
        for where, marks in every:
            _expect(
                len(marks) == len(self.panels),
                f"{where} has marks for {len(marks)} panels; the scene has {len(self.panels)}",
            )
            for mark in itertools.chain(*marks):
                _check_mark(mark, where)


def check_panel(panel: Panel) -> None:
    """Refuse axes that cannot be drawn."""
    for axis, limits, scale in (("x", panel.xlim, panel.xscale), ("y", panel.ylim, panel.yscale)):
        low, high = limits
        ordered = np.isfinite([low, high]).all() and low < high
        _expect(ordered, f"{axis}lim of panel '{panel.title}' must rise, not {limits}")
        _expect(scale in ("linear", "log"), f"{axis}scale is linear or log, not {scale!r}")
        positive = scale == "linear" or low > 0
        _expect(positive, f"a logarithmic {axis} axis must start above zero, not at {low:g}")
    _expect(
        not panel.equal or (panel.xscale, panel.yscale) == ("linear", "linear"),
        f"panel '{panel.title}' cannot be equal on a logarithmic axis",
    )


def _check_mark(mark: Mark, where: str) -> None:
    name, shade = mark.colour if isinstance(mark.colour, tuple) else (mark.colour, 0.0)
    if name not in COLOURS:
        raise RegimeError(f"no colour for '{name}' in {where}; there are {', '.join(COLOURS)}")
    _expect(0 <= shade <= 1, f"the shade of {name} in {where} must lie in 0..1, not {shade:g}")
    if {field.name for field in fields(mark)} >= {"x", "y"} and not isinstance(mark, Label):
        x, y = np.shape(mark.x), np.shape(mark.y)  # type: ignore[union-attr]
        _expect(
            len(x) == 1 and x == y,
            f"{type(mark).__name__} in {where} needs x and y of one length, not {x} and {y}",
        )


def _expect(holds: object, sentence: str) -> None:
    if not holds:
        raise RegimeError(sentence)
