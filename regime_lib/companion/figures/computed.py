"""Pictures that the page itself computes while a reader moves them: what they are made of.

A `Scene` replays frames that were computed before; a `Computed` picture names a program of
``book/_static/compute.js``, hands it data, and has a control for each of its arguments. So a reader
moves continuously, and through more combinations than a page could hold.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from regime_lib.companion.figures.drawn import DrawnFigure
from regime_lib.companion.figures.scene import Colour, Panel, Scene, check_panel
from regime_lib.companion.figures.scene_data import (
    GRID,
    MOST_BYTES,
    in_both_themes,
    panel_data,
    with_scene,
)
from regime_lib.errors import RegimeError

#: The programs of the page's script.
PROGRAMS = ("settling", "staircase", "phases", "noise")
_MOST_PANELS = 3
_STEPS = 65535  # of a packed number between the ends of its array


@dataclass(frozen=True)
class Range:
    """A slider over numbers."""

    name: str
    low: float
    high: float
    start: float
    log: bool = False  # whether equal ways multiply by equal factors
    whole: bool = False  # whether it stops at whole numbers only
    plays: bool = False  # whether a button lets it run from its low end to its high one

    def __post_init__(self) -> None:
        if not self.low < self.high or not self.low <= self.start <= self.high:
            raise RegimeError(
                f"slider {self.name} starts at {self.start:g}, which must lie in "
                f"{self.low:g}..{self.high:g}, from low to high"
            )
        if self.log and self.low <= 0:
            raise RegimeError(f"slider {self.name} is logarithmic, so it must begin above zero")


@dataclass(frozen=True)
class Choice:
    """One of several things, by name."""

    name: str
    labels: tuple[str, ...]
    start: int = 0

    def __post_init__(self) -> None:
        if len(self.labels) < 2 or not 0 <= self.start < len(self.labels):
            raise RegimeError(f"choice {self.name} needs two labels or more, and a start in them")


@dataclass(frozen=True)
class Drag:
    """A panel in which the reader drags the value of a control along the vertical axis."""

    panel: int
    control: int


@dataclass(frozen=True)
class Computed:
    """A picture that the page computes; parts that do not fit together are refused."""

    program: str  # of the page's script
    panels: tuple[Panel, ...]  # one to three
    controls: tuple[Range | Choice, ...]  # the arguments of the program, in its order
    data: Mapping[str, Any]  # what else it takes: numbers, texts, lists, and `packed` arrays
    colours: tuple[Colour, ...]  # by number in the marks that the program returns
    drag: Drag | None = None

    def __post_init__(self) -> None:
        if self.program not in PROGRAMS:
            known = ", ".join(PROGRAMS)
            raise RegimeError(f"the page has no program '{self.program}'; it has {known}")
        if not 1 <= len(self.panels) <= _MOST_PANELS or not self.controls:
            raise RegimeError("a computed picture has one to three panels, and a control at least")
        for panel in self.panels:
            check_panel(panel)
        if self.drag is not None:
            fits = 0 <= self.drag.panel < len(self.panels)
            if not fits or not isinstance(self.controls[self.drag.control], Range):
                raise RegimeError("what is dragged must be a slider, in one of the panels")


#: Pictures that a reader moves.
Moving = Scene | Computed


def moving(still: DrawnFigure, scene: Moving) -> DrawnFigure:
    """Return a figure that a reader can move, whether the page replays frames or computes them."""
    return with_scene(still, scene) if isinstance(scene, Scene) else with_computed(still, scene)


def with_computed(still: DrawnFigure, computed: Computed) -> DrawnFigure:
    """Return a figure that the page computes; its pictures are seen without a script, and in print.

    Raises
    ------
    RegimeError
        If its data are too large for a page, or no JSON.
    """
    data = {
        "program": computed.program,
        "grid": GRID,
        "panels": [_panel(panel) for panel in computed.panels],
        "controls": [_control(one) for one in computed.controls],
        "data": dict(computed.data),
        "colours": [in_both_themes(colour) for colour in computed.colours],
        "drag": vars(computed.drag) if computed.drag else None,
        "alt": still.alt,
    }
    try:
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise RegimeError(f"the data of figure {still.name} are no JSON: {error}") from None
    if (size := len(text.encode())) > MOST_BYTES:
        raise RegimeError(
            f"figure {still.name} takes {size / 1e6:.1f} MB, more than {MOST_BYTES / 1e6:.1f} MB; "
            "hand the page fewer numbers"
        )
    return replace(still, scene=text)


def packed(values: npt.ArrayLike) -> dict[str, Any]:
    """Return an array as the page unpacks it: two bytes a number, between its own ends.

    Raises
    ------
    RegimeError
        If a number is not finite.
    """
    array = np.asarray(values, dtype=float)
    if not array.size or not np.isfinite(array).all():
        raise RegimeError("an array for the page must hold numbers, all of them finite")
    low, high = float(array.min()), float(array.max())
    shares = (array - low) / ((high - low) or 1.0)
    raw = np.rint(_STEPS * shares).astype("<u2").tobytes()
    packing = {"shape": list(array.shape), "low": low, "high": high}
    return packing | {"u16": base64.b64encode(raw).decode("ascii")}


def _panel(panel: Panel) -> dict[str, Any]:
    """Return a panel as scenes have it, with its limits, since the page places the marks."""
    limits = {"xlim": list(panel.xlim), "ylim": list(panel.ylim)}
    return panel_data(panel) | limits | {"logs": [panel.xscale == "log", panel.yscale == "log"]}


def _control(control: Range | Choice) -> dict[str, Any]:
    if isinstance(control, Choice):
        return {"name": control.name, "labels": list(control.labels), "start": control.start}
    return {**vars(control), "start": math.log(control.start) if control.log else control.start} | (
        {"low": math.log(control.low), "high": math.log(control.high)} if control.log else {}
    )
