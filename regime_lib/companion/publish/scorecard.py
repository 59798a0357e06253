"""Scorecards: every claim with its verdict, as fragments for the book and as the README's table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from regime_lib.companion.book.catalogue import Entry
from regime_lib.companion.claims.claims import PAPERS, THIS_BOOK, Kind, Paper, Source, Verdict
from regime_lib.companion.claims.comparisons import RATE
from regime_lib.companion.claims.firmness import BLOCKS, SHARE
from regime_lib.companion.claims.ledger import Record
from regime_lib.companion.publish.findings import (
    Counts,
    Findings,
    Group,
    by_group,
    group_of,
    of_paper,
    tally,
)
from regime_lib.companion.publish.markup import SIGNS, badge, raw_html


def scorecard(findings: Findings) -> str:
    """Return the whole scorecard as a MyST fragment: counts first, then one section a paper.

    The papers' own empirical claims are counted first and alone. What this book asks on its own
    account comes last, with counts of its own.
    """
    own = {
        paper: found for paper in PAPERS.values() if (found := of_paper(findings.records, paper))
    }
    parts = [_overview(findings.papers), raw_html("filter", filters=_filters(findings))]
    for paper, found in own.items():
        heading = f"(scorecard-{paper.key})=\n## {paper.name}"
        parts += [heading, paper_claims(findings, found)]
    if findings.ours.records:
        parts += [f"(scorecard-{THIS_BOOK.key})=\n## This book’s own questions"]
        parts += [_own_questions(findings.ours)]
    return "\n\n".join(parts) + "\n"


def paper_claims(findings: Findings, records: Sequence[Record]) -> str:
    """Return some claims as a MyST fragment: a list that stacks on a narrow screen.

    Its links to cards hold for pages that lie in ``book/``.
    """
    if not records:
        return "No claim of this paper is on the list yet."
    return raw_html("rows", groups=by_group(records), findings=findings)


def firm_sentence(findings: Findings) -> str:
    """Say of how many verdicts other seeds were asked, and how many they repeat."""
    asked = [r.claim for r in findings.records if r.measurement and r.claim.drawn]
    counts = []
    for kind in (Kind.EMPIRICAL, Kind.LAW):
        found = [findings.firm(claim) for claim in asked if claim.kind is kind]
        counts += [len(found), len(found) - found.count(None), found.count(True)]
    every, known, firm, laws, known_laws, firm_laws = counts
    empirical = (
        f"Of {every} empirical verdicts, {known} were measured again over fresh blocks of seeds; "
        f"{firm} are firm, which means that at least {SHARE * BLOCKS:.0f} of {BLOCKS} blocks "
        f"repeat them.{_left_out_sentence(findings)}"
    )
    if not laws:
        return empirical
    return (
        f"{empirical} Of {laws} laws that are seen in random runs, {known_laws} were measured "
        f"again; {firm_laws} are firm."
    )


def _left_out_sentence(findings: Findings) -> str:
    """Say what leaving out seeds does to verdicts on runs that are too long to be repeated."""
    own = {r.claim.id: r.verdict for r in findings.records if r.claim.kind is Kind.EMPIRICAL}
    found = {claim: findings.firmness.get(claim) for claim in own}
    left = {claim: one.without for claim, one in found.items() if one and one.without}
    if not left:
        return ""
    same = sum(set(verdicts) == {own[claim]} for claim, verdicts in left.items())
    return (
        f" Of the others {len(left)} rest on runs that are too long to be repeated; {same} of "
        "these verdicts stay as they are without any single seed, which says nothing about fresh "
        "ones."
    )


def chance_sentence(findings: Findings) -> str:
    """Say how many verdicts could be chance when all comparisons here are seen together."""
    found = findings.comparisons
    return (
        f"How many could be chance? {len(found.p_values)} empirical claims have a value of no "
        "effect, such as a ratio of 1, and a 95\u00a0% interval over random runs. Seen together, "
        f"{len(found.differs)} of them differ from no effect (Benjamini and Hochberg, at "
        f"{100 * RATE:g}\u00a0%). Verdicts that speak of an effect without being among these, so "
        f"that they could be chance, and are marked: {len(found.chance)}. Claims without such an "
        "interval, because it is a range of runs or one over settings that we chose, so not "
        f"compared: {len(found.untested)}."
    )


def sentences(findings: Findings) -> tuple[str, ...]:
    """Say how firm verdicts are, and how many could be chance where anything was compared."""
    compared = findings.comparisons.p_values or findings.comparisons.untested
    return (firm_sentence(findings), *((chance_sentence(findings),) if compared else ()))


def chapters_fragment(
    entries: Sequence[Entry], findings: Findings, papers: Mapping[str, Paper]
) -> str:
    """Return the chapters for the book: a table a paper, then those that ask our own questions.

    `papers` names the paper whose statements a chapter tests. Links to papers hold for pages that
    lie in ``book/``.
    """
    groups: dict[Paper | None, list[Entry]] = {paper: [] for paper in (*PAPERS.values(), None)}
    for entry in entries:
        groups[papers.get(entry.name)].append(entry)
    return "\n".join(_chapters_of(paper, own, findings) for paper, own in groups.items() if own)


def _chapters_of(paper: Paper | None, entries: Sequence[Entry], findings: Findings) -> str:
    name = f"[{paper.name}](paper-{paper.key}.md)" if paper else f"{Group.OURS}"
    lines = [f"**{name}**", "", f"| Chapter | {Group.OWN} | Other claims |", "| --- | --- | --- |"]
    for entry, *cells in _by_chapter(entries, findings):
        own, *others = (_cell(cell, badge, " ", "<br>at larger scale: ") for cell in cells)
        other = _with_ours(others, "<br>")
        lines.append(f"| {{doc}}`{entry.title} </notebooks/{entry.name}>` | {own} | {other} |")
    return "\n".join(lines) + "\n"


def readme_table(entries: Sequence[Entry], findings: Findings, seconds: Mapping[str, float]) -> str:
    """Return the README's table of chapters: verdicts by group, and minutes on one machine."""
    heads = ("chapter", "the papers' own empirical claims", "other claims", "minutes")
    lines = [f"| {' | '.join(heads)} |", "| --- | --- | --- | --- |"]
    for entry, *cells in _by_chapter(entries, findings):
        own, *others = (_cell(cell, _counted, ", ", "; at larger scale ") for cell in cells)
        other = _with_ours(others, "; ")
        took = seconds.get(entry.name)
        minutes = "–" if took is None else "< 1" if took < 60 else f"{took / 60:.0f}"
        link = f"[{entry.title}](notebooks/{entry.name}.ipynb)"
        lines.append(f"| {link} | {own} | {other} | {minutes} |")
    return "\n".join(lines)


