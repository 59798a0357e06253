"""What a page receives of a picture that it computes, and what is refused before."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from regime_lib.companion.figures import computed as module
from regime_lib.companion.figures.computed import (
    Choice,
    Computed,
    Drag,
    Range,
    packed,
    with_computed,
)
from regime_lib.companion.figures.drawn import DrawnFigure
from regime_lib.companion.figures.scene import Panel
from regime_lib.companion.figures.theme import COLOURS
from regime_lib.companion.publish.figure_page import figure_html
from tests.companion.refusals import refused

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABh6FO1AAAAABJRU5E"
STILL = DrawnFigure(
    "fig-moving", "What moves.", "A curve that a reader moves.",
    {f"{t}-{s}": PNG for s in ("wide", "narrow") for t in ("light", "dark")},
)  # fmt: skip
FITTING: dict[str, Any] = {
    "program": "staircase",
    "panels": (Panel("loss", ylim=(0.1, 10.0), yscale="log"),),
    "controls": (Choice("which", ("a", "b"), start=1), Range("depth", 1.0, 8.0, 2.0, log=True)),
    "data": {"n": 3},
    "colours": ("loss", "weight", "loss"),
    "drag": Drag(panel=0, control=1),
}


def test_the_page_gets_axes_controls_data_and_colours_by_number() -> None:
    figure = with_computed(STILL, Computed(**FITTING))
    data = json.loads(figure.scene or "")
    assert data["program"] == "staircase"
    assert data["data"] == {"n": 3}
    assert data["panels"][0]["ylim"] == [0.1, 10.0]
    assert data["panels"][0]["logs"] == [False, True]
    assert data["controls"][0] == {"name": "which", "labels": ["a", "b"], "start": 1}
    assert data["controls"][1]["start"] == pytest.approx(0.693, abs=1e-3)  # of a logarithm
    assert data["colours"] == [list(COLOURS[name]) for name in ("loss", "weight", "loss")]
    assert figure.computed
    assert not STILL.computed
    assert "data-computed" in figure_html(figure, "10_tiny")
    assert "data-computed" not in figure_html(figure, "10_tiny", leads_to="#fig-moving")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"program": "magic"}, ["no program 'magic'", "staircase"]),
        ({"panels": ()}, ["one to three panels"]),
        ({"controls": ()}, ["a control at least"]),
        ({"drag": Drag(panel=0, control=0)}, ["dragged", "slider"]),
        ({"drag": Drag(panel=1, control=1)}, ["dragged", "panels"]),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(change: dict[str, Any], words: Any) -> None:
    with refused(*words):
        Computed(**FITTING | change)


def test_controls_begin_where_they_can() -> None:
    with refused("slider depth", "1..8"):
        Range("depth", 1, 8, 9)
    with refused("slider depth", "above zero"):
        Range("depth", 0, 8, 1, log=True)
    with refused("choice which", "two labels"):
        Choice("which", ("a",))


def test_data_that_no_page_can_take_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with refused("fig-moving", "no JSON"):
        with_computed(STILL, Computed(**FITTING | {"data": {"x": float("nan")}}))
    with refused("finite"):
        packed([1.0, float("inf")])
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    with refused("fig-moving", "MB", "fewer numbers"):
        with_computed(STILL, Computed(**FITTING))


def test_a_figure_without_motion_is_not_computed() -> None:
    assert not dataclasses.replace(STILL, scene='{"grid":2000}').computed
