"""The repairs of the pages' accessibility: each does its work, and nothing the second time."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType, SimpleNamespace

import pytest

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
    "a bare table gets a box to scroll in": (
        "<article><table></table></article>",
        '<article><div class="pst-scrollable-table-container"><table></table></div></article>',
    ),
}


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_a_repair_does_its_work_once(bookext: ModuleType, before: str, after: str) -> None:
    assert bookext.repair(before) == after
    assert bookext.repair(after) == after


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
