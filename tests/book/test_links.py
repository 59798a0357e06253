"""Links and assets of the rendered pages, checked in the files: no browser, no network."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.book.pages import broken_css, broken_links, css_urls, remote_assets

pytestmark = pytest.mark.book


def test_every_internal_link_of_a_page_leads_somewhere(html: Path, page_name: str) -> None:
    assert broken_links(html, page_name) == []


def test_a_page_loads_nothing_from_elsewhere(html: Path, page_name: str) -> None:
    assert remote_assets((html / page_name).read_text(encoding="utf-8")) == []


def test_style_sheets_load_only_what_lies_beside_them(html: Path) -> None:
    sheets = [path.relative_to(html).as_posix() for path in html.rglob("*.css")]
    assert len(sheets) > 3
    assert {sheet: bad for sheet in sheets if (bad := broken_css(html, sheet))} == {}


def test_the_root_page_leads_to_the_landing_page(html: Path) -> None:
    assert "book/index.html" in (html / "index.html").read_text(encoding="utf-8")
    assert broken_links(html, "index.html") == []


def test_broken_links_are_noticed(tmp_path: Path) -> None:
    (tmp_path / "other.html").write_text('<p id="here">x</p>', encoding="utf-8")
    (tmp_path / "page.html").write_text(
        '<a href="other.html#here">good</a><a href="#top">bad</a><a href="other.html#there">bad</a>'
        '<a href="gone.html">bad</a><a href="../../outside.html">bad</a><img src="gone.png">'
        '<a href="https://example.org/x">remote</a><a href="mailto:a@b.c">mail</a>',
        encoding="utf-8",
    )
    assert broken_links(tmp_path, "page.html") == [
        "#top (no such place on the page)",
        "other.html#there (no such place on the page)",
        "gone.html (no such file)",
        "../../outside.html (leads out of the book)",
        "gone.png (no such file)",
    ]


def test_remote_assets_are_noticed() -> None:
    page = (
        '<link rel="stylesheet" href="https://cdn.example/a.css"><script src="//cdn.example/b.js">'
        '</script><img src="local.png"><a href="https://example.org">followed, not loaded</a>'
        "<style>@import 'https://cdn.example/c.css';</style>"
    )
    assert remote_assets(page) == [
        "//cdn.example/b.js",
        "https://cdn.example/a.css",
        "https://cdn.example/c.css",
    ]


def test_css_addresses_are_found_in_every_spelling() -> None:
    css = "a{src:url(x.woff2)} b{background:url( 'y.png' )} c{c:url(data:image/png;base64,AA)}"
    assert css_urls(css) == ["x.woff2", "y.png"]


def test_a_style_sheet_that_loads_from_elsewhere_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "here.png").touch()
    sheet = "a{b:url(https://cdn.example/x)} c{d:url(gone.png)} e{f:url(here.png?v=1)}"
    (tmp_path / "a.css").write_text(sheet, encoding="utf-8")
    assert broken_css(tmp_path, "a.css") == ["https://cdn.example/x", "gone.png"]
