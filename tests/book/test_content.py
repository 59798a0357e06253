"""What must stand on the pages: the landing figure, every claim, and no raw piece of the source."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup

from tests.book.conftest import ROOT
from tests.book.pages import alt_fault, unresolved

pytestmark = pytest.mark.book


def read(html: Path, name: str) -> BeautifulSoup:
    return BeautifulSoup((html / name).read_text(encoding="utf-8"), "html.parser")


def claim_ids(page: BeautifulSoup) -> list[str]:
    """Return the ids of the claims that a page lists, in its order."""
    return [element.get_text(strip=True) for element in page.select(".rl-row .rl-id")]


@pytest.fixture(scope="session")
def claims() -> list[dict[str, object]]:
    """The claims file, as it is written."""
    loaded = yaml.safe_load((ROOT / "book" / "claims.yml").read_text(encoding="utf-8"))
    assert isinstance(loaded, list)
    return loaded


def test_the_landing_page_shows_the_figure_in_four_variants(html: Path) -> None:
    figure = read(html, "book/index.html").select_one("figure#fig-hero")
    assert figure is not None
    variants = {tuple(image.get_attribute_list("class")) for image in figure.select("img")}
    assert variants == {
        ("rl-light", "rl-wide"),
        ("rl-dark", "rl-wide"),
        ("rl-light", "rl-narrow"),
        ("rl-dark", "rl-narrow"),
    }


def test_the_numbers_of_the_landing_page_are_glued(html: Path) -> None:
    glued = read(html, "book/index.html").select(".rl-finding .pasted-text")
    assert len(glued) >= 7
    assert all(re.fullmatch(r"\d+(\.\d+)?", value.get_text(strip=True)) for value in glued)


def test_the_landing_page_leads_to_every_chapter(html: Path) -> None:
    linked = {str(a["href"]) for a in read(html, "book/index.html").select("article table a")}
    chapters = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    assert chapters
    assert {f"../notebooks/{chapter.stem}.html" for chapter in chapters} <= linked


def test_the_scorecard_lists_every_claim_once(html: Path, claims: list[dict[str, object]]) -> None:
    listed = claim_ids(read(html, "book/scorecard.html"))
    assert sorted(listed) == sorted(str(claim["id"]) for claim in claims)


def test_the_page_of_papers_lists_every_claim(html: Path, claims: list[dict[str, object]]) -> None:
    listed = claim_ids(read(html, "book/papers.html"))
    assert sorted(listed) == sorted(str(claim["id"]) for claim in claims)


def test_a_claim_with_a_verdict_leads_to_its_card(html: Path) -> None:
    links = read(html, "book/scorecard.html").select(".rl-row .rl-id a")
    assert links
    assert all("#claim-" in str(link["href"]) for link in links)


def test_nothing_raw_of_the_source_shows(html: Path, page_name: str) -> None:
    assert unresolved((html / page_name).read_text(encoding="utf-8")) == []


def test_no_page_tells_where_the_book_was_built(html: Path, page_name: str) -> None:
    assert str(ROOT) not in (html / page_name).read_text(encoding="utf-8")


def test_every_page_has_one_heading_and_a_language(html: Path, page_name: str) -> None:
    page = read(html, page_name)
    assert page.html is not None
    assert page.html.get("lang") == "en"
    on_paper = "#jb-print-docs-body"  # a second title that only shows in print
    assert len(page.select(f"main h1:not({on_paper} h1)")) == 1


@pytest.mark.parametrize(
    "raw",
    [
        "<p>ratio {glue:text}`x:.2f`</p>",
        "<p>{cite:t}`somebody`</p>",
        "<p>tensor(0.5)</p>",
        "<p>np.float64(0.5)</p>",
    ],
)
def test_raw_source_is_noticed(raw: str) -> None:
    assert unresolved(raw)


def test_source_that_is_shown_as_code_is_no_fault() -> None:
    assert unresolved("<pre>{glue:text}`x`</pre><p><code>torch.tensor(1)</code> and {x}</p>") == []


@pytest.mark.parametrize("alt", [None, "", "figure.png", "a curve"])
def test_poor_alt_text_is_noticed(alt: str | None) -> None:
    assert alt_fault(alt)


def test_good_alt_text_is_no_fault_and_decoration_needs_none() -> None:
    assert alt_fault("Two falling curves that coincide from step 100 on.") is None
    assert alt_fault("", decorative=True) is None
