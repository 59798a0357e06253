"""The repairs of the pages' accessibility: each does its work, and nothing the second time."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from bs4 import BeautifulSoup

from tests.book.conftest import ROOT


@pytest.fixture(scope="module")
def bookext() -> ModuleType:
    """The book's Sphinx extension, which lies outside the package."""
    spec = spec_from_file_location("bookext", ROOT / "book" / "_ext" / "bookext.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CASES = {
    "a search button is called by its words": (
        '<button aria-label="Search" class="search-button-field">Search Ctrl+K</button>',
        '<button class="search-button-field">Search Ctrl+K</button>',
    ),
    "an icon of the theme switch has no title": (
        '<button class="theme-switch-button" aria-label="Colour"><i title="Light"></i></button>',
        '<button aria-label="Colour" class="theme-switch-button"><i></i></button>',
    ),
    "the logo's block is a landmark": (
        '<div class="sidebar-primary-item"><a class="navbar-brand" href="#">Book</a></div>',
        '<div aria-label="Book title" class="sidebar-primary-item" role="navigation">'
        '<a class="navbar-brand" href="#">Book</a></div>',
    ),
    "a citation promises no children": (
        '<div class="citation-list" role="list"><div role="doc-biblioentry">A</div></div>',
        '<div class="citation-list"><div>A</div></div>',
    ),
    "an empty head cell is a plain cell": (
        "<table><tr><th></th><th>step</th></tr></table>",
        "<table><tr><td></td><th>step</th></tr></table>",
    ),
    "no script of icons is loaded": (
        '<p>x</p><script defer="" src="../_static/scripts/fontawesome.js?digest=1"></script>',
        "<p>x</p>",
    ),
    "a bare table gets a box to scroll in": (
        "<article><table></table></article>",
        '<article><div class="pst-scrollable-table-container"><table></table></div></article>',
    ),
}


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_a_repair_does_its_work_once(bookext: ModuleType, before: str, after: str) -> None:
    assert bookext.repair(before) == after
    assert bookext.repair(after) == after


CHAPTER = """<html><head><script>DOCUMENTATION_OPTIONS.pagename = 'notebooks/20_b';</script></head>
<nav class="bd-sidebar-primary"><li class="toctree-l1"><a href="10_a.html">A</a></li>
<li class="toctree-l1"><a href="#">B</a></li>
<li class="toctree-l1"><a href="../book/c.html">C</a></li></nav>
<article><h1>B</h1></article></html>"""


def test_chapters_show_their_numbers_on_the_page_and_in_the_side_bar(bookext: ModuleType) -> None:
    page = BeautifulSoup(bookext.repair(CHAPTER), "html.parser")
    assert [link.text for link in page.select("nav a")] == ["10 A", "20 B", "C"]
    assert [part.text for part in page.select("article > *")] == ["Chapter 20", "B"]
    assert bookext.repair(str(page)) == str(page)


GLOSSARY = """<dl class="simple glossary"><dt id="term-probe">probe<a class="headerlink">#</a></dt>
<dd><p>A fixed set
of inputs.</p></dd><dt id="term-flip">flip</dt><dd>A switch.</dd></dl>"""


def test_the_first_mention_of_a_term_is_explained_and_only_in_running_text(
    bookext: ModuleType,
) -> None:
    terms = bookext.meanings(BeautifulSoup(GLOSSARY, "html.parser"))
    assert terms["probe"] == ("term-probe", "A fixed set of inputs.")
    page = BeautifulSoup(
        "<article><h1>Probe</h1><p><code>probe</code> Two probes &amp; a probe; probed.</p>"
        '<p>A <a href="x">flip</a>.</p></article>',
        "html.parser",
    )
    for _ in range(2):  # the second time changes nothing
        bookext.explain_terms(page, terms, "../book/glossary.html")
        links = page.select("a.rl-term")
        assert [(link.text, link["href"], link["title"]) for link in links] == [
            ("probes", "../book/glossary.html#term-probe", "A fixed set of inputs.")
        ]
    assert page.p is not None
    assert page.p.get_text() == "probe Two probes & a probe; probed."


def test_a_page_without_faults_is_left_as_it_is(bookext: ModuleType) -> None:
    page = "<!DOCTYPE html>\n<p>Left <b>alone</b>,&nbsp;even its spelling of a space.</p>\n"
    assert bookext.repair(page) == page


def test_downloads_are_made_ready_where_a_build_succeeded(
    bookext: ModuleType, tmp_path: Path
) -> None:
    source = ROOT / "notebooks" / "10_stability.ipynb"
    offered = tmp_path / "_sources" / "notebooks" / source.name
    offered.parent.mkdir(parents=True)
    offered.write_bytes(source.read_bytes())
    app = SimpleNamespace(
        builder=SimpleNamespace(format="html"), outdir=str(tmp_path), srcdir=str(ROOT)
    )
    bookext.ready_downloads(app, RuntimeError("the build failed"))
    assert offered.read_bytes() == source.read_bytes()
    bookext.ready_downloads(app, None)
    text = offered.read_text(encoding="utf-8")
    assert "This notebook needs the package regime_lib" in text
    assert "{glue:text}" not in text
    assert "(Pérez-Corral et al., 2026)" in text
