"""What a page receives of a scene: whole numbers that stand where the data are."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from regime_lib.companion.figures import scene_data
from regime_lib.companion.figures.render import render_figure
from regime_lib.companion.figures.scene import (
    Frame,
    HLine,
    Label,
    Line,
    Panel,
    Points,
    Polygon,
    Scene,
    Slider,
    VLine,
)
from regime_lib.companion.figures.scene_data import GRID, encode, with_scene
from regime_lib.companion.figures.theme import BACKGROUND, COLOURS, Theme
from regime_lib.companion.publish.figure_page import figure_html
from tests.companion.refusals import refused

ALT = "A point climbs from the lower left corner to the upper right one in two stops."


def one_panel(panel: Panel, *marks: Any, backdrop: Any = ()) -> Scene:
    frames = {(i,): Frame((marks,), f"stop {i}") for i in range(2)}
    return Scene((panel,), (Slider("time", ("a", "b")),), frames, backdrop)


def encoded(panel: Panel, mark: Any) -> dict[str, Any]:
    return encode(one_panel(panel, mark))["frames"]["0"]["m"][0][0]


def still(name: str = "fig-moving") -> Any:
    def draw(theme: Theme) -> Figure:
        return theme.panels()[0]

    return render_figure(draw, name, "What moves.", ALT)


@given(
    low=st.floats(-1e6, 1e6), width=st.floats(1e-6, 1e6), share=st.floats(0, 1), log=st.booleans()
)
def test_a_point_lies_on_the_grid_where_it_lies_on_the_axis(
    low: float, width: float, share: float, log: bool
) -> None:
    high = low + width
    if high <= low:
        return
    if log:
        low, high = np.exp(low / 1e5), np.exp(low / 1e5 + 1e-3 + width / 1e5)
        value = low * (high / low) ** share
    else:
        value = low + share * (high - low)
    panel = Panel(xlim=(float(low), float(high)), xscale="log" if log else "linear")
    (x, _) = encoded(panel, Points([value], [0.5], "pattern"))["p"]
    assert abs(x - GRID * share) <= 1 + GRID * 1e-7 * (1 + abs(low) / (high - low))


def test_each_mark_says_what_the_script_draws() -> None:
    marks = (
        Line([0, 0.5, 1], [0, np.nan, 1], "theory", dash=True, width=2.0),
        Points([0.25], [0.75], "weight", size=4.0),
        Polygon([0, 1, 0], [0, 0, 1], "pattern", opacity=0.2, edge=False),
        VLine(0.5, "loss"),
        HLine(0.5, "loss"),
        Label(0, 1, "here", "loss"),
    )
    (found,) = encode(one_panel(Panel(), *marks))["frames"]["1"]["m"]
    half = GRID // 2
    assert found == [
        {"c": 0, "k": "l", "p": [0, 0, None, None, GRID, GRID], "w": 2.0, "d": 1},
        {"c": 1, "k": "o", "p": [GRID // 4, 3 * GRID // 4], "w": 4.0},
        {"c": 2, "k": "a", "p": [0, 0, GRID, 0, 0, GRID], "f": 0.2},
        {"c": 3, "k": "v", "p": [half]},
        {"c": 3, "k": "h", "p": [half]},
        {"c": 3, "k": "t", "p": [0, GRID], "t": "here"},
    ]


def test_what_lies_far_outside_is_cut_off_and_zero_on_a_logarithmic_axis_too() -> None:
    panel = Panel(xlim=(1e-3, 1.0), xscale="log")
    assert encoded(panel, Line([0.0, 1e9], [-50, 50], "loss"))["p"] == [
        -GRID,
        -GRID,
        2 * GRID,
    ] * 1 + [2 * GRID]


def test_shades_fade_towards_the_ground_of_either_page() -> None:
    marks = (Points([0], [0], ("weight", 0.0)), Points([0], [0], ("weight", 1.0)))
    colours = encode(one_panel(Panel(), *marks))["colours"]
    assert [tuple(pair) for pair in colours] == [
        COLOURS["weight"],
        (BACKGROUND[False], BACKGROUND[True]),
    ]


@pytest.mark.parametrize(
    ("panel", "labels"),
    [
        (Panel(), ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (Panel(xlim=(-2.0, 2.0)), ["−2", "−1", "0", "1", "2"]),
        (Panel(xlim=(1e-4, 1.0), xscale="log"), ["10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "10⁰"]),
        (Panel(xlim=(1e-9, 1e9), xscale="log"), ["10⁻⁹", "10⁻⁵", "10⁻¹", "10³", "10⁷"]),
        (Panel(xlim=(2.0, 9.0), xscale="log"), ["2", "4", "6", "8"]),
    ],
)
def test_ticks_are_round_numbers_inside_the_panel(panel: Panel, labels: list[str]) -> None:
    ticks = encode(one_panel(panel))["panels"][0]["xt"]
    assert [label for _, label in ticks] == labels
    places = [place for place, _ in ticks]
    assert places == sorted(places)
    assert places[0] >= 0
    assert places[-1] <= GRID


def test_equal_axes_say_their_shape() -> None:
    panel = Panel(xlim=(0.0, 4.0), ylim=(0.0, 1.0), equal=True)
    assert encode(one_panel(panel))["panels"][0]["aspect"] == 0.25


def test_the_figure_keeps_its_still_picture_and_carries_the_numbers() -> None:
    scene = one_panel(Panel(title="</script><b>"), Points([0], [1], "pattern"))
    moving = with_scene(still(), scene)
    assert moving.pictures == still().pictures
    assert json.loads(moving.scene or "") == json.loads(json.dumps({**encode(scene), "alt": ALT}))
    page = BeautifulSoup(figure_html(moving, "10_tiny"), "html.parser")
    figure = page.figure
    assert figure is not None
    assert (figure["id"], figure["class"]) == ("fig-moving", ["rl-figure", "rl-scene"])
    assert len(figure.select("picture")) == 2
    script = figure.script
    assert script is not None
    data = json.loads(script.string or "")
    assert data["panels"][0]["title"] == "</script><b>"
    assert data["alt"] == ALT
    assert data["frames"].keys() == {"0", "1"}


def test_a_scene_too_large_for_a_page_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene_data, "MOST_BYTES", 1000)
    scene = one_panel(Panel(), Line(np.arange(500), np.arange(500), "pattern"))
    with refused("fig-moving", "MB", "fewer frames"):
        with_scene(still(), scene)
