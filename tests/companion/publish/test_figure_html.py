"""A figure is one element with four pictures, true colours, small files and real alt text."""

from __future__ import annotations

import base64
import io
from typing import Any

import matplotlib as mpl
import matplotlib.colors as mcolors
import numpy as np
import pytest
from bs4 import BeautifulSoup, Tag
from matplotlib.figure import Figure
from PIL import Image

from regime_lib.companion.figures.theme import Theme
from regime_lib.companion.publish.figure_html import VARIANTS, render_figure
from tests.companion.refusals import refused

NAME, CAPTION = "fig-decay", "How fast both settle. Bands are over `seeds`."
ALT = 'Pattern change falls tenfold in 40 steps; weight change needs 90 & is "later".'


def draw(theme: Theme) -> Figure:
    figure, (left, right) = theme.panels(2)
    x = np.arange(1, 200)
    for ax, quantity, rate in ((left, "pattern", 40), (right, "weight", 90)):
        y = np.exp(-x / rate) + 0.01 * np.sin(x)
        theme.band(ax, x, 0.8 * y, y, 1.2 * y, quantity)
        ax.set(xlabel="step", ylabel="change per step", title=quantity)
        ax.legend()
    return figure


@pytest.fixture(scope="module")
def images() -> list[Tag]:
    page = BeautifulSoup(render_figure(draw, NAME, CAPTION, ALT).html, "html.parser")
    return page.find_all("img")


def picture(image: Tag) -> bytes:
    return base64.b64decode(str(image["src"]).removeprefix("data:image/png;base64,"))


def test_the_element_is_the_one_that_the_style_sheet_knows() -> None:
    output = render_figure(draw, NAME, CAPTION, ALT)
    page = BeautifulSoup(output.html, "html.parser")
    figure = page.figure
    assert figure is not None
    assert (figure["id"], figure["class"]) == (NAME, ["rl-figure"])
    assert page.figcaption is not None
    assert page.figcaption.text == "How fast both settle. Bands are over seeds."
    assert output.text == f"Figure fig-decay: {ALT}"


def test_there_is_one_picture_a_variant_and_only_the_first_is_not_hidden(images: list[Tag]) -> None:
    assert [" ".join(image["class"]) for image in images] == [
        "rl-light rl-wide",
        "rl-dark rl-wide",
        "rl-light rl-narrow",
        "rl-dark rl-narrow",
    ]
    assert [image.has_attr("hidden") for image in images] == [False, True, True, True]
    assert {image["alt"] for image in images} == {ALT}


def test_pictures_are_small_palette_pngs_without_metadata(images: list[Tag]) -> None:
    for image in images:
        data = picture(image)
        assert len(data) < 40_000
        with Image.open(io.BytesIO(data)) as opened:
            assert opened.mode == "P"
            assert opened.info.keys() <= {"dpi"}


@pytest.mark.parametrize("position", range(4))
def test_ground_and_lines_keep_their_exact_colours(images: list[Tag], position: int) -> None:
    theme = VARIANTS[position]
    with Image.open(io.BytesIO(picture(images[position]))) as opened:
        pixels = np.asarray(opened.convert("RGB")).reshape(-1, 3)
    assert tuple(pixels[0]) == rgb(theme.background)
    found = {tuple(pixel) for pixel in pixels.tolist()}
    assert {rgb(theme.colour("pattern")), rgb(theme.colour("weight"))} <= found


def test_the_shape_that_the_page_reserves_is_the_shape_of_the_picture(images: list[Tag]) -> None:
    for image in images:
        with Image.open(io.BytesIO(picture(image))) as opened:
            width, height = opened.size
        assert int(str(image["height"])) / int(str(image["width"])) == pytest.approx(
            height / width, abs=0.01
        )


def test_the_same_data_give_the_same_bytes_whatever_the_users_settings() -> None:
    first = render_figure(draw, NAME, CAPTION, ALT)
    with mpl.rc_context({"lines.linewidth": 9, "font.size": 20, "savefig.dpi": 300}):
        second = render_figure(draw, NAME, CAPTION, ALT)
    assert first == second


def test_drawing_leaves_the_users_settings_as_they_were() -> None:
    before = dict(mpl.rcParams)
    render_figure(draw, NAME, CAPTION, ALT)
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("name", "caption", "alt", "words"),
    [
        ("decay", CAPTION, ALT, ["fig-decay", "'decay'"]),
        ("fig-Decay", CAPTION, ALT, ["kebab"]),
        ("fig-x", " ", ALT, ["no caption"]),
        ("fig-x", "How $D$ decays.", ALT, ["plain", "fig-x"]),
        ("fig-x", CAPTION, "A plot of decay", ["alt text", "15 characters", "40"]),
        ("fig-x", CAPTION, "", ["alt text", "0 characters"]),
        ("fig-x", ALT, ALT, ["repeats its caption"]),
    ],
)
def test_unfit_names_and_texts_are_refused(
    name: str, caption: str, alt: str, words: list[str]
) -> None:
    with refused(*words):
        render_figure(draw, name, caption, alt)


def test_a_short_alt_text_will_do_if_it_says_more_than_the_title() -> None:
    assert (
        "Falls tenfold in 40 steps"
        in render_figure(draw, "fig-x", "Decay. A longer remark.", "Falls tenfold in 40 steps").html
    )


def test_text_that_is_too_small_to_read_is_refused() -> None:
    def tiny(theme: Theme) -> Figure:
        figure, (ax,) = theme.panels()
        ax.text(0.5, 0.5, "a remark", fontsize=5)
        return figure

    with refused("'a remark'", "wide figure fig-x", "5 pt", "at least 8.1 pt"):
        render_figure(tiny, "fig-x", CAPTION, ALT)


def test_a_figure_of_another_width_is_refused() -> None:
    with refused("5 in wide", "theme.panels"):
        render_figure(lambda theme: Figure(figsize=(5, 3)), "fig-x", CAPTION, ALT)


def test_a_drawing_function_that_returns_no_figure_is_refused() -> None:
    def forgetful(theme: Theme) -> Any:
        draw(theme)

    with refused("fig-x", "must return", "NoneType"):
        render_figure(forgetful, "fig-x", CAPTION, ALT)


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(round(255 * part) for part in mcolors.to_rgb(colour))
