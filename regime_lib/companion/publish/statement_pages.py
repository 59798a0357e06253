"""What holds of what the papers say: one table for the landing page, and a list for each paper.

Only empirical statements are counted in the table. Each of its numbers leads to the statements that
it counts, on the paper's page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import PAPERS, Kind, Paper, Verdict
from regime_lib.companion.claims.firmness import BLOCKS, SHARE
from regime_lib.companion.claims.ledger import Record
from regime_lib.companion.claims.statements import (
    HOLDING,
    Statement,
    StatementVerdict,
    load_statements,
    statement_verdict,
)
from regime_lib.companion.publish.findings import Findings
from regime_lib.companion.publish.markup import raw_html


class Outcome(StrEnum):
    """Where a statement stands in the table, in the order of its columns; the text heads one."""

    HOLD = "hold"
    SHAKY = "hold, not shown to be firm"
    MORE = "more than claimed"
    PARTLY = "hold in part"
    FAIL = "fail"
    OPEN = "undetermined"
    UNTESTED = "not tested"

    @property
    def slug(self) -> str:
        """Its name in addresses."""
        return self.name.lower()


_OUTCOMES = {
    Verdict.MORE: Outcome.MORE,
    Verdict.PARTLY: Outcome.PARTLY,
    Verdict.NOT_REPRODUCED: Outcome.FAIL,
    Verdict.FAILED: Outcome.FAIL,
    Verdict.UNDETERMINED: Outcome.OPEN,
    Verdict.NOT_TESTED: Outcome.UNTESTED,
}

#: Statements that no training is needed for, listed after the empirical ones.
_DERIVED = {Kind.LAW: "Laws of solvable models", Kind.IDENTITY: "Identities"}


@dataclass(frozen=True)
class Judged:
    """A statement, what its claims say about it together, and each of them."""

    statement: Statement
    verdict: StatementVerdict
    records: tuple[Record, ...]  # of its claims

    @property
    def note(self) -> str:
        """What qualifies the verdict on its badge; empty where nothing does."""
        return self.verdict.words.removeprefix(self.verdict.verdict).removeprefix(", ")

    @property
    def outcome(self) -> Outcome:
        """Its column in the table."""
        if self.verdict.verdict in HOLDING - {Verdict.MORE}:
            return Outcome.HOLD if self.verdict.headline else Outcome.SHAKY
        return _OUTCOMES[self.verdict.verdict]


def read_judged(project: Project, findings: Findings) -> list[Judged]:
    """Read the papers' statements, and judge them by what was found."""
    claims = {record.claim.id: record.claim for record in findings.records}
    return judge_statements(load_statements(project.pages / "statements.yml", claims), findings)


def judge_statements(statements: Mapping[str, Statement], findings: Findings) -> list[Judged]:
    """Return the papers' statements with their verdicts, in the order of the file."""
    records = {record.claim.id: record for record in findings.records}
    verdicts = {name: record.verdict for name, record in records.items()}
    firm = {name: findings.firm(record.claim) for name, record in records.items()}
    return [
        Judged(one, statement_verdict(one, verdicts, firm), tuple(records[c] for c in one.claims))
        for one in statements.values()
    ]


def papers_of_chapters(judged: Iterable[Judged]) -> dict[str, Paper]:
    """Return for each chapter the paper whose statements it tests; it may test none."""
    return {record.claim.chapter: one.statement.paper for one in judged for record in one.records}


def what_holds(judged: Iterable[Judged]) -> str:
    """Return the table of the papers' empirical statements as a MyST fragment, and a line below it.

    Its links hold for pages that lie in ``book/``.
    """
    all_of_them = list(judged)
    empirical = [one for one in all_of_them if one.statement.kind is Kind.EMPIRICAL]
    rows = [(paper, _counted(_of(empirical, paper))) for paper in PAPERS.values()]
    derived = [
        (paper, kinds)
        for paper in PAPERS.values()
        if (kinds := list(_derived(_of(all_of_them, paper))))
    ]
    total = _counted(empirical)
    return raw_html(
        "what_holds",
        rows=rows,
        total=total,
        outcomes=list(Outcome),
        derived=derived,
        firm=f"{SHARE * BLOCKS:.0f} of {BLOCKS}",
    )


def paper_statements(judged: Iterable[Judged], paper: Paper, findings: Findings) -> str:
    """Return a paper's statements as a MyST fragment: the empirical ones by outcome come first.

    Its links to cards hold for pages that lie in ``book/``.
    """
    own = _of(judged, paper)
    if not own:
        return "No statement of this paper is on the list yet."
    empirical = [one for one in own if one.statement.kind is Kind.EMPIRICAL]
    groups: list[tuple[str, str, list[Judged]]] = [
        (
            f"Empirical statements: {outcome}",
            outcome.slug,
            [j for j in empirical if j.outcome is outcome],
        )
        for outcome in Outcome
    ]
    for kind, name in _DERIVED.items():
        groups.append((name, kind.value, [one for one in own if one.statement.kind is kind]))
    shown = [group for group in groups if group[2]]
    return raw_html("statements", paper=paper, groups=shown, findings=findings)


def statement_json(judged: Judged) -> dict[str, Any]:
    """Return a statement with its verdict as JSON holds it."""
    statement, verdict = judged.statement, judged.verdict
    return {
        "id": statement.id,
        "paper": statement.paper.key,
        "where": statement.where,
        "statement": statement.statement,
        "source": str(statement.source),
        "kind": str(statement.kind),
        "claims": list(statement.claims),
        "untested_because": statement.untested_because or None,
        "verdict": str(verdict.verdict),
        "firm": verdict.firm,
        "outcome": str(judged.outcome),
    }


def _of(judged: Iterable[Judged], paper: Paper) -> list[Judged]:
    return [one for one in judged if one.statement.paper == paper]


def _counted(judged: Iterable[Judged]) -> dict[Outcome, int]:
    counts = dict.fromkeys(Outcome, 0)
    for one in judged:
        counts[one.outcome] += 1
    return counts


def _derived(judged: Iterable[Judged]) -> Iterator[tuple[Kind, str, dict[Verdict, int]]]:
    """Yield the kinds of statements that need no training, with their verdicts."""
    every = list(judged)
    for kind, name in _DERIVED.items():
        found = [one.verdict.verdict for one in every if one.statement.kind is kind]
        if found:
            yield (
                kind,
                name,
                {verdict: found.count(verdict) for verdict in Verdict if verdict in found},
            )
