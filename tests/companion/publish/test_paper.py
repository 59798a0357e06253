"""Pages become one document to print: places and links hold, what needs a screen is left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from regime_lib.companion.book.project import Project
from regime_lib.companion.publish.paper import (
    BOOK,
    FOLDER,
    document,
    link_pages,
    pages_in_order,
    print_book,
    print_document,
    read_pdf,
)
from tests.companion.refusals import refused

HEAD = """<html><head><link rel="stylesheet" href="../_static/book.css?v=1">
<script defer src="../_static/math/formulas.js" data-macros='{"a": "b"}'></script></head><body>
<div class="dropdown-download-buttons"><ul class="dropdown-menu"></ul></div>"""
ONE = f"""{HEAD}<article><section id="one"><h1>One<a class="headerlink" href="#one">#</a></h1>
<p id="here"><a href="two.html#there">on</a> <a href="#here">up</a> <a href="../book/api.html">a</a>
<a href="https://example.org">out</a></p>
<div class="cell"><details class="above-input"><summary>s</summary><pre>code()</pre></details>
<details class="below-input"><summary>more</summary><p>a long table</p></details></div>
<div class="solution"><p>the answer</p></div>
<section id="exercises"><div class="cell"><div class="cell_input"><pre>def f(): ...</pre></div>
</div></section>
<figure class="rl-figure" data-drawing="../_static/figures/a.svg"><script>{{}}</script>
<a class="rl-zoom" href="../_static/figures/a.svg"><picture class="rl-light">
<source srcset="x.png"><img class="rl-light" src="../_static/figures/a.png" loading="lazy" alt="x">
</picture><picture class="rl-dark" hidden><img class="rl-dark" src="b.png" alt="x"></picture></a>
<figcaption>It falls. <span class="rl-take"><a href="a.svg">SVG</a></span></figcaption></figure>
</section></article></body></html>"""
TWO = f"""{HEAD}<article><section id="two"><h1>Two</h1><p id="there">there</p><p id="here">x</p>
<figure class="rl-figure"><a class="rl-zoom" href="c.png"><picture class="rl-light">
<img src="../_static/figures/c.png" alt="x"></picture></a></figure></section></article></body>
</html>"""


@pytest.fixture
def html(tmp_path: Path) -> Path:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "one.html").write_text(ONE, encoding="utf-8")
    (tmp_path / "notebooks" / "two.html").write_text(TWO, encoding="utf-8")
    return tmp_path


def both(html: Path) -> BeautifulSoup:
    return BeautifulSoup(document(html, ["notebooks/one", "notebooks/two"]), "html.parser")


def test_links_between_pages_lead_within_the_document_and_others_out_or_nowhere(
    html: Path,
) -> None:
    page = both(html)
    ids = [str(element["id"]) for element in page.select("[id]")]
    assert len(ids) == len(set(ids))  # two pages may use the same name
    links = [str(link["href"]) for link in page.select("a")]
    assert "https://example.org" in links
    inner = [link.removeprefix("#") for link in links if link.startswith("#")]
    assert {"two--there", "one--here", "one--top", "two--top"} == set(inner)
    assert set(inner) <= set(ids)
    assert len(inner) + 1 == len(links)  # the page of the library's reference is not printed


def test_code_and_solutions_are_left_out_and_what_was_folded_is_open(html: Path) -> None:
    words = both(html).get_text(" ")
    assert "code()" not in words
    assert "the answer" not in words
    assert "def f(): ..." in words  # what an exercise gives
    page = both(html)
    (unfolded,) = page.select("details")
    assert unfolded.has_attr("open")
    assert unfolded.get_text(strip=True) == "a long table"


def test_a_figure_is_printed_once_as_vectors_where_there_are_any(html: Path) -> None:
    shown = [str(image["src"]) for image in both(html).select("figure img")]
    assert shown == ["_static/figures/a.svg", "_static/figures/c.png"]
    assert both(html).select("source, figure script, .rl-take, [loading]") == []


def test_formulas_are_set_at_once_and_sheets_hold_from_the_root(html: Path) -> None:
    text = document(html, ["notebooks/one"])
    script = BeautifulSoup(text, "html.parser").select_one("script[data-macros]")
    assert script is not None
    assert script["data-macros"] == '{"a": "b"}'
    assert 'href="_static/book.css"' in text
    assert BeautifulSoup(text, "html.parser").select(".rl-contents") == []  # one page has none


def test_the_table_of_contents_gives_the_order(tmp_path: Path) -> None:
    (tmp_path / "_toc.yml").write_text(
        "root: book/index\nparts:\n- chapters: [{file: book/a}]\n- chapters: [{file: b}]\n"
    )
    assert pages_in_order(Project(tmp_path)) == ["book/index", "book/a", "b"]


def test_pages_offer_what_was_printed_and_only_that(html: Path) -> None:
    (html / FOLDER).mkdir()
    (html / FOLDER / "one.pdf").touch()
    (html / FOLDER / f"{BOOK}.pdf").touch()
    for _ in range(2):  # the second time changes nothing
        link_pages(html)
        offered = {
            name: [
                str(link["href"])
                for link in BeautifulSoup(
                    (html / "notebooks" / f"{name}.html").read_text(), "html.parser"
                ).select(".dropdown-menu a")
            ]
            for name in ("one", "two")
        }
        book = f"../{FOLDER}/{BOOK}.pdf"
        assert offered == {"one": [f"../{FOLDER}/one.pdf", book], "two": [book]}


def test_what_cannot_be_printed_is_told(tmp_path: Path) -> None:
    with refused("not rendered", "regime book"):
        print_book(Project(tmp_path), "chromium")
    with refused("/no/such/browser could not print a.pdf"):
        print_document(tmp_path, "<p>x</p>", tmp_path / "a.pdf", "/no/such/browser")
    with refused("made no a.pdf"):
        print_document(tmp_path, "<p>x</p>", tmp_path / "a.pdf", "/bin/true")
    assert not list(tmp_path.glob(".*.html"))


def test_pages_and_outline_of_a_pdf_are_counted(tmp_path: Path) -> None:
    pdf = b"""%PDF-1.4
1 0 obj <</Type /Pages /Count 2>> endobj
2 0 obj <</Type /Page
/Parent 1 0 R>> endobj
3 0 obj <</Type /Page>> endobj
4 0 obj <</Title (One) /Parent 5 0 R>> endobj"""
    (tmp_path / "a.pdf").write_bytes(pdf)
    found = read_pdf(tmp_path / "a.pdf")
    assert (found.pages, found.headings) == (2, 1)
