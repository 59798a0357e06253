"""What the command prints of parameters, claims and runs, as JSON and as lines."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from regime_lib.companion.book.catalogue import list_chapters
from regime_lib.companion.book.parameters import Parameter
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import Claim
from regime_lib.companion.claims.ledger import Record
from regime_lib.companion.publish.findings import Counts, Findings
from regime_lib.companion.running.execution import ChapterRun
from regime_lib.companion.running.keys import stored_key


def parameter_json(parameter: Parameter) -> dict[str, Any]:
    """Return a declared parameter as JSON holds it."""
    return {
        "name": parameter.name,
        "type": parameter.type_name,
        "default": parameter.default,
        "help": parameter.help,
        "unit": parameter.unit,
        "range": parameter.range_text,
    }


def parameter_line(parameter: Parameter) -> str:
    """Return a declared parameter as one line, in the form in which it can be set."""
    limits = ", ".join(filter(None, (parameter.unit, parameter.range_text)))
    bracket = f" [{limits}]" if limits else ""
    head = f"-p {parameter.name}: {parameter.type_name} = {parameter.default!r}"
    return f"{head}  {parameter.help}{bracket}"


def record_json(project: Project, findings: Findings, record: Record) -> dict[str, Any]:
    """Return a claim with its measurement as JSON holds it; numbers are null where not tested."""
    claim, measured = record.claim, record.measurement
    names = ("value", "low", "high", "n", "method", "over")
    large = findings.large.get(claim.id)
    return {
        "id": claim.id,
        "paper": claim.paper.key,
        "where": claim.where,
        "chapter": claim.chapter,
        "statement": claim.statement,
        "kind": str(claim.kind),
        "source": str(claim.source),
        "definition": str(claim.definition),
        "derivation": claim.derivation,
        "quantity": claim.quantity,
        "unit": claim.unit,
        "varied": claim.varied or None,
        "held": claim.held or None,
        "no_effect": claim.no_effect,
        "criterion": claim.criterion.as_dict(),
        "changed": [dataclasses.asdict(change) for change in claim.changed],
        **{name: getattr(measured, name, None) for name in names},
        "verdict": str(record.verdict),
        "firmness": _firmness_json(claim, findings),
        "could_be_chance": findings.chance(record),
        "notebook": project.show(record.notebook) if record.notebook else None,
        "paper_scale": large.as_dict() if large else None,
    }


def _firmness_json(claim: Claim, findings: Findings) -> dict[str, Any] | None:
    """Return how fresh blocks of seeds judge a claim; null if no seed could turn it."""
    if not claim.drawn:
        return None
    found = findings.firmness.get(claim.id)
    return {
        "blocks": found.blocks if found else 0,
        "same": found.same if found else 0,
        "distribution": {str(one): n for one, n in found.verdicts.items()} if found else {},
        "block": found.block if found else None,
        "firm": findings.firm(claim),
        "without_a_seed": {str(one): n for one, n in found.without.items()} if found else {},
        "not_repeated": claim.not_repeated or None,
    }


def origins(project: Project, records: Sequence[Record]) -> list[str]:
    """Say in which notebooks the numbers lie, and which parameters were not their defaults."""
    lines = []
    for entry in list_chapters(project):
        paths = {record.notebook for record in records if record.claim.chapter == entry.name}
        for path in filter(None, paths):
            key = stored_key(path)
            values = key["parameters"] if key else {}
            changed = [
                f"{parameter.name} = {values[parameter.name]}"
                for parameter in entry.parameters
                if values.get(parameter.name, parameter.default) != parameter.default
            ]
            settings = f", run with {', '.join(changed)}" if changed else ""
            lines.append(f"Measured in {project.show(path)}{settings}")
    return lines


def run_json(project: Project, run: ChapterRun) -> dict[str, Any]:
    """Return how a run ended as JSON holds it."""
    return {
        "chapter": run.plan.entry.name,
        "status": run.status,
        "path": project.show(run.plan.target) if run.status != "failed" else None,
        "seconds": round(run.seconds, 1),
        "key": run.plan.key.digest,
        "parameters": run.plan.key.parameters,
        "reasons": list(run.plan.reasons),
        "error": run.error or None,
    }


def counted(counts: Counts) -> str:
    """Return how many claims there are, how many of each verdict, and which of these are shaky."""
    parts = []
    for verdict, count in counts.verdicts.items():
        shaky = counts.shaky.get(verdict)
        parts.append(f"{count} {verdict}" + (f" ({shaky} not firm)" if shaky else ""))
    claims = "1 claim" if counts.total == 1 else f"{counts.total} claims"
    return f"{claims}: {', '.join(parts)}" if parts else claims
