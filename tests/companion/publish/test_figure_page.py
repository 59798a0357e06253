"""A page shows each figure once, by the file that fits, offers it to take, escapes its words."""

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
    words = page.figcaption.get_text(" ", strip=True)
    assert words == "How fast both settle. Bands are over seeds <b>. SVG PNG"
    assert page.figcaption.code is not None
    assert page.script is None
    pictures = page.select("a.rl-zoom > picture")
    assert [picture["class"] for picture in pictures] == [["rl-light"], ["rl-dark"]]
    assert [picture.has_attr("hidden") for picture in pictures] == [False, True]
    images = page.select("img")
    assert {image["alt"] for image in images} == {ALT}
    assert {image["loading"] for image in images} == {"lazy"}  # the hidden one is never asked for


def test_the_files_lie_where_the_page_looks_and_have_the_shape_it_reserves(
    figure: DrawnFigure, tmp_path: Path
) -> None:
    write_pictures(figure, tmp_path / "_static", "10_tiny")
    (tmp_path / "notebooks").mkdir()
    page = element(figure)
    shown = [(str(one["src"]), one) for one in page.select("img")]
    shown += [(str(one["srcset"]), one) for one in page.select("source")]
    assert len({address for address, _ in shown}) == 4
    for address, one in shown:
        with Image.open(tmp_path / "notebooks" / address) as opened:
            width, height = opened.size
        reserved = int(str(one["width"])) / int(str(one["height"]))
        assert reserved == pytest.approx(width / height, rel=0.01)
    for link in page.select(".rl-take a"):
        assert (tmp_path / "notebooks" / str(link["href"])).is_file()


def test_the_first_sentence_is_the_headline_and_a_number_stands_before_it(
    figure: DrawnFigure,
) -> None:
    page = BeautifulSoup(figure_html(figure, "10_tiny", number="10.2"), "html.parser")
    headline = page.select_one(".rl-headline")
    assert headline is not None
    assert headline.text == "How fast both settle."
    assert page.text.startswith("Figure 10.2 ")


def test_a_figure_that_is_shown_again_leads_to_its_place_and_has_a_name_of_its_own(
    figure: DrawnFigure,
) -> None:
    moving = DrawnFigure("fig-a", "It falls. More.", "A line.", figure.pictures, scene="{}")
    again = figure_html(moving, "10_tiny", number="10.1", leads_to="#fig-a")
    page = BeautifulSoup(again, "html.parser")
    assert page.figure is not None
    assert page.figure["id"] == "fig-a-first"
    assert page.script is None
    assert [link["href"] for link in page.select("a")] == ["#fig-a"]
    assert page.figure.get_text(" ", strip=True) == "Figure 10.1 It falls."


def test_the_note_of_a_figure_stands_before_its_caption(figure: DrawnFigure) -> None:
    noted = DrawnFigure("fig-a", "It falls.", "A line.", figure.pictures, note="A <note>.")
    caption = element(noted).figcaption
    assert caption is not None
    assert caption.get_text(" ", strip=True) == "A <note>. It falls. PNG"
