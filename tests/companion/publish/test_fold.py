"""Pages with fewer elements: what is folded is one text, and comes back as it was."""

from __future__ import annotations

from bs4 import BeautifulSoup

from regime_lib.companion.publish.fold import lighten, unfold

LISTING = '<div class="highlight"><pre><span class="k">if</span> a &lt; b</pre></div>'
BODY = f'<p id="claim-x">one</p>{LISTING}<details><summary>in</summary><p>a</p><p>b</p></details>'
FOLDED = f"<details><summary><p>Show</p></summary>{BODY}</details>"


def test_what_is_closed_is_kept_as_one_text_that_holds_all_of_it() -> None:
    page = BeautifulSoup(lighten(f"<main>{FOLDED}</main>"), "html.parser")
    (kept,) = page.select("main > details > noscript")
    assert kept.decode_contents() == BODY
    (summary,) = page.select("details > summary p")
    assert summary.get_text() == "Show"
    unfold(page)
    assert str(page) == f"<main>{FOLDED}</main>"


def test_one_text_says_what_a_click_does() -> None:
    names = '<p class="collapsed admonition-title">Show</p><p class="expanded">Hide</p>'
    assert lighten(f"<details><summary>{names}</summary></details>") == (
        '<details><summary><p class="admonition-title" data-open="Hide">Show</p></summary>'
        "</details>"
    )


def test_a_solution_is_folded_behind_its_title() -> None:
    title = '<p class="admonition-title">Solution to <a href="#ex">one</a></p>'
    solution = f'<div class="solution dropdown admonition" id="s">{title}{BODY}</div>'
    page = BeautifulSoup(lighten(solution), "html.parser")
    (kept,) = page.select("#s > p.admonition-title + noscript")
    assert kept.decode_contents() == BODY
    unfold(page)
    assert str(page) == solution


def test_what_is_open_small_or_alive_stays() -> None:
    for page in (
        FOLDED.replace("<details>", '<details open="">', 1).replace("<details><s", "<p><s"),
        "<details><summary>s</summary><p>one</p></details>",
        f"<details><summary>s</summary>{LISTING}<input></details>",
        f"<details><summary>s</summary>{LISTING}<figure></figure></details>",
        f"<details><summary>s</summary>{LISTING}<noscript>x</noscript></details>",
    ):
        assert lighten(page) == page


def test_boxes_around_one_thing_go_and_those_that_say_something_stay() -> None:
    facts = '<dl class="rl-facts"><div><dt>a</dt><dd>b</dd></div></dl>'
    assert lighten(facts) == '<dl class="rl-facts"><dt>a</dt><dd>b</dd></dl>'
    assert lighten("<table><tr><td><p>1</p></td></tr></table>") == (
        "<table><tr><td>1</td></tr></table>"
    )
    for cell in ("<p>1</p><p>2</p>", "one <p>2</p>", '<p class="x">1</p>'):
        table = f"<table><tr><td>{cell}</td></tr></table>"
        assert lighten(table) == table
