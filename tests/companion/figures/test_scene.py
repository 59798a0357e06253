"""A scene whose parts do not fit together is refused in a sentence, before a page exists."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from regime_lib.companion.figures.scene import Frame, Line, Panel, Points, Scene, Slider
from tests.companion.refusals import refused

PANELS = (Panel("left"), Panel("right", xscale="log", xlim=(0.1, 10.0)))
SLIDERS = (Slider("time", ("0", "1", "2")), Slider("depth", ("2", "3")))
FRAMES = {
    (i, j): Frame(((Line([0, 1], [0, i], "pattern"),), ()), f"time {i}, depth {j}")
    for i in range(3)
    for j in range(2)
}
FITTING: dict[str, Any] = {"panels": PANELS, "sliders": SLIDERS, "frames": FRAMES}


def test_what_fits_together_is_kept_as_it_is() -> None:
    scene = Scene(**FITTING, start=(2, 1))
    assert scene.frames[scene.start].readout == "time 2, depth 1"


def with_marks(*marks: Any) -> dict[tuple[int, ...], Frame]:
    return FRAMES | {(0, 0): Frame((marks, ()))}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"panels": ()}, ["one to three panels"]),
        ({"panels": PANELS * 2}, ["one to three panels"]),
        ({"sliders": ()}, ["one to three sliders"]),
        ({"sliders": (Slider("time", ("0",)), SLIDERS[1])}, ["time", "two stops"]),
        ({"frames": {k: v for k, v in FRAMES.items() if k[1]}}, ["lacks", "(0, 0)", "2 more"]),
        ({"frames": FRAMES | {(9, 9): FRAMES[0, 0]}}, ["(9, 9)", "no slider"]),
        ({"start": (3, 0)}, ["start (3, 0)"]),
        ({"backdrop": ((),)}, ["backdrop", "1 panels", "2"]),
        ({"frames": FRAMES | {(1, 1): Frame(((),))}}, ["frame (1, 1)", "1 panels"]),
        ({"frames": with_marks(Line([0], [0], "mauve"))}, ["'mauve'", "frame (0, 0)", "pattern"]),
        ({"frames": with_marks(Line([0], [0], ("pattern", 2.0)))}, ["shade", "0..1", "2"]),
        ({"frames": with_marks(Points([0, 1], [0], "pattern"))}, ["Points", "(2,)", "(1,)"]),
        ({"frames": with_marks(Line(np.eye(2), np.eye(2), "pattern"))}, ["Line", "(2, 2)"]),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], words: list[str]) -> None:
    with refused(*words):
        Scene(**{**FITTING, **change})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"xlim": (1.0, 1.0)}, ["xlim", "'left'", "rise"]),
        ({"ylim": (0.0, float("nan"))}, ["ylim", "nan"]),
        ({"yscale": "log"}, ["logarithmic y", "0"]),
        ({"xscale": "sqrt"}, ["xscale", "'sqrt'"]),
        ({"equal": True, "yscale": "log", "ylim": (1.0, 2.0)}, ["equal", "logarithmic"]),
    ],
)
def test_axes_that_cannot_be_drawn_are_refused(change: dict[str, Any], words: list[str]) -> None:
    panel = dataclasses.replace(PANELS[0], **change)
    with refused(*words):
        Scene(**FITTING | {"panels": (panel, PANELS[1])})
