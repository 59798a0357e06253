"""The book on paper, printed by a real browser: formulas typeset, figures vectors, an outline."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser

from regime_lib.companion.publish.paper import document, print_document
from tests.book.browsing import FORMULAS_SET, offline, served
from tests.book.conftest import chromium_path

pytestmark = pytest.mark.book

CHAPTER = "notebooks/10_stability"


@pytest.fixture(scope="module")
def text(html: Path) -> str:
    """One chapter as it is printed."""
    return document(html, [CHAPTER])


def test_a_chapter_prints_with_typeset_formulas_and_an_outline(
    html: Path, text: str, tmp_path: Path
) -> None:
    made = print_document(html, text, tmp_path / "chapter.pdf", chromium_path())
    content = made.path.read_bytes()
    assert 5 <= made.pages <= 40
    headings = BeautifulSoup(text, "html.parser").select("h1, h2")
    assert len(headings) <= made.headings
    assert re.search(rb"/FontName\s*/\w+\+STIXTwoMath", content)  # formulas in a typeface for them
    assert re.search(rb"/FontName\s*/\w+\+SourceSerif", content)


def test_every_drawing_is_a_vector_and_no_code_is_left(text: str) -> None:
    page = BeautifulSoup(text, "html.parser")
    figures = page.select("figure.rl-figure")
    assert figures
    for figure in figures:
        (image,) = figure.select("img")
        assert str(image["src"]).endswith(".svg" if figure.get("data-drawing") else ".png")
    assert any(figure.get("data-drawing") for figure in figures)
    assert page.select("details.above-input, .solution") == []


def test_every_formula_of_the_printed_page_is_typeset_and_no_line_is_cut(
    browser: Browser, html: Path, text: str, tmp_path: Path
) -> None:
    (tmp_path / "printed.html").write_text(text, encoding="utf-8")
    (tmp_path / "_static").symlink_to(html / "_static")
    with served(tmp_path) as address, offline(browser, address, []) as context:
        page = context.new_page()
        page.set_viewport_size({"width": 643, "height": 900})  # what is printed on, of A4
        page.emulate_media(media="print")
        page.goto(f"{address}/printed.html", wait_until="load")
        page.evaluate(FORMULAS_SET)
        formulas = page.locator(".math").count()
        assert formulas == page.locator(".math > math").count() > 0
        assert page.locator(".temml-error").count() == 0
        cut = page.evaluate(
            """() => [...document.querySelectorAll("pre, .output, table")]
              .filter(e => getComputedStyle(e).overflowX !== "visible")
              .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.className)"""
        )
        assert cut == []
