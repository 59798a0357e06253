"""Predict, then reveal: one claim of each chapter that a reader judges before its verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from regime_lib.companion.book.catalogue import Entry
from regime_lib.companion.claims.claims import Kind, Verdict
from regime_lib.companion.claims.ledger import Record
from regime_lib.companion.publish.findings import Findings
from regime_lib.companion.publish.markup import raw_html, template

#: What a reader can expect, and which verdicts it stands for.
CHOICES = {
    "It holds": (Verdict.REPRODUCED, Verdict.MORE),
    "It holds in part": (Verdict.PARTLY,),
    "It does not hold": (Verdict.NOT_REPRODUCED,),
}


def question_of(chapter: str, findings: Findings) -> Record | None:
    """Return the claim of a chapter to predict; None where no verdict is one that can be predicted.

    A paper's own statement about training comes first, and one whose verdict is firm; then the
    order of the claims file.
    """
    decided = {verdict for verdicts in CHOICES.values() for verdict in verdicts}
    candidates = [
        record
        for record in findings.records
        if record.claim.chapter == chapter
        and record.claim.kind is not Kind.IDENTITY
        and record.verdict in decided
    ]
    return min(candidates, key=lambda record: _rank(record, findings), default=None)


def _rank(record: Record, findings: Findings) -> tuple[bool, bool, bool]:
    claim = record.claim
    return (
        not (claim.kind is Kind.EMPIRICAL and claim.own),
        claim.kind is not Kind.EMPIRICAL,
        not findings.firm(claim),
    )


def question_html(chapter: str, findings: Findings) -> str:
    """Return the question of a chapter, which the page's script shows before its results."""
    record = question_of(chapter, findings)
    if record is None:
        return ""
    answer = next(words for words, verdicts in CHOICES.items() if record.verdict in verdicts)
    return template("question.html.j2").render(
        claim=record.claim,
        verdict=record.verdict,
        note=findings.note(record),
        answer=answer,
        choices=list(CHOICES),
    )


def vote_sheet(entries: Sequence[Entry], findings: Findings) -> str:
    """Return all questions as a MyST fragment to print and hand out, without the answers."""
    rows: Iterable[tuple[Entry, Record | None]] = (
        (entry, question_of(entry.name, findings)) for entry in entries
    )
    asked = [(entry, record.claim) for entry, record in rows if record]
    return raw_html("vote_sheet", asked=asked, choices=list(CHOICES))