_NOTHING = "–"


@dataclass(frozen=True)
class _Cell:
    """Verdicts of some claims of a chapter: of its last run, and of its long one."""

    here: Counts
    there: dict[Verdict, int]


def _by_chapter(
    entries: Sequence[Entry], findings: Findings
) -> Iterable[tuple[Entry, _Cell, _Cell, _Cell]]:
    """Yield chapters with verdicts: on papers' own empirical claims, on others, and on ours."""
    for entry in entries:
        papers, ours = (
            [record for record in one.records if record.claim.chapter == entry.name]
            for one in (findings.papers, findings.ours)
        )
        first = [record for record in papers if group_of(record.claim) is Group.OWN]
        other = [record for record in papers if group_of(record.claim) is not Group.OWN]
        cells = []
        for part in (first, other, ours):
            names = [record.claim.id for record in part]
            long = [findings.large[name] for name in names if name in findings.large]
            cells.append(_Cell(findings.count(part), tally(long)))
        yield entry, cells[0], cells[1], cells[2]


def _with_ours(cells: Sequence[str], comma: str) -> str:
    """Join verdicts on the papers' other claims and those on questions of this book, apart."""
    other, ours = cells
    if ours == _NOTHING:
        return other
    own = f"our own questions: {ours}"
    return own if other == _NOTHING else f"{other}{comma}{own}"


def _cell(cell: _Cell, say: Callable[[Verdict, int], str], comma: str, scale: str) -> str:
    if not cell.here.total:
        return _NOTHING
    said = []
    for verdict, count in cell.here.verdicts.items():
        shaky = cell.here.shaky.get(verdict)
        said.append(say(verdict, count) + (f" ({shaky}\u00a0not\u00a0firm)" if shaky else ""))
    there = comma.join(say(*one) for one in cell.there.items())
    return comma.join(said) + (scale + there if there else "")


def _counted(verdict: Verdict, count: int) -> str:
    return f"{SIGNS[verdict]} {count} {verdict}"


def _filters(findings: Findings) -> dict[str, list[str]]:
    """Return by what a reader can choose claims, and the values that occur."""
    claims = [record.claim for record in findings.records]
    verdicts = {record.verdict for record in findings.records}
    return {
        "paper": [
            paper.name
            for paper in (*PAPERS.values(), THIS_BOOK)
            if paper in {claim.paper for claim in claims}
        ],
        "kind": [str(kind) for kind in Kind if kind in {claim.kind for claim in claims}],
        "verdict": [str(verdict) for verdict in Verdict if verdict in verdicts],
        "firmness": ["firm", "not firm", "not measured", "no seed can turn it"],
        "source": [str(one) for one in Source if one in {claim.source for claim in claims}],
    }


def _overview(findings: Findings) -> str:
    groups = dict.fromkeys(Group, ()) | by_group(findings.records)
    own = {paper: of_paper(groups[Group.OWN], paper) for paper in PAPERS.values()}
    return raw_html(
        "overview",
        first=Group.OWN,
        total=findings.count(groups[Group.OWN]),
        papers={paper: findings.count(found) for paper, found in own.items() if found},
        others={group: findings.count(groups[group]) for group in Group if group is not Group.OWN},
        sentences=(firm_sentence(findings), chance_sentence(findings)),
    )


def _own_questions(ours: Findings) -> str:
    return raw_html(
        "own_questions",
        total=ours.count(ours.records),
        sentences=sentences(ours),
        groups=by_group(ours.records),
        findings=ours,
    )
