"""A page shows four files per figure, of which one is not hidden, and escapes what it is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag
from matplotlib.figure import Figure
from PIL import Image

from regime_lib.companion.figures.drawn import DrawnFigure
from regime_lib.companion.figures.render import render_figure
from regime_lib.companion.figures.theme import Theme
from regime_lib.companion.publish.figure_page import figure_html, write_pictures

CAPTION = "How fast both settle. Bands are over `seeds` <b>."
ALT = 'Pattern change falls tenfold in 40 steps; weight change needs 90 & is "later".'


@pytest.fixture(scope="module")
def figure() -> DrawnFigure:
    def draw(theme: Theme) -> Figure:
        return theme.panels(2)[0]

    return render_figure(draw, "fig-decay", CAPTION, ALT)


def element(figure: DrawnFigure) -> Tag:
    found = BeautifulSoup(figure_html(figure, "10_tiny"), "html.parser").figure
    assert found is not None
    return found


def test_the_element_is_the_one_that_the_style_sheet_knows(figure: DrawnFigure) -> None:
    page = element(figure)
    assert (page["id"], page["class"]) == ("fig-decay", ["rl-figure"])
    assert page.figcaption is not None
    assert page.figcaption.text == "How fast both settle. Bands are over seeds <b>."
    assert page.figcaption.code is not None
    assert page.script is None
    classes = [" ".join(image["class"]) for image in page.find_all("img")]
    assert classes == [
        "rl-light rl-wide",
        "rl-dark rl-wide",
        "rl-light rl-narrow",
        "rl-dark rl-narrow",
    ]
    assert [image.has_attr("hidden") for image in page.find_all("img")] == [False, True, True, True]
    assert {image["alt"] for image in page.find_all("img")} == {ALT}


def test_the_files_lie_where_the_page_looks_and_have_the_shape_it_reserves(
    figure: DrawnFigure, tmp_path: Path
) -> None:
    write_pictures(figure, tmp_path / "_static", "10_tiny")
    (tmp_path / "notebooks").mkdir()
    for image in element(figure).find_all("img"):
        with Image.open(tmp_path / "notebooks" / str(image["src"])) as opened:
            width, height = opened.size
        shown = int(str(image["width"])) / int(str(image["height"]))
        assert shown == pytest.approx(width / height, rel=0.01)


def test_the_note_of_a_figure_stands_before_its_caption(figure: DrawnFigure) -> None:
    noted = DrawnFigure("fig-a", "It falls.", "A line.", figure.pictures, note="A <note>.")
    caption = element(noted).figcaption
    assert caption is not None
    assert caption.text == "A <note>. It falls."
