"""How much a chapter asks of a slow line: small pages, each figure loaded once, no icon script."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from tests.book.browsing import offline

pytestmark = pytest.mark.book

MOST_BYTES = 600_000


def test_every_page_of_the_book_is_small(html: Path) -> None:
    pages = [*(html / "book").glob("*.html"), *(html / "notebooks").glob("*.html")]
    assert pages
    large = {page.name: page.stat().st_size for page in pages if page.stat().st_size > MOST_BYTES}
    assert large == {}


def test_no_page_loads_the_themes_script_of_icons(html: Path, page_name: str) -> None:
    assert "scripts/fontawesome.js" not in (html / page_name).read_text(encoding="utf-8")


def test_styles_and_scripts_of_a_chapter_are_small(browser: Browser, origin: str) -> None:
    with offline(browser, origin, []) as context:
        page = context.new_page()
        sizes: dict[str, int] = {}
        page.on("response", lambda r: sizes.update({urlsplit(r.url).path: len(r.body())}))
        page.goto(f"{origin}/notebooks/61_attraction_basins.html", wait_until="load")
        page.wait_for_timeout(200)
    assert not any("searchindex" in name or "fontawesome" in name for name in sizes)
    light = {
        n: size for n, size in sizes.items() if n.endswith((".css", ".js")) and "mathjax" not in n
    }
    assert sum(light.values()) < MOST_BYTES


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
