"""Every page in a real browser, cut off from the network: light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.book.browsing import NARROW, Visit, Visitor, offline, served
from tests.book.pages import LONGEST, alt_fault, pages_of, pages_to_visit

pytestmark = pytest.mark.book

MOST_ELEMENTS = 3_000
#: Chapters whose formulas and tables need more than that.
LONG = {
    "notebooks/23_three_times_earlier.html",  # ten tables, 840 elements
    "notebooks/30_training_response.html",  # formulas, 930
    "notebooks/40_multi_phase.html",  # formulas, 1,510, and tables, 250
    "notebooks/50_deep_linear.html",  # formulas, 1,220
}
SHOWN = {"light, wide", "dark, wide", "light, narrow"}


@pytest.fixture(scope="session")
def visitor(browser: Browser, origin: str) -> Iterator[Visitor]:
    """Two windows, wide and narrow, for all pages."""
    with closing(Visitor(browser, origin)) as opened:
        yield opened


@pytest.fixture(scope="session")
def visited(visited_name: str, visitor: Visitor) -> Visit:
    """One page, visited once for all the tests below."""
    return visitor.visit(visited_name)


def visit_once(browser: Browser, folder: Path, name: str) -> tuple[Visit, str]:
    """Visit one page of a folder; return what was seen and the address it was served under."""
    with served(folder) as address, closing(Visitor(browser, address)) as visitor:
        return visitor.visit(name), address


def image_faults(seen: Visit) -> list[str]:
    """Return what is wrong with the pictures of a page."""
    faults = [f"{i['name']} did not load" for i in seen.images if not i["loaded"]]
    for image in seen.images:
        if fault := alt_fault(image["alt"], decorative=image["decorative"]):
            faults.append(f"{image['name']} {fault}")
    return faults


def test_nothing_is_asked_of_the_network(visited: Visit) -> None:
    assert visited.foreign_requests == []


def test_nothing_fails_while_the_page_loads(visited: Visit) -> None:
    assert visited.failed_requests == []
    assert visited.page_errors == []
    assert visited.console_errors == []


def test_every_formula_is_typeset(visited: Visit) -> None:
    assert visited.formula_errors == []
    assert visited.typeset == visited.formulas


def test_a_chapter_costs_few_elements(visited_name: str, visited: Visit) -> None:
    if not visited_name.startswith("notebooks/"):
        return
    assert visited.elements - visited.of_formulas_and_tables <= MOST_ELEMENTS
    if visited_name not in LONG:
        assert visited.elements <= MOST_ELEMENTS


def test_every_picture_loads_and_is_described(visited: Visit) -> None:
    assert image_faults(visited) == []


def test_the_page_follows_the_readers_colour_scheme(visited: Visit) -> None:
    assert visited.theme == {"light": "light", "dark": "dark"}


def test_axe_finds_no_serious_fault_in_any_theme_or_width(visited: Visit) -> None:
    found = {shown: faults for shown, faults in visited.violations.items() if faults}
    assert found == {}
    assert set(visited.violations) == SHOWN


def test_nothing_sticks_out_on_a_telephone(visited: Visit) -> None:
    assert visited.overflow == []


def test_search_works_offline(browser: Browser, origin: str) -> None:
    foreign: list[str] = []
    with offline(browser, origin, foreign) as context:
        page = context.new_page()
        page.goto(f"{origin}/book/index.html", wait_until="load")
        page.keyboard.press("Control+K")
        page.keyboard.type("censored")
        page.keyboard.press("Enter")
        page.wait_for_url("**/search.html?q=censored**")
        results = page.locator("#search-results li a")
        page.locator(
            "#search-results li a[href*='how_to_read.html']"
        ).first.wait_for()  # one by one
        assert results.first.get_attribute("href")
        results.first.click()
        page.wait_for_load_state("load")
        assert page.locator("article h1").count() == 1
    assert foreign == []


def test_the_narrow_page_opens_its_table_of_contents(browser: Browser, origin: str) -> None:
    with offline(browser, origin, [], NARROW) as context:
        page = context.new_page()
        page.goto(f"{origin}/book/index.html", wait_until="load")
        link = page.get_by_role("link", name="Scorecard", exact=True).first
        assert not link.is_visible()
        page.locator("button.primary-toggle:visible").click()
        link.click()
        page.wait_for_url("**/scorecard.html")


BROKEN = """<!doctype html><html><head><title>x</title></head><body>
<script>console.error("said so"); setTimeout(() => { throw new Error("thrown"); }, 0);</script>
<img src="https://elsewhere.invalid/a.png" alt="a.png"><img src="missing.png">
<p style="color:#999;background:#aaa">pale</p><div style="width:700px;height:1em">wide</div>
<span class="math">x</span><b class="temml-error">Undefined control sequence</b>
<script>document.documentElement.dataset.formulas = "set"</script>
</body></html>"""


def test_the_visit_notices_each_fault_of_a_broken_page(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "broken.html").write_text(BROKEN, encoding="utf-8")
    seen, address = visit_once(browser, tmp_path, "broken.html")
    assert set(seen.foreign_requests) == {"https://elsewhere.invalid/a.png"}
    assert f"{address}/missing.png" in seen.failed_requests
    assert set(seen.page_errors) == {"thrown"}
    assert "said so" in seen.console_errors
    assert (seen.formulas, seen.typeset) == (1, 0)
    assert seen.formula_errors == ["Undefined control sequence"]
    assert len(image_faults(seen)) == 4
    assert seen.overflow
    for shown in SHOWN:
        rules = {finding.split()[0] for finding in seen.violations[shown]}
        assert "image-alt" in rules
        assert shown.startswith("dark") or "html-has-lang" in rules
        assert shown.endswith("narrow") or "color-contrast" in rules  # it looks the same there


LISTING = """<!doctype html><html lang="en"><head><title>x</title><style>
.k {{ color: #005 }} @media (prefers-color-scheme: dark) {{ .odd .k {{ color: #bbb }} }}
@media (max-width: 500px) {{ .thin {{ color: #ccc }} }}
</style></head><body style="background:#fff"><main><h1>x</h1>
<div class="highlight"><pre>{tokens}<span class="k" style="color:#ddd">pale</span></pre></div>
<div class="highlight odd"><pre>{tokens}</pre></div><p>{tokens}<em class="thin">thin</em></p>
<div class="highlight"><pre><span><a href="#a"></a></span></pre></div>
</main></body></html>"""


def test_one_look_of_text_a_place_is_enough_to_find_the_pale_ones(
    browser: Browser, tmp_path: Path
) -> None:
    tokens = '<span class="k">def</span> ' * 300
    (tmp_path / "listing.html").write_text(LISTING.format(tokens=tokens), encoding="utf-8")
    seen, _ = visit_once(browser, tmp_path, "listing.html")
    pale = {shown: " ".join(faults) for shown, faults in seen.violations.items()}
    # a nameless link in a listing has the same name in the dark
    assert all("link-name" in pale[shown] for shown in ("light, wide", "light, narrow"))
    assert pale["light, wide"].count("color-contrast") == 1
    assert ".odd" not in pale["light, wide"]
    assert ".odd" in pale["dark, wide"]
    assert " em" in pale["light, narrow"]
    assert " em" not in pale["light, wide"]


def test_a_look_that_a_page_before_had_is_not_read_again(browser: Browser, tmp_path: Path) -> None:
    for name, colour in (("one", "#ccc"), ("again", "#ccc"), ("paler", "#ddd")):
        text = f'<title>x</title><main><h1>x</h1><p style="color:{colour}">pale</p></main>'
        page = f'<!doctype html><html lang="en"><body style="background:#fff">{text}</body></html>'
        (tmp_path / f"{name}.html").write_text(page, encoding="utf-8")
    with served(tmp_path) as address, closing(Visitor(browser, address)) as visitor:
        found = {
            name: " ".join(visitor.visit(f"{name}.html").violations["light, wide"])
            for name in ("one", "again", "paler")
        }
    assert {name for name, faults in found.items() if "color-contrast" in faults} == {
        "one",
        "paler",
    }


def test_every_page_is_visited_but_listings_like_others(tmp_path: Path) -> None:
    folder = tmp_path / "_modules" / "regime_lib"
    folder.mkdir(parents=True)
    (tmp_path / "book.html").write_text("<p>x</p>")
    for number in range(LONGEST + 4):
        (folder / f"m{number}.html").write_text('<span class="k">def</span>' * (9 - number))
    (folder / "m5.html").write_text('<span class="k">def</span><span class="rare">x</span>')
    visited = pages_to_visit(tmp_path)
    assert set(visited) < set(pages_of(tmp_path))
    names = [*(f"m{number}" for number in range(LONGEST)), "m5"]
    assert visited == sorted(["book.html", *(f"_modules/regime_lib/{n}.html" for n in names)])
