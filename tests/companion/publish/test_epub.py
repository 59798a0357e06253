"""The book as an ePub: a file that readers open, whose links, pictures and formulas hold."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from urllib.parse import urldefrag
from xml.etree import ElementTree

import pytest

from regime_lib.companion.book.project import Project
from regime_lib.companion.publish.epub import bind, split, typeset, write_epub
from regime_lib.companion.publish.paper import document
from tests.companion.refusals import refused

XHTML = "{http://www.w3.org/1999/xhtml}"
ONE = """<html><head><link rel="stylesheet" href="../_static/book.css"></head><body>
<article><section id="one"><h1>One &amp; all</h1>
<section id="part"><h2>A part<a class="headerlink" href="#part">#</a></h2>
<p><a href="two.html#there">on</a> <a href="https://example.org">out</a> a &lt; b<br>
<span class="math"><math><mi>x</mi></math></span><svg viewBox="0 0 1 1"></svg></p>
<details><summary>more</summary><noscript><p id="kept">kept</p></noscript></details>
<figure class="rl-figure" data-drawing="../_static/figures/a.svg"><a href="a.svg"><picture>
<img src="../_static/figures/a.png" alt="what it shows"></picture></a></figure></section></section>
</article></body></html>"""
TWO = """<html><head></head><body><article><section id="two"><h1>Two</h1>
<p id="there">there <a href="one.html#kept">back</a></p></section></article></body></html>"""


@pytest.fixture
def html(tmp_path: Path) -> Path:
    html = tmp_path / "_build" / "html"
    (html / "notebooks").mkdir(parents=True)
    (html / "notebooks" / "one.html").write_text(ONE, encoding="utf-8")
    (html / "notebooks" / "two.html").write_text(TWO, encoding="utf-8")
    (html / "_static" / "figures").mkdir(parents=True)
    (html / "_static" / "figures" / "a.svg").write_text("<svg/>", encoding="utf-8")
    (html / "_static" / "epub.css").write_text("p { margin: 0 }", encoding="utf-8")
    return html


@pytest.fixture
def browser(tmp_path: Path) -> str:
    """Stands for a browser: gives back the page that it is asked to show."""
    path = tmp_path / "browser"
    path.write_text('#!/bin/sh\nfor last; do :; done\ncat "${last#file://}"\n', encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def bound(html: Path, browser: str, tmp_path: Path) -> zipfile.ZipFile:
    text = document(html, ["notebooks/one", "notebooks/two"])
    bind(html, split(typeset(html, text, browser)), tmp_path / "a.epub")
    assert not list(html.glob(".*.html"))
    return zipfile.ZipFile(tmp_path / "a.epub")


def trees(bound: zipfile.ZipFile) -> dict[str, ElementTree.Element]:
    names = [name for name in bound.namelist() if name.endswith((".xhtml", ".opf", ".xml"))]
    return {name: ElementTree.fromstring(bound.read(name)) for name in names}


def test_a_reader_finds_what_it_opens_and_every_file_is_declared(bound: zipfile.ZipFile) -> None:
    first = bound.infolist()[0]
    assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
    assert bound.read("mimetype") == b"application/epub+zip"
    package = trees(bound)["book/book.opf"]
    items = {item.attrib["id"]: item for item in package.iter("{http://www.idpf.org/2007/opf}item")}
    declared = {f"book/{item.attrib['href']}" for item in items.values()}
    assert declared | {"mimetype", "META-INF/container.xml", "book/book.opf"} == set(
        bound.namelist()
    )
    spine = [r.attrib["idref"] for r in package.iter("{http://www.idpf.org/2007/opf}itemref")]
    assert [items[name].attrib["href"] for name in spine] == [
        "contents.xhtml",
        "00.xhtml",
        "01.xhtml",
    ]
    formulas = {i.attrib["href"] for i in items.values() if i.get("properties") == "mathml"}
    assert formulas == {"00.xhtml"}


def test_every_link_leads_to_a_place_that_there_is(bound: zipfile.ZipFile) -> None:
    pages = {name: tree for name, tree in trees(bound).items() if name.endswith(".xhtml")}
    ids = {name: {e.get("id") for e in tree.iter() if e.get("id")} for name, tree in pages.items()}
    leading = set()
    for name, tree in pages.items():
        for link in tree.iter(f"{XHTML}a"):
            page, place = urldefrag(link.get("href", ""))
            if page.startswith("https:"):
                continue
            assert f"book/{page}" in pages, (name, link.attrib)
            assert not place or place in ids[f"book/{page}"]
            leading.add((name, page))
    assert ("book/00.xhtml", "01.xhtml") in leading
    assert ("book/01.xhtml", "00.xhtml") in leading  # to what a page had folded away
    assert ("book/contents.xhtml", "00.xhtml") in leading


def test_formulas_are_mathml_and_pictures_drawings_with_words(bound: zipfile.ZipFile) -> None:
    page = trees(bound)["book/00.xhtml"]
    assert page.findtext(f".//{XHTML}title") == "One & all"
    assert page.find(".//{http://www.w3.org/1998/Math/MathML}mi") is not None
    (picture,) = page.iter(f"{XHTML}img")
    assert picture.attrib["src"] == "_static/figures/a.svg"
    assert picture.attrib["alt"] == "what it shows"
    assert not re.search(rb"<(svg|script|noscript|button)\b", bound.read("book/00.xhtml"))


def test_the_same_pages_make_the_same_file(html: Path, browser: str, tmp_path: Path) -> None:
    parts = split(typeset(html, document(html, ["notebooks/one"]), browser))
    for name in ("a.epub", "b.epub"):
        bind(html, parts, tmp_path / name)
    assert (tmp_path / "a.epub").read_bytes() == (tmp_path / "b.epub").read_bytes()


def test_what_cannot_be_bound_is_told(html: Path, tmp_path: Path) -> None:
    with refused("not rendered", "regime book"):
        write_epub(Project(tmp_path), "chromium")
    with refused("gave no page back"):
        typeset(html, "<p>x</p>", "/bin/true")
