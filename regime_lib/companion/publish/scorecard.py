"""Scorecards: every claim with its verdict, as fragments for the book and as the README's table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from regime_lib.companion.book.catalogue import Entry
from regime_lib.companion.claims.claims import PAPERS, Paper, Verdict
from regime_lib.companion.claims.ledger import Measurement, Record
from regime_lib.companion.claims.sweep_tables import VerdictShare
from regime_lib.companion.publish.markup import SIGNS, badge, template


def tally(records: Iterable[Record | Measurement]) -> dict[Verdict, int]:
    """Count the claims by verdict, in the order of `Verdict`, leaving out what does not occur."""
    counts = Counter(record.verdict for record in records)
    return {verdict: counts[verdict] for verdict in Verdict if counts[verdict]}


def of_paper(records: Iterable[Record], paper: Paper) -> list[Record]:
    """Return the claims of one paper."""
    return [record for record in records if record.claim.paper == paper]


def scorecard(
    records: Sequence[Record],
    shares: Mapping[str, VerdictShare] = {},
    large: Mapping[str, Measurement] = {},
) -> str:
    """Return the whole scorecard as a MyST fragment: counts first, then one section a paper.

    By claim, `shares` says how verdicts change over sweeps, and `large` what long runs measured.
    """
    own = {paper: found for paper in PAPERS.values() if (found := of_paper(records, paper))}
    parts = [_raw("overview", papers={paper: tally(found) for paper, found in own.items()})]
    for paper, found in own.items():
        heading = f"(scorecard-{paper.key})=\n## {paper.name}"
        parts += [heading, paper_claims(found, shares, large)]
    return "\n\n".join(parts) + "\n"


def paper_claims(
    records: Sequence[Record],
    shares: Mapping[str, VerdictShare] = {},
    large: Mapping[str, Measurement] = {},
) -> str:
    """Return some claims as a MyST fragment: a list that stacks on a narrow screen.

    Its links to cards hold for pages that lie in ``book/``.
    """
    if not records:
        return "No claim of this paper is on the list yet."
    return _raw("rows", records=records, shares=shares, large=large)


def chapters_fragment(
    entries: Sequence[Entry], records: Sequence[Record], large: Mapping[str, Measurement] = {}
) -> str:
    """Return the table of chapters for the book."""
    lines = ["| Chapter | Claims | Verdicts |", "| --- | --- | --- |"]
    for entry, count, verdicts, long in _by_chapter(entries, records, large, badge, " "):
        scale = f"<br>at the paper’s scale: {long}" if long else ""
        link = f"{{doc}}`{entry.title} </notebooks/{entry.name}>`"
        lines.append(f"| {link} | {count} | {verdicts}{scale} |")
    return "\n".join(lines) + "\n"


def readme_table(
    entries: Sequence[Entry],
    records: Sequence[Record],
    seconds: Mapping[str, float],
    large: Mapping[str, Measurement] = {},
) -> str:
    """Return the README's table of chapters: claims, verdicts and minutes on one machine."""
    lines = ["| chapter | claims | verdicts | minutes |", "| --- | --- | --- | --- |"]
    for entry, count, verdicts, long in _by_chapter(entries, records, large, _counted, ", "):
        scale = f"; at the paper's scale {long}" if long else ""
        took = seconds.get(entry.name)
        minutes = "–" if took is None else "< 1" if took < 60 else f"{took / 60:.0f}"
        link = f"[{entry.title}](notebooks/{entry.name}.ipynb)"
        lines.append(f"| {link} | {count} | {verdicts}{scale} | {minutes} |")
    return "\n".join(lines)


def _by_chapter(
    entries: Sequence[Entry],
    records: Sequence[Record],
    large: Mapping[str, Measurement],
    say: Callable[[Verdict, int], str],
    comma: str,
) -> Iterable[tuple[Entry, int, str, str]]:
    """Yield chapters with their number of claims, and the verdicts here and of the long run."""
    for entry in entries:
        own = [record for record in records if record.claim.chapter == entry.name]
        long = [large[record.claim.id] for record in own if record.claim.id in large]
        here, there = (comma.join(say(*one) for one in tally(of).items()) for of in (own, long))
        yield entry, len(own), here, there


def _counted(verdict: Verdict, count: int) -> str:
    return f"{SIGNS[verdict]} {count} {verdict}"


def _raw(name: str, **values: Any) -> str:
    return f"```{{raw}} html\n{template(f'{name}.html.j2').render(values)}\n```"
