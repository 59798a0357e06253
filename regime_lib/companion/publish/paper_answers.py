"""The head of a paper's page: what holds of it, in words that verdicts choose, and one figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from regime_lib.companion.book.catalogue import Entry, list_chapters
from regime_lib.companion.book.notebooks import read_notebook
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import Kind, Paper, Verdict
from regime_lib.companion.claims.ledger import Measurement, Record
from regime_lib.companion.publish.chapter_page import finding_of, numbered_figures
from regime_lib.companion.publish.figure_page import figure_html
from regime_lib.companion.publish.findings import Findings
from regime_lib.companion.publish.markup import raw_html
from regime_lib.companion.publish.statement_pages import Judged, Outcome

#: From which share of the decided statements on that hold which words answer for them.
_WORDS = (
    (1.0, "Yes, in all that could be decided here."),
    (2 / 3, "For the most part."),
    (1 / 3, "In part."),
    (1e-9, "For the most part not, in our settings."),
    (0.0, "Not in our settings."),
)
_HOLD = (Outcome.HOLD, Outcome.SHAKY, Outcome.MORE)
# What is said of one statement, and of several.
_SAID = {
    Outcome.HOLD: ("holds", "hold"),
    Outcome.SHAKY: ("holds, but was not shown to be firm", "hold, but were not shown to be firm"),
    Outcome.MORE: ("holds more strongly than claimed", "hold more strongly than claimed"),
    Outcome.PARTLY: ("holds in part", "hold in part"),
    Outcome.FAIL: ("fails", "fail"),
    Outcome.OPEN: ("stays undetermined", "stay undetermined"),
    Outcome.UNTESTED: ("was not tested", "were not tested"),
}


@dataclass(frozen=True)
class Scale:
    """A claim whose verdict is another one at larger scale."""

    record: Record
    large: Measurement


def answer(project: Project, judged: Iterable[Judged], paper: Paper, findings: Findings) -> str:
    """Return the head of a paper's page as a MyST fragment.

    It answers for the paper's statements about training; where it makes none, for its laws and
    identities. Its links hold for pages that lie in ``book/``.
    """
    own = [one for one in judged if one.statement.paper == paper]
    if not own:
        return "No statement of this paper is on the list yet."
    empirical = [one for one in own if one.statement.kind is Kind.EMPIRICAL]
    chapter = chapter_of(empirical or own, list_chapters(project))
    return raw_html(
        "answer",
        words=words(empirical or own),
        counts=counted(empirical or own, about_training=bool(empirical)),
        figure=_figure(project, chapter) if chapter else "",
        scale=scale_sentence(own, findings),
        changed=changed_with_scale(own, findings),
    )


def words(judged: Sequence[Judged]) -> str:
    """Return the answer in a word or two: by the share of decided statements that hold.

    One that holds in part counts as half.
    """
    outcomes = Counter(one.outcome for one in judged)
    hold = sum(outcomes[outcome] for outcome in _HOLD) + outcomes[Outcome.PARTLY] / 2
    decided = sum(outcomes[outcome] for outcome in (*_HOLD, Outcome.PARTLY, Outcome.FAIL))
    if not decided:
        return "Nothing here decides."
    return next(said for least, said in _WORDS if hold / decided >= least)


def counted(judged: Sequence[Judged], *, about_training: bool) -> str:
    """Say how many statements there are, and how many came out how."""
    outcomes = Counter(one.outcome for one in judged)
    found = [f"{outcomes[one]} {_SAID[one][outcomes[one] > 1]}" for one in Outcome if outcomes[one]]
    listed = found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"
    many = len(judged) != 1
    noun = "statements" if many else "statement"
    if about_training:
        return f"Of {len(judged)} {noun} about training that we read in this paper, {listed}."
    return (
        f"We read no statement in this paper that other training could turn. Of its {len(judged)} "
        f"{'laws and identities' if many else 'law'}, {listed}."
    )


def changed_with_scale(judged: Iterable[Judged], findings: Findings) -> list[Scale]:
    """Return the claims of some statements whose verdict is another one at larger scale."""
    return [
        Scale(record, large)
        for record in _records(judged)
        if (large := findings.large.get(record.claim.id)) and large.verdict != record.verdict
    ]


def scale_sentence(judged: Iterable[Judged], findings: Findings) -> str:
    """Say how many verdicts a long run at larger scale repeats."""
    both = [record for record in _records(judged) if record.claim.id in findings.large]
    if not both:
        return (
            "No claim that tests it was measured at two scales, so this page cannot say what "
            "changes with scale."
        )
    same = sum(findings.large[record.claim.id].verdict == record.verdict for record in both)
    return (
        f"Claims that were measured a second time, at larger scale: {len(both)}. With the "
        f"same verdict there: {same}."
    )


def chapter_of(judged: Iterable[Judged], entries: Iterable[Entry]) -> str | None:
    """Return the chapter that measures most claims of some statements; None where none does."""
    known = [entry.name for entry in entries]
    tested = Counter(
        record.claim.chapter for record in _records(judged) if record.verdict in _TESTED
    )
    return max((name for name in known if tested[name]), key=lambda n: tested[n], default=None)


_TESTED = frozenset(Verdict) - {Verdict.NOT_TESTED}


def _records(judged: Iterable[Judged]) -> list[Record]:
    """Return the claims of some statements, each once."""
    found: Mapping[str, Record] = {
        record.claim.id: record for one in judged for record in one.records
    }
    return list(found.values())


def _figure(project: Project, chapter: str) -> str:
    notebook = read_notebook(project.executed / f"{chapter}.ipynb")
    wanted = finding_of(notebook)
    for number, figure in numbered_figures(notebook, chapter):
        if figure.name == wanted:
            place = f"../notebooks/{chapter}.html#{figure.name}"
            return figure_html(figure, chapter, number=number, leads_to=place)
    return ""
