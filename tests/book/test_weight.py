"""How much a chapter asks of a slow line: small pages, each figure loaded once, no icon script."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from tests.book.browsing import FORMULAS_SET, offline

pytestmark = pytest.mark.book

MOST_BYTES = 600_000
MOST_OF_ASSETS = 1_000_000


def test_every_page_of_the_book_is_small(html: Path) -> None:
    pages = [*(html / "book").glob("*.html"), *(html / "notebooks").glob("*.html")]
    assert pages
    large = {page.name: page.stat().st_size for page in pages if page.stat().st_size > MOST_BYTES}
    assert large == {}


def test_no_page_loads_the_themes_script_of_icons(html: Path, page_name: str) -> None:
    assert "scripts/fontawesome.js" not in (html / page_name).read_text(encoding="utf-8")


def test_styles_scripts_and_typefaces_of_a_chapter_are_small(browser: Browser, origin: str) -> None:
    with offline(browser, origin, []) as context:
        page = context.new_page()
        sizes: dict[str, int] = {}
        page.on("response", lambda r: sizes.update({urlsplit(r.url).path: len(r.body())}))
        page.goto(f"{origin}/notebooks/40_multi_phase.html", wait_until="load")  # with formulas
        page.evaluate(FORMULAS_SET)
        page.evaluate("() => document.fonts.ready.then(() => 0)")
    assert not any("searchindex" in name or "fontawesome" in name for name in sizes)
    assets = {n: size for n, size in sizes.items() if n.endswith((".css", ".js", ".woff2"))}
    assert any("stix" in name for name in assets)
    assert sum(assets.values()) < MOST_OF_ASSETS


def test_only_pages_with_formulas_load_what_typesets_them(html: Path, page_name: str) -> None:
    page = (html / page_name).read_text(encoding="utf-8")
    assert ("math/temml.min.js" in page) == ('class="math' in page or " math notran" in page)


def test_no_file_lies_there_for_nothing(html: Path) -> None:
    static = html / "_static"
    assert not [*static.rglob("*.map"), *static.rglob("*.mo"), *static.rglob("fa-*.ttf")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_figure_is_loaded_once_in_the_picture_that_fits(
    browser: Browser, origin: str, scheme: str
) -> None:
    with offline(browser, origin, []) as context:
        page = context.new_page()
        loaded: list[str] = []
        page.on("request", lambda r: loaded.append(r.url) if "/figures/" in r.url else None)
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.goto(f"{origin}/notebooks/60_neuron_modes.html", wait_until="load")
        figures = page.locator("figure.rl-figure:not(.rl-scene)")  # whose place a drawing takes
        for figure in figures.all():
            figure.scroll_into_view_if_needed()
            figure.locator("img:visible").evaluate("image => image.decode()")
        names = [urlsplit(address).path.rpartition("/")[2] for address in loaded]
        assert len(names) == len(set(names))
        assert len(names) == figures.count() - 1  # the finding is there twice, and one file
        assert all(name.endswith(f"-{scheme}-wide.png") for name in names)
