"""What must stand on the pages: the landing figure, every claim, and no raw piece of the source."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup

from regime_lib.companion.claims.claims import PAPERS, Verdict
from tests.book.conftest import ROOT
from tests.book.pages import alt_fault, glued_nothings, parsed, unresolved

pytestmark = pytest.mark.book


def read(html: Path, name: str) -> BeautifulSoup:
    return BeautifulSoup((html / name).read_text(encoding="utf-8"), "html.parser")


@pytest.fixture
def page(html: Path, page_name: str) -> BeautifulSoup:
    """The elements of one page, which nobody may change."""
    return parsed((html / page_name).read_text(encoding="utf-8"))


def claim_ids(page: BeautifulSoup) -> list[str]:
    """Return the ids of the claims that a page lists, in its order."""
    return [element.get_text(strip=True) for element in page.select(".rl-row .rl-id")]


@pytest.fixture(scope="session")
def claims() -> list[dict[str, object]]:
    """The claims file, as it is written."""
    loaded = yaml.safe_load((ROOT / "book" / "claims.yml").read_text(encoding="utf-8"))
    assert isinstance(loaded, list)
    return loaded


def test_the_landing_page_shows_regions_that_move_with_a_still(html: Path) -> None:
    figure = read(html, "book/index.html").select_one(".rl-hero > figure#fig-regions.rl-scene")
    assert figure is not None
    assert [image["class"] for image in figure.select("picture > img")] == [
        ["rl-light"],
        ["rl-dark"],
    ]
    assert len(figure.select("picture > source[media]")) == 2  # another picture where it is narrow


def test_the_numbers_of_the_landing_page_are_glued_and_so_is_how_firm_they_are(html: Path) -> None:
    findings = read(html, "book/index.html").select(".rl-finding")
    assert len(findings) == 3
    for finding in findings:
        glued = [value.get_text(strip=True) for value in finding.select(".pasted-text")]
        assert len([text for text in glued if re.match(r"-?\d", text)]) >= 2
        firm = [text for text in glued if re.search(r"fresh block|not measured", text)]
        assert len(firm) == len([text for text in glued if text in set(Verdict)])
        assert "Why it matters" in finding.get_text()
        for value in finding.select(".pasted-text"):
            value.decompose()
        assert not re.search(r"\d", finding.get_text()), "a number is typed"


def test_the_landing_page_says_what_holds_paper_by_paper(html: Path) -> None:
    page = read(html, "book/index.html")
    rows = page.select("table.rl-holds tbody tr")
    linked = [str(link["href"]) for row in rows for link in row.select("th a")]
    assert linked == [f"paper-{key}.html" for key in PAPERS]
    counted = [
        [int(c.get_text()) for c in row.select("td") if c.get_text().isdigit()] for row in rows
    ]
    assert any(counted)  # a paper without an empirical statement has none
    assert all(sum(parts) == total for total, *parts in filter(None, counted))


def test_the_landing_page_leads_to_every_chapter(html: Path) -> None:
    linked = {str(a["href"]) for a in read(html, "book/index.html").select("article table a")}
    chapters = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    assert chapters
    assert {f"../notebooks/{chapter.stem}.html" for chapter in chapters} <= linked


def test_the_scorecard_lists_every_claim_once(html: Path, claims: list[dict[str, object]]) -> None:
    listed = claim_ids(read(html, "book/scorecard.html"))
    assert sorted(listed) == sorted(str(claim["id"]) for claim in claims)


def test_the_pages_of_the_papers_list_every_claim(
    html: Path, claims: list[dict[str, object]]
) -> None:
    for key in PAPERS:
        listed = claim_ids(read(html, f"book/paper-{key}.html"))
        own = [str(claim["id"]) for claim in claims if claim["paper"] == key]
        assert sorted(listed) == sorted(own)


def test_the_pages_of_the_papers_list_every_statement(html: Path) -> None:
    statements = yaml.safe_load((ROOT / "book" / "statements.yml").read_text(encoding="utf-8"))
    for key in PAPERS:
        page = read(html, f"book/paper-{key}.html")
        listed = [str(row["id"]) for row in page.select("li.rl-asserted")]
        own = [f"statement-{one['id']}" for one in statements if one["paper"] == key]
        assert sorted(listed) == sorted(own)


def test_a_claim_with_a_verdict_leads_to_its_card(html: Path) -> None:
    links = read(html, "book/scorecard.html").select(".rl-row .rl-id a")
    assert links
    assert all("#claim-" in str(link["href"]) for link in links)


def test_nothing_raw_of_the_source_shows(html: Path, page_name: str) -> None:
    assert unresolved((html / page_name).read_text(encoding="utf-8")) == []


def test_no_sentence_is_glued_together_from_nothing(html: Path, page_name: str) -> None:
    assert glued_nothings((html / page_name).read_text(encoding="utf-8")) == []


def test_no_page_tells_where_the_book_was_built(html: Path, page_name: str) -> None:
    assert str(ROOT) not in (html / page_name).read_text(encoding="utf-8")


def test_no_page_cites_notes_that_no_reader_can_see(page: BeautifulSoup) -> None:
    assert not re.search(r"\bour\s+notes\b", page.get_text(), re.IGNORECASE)


def test_every_page_has_one_heading_and_a_language(page: BeautifulSoup) -> None:
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


@pytest.mark.parametrize("nothing", ["no number", " NaN", ""])
def test_nothing_in_running_text_is_noticed(nothing: str) -> None:
    glued = f'<span class="pasted-text">{nothing}</span>'
    assert glued_nothings(f"<p>The ratio is {glued} here.</p>")
    assert glued_nothings(f"<ul><li>from {glued}</li></ul>")


def test_numbers_and_tables_and_words_about_numbers_are_no_fault() -> None:
    assert glued_nothings('<p>It is <span class="pasted-text">1.03</span>.</p>') == []
    assert glued_nothings("<p>A card may say no number.</p>") == []
    cell = '<table><tr><td><p><span class="pasted-text">no number</span></p></td></tr></table>'
    assert glued_nothings(cell) == []


def test_source_that_is_shown_as_code_is_no_fault() -> None:
    assert unresolved("<pre>{glue:text}`x`</pre><p><code>torch.tensor(1)</code> and {x}</p>") == []


@pytest.mark.parametrize("alt", [None, "", "figure.png", "a curve"])
def test_poor_alt_text_is_noticed(alt: str | None) -> None:
    assert alt_fault(alt)


def test_good_alt_text_is_no_fault_and_decoration_needs_none() -> None:
    assert alt_fault("Two falling curves that coincide from step 100 on.") is None
    assert alt_fault("", decorative=True) is None
