"""Scorecards: every claim with its verdict, as fragments for the book and as the README's table."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from regime_lib.companion.book.catalogue import Entry
from regime_lib.companion.claims.claims import PAPERS, Paper, Verdict
from regime_lib.companion.claims.ledger import Measurement, Record
from regime_lib.companion.claims.sweep_tables import VerdictShare
from regime_lib.companion.publish.cards import SIGNS, SOURCE_MEANINGS, badge, paper_label, row


def tally(records: Iterable[Record]) -> dict[Verdict, int]:
    """Count the claims by verdict, in the order of `Verdict`, leaving out what does not occur."""
    counts = Counter(record.verdict for record in records)
    return {verdict: counts[verdict] for verdict in Verdict if counts[verdict]}


def scorecard(
    records: Sequence[Record],
    shares: Mapping[str, VerdictShare] | None = None,
    large: Mapping[str, Measurement] | None = None,
) -> str:
    """Return the whole scorecard as a MyST fragment: counts first, then one section a paper.

    Parameters
    ----------
    records : sequence of Record
        The ledger.
    shares : mapping of str to VerdictShare, optional
        How verdicts change over sweeps, by claim.
    large : mapping of str to Measurement, optional
        What runs at the paper's scale measured, by claim.
    """
    parts = [_raw(_overview(records)), _raw(_source_legend())]
    for paper in PAPERS.values():
        own = of_paper(records, paper)
        if own:
            parts += [f"({_anchor(paper)})=\n## {paper.name}", paper_claims(own, shares, large)]
    return "\n\n".join(parts) + "\n"


def paper_claims(
    records: Sequence[Record],
    shares: Mapping[str, VerdictShare] | None = None,
    large: Mapping[str, Measurement] | None = None,
) -> str:
    """Return some claims as a MyST fragment: a list that stacks on a narrow screen."""
    if not records:
        return "No claim of this paper is on the list yet."
    rows = "\n".join(
        row(
            record,
            card_link(record),
            (shares or {}).get(record.claim.id),
            (large or {}).get(record.claim.id),
        )
        for record in records
    )
    return _raw(f'<ul class="rl-rows">\n{rows}\n</ul>')


def of_paper(records: Iterable[Record], paper: Paper) -> list[Record]:
    """Return the claims of one paper."""
    return [record for record in records if record.claim.paper == paper]


def card_link(record: Record) -> str | None:
    """Return the address of a claim's card, seen from a page in ``book/``."""
    if record.measurement is None:
        return None
    return f"../notebooks/{record.claim.chapter}.html#claim-{record.claim.id}"


def chapters_fragment(
    entries: Sequence[Entry],
    records: Sequence[Record],
    large: Mapping[str, Measurement] | None = None,
) -> str:
    """Return the table of chapters for the book; `large` as for `scorecard`."""
    lines = ["| Chapter | Claims | Verdicts |", "| --- | --- | --- |"]
    for entry in entries:
        own = [record for record in records if record.claim.chapter == entry.name]
        badges = " ".join(badge(verdict, count) for verdict, count in tally(own).items())
        if long := _tally_at_scale(own, large):
            counts = " ".join(badge(verdict, count) for verdict, count in long.items())
            badges += f"<br>at the paper’s scale: {counts}"
        lines.append(
            f"| {{doc}}`{entry.title} </notebooks/{entry.name}>` | {len(own)} | {badges} |"
        )
    return "\n".join(lines) + "\n"


def readme_table(
    entries: Sequence[Entry],
    records: Sequence[Record],
    seconds: Mapping[str, float],
    large: Mapping[str, Measurement] | None = None,
) -> str:
    """Return the README's table of chapters: claims, verdicts and minutes on one machine.

    Parameters
    ----------
    entries : sequence of Entry
        The chapters.
    records : sequence of Record
        The ledger.
    seconds : mapping of str to float
        How long each chapter took, from its footer.
    large : mapping of str to Measurement, optional
        What runs at the paper's scale measured, by claim.
    """
    lines = ["| chapter | claims | verdicts | minutes |", "| --- | --- | --- | --- |"]
    for entry in entries:
        own = [record for record in records if record.claim.chapter == entry.name]
        verdicts = _counted(tally(own))
        if long := _tally_at_scale(own, large):
            verdicts += f"; at the paper's scale {_counted(long)}"
        minutes = _minutes(seconds.get(entry.name))
        link = f"[{entry.title}](notebooks/{entry.name}.ipynb)"
        lines.append(f"| {link} | {len(own)} | {verdicts} | {minutes} |")
    return "\n".join(lines)


def _counted(counts: Mapping[Verdict, int]) -> str:
    return ", ".join(f"{SIGNS[verdict]} {count} {verdict}" for verdict, count in counts.items())


def _tally_at_scale(
    records: Iterable[Record], large: Mapping[str, Measurement] | None
) -> dict[Verdict, int]:
    """Count claims by the verdict of their long run; nothing where there is none."""
    verdicts = [found.verdict for r in records if (found := (large or {}).get(r.claim.id))]
    return {verdict: verdicts.count(verdict) for verdict in Verdict if verdict in verdicts}


def _overview(records: Sequence[Record]) -> str:
    """Return the counts of each paper, each leading to its section."""
    items = []
    for paper in PAPERS.values():
        own = of_paper(records, paper)
        if own:
            badges = " ".join(badge(verdict, count) for verdict, count in tally(own).items())
            items.append(
                f'<li><a href="#{_anchor(paper)}">{html.escape(paper_label(paper))}</a> '
                f'<span class="rl-count">{_claims(len(own))}</span> {badges}</li>'
            )
    return '<ul class="rl-tally">\n' + "\n".join(items) + "\n</ul>"


def _source_legend() -> str:
    meanings = (meaning.split(": ", 1) for meaning in SOURCE_MEANINGS.values())
    items = "".join(f"<div><dt>{label}</dt><dd>{text}</dd></div>" for label, text in meanings)
    return f'<dl class="rl-facts rl-sources simple">{items}</dl>'


def _anchor(paper: Paper) -> str:
    return f"scorecard-{paper.key}"


def _claims(count: int) -> str:
    return "1 claim" if count == 1 else f"{count} claims"


def _minutes(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    return "< 1" if seconds < 60 else f"{seconds / 60:.0f}"


def _raw(markup: str) -> str:
    return f"```{{raw}} html\n{markup}\n```"
