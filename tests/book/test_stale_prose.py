"""Prose that is out of date, or cites what no reader can see, is found in the pages' sources."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from regime_lib.companion.claims.claims import load_claims
from regime_lib.companion.claims.statements import load_statements, unstated
from tests.book.conftest import ROOT

pytestmark = pytest.mark.book

BOOK = ROOT / "book"
CHAPTERS = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))

_PROMISE = re.compile(
    r"(?:yet |still |will |remains? )?to be tested|will be tested|not (?:been )?tested yet|"
    r"not yet (?:been )?tested|no chapter (?:has )?test(?:s|ed)(?: \w+)? yet",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"(?<=[.!?:])\s+|\n\s*\n|\|")
_CHAPTER = re.compile(r"\b[0-9]{2}_[a-z0-9_]+")
_LABEL = re.compile(r"^\(([a-z]{2}-derivation-[a-z0-9-]+)\)=$", re.MULTILINE)
_PRIVATE = re.compile(r"\bour\s+notes\b", re.IGNORECASE)


def stale_promises(text: str) -> list[str]:
    """Return the sentences that put a test off, but for those of a chapter that is not there."""
    return [
        sentence.strip()
        for sentence in _BETWEEN.split(text)
        if _PROMISE.search(sentence) and not set(_CHAPTER.findall(sentence)) - set(CHAPTERS)
    ]


def written() -> Iterator[tuple[str, str]]:
    """Yield every text of the book that a person wrote, with where it stands."""
    for path in sorted([*BOOK.rglob("*.md"), ROOT / "README.md"]):
        yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
    for name in CHAPTERS:
        path = ROOT / "notebooks" / f"{name}.ipynb"
        for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
            if cell["cell_type"] == "markdown":
                yield f"{name}, cell {number}", "".join(cell["source"])


def test_no_page_puts_off_what_a_chapter_tests() -> None:
    found = {place: stale for place, text in written() if (stale := stale_promises(text))}
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "**To be tested in** the chapter on stairs.",
        "It is yet to be tested in [chapter](../notebooks/10_stability.ipynb).",
        "All of them stand on one page, also the ones that no chapter has tested yet.",
        "This was not yet tested.",
    ],
)
def test_a_stale_promise_is_noticed(text: str) -> None:
    assert stale_promises(f"First. {text} Last.")


@pytest.mark.parametrize(
    "text",
    [
        "A verdict can be *not tested*.",
        "To be tested in [a chapter](../notebooks/99_of_the_future.ipynb).",
        "Tested in [the chapter](../notebooks/10_stability.ipynb).",
    ],
)
def test_what_is_no_stale_promise_is_let_be(text: str) -> None:
    assert stale_promises(text) == []


def test_nothing_cites_notes_that_no_reader_can_see() -> None:
    texts = [
        *BOOK.rglob("*.md"),
        *BOOK.rglob("*.yml"),
        *BOOK.rglob("*.json"),
        *(ROOT / "notebooks").glob("*.ipynb"),
    ]
    citing = [path for path in texts if _PRIVATE.search(path.read_text(encoding="utf-8"))]
    assert [path.relative_to(ROOT).as_posix() for path in citing] == []


def test_every_derivation_that_a_claim_cites_stands_on_the_page_of_its_paper() -> None:
    labels = {
        label: path.stem
        for path in BOOK.glob("*.md")
        for label in _LABEL.findall(path.read_text(encoding="utf-8"))
    }
    wanted = {
        claim.derivation: f"paper-{claim.paper.key}"
        for claim in load_claims(BOOK / "claims.yml").values()
        if claim.derivation
    }
    assert {label: page for label, page in wanted.items() if labels.get(label) != page} == {}


def test_every_statement_of_a_paper_that_a_claim_tests_is_on_the_list() -> None:
    claims = load_claims(BOOK / "claims.yml")
    statements = load_statements(BOOK / "statements.yml", claims)
    assert unstated(statements, claims) == []


def test_every_page_of_a_paper_lists_its_statements_and_claims() -> None:
    claims = load_claims(BOOK / "claims.yml")
    for paper in {claim.paper for claim in claims.values() if not claim.asked_here}:
        text = (BOOK / f"paper-{paper.key}.md").read_text(encoding="utf-8")
        for kind in ("statements", "claims"):
            assert text.count(f"```{{include}} _generated/{kind}-{paper.key}.md\n") == 1
