"""The command `regime claims`: what the papers say, what was measured, and what qualifies it."""

from __future__ import annotations

import json
from collections.abc import Iterable

import click

from regime_lib import cli_reports as reports
from regime_lib.companion.book.project import find_project
from regime_lib.companion.claims.claims import PAPERS, THIS_BOOK, Kind, Verdict
from regime_lib.companion.claims.ledger import Record
from regime_lib.companion.publish.findings import (
    Findings,
    by_group,
    of_paper,
    read_findings,
)
from regime_lib.companion.publish.markup import SIGNS
from regime_lib.companion.publish.scorecard import chance_sentence, firm_sentence, sentences
from regime_lib.companion.publish.statement_pages import Judged, read_judged, statement_json

_COLOURS = {
    Verdict.REPRODUCED: "green",
    Verdict.CHECKED: "green",
    Verdict.MORE: "cyan",
    Verdict.PARTLY: "yellow",
    Verdict.UNDETERMINED: "yellow",
    Verdict.NOT_REPRODUCED: "red",
    Verdict.FAILED: "red",
    Verdict.NOT_TESTED: None,
}


@click.command("claims")
@click.option("--statements", is_flag=True,
              help="Print the papers' statements instead, each with its claims.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON to standard output.")
def claims_command(statements: bool, as_json: bool) -> None:
    """Print every claim with what was measured and its verdict.

    The papers' own empirical claims are counted first; laws of solvable models, identities and our
    own questions are counted apart, and what this book asks on its own account is in none of these.
    """
    project = find_project()
    findings = read_findings(project)
    if statements:
        judged = read_judged(project, findings)
        if as_json:
            _print_json([statement_json(one) for one in judged])
        else:
            _tell_statements(judged)
        return
    if as_json:
        _print_json([reports.record_json(project, findings, one) for one in findings.records])
        return
    for group, records in by_group(findings.papers.records).items():
        click.secho(f"{group}, {reports.counted(findings.count(records))}", bold=True)
    click.echo(firm_sentence(findings.papers))
    click.echo(chance_sentence(findings.papers))
    if findings.ours.records:
        counts = reports.counted(findings.count(findings.ours.records))
        click.secho(f"{THIS_BOOK}’s own account, {counts}", bold=True)
        for sentence in sentences(findings.ours):
            click.echo(sentence)
    for paper in (*PAPERS.values(), THIS_BOOK):
        own = of_paper(findings.records, paper)
        if own:
            click.secho(f"\n{paper}", bold=True)
        for group, records in by_group(own).items():
            click.echo(f" {group}")
            for record in records:
                _tell(findings, record)
    click.echo()
    for line in reports.origins(project, findings.records):
        click.echo(line)


def _tell(findings: Findings, record: Record) -> None:
    """Print a claim: its verdict and number, what it says, and what qualifies the verdict."""
    claim, measured = record.claim, record.measurement
    note = findings.note(record)
    numbers = f", {measured.numbers}" if measured else ""
    click.echo(f"  {claim.id}: {_verdict(record.verdict, note)}{numbers}")
    definition = ", by our definition" if claim.by_our_definition else ""
    click.echo(f"      {claim.statement} ({claim.source}, {claim.kind}{definition})")
    firmness = findings.firmness.get(claim.id)
    if measured and claim.drawn:
        click.echo(f"      with other seeds: {firmness.sentence if firmness else 'not measured'}")
    if findings.chance(record):
        click.echo("      could be chance: not told apart from no effect")
    if (long := findings.large.get(claim.id)) is not None:
        click.echo(f"      at larger scale: {long.verdict}, {long.numbers}")


def _tell_statements(judged: Iterable[Judged]) -> None:
    every = list(judged)
    for paper in PAPERS.values():
        own = [one for one in every if one.statement.paper == paper]
        for kind in Kind:
            found = [one for one in own if one.statement.kind is kind]
            if found:
                click.secho(f"{paper}, {kind} statements: {len(found)}", bold=True)
            for one in found:
                statement = one.statement
                click.echo(f"  {statement.id}: {_verdict(one.verdict.verdict, one.note)}")
                click.echo(f"      {statement.statement} ({statement.source}, {statement.where})")
                because = f"not tested: {statement.untested_because}"
                click.echo(f"      {', '.join(statement.claims) or because}")


def _verdict(verdict: Verdict, note: str) -> str:
    words = f"{SIGNS[verdict]} {verdict}{', ' + note if note else ''}"
    return click.style(words, fg=_COLOURS[verdict])


def _print_json(content: object) -> None:
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))
