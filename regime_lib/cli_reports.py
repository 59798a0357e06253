"""What the command prints of parameters, claims and runs, as JSON and as lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from regime_lib.companion.book.catalogue import list_chapters
from regime_lib.companion.book.parameters import Parameter
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import Verdict
from regime_lib.companion.claims.ledger import Measurement, Record
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


def record_json(
    project: Project, record: Record, large: Measurement | None = None
) -> dict[str, Any]:
    """Return a claim with its measurement as JSON holds it; numbers are null where not tested.

    `large` is what a run at the paper's scale measured.
    """
    claim, measurement = record.claim, record.measurement
    numbers = {key: getattr(measurement, key, None) for key in ("value", "low", "high", "n")}
    return {
        "id": claim.id,
        "paper": claim.paper.key,
        "where": claim.where,
        "chapter": claim.chapter,
        "statement": claim.statement,
        "source": str(claim.source),
        "quantity": claim.quantity,
        "unit": claim.unit,
        "criterion": claim.criterion.as_dict(),
        **numbers,
        "verdict": str(record.verdict),
        "notebook": project.show(record.notebook) if record.notebook else None,
        "paper_scale": large.as_dict() if large else None,
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


def counted(verdicts: Mapping[Verdict, int], total: int) -> str:
    """Return how many claims there are, and how many of each verdict."""
    parts = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items())
    claims = "1 claim" if total == 1 else f"{total} claims"
    return f"{claims}: {parts}" if parts else claims
