"""A picture with sliders in a real browser: what it draws is what the data say."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from matplotlib.figure import Figure
from playwright.sync_api import Browser, Page

from regime_lib.companion.figures.render import render_figure
from regime_lib.companion.figures.scene import (
    Frame,
    Label,
    Line,
    Panel,
    Points,
    Polygon,
    Scene,
    Slider,
)
from regime_lib.companion.figures.scene_data import with_scene
from regime_lib.companion.figures.theme import COLOURS, Theme
from regime_lib.companion.publish.figure_page import figure_html, write_pictures
from tests.book.browsing import NARROW, WIDE, offline, one_page, served

pytestmark = pytest.mark.book

STATIC = Path(__file__).resolve().parents[2] / "book" / "_static"
NAME, STOPS = "fig-circle", 12
PAGE = """<!doctype html><html lang="en" data-theme="light"><head>
<meta charset="utf-8"><title>A scene</title>
<meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="book.css"><link rel="stylesheet" href="cards.css">
<style>:root {{--pst-color-text-base:#22272e;--pst-color-text-muted:#48566b;
--pst-color-primary:#0a4aa8}} body{{margin:1rem;max-width:40rem}}</style>
<script defer src="scene.js"></script></head>
<body><main><h1>A scene</h1>{figure}</main></body></html>"""


def position(stop: int, radius: int) -> tuple[float, float]:
    angle = 2 * np.pi * stop / STOPS
    return (1 + radius) * np.cos(angle), (1 + radius) * np.sin(angle)


def circling() -> Scene:
    def frame(stop: int, radius: int) -> Frame:
        x, y = position(stop, radius)
        tail = [position(s, radius) for s in range(stop + 1)]
        area = Polygon([0, x, 0], [0, y, 1], ("pattern", 0.5))
        left = (area, Line(*np.transpose(tail), "weight"), Points([x], [y], "pattern", size=5))
        return Frame(
            (left, (Points([stop + 1], [10.0**-stop], "loss"),)), f"stop {stop}, r {radius}"
        )

    plane = Panel("plane", "u", "v", (-3.0, 3.0), (-3.0, 3.0), equal=True)
    fall = Panel("fall", "t", "loss", (1.0, 20.0), (1e-12, 10.0), "log", "log")
    return Scene(
        (plane, fall),
        (Slider("time", tuple(map(str, range(STOPS)))), Slider("radius", ("1", "2"))),
        {(i, j): frame(i, j) for i in range(STOPS) for j in range(2)},
        ((Label(-2.5, 2.5, "home", "theory"),), ()),
        (3, 1),
    )


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    def draw(theme: Theme) -> Figure:
        return theme.panels()[0]

    alt = "A point runs round a circle of radius one or two, and a loss falls by decades."
    still = render_figure(draw, NAME, "A point on a circle. Move the sliders.", alt)
    folder = tmp_path_factory.mktemp("scene")
    for name in ("scene.js", "book.css", "cards.css"):
        shutil.copyfile(STATIC / name, folder / name)
    moving = with_scene(still, circling())
    write_pictures(moving, tmp_path_factory.getbasetemp() / "_static", "10_tiny")
    figure = figure_html(moving, "10_tiny")
    (folder / "page.html").write_text(PAGE.format(figure=figure), encoding="utf-8")
    with served(folder) as origin:
        yield origin


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with one_page(browser, address) as opened:
        yield opened


def seen(page: Page) -> tuple[float, float]:
    """Return where the dot of the plane is drawn, in data units, from the ticks beside it."""
    return tuple(
        page.evaluate(
            """() => {
              const texts = [...document.querySelectorAll(".rl-stage svg text")];
              const at = (label, end) => texts.find(
                t => t.textContent === label && (t.getAttribute("text-anchor") === "end") === end);
              const dot = document.querySelector(".rl-stage .rl-dot");
              const [x0, x2] = ["0", "2"].map(label => +at(label, false).getAttribute("x"));
              const [y0, y2] = ["0", "2"].map(label => at(label, true).getAttribute("y") - 4);
              return [2 * (dot.getAttribute("cx") - x0) / (x2 - x0),
                      2 * (dot.getAttribute("cy") - y0) / (y2 - y0)];
            }"""
        )
    )


def test_it_starts_at_its_start_and_follows_each_slider(page: Page) -> None:
    assert seen(page) == pytest.approx(position(3, 1), abs=0.02)
    time, radius = page.locator("input[type=range]").all()
    for stop, r in ((7, 1), (7, 0), (0, 0), (11, 1)):
        time.fill(str(stop))
        radius.fill(str(r))
        assert seen(page) == pytest.approx(position(stop, r), abs=0.02)
        assert page.locator(".rl-readout").inner_text() == f"stop {stop}, r {r}"
        assert time.get_attribute("aria-valuetext") == str(stop)


def test_the_keyboard_moves_it(page: Page) -> None:
    page.locator("input[type=range]").first.focus()
    page.keyboard.press("ArrowRight")
    assert seen(page) == pytest.approx(position(4, 1), abs=0.02)


def test_it_plays_to_the_end_and_stops(page: Page) -> None:
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").wait_for()
    page.wait_for_function("() => document.querySelector('input').value === '11'")
    page.get_by_role("button", name="Play").wait_for()
    assert seen(page) == pytest.approx(position(11, 1), abs=0.02)


def test_the_still_picture_gives_way_and_comes_back_in_print(page: Page) -> None:
    picture = page.locator("img.rl-light")
    assert not picture.is_visible()
    page.emulate_media(media="print")
    assert picture.is_visible()
    assert not page.locator(".rl-stage").is_visible()


def test_without_a_script_the_still_picture_is_seen(browser: Browser, address: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        opened = context.new_page()
        opened.goto(f"{address}/page.html", wait_until="load")
        assert opened.locator("img.rl-light").is_visible()
        assert opened.locator("svg").count() == 0


def test_colours_follow_the_theme(page: Page) -> None:
    def colour() -> str:
        return str(page.evaluate("() => getComputedStyle(document.querySelector('.rl-dot')).fill"))

    light, dark = (
        "rgb({}, {}, {})".format(*(int(c[i : i + 2], 16) for i in (1, 3, 5)))
        for c in COLOURS["pattern"]
    )
    assert colour() == light
    page.evaluate("() => document.documentElement.dataset.theme = 'dark'")
    assert colour() == dark


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_axe_finds_no_fault_and_nothing_sticks_out(
    browser: Browser, address: str, size: dict[str, int]
) -> None:
    with offline(browser, address, [], size) as context:  # type: ignore[arg-type]
        opened = context.new_page()
        opened.goto(f"{address}/page.html", wait_until="load")
        found = Axe().run(opened, options={"resultTypes": ["violations"], "preload": False})
        assert found.response["violations"] == []
        width = opened.evaluate("() => document.documentElement.scrollWidth")
        assert width <= size["width"]
