"""Fewer elements on a page: what is folded away is one text until a reader opens it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

#: What has a script of its own, or asks for the reader's hand, is there from the start.
_ALIVE = ["script", "noscript", "input", "textarea", "select", "button", "figure"]
#: What opens, and the part of it that is always shown.
_CLOSED = "details:not([open]), div.solution.dropdown"
_TITLE = "summary, p.admonition-title"
#: How many elements make it worth while.
_FEWEST = 2
#: What only holds something else together: pairs of a list of facts, the one text of a cell or of a
#: word of code, what a cell shows where that is a figure or a card.
_BOXES = (
    "dl.rl-facts > div, td > p:only-child, th > p:only-child, code > span.pre:only-child, "
    "div.output.text_html:has(> :is(figure, .rl-card):only-child)"
)
#: Without one of these words a page has nothing to lighten, and need not be read.
_MARKS = ("<details", "solution dropdown", "rl-facts", "<table", 'class="pre"', "text_html")
_SAY_NOTHING: tuple[dict[str, list[str]], ...] = (
    {},
    {"class": ["pre"]},
    {"class": ["output", "text_html"]},
)


def lighten(html: str) -> str:
    """Return a page that looks the same with fewer elements.

    Boxes that hold one thing are dropped, and what is closed costs one element each: a browser
    that runs scripts reads what stands in a ``noscript`` as one text, and ``book.js`` builds its
    elements when a reader opens it, follows a link into it or searches the page. One that runs
    none sees the page as it was.

    Parameters
    ----------
    html : str
        A rendered page.
    """
    from bs4 import BeautifulSoup  # comes with the book's theme

    if not any(mark in html for mark in _MARKS):
        return html  # such as the listing of a module
    page = BeautifulSoup(html, "html.parser")
    boxes = [box for box in page.select(_BOXES) if _is_plain(box)]
    for box in boxes:
        box.unwrap()
    named = [summary for summary in page.select("details > summary") if _name_once(summary)]
    folded = [part for part in page.select(_CLOSED) if _fold(page, part)]
    return str(page) if boxes or named or folded else html


def unfold(page: BeautifulSoup | Tag) -> None:
    """Build everything that a page folds away, in its place."""
    for kept in page.select(":is(details, .solution) > noscript"):
        kept.unwrap()


def _is_plain(box: Tag) -> bool:
    """Tell whether a box says nothing itself, and nothing stands beside it."""
    beside = [text for text in box.parent or [] if isinstance(text, str) and text.strip()]
    return box.attrs in _SAY_NOTHING and not (box.name == "p" and beside)


def _name_once(summary: Tag) -> bool:
    """Let one text, which ``book.js`` changes, say what a click does; tell if there were two."""
    closed, opened = summary.select_one("p.collapsed"), summary.select_one("p.expanded")
    if closed is None or opened is None:
        return False
    closed["class"] = "admonition-title"
    closed["data-open"] = opened.get_text()
    opened.decompose()
    return True


def _fold(page: BeautifulSoup, folded: Tag) -> bool:
    """Fold what stands behind the title of what is in nothing folded; tell whether it was."""
    title = folded.select_one(f":scope > :is({_TITLE})")
    body = [part for part in folded.contents if part is not title]
    if title is None or folded.find_parent(["details", "noscript"]) or folded.find(_ALIVE):
        return False
    if len(folded.find_all(True)) - len(title.find_all(True)) - 1 < _FEWEST:
        return False
    kept = page.new_tag("noscript")
    for part in body:
        kept.append(part.extract())
    folded.append(kept)
    return True
