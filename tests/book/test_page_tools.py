"""What a reader switches on a page: the code of the book, and the lines of the scorecard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.book.browsing import NARROW, PATIENCE, offline

pytestmark = pytest.mark.book

CHAPTERS = ("notebooks/20_tracking_mlp.html", "notebooks/10_stability.html")
CODE = "article details.above-input .cell_input"


@pytest.fixture
def context(browser: Browser, origin: str) -> Iterator[BrowserContext]:
    with offline(browser, origin, []) as opened:
        yield opened


def opened(context: BrowserContext, origin: str, name: str) -> Page:
    page = context.new_page()
    page.goto(f"{origin}/{name}", wait_until="load")
    return page


def visible(page: Page, what: str) -> int:
    return sum(element.is_visible() for element in page.locator(what).all())


def test_code_is_folded_and_one_switch_shows_all_of_it_in_the_whole_book(
    context: BrowserContext, origin: str
) -> None:
    page = opened(context, origin, CHAPTERS[0])
    assert visible(page, CODE) == 0
    assert page.locator("div.cell.tag_parameters").is_visible() is False
    page.get_by_role("button", name="Show all code").click()
    assert visible(page, CODE) == page.locator(CODE).count() > 5
    assert page.locator("div.cell.tag_parameters").is_visible()
    other = opened(context, origin, CHAPTERS[1])  # it is remembered
    assert visible(other, CODE) == other.locator(CODE).count() > 5
    button = other.get_by_role("button", name="Hide all code")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert visible(other, CODE) == 0
    assert visible(opened(context, origin, CHAPTERS[0]), CODE) == 0


def test_without_a_script_each_cell_opens_on_its_own(browser: Browser, origin: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = opened(context, origin, CHAPTERS[0])
        assert visible(page, CODE) == 0
        page.locator("details.above-input > summary").first.click()
        assert visible(page, CODE) == 1


def test_what_is_folded_is_one_text_until_a_reader_opens_or_searches_it(
    context: BrowserContext, origin: str
) -> None:
    page = opened(context, origin, CHAPTERS[0])
    folded = page.locator("details.above-input:has(> noscript)")
    before = folded.count()
    assert before > 5
    assert page.locator(CODE).count() == 0
    closed = page.locator("details.above-input:has(> noscript):visible").first
    cell = closed.element_handle()
    closed.locator("> summary").click()
    cell.wait_for_selector(".cell_input .highlight button.copybtn", state="attached")
    assert folded.count() == before - 1
    expect(page.locator("summary", has_text="Hide the code").first).to_be_visible()
    page.keyboard.press("Control+f")
    assert page.locator("details > noscript").count() == 0


def test_a_link_into_what_is_folded_opens_it(
    html: Path, context: BrowserContext, origin: str
) -> None:
    name, place = next(
        (path.name, str(inner["id"]))
        for path in sorted((html / "notebooks").glob("*.html"))
        for inner in BeautifulSoup(path.read_text("utf-8"), "html.parser").select(
            "details > noscript [id^=claim-]"
        )
    )
    page = opened(context, origin, f"notebooks/{name}#{place}")
    page.locator(f"#{place}").wait_for(state="visible")


def test_the_finding_is_the_first_figure_and_stands_right_after_in_one_minute(
    context: BrowserContext, html: Path, origin: str
) -> None:
    for path in sorted((html / "notebooks").glob("*.html")):
        page = opened(context, origin, f"notebooks/{path.name}")
        first = page.locator("article figure.rl-figure").first
        assert first.get_attribute("class") == "rl-figure rl-again"
        # the next heading comes after it, and it after the first one
        order = page.evaluate(
            """() => [...document.querySelectorAll("article h2, figure.rl-again")]
              .map(e => e.tagName).slice(0, 3)"""
        )
        assert order == ["H2", "FIGURE", "H2"]
        page.close()


def test_a_reader_predicts_before_the_results_and_the_score_is_kept(
    context: BrowserContext, origin: str
) -> None:
    page = opened(context, origin, CHAPTERS[0])
    form = page.locator("form.rl-predict")
    above = page.evaluate(
        """() => document.querySelector("form.rl-predict").compareDocumentPosition(
          document.querySelector("article h2")) & Node.DOCUMENT_POSITION_FOLLOWING"""
    )
    assert above
    assert form.locator(".rl-badge").is_visible() is False
    form.get_by_role("button", name=str(form.get_attribute("data-answer")), exact=True).click()
    assert form.locator(".rl-badge").is_visible()
    assert "1 of 1 right" in form.locator("output").inner_text()
    other = opened(context, origin, CHAPTERS[1]).locator("form.rl-predict")
    answer = other.get_attribute("data-answer")
    wrong = [b for b in other.locator("button").all() if b.get_attribute("value") != answer]
    wrong[0].click()
    assert "1 of 2 right" in other.locator("output").inner_text()
    again = opened(context, origin, CHAPTERS[0]).locator("form.rl-predict")
    assert again.locator(".rl-badge").is_visible()


def test_without_a_script_no_question_is_asked(browser: Browser, origin: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        assert not opened(context, origin, CHAPTERS[0]).locator("form.rl-predict").is_visible()


def rows(page: Page) -> list[str]:
    return [str(row.get_attribute("data-verdict")) for row in page.locator(".rl-row:visible").all()]


def test_the_scorecard_filters_its_lines_and_keeps_the_choice_in_the_address(
    context: BrowserContext, origin: str
) -> None:
    page = opened(context, origin, "book/scorecard.html")
    every = rows(page)
    page.get_by_label("verdict").select_option("partly")
    assert rows(page) == ["partly"] * every.count("partly")
    assert "verdict=partly" in page.url
    said = page.locator("form.rl-filter output")
    assert said.inner_text() == f"{every.count('partly')} of {len(every)} claims"
    page.get_by_label("paper").select_option("Network dynamics")
    papers = {row.get_attribute("data-paper") for row in page.locator(".rl-row:visible").all()}
    assert papers == {"Network dynamics"}
    assert page.get_by_role("heading", name="Regime change").is_visible() is False
    again = opened(context, origin, page.url.removeprefix(f"{origin}/"))  # a link to what is chosen
    assert rows(again) == rows(page)
    page.get_by_role("button", name="Show all").click()
    expect(said).to_have_text(f"{len(every)} of {len(every)} claims", timeout=PATIENCE)
    assert rows(page) == every


def test_without_a_script_the_scorecard_shows_every_line_and_opens_each(
    browser: Browser, origin: str
) -> None:
    with browser.new_context(java_script_enabled=False, viewport=NARROW) as context:
        page = opened(context, origin, "book/scorecard.html")
        assert page.locator("form.rl-filter").is_visible() is False
        lines = page.locator(".rl-compact > .rl-row")
        assert all(line.is_visible() for line in lines.all())
        identity = lines.first.locator(".rl-id")
        assert identity.is_visible() is False
        lines.first.locator("summary").first.click()
        assert identity.is_visible()
