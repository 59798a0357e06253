"""Verdict cards and badges as HTML: the verdict by word and sign, never by colour alone."""

from __future__ import annotations

import html
import re

from regime_lib.companion.claims.claims import Claim, Criterion, Paper, Source, Verdict
from regime_lib.companion.claims.criteria import in_words
from regime_lib.companion.claims.ledger import Measurement, Record
from regime_lib.companion.claims.sweep_tables import VerdictShare

#: The sign that stands beside the word of each verdict.
SIGNS = {
    Verdict.REPRODUCED: "✓",
    Verdict.PARTLY: "◐",
    Verdict.NOT_REPRODUCED: "✗",
    Verdict.NOT_TESTED: "○",
}

#: What the three labels of a claim's source mean, shown when one points at them.
SOURCE_MEANINGS = {
    Source.FOUND: "found: we read this statement in a source that our notes name",
    Source.KNOWN: "known: stated from memory of the paper, not re-read in it",
    Source.RECONSTRUCTED: "reconstructed: our own derivation of what the paper must mean",
}


def prose(text: str) -> str:
    """Escape plain text for HTML, showing `code` between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def badge(verdict: Verdict, count: int | None = None) -> str:
    """Return the badge of a verdict, after the number of claims that have it if one is given."""
    number = "" if count is None else f"{count} "
    return (
        f'<span class="rl-badge rl-{slug(verdict)}">'
        f'<span class="rl-sign" aria-hidden="true">{SIGNS[verdict]}</span> {number}{verdict}</span>'
    )


def slug(verdict: Verdict) -> str:
    """Return the verdict as part of a CSS class: ``not-reproduced``."""
    return verdict.replace(" ", "-")


def source_label(source: Source) -> str:
    """Return the label of a claim's source, explained by its title."""
    return f'<abbr class="rl-source" title="{SOURCE_MEANINGS[source]}">{source}</abbr>'


def measured(measurement: Measurement) -> str:
    """Return the measured value with its unit, its interval and how that was made."""
    if measurement.value is None:
        return f'<span class="rl-number">no number</span> {_origin(measurement)}'.strip()
    unit = "" if measurement.unit == "1" else f" {html.escape(measurement.unit)}"
    parts = [f'<span class="rl-number">{number(measurement.value)}{unit}</span>']
    if measurement.low is not None and measurement.high is not None:
        ends = f"[{number(measurement.low)}, {number(measurement.high)}]"
        parts.append(f'<span class="rl-interval">{ends}</span>')
    if measurement.n is not None:
        parts.append(f'<span class="rl-runs">n = {measurement.n}</span>')
    if measurement.origin:
        parts.append(_origin(measurement))
    return " ".join(parts)


def _origin(measurement: Measurement) -> str:
    origin = html.escape(measurement.origin)
    return f'<span class="rl-runs">({origin})</span>' if origin else ""


def number(value: float) -> str:
    """Write a number for a reader: four significant digits, a true minus, powers of ten."""
    mantissa, _, exponent = f"{value:.4g}".partition("e")
    if exponent and abs(value) >= 1:
        mantissa, exponent = f"{float(f'{value:.4g}'):.0f}", ""
    if exponent:
        mantissa += f"\u2009×\u200910<sup>{int(exponent)}</sup>"
    return mantissa.replace("-", "−")


def criterion_sentence(criterion: Criterion) -> str:
    """Say in one sentence when the claim counts as reproduced or partly so."""
    text = f"Reproduced if {in_words(criterion.reproduced)}"
    if criterion.partly:
        text += f"; partly if {in_words(criterion.partly)}"
    return f"{text}."


def paper_label(paper: Paper) -> str:
    """Name a paper for a card."""
    return f"{paper.name} (arXiv {paper.arxiv})"


def card(claim: Claim, measurement: Measurement) -> str:
    """Return the verdict card that a chapter shows where it measures a claim."""
    facts = [
        ("Measured", measured(measurement)),
        ("Quantity", prose(claim.quantity)),
        ("Criterion", html.escape(criterion_sentence(claim.criterion))),
        ("Claimed in", f"{paper_label(claim.paper)}, {prose(claim.where)}"),
        ("Source", source_label(claim.source)),
    ]
    rows = "".join(f"<div><dt>{name}</dt><dd>{fact}</dd></div>" for name, fact in facts)
    verdict = measurement.verdict
    return (
        f'<div class="rl-card rl-{slug(verdict)}" id="claim-{claim.id}">'
        f'<p class="rl-head">{badge(verdict)} <span class="rl-id">{claim.id}</span></p>'
        f'<p class="rl-statement">{prose(claim.statement)}</p>'
        f'<dl class="rl-facts simple">{rows}</dl></div>'
    )


def share_line(share: VerdictShare) -> str:
    """Say how a verdict changes over the settings of a sweep, as a bar and in words."""
    parts = "".join(
        f'<span class="rl-{slug(verdict)}" style="flex-grow:{count}"></span>'
        for verdict, count in share.verdicts.items()
    )
    counts = ", ".join(
        f"{SIGNS[verdict]} {count} {verdict}" for verdict, count in share.verdicts.items()
    )
    varied = ", ".join(f"<code>{html.escape(name)}</code>" for name in share.parameters)
    over = f" over {varied}" if varied else ""
    return (
        f'<div class="rl-share"><span class="rl-bar" aria-hidden="true">{parts}</span>'
        f"<span>In a sweep of {share.points} settings{over}: {counts}</span></div>"
    )


def paper_scale_line(measurement: Measurement) -> str:
    """Say what a long run at the paper's scale measured."""
    return (
        f'<p class="rl-result">At the paper’s scale: {badge(measurement.verdict)} '
        f"{measured(measurement)}</p>"
    )


def row(
    record: Record,
    link: str | None,
    share: VerdictShare | None = None,
    large: Measurement | None = None,
) -> str:
    """Return a claim as one entry of a scorecard.

    Parameters
    ----------
    record : Record
        The claim with what was measured.
    link : str or None
        Address of its card; None where no chapter shows one.
    share : VerdictShare, optional
        How the verdict changes over a sweep.
    large : Measurement, optional
        What a run at the paper's scale measured.
    """
    claim, verdict = record.claim, record.verdict
    name = f'<a href="{html.escape(link)}">{claim.id}</a>' if link else claim.id
    numbers = measured(record.measurement) if record.measurement else ""
    result = f'<p class="rl-result">{numbers}</p>' if numbers else ""
    result += paper_scale_line(large) if large else ""
    result += share_line(share) if share else ""
    return (
        f'<li class="rl-row rl-{slug(verdict)}">'
        f'<p class="rl-head">{badge(verdict)} <span class="rl-id">{name}</span></p>'
        f'<p class="rl-statement">{prose(claim.statement)}</p>'
        f'{result}<p class="rl-origin">{prose(claim.where)} · {source_label(claim.source)}</p></li>'
    )
