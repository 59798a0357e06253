"""References to numbered things: prose names a chapter, figure or exercise only by a link to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from tests.book.test_stale_prose import written

pytestmark = pytest.mark.book

_LINK = re.compile(r"\[([^\]]*)\]\(([^)]*)\)|<a href=\"([^\"]*)\">(.*?)</a>")
_CODE = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
_CHAPTER = re.compile(r"\b[Cc]hapters?\s+(\d+)")
# A figure of a paper has a plain number; ours are numbered by chapter. Papers have no exercises.
_OURS = re.compile(r"\b(?:[Ff]igures?|[Tt]heorems?|[Ee]xercises?)\s+\d+\.\d+|\b[Ee]xercises?\s+\d+")


def typed_references(text: str) -> list[str]:
    """Return references to a chapter, a figure or an exercise of the book by a typed number.

    "Chapter 23" may be the text of a link that leads to chapter 23, which a test of links follows.
    """
    plain = _LINK.sub(_kept, _CODE.sub(" ", text))
    found = [m[0] for pattern in (_CHAPTER, _OURS) for m in pattern.finditer(plain)]
    return [" ".join(words.split()) for words in found]


def _kept(link: re.Match[str]) -> str:
    """Return what of a link's text is to be read: nothing where it names where it leads."""
    words, target = link[1] or link[4] or "", link[2] or link[3] or ""
    named = _CHAPTER.fullmatch(words.strip())
    leads = re.search(r"(?:^|/)(\d+)_", target)
    return " " if named and leads and named[1] == leads[1] else words


def test_no_number_of_a_chapter_figure_or_exercise_is_typed() -> None:
    found = {place: typed for place, text in written() if (typed := typed_references(text))}
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "Exercise 3 builds such a case.",
        "as Figure 20.1 shows",
        "Chapter 23 draws runs.",
        "Chapters 60 to 62 end alike.",
        "[Chapter 22](../notebooks/23_three_times_earlier.ipynb) says",
        'see <a href="#ex20-probe">exercise 1</a>',
    ],
)
def test_a_typed_reference_is_noticed(text: str) -> None:
    assert typed_references(text)


@pytest.mark.parametrize(
    "text",
    [
        "[Chapter 23](../notebooks/23_three_times_earlier.ipynb) says",
        "Figure 3 of the paper",
        "four exercises",
        "`regime run chapter 20`",
        '<a href="#ex20-probe">An exercise</a> counts.',
    ],
)
def test_what_is_no_typed_reference_is_let_be(text: str) -> None:
    assert typed_references(text) == []


def test_figures_are_numbered_by_chapter_in_the_order_of_the_page(html: Path) -> None:
    for path in sorted((html / "notebooks").glob("*.html")):
        page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        shown = page.select("figure.rl-figure:not(.rl-again) .rl-number-of")
        chapter = int(path.name.partition("_")[0])
        numbers = [number.get_text() for number in shown]
        assert numbers == [f"Figure {chapter}.{n}" for n in range(1, len(numbers) + 1)]
        assert numbers


def test_exercises_are_numbered_by_chapter(html: Path) -> None:
    for path in sorted((html / "notebooks").glob("*.html")):
        page = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        titles = [one.get_text() for one in page.select(".exercise > .admonition-title")]
        chapter = int(path.name.partition("_")[0])
        expected = [f"Exercise {chapter}.{n} " for n in range(1, len(titles) + 1)]
        assert [
            title[: len(start)] for title, start in zip(titles, expected, strict=True)
        ] == expected
