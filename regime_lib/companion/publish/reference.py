"""Accepting results: committed chapters, reference numbers, the README's table and picture."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regime_lib.companion.book.catalogue import Entry, list_chapters
from regime_lib.companion.book.notebooks import read_notebook
from regime_lib.companion.book.project import Project, reading_committed
from regime_lib.companion.claims.claims import Verdict
from regime_lib.companion.claims.ledger import Measurement, measurements_in, rounded
from regime_lib.companion.publish.checks import problems_of
from regime_lib.companion.publish.findings import read_findings
from regime_lib.companion.publish.generated_pages import HERO, find_figure
from regime_lib.companion.publish.scorecard import readme_table
from regime_lib.companion.running.execution import RunPlan, plan_run
from regime_lib.companion.running.keys import stored_key
from regime_lib.companion.running.provenance import seconds_in
from regime_lib.errors import RegimeError
from regime_lib.storage import all_or_nothing, read_json

BEGIN, END = "<!-- chapters:begin -->", "<!-- chapters:end -->"

# Numbers are kept to six digits; the last of them may differ on another machine.
_ROUNDING = 1e-5
# An identity that was checked leaves what rounding leaves, which differs between processors.
_NOISE = 1e-6


def accept(project: Project) -> tuple[str, ...]:
    """Commit to the results of the last run: chapters, numbers, the README's table and picture.

    Nothing is written unless every chapter is up to date with its default parameters and fit to
    publish. Returns the names of the accepted chapters.
    """
    entries = list_chapters(project)
    plans = [_publishable(project, entry) for entry in entries]
    readme = project.root / "README.md"
    head, tail = _around_table(readme)
    table = readme_table(entries, read_findings(project), run_seconds(project, entries))
    reference = {plan.entry.name: _numbers(plan.target) for plan in plans}
    _, landing = find_figure(project, HERO)
    texts = {
        project.reference_file: json.dumps(reference, indent=2, sort_keys=True) + "\n",
        readme: f"{head}{BEGIN}\n{table}\n{END}{tail}",
    }
    with all_or_nothing() as beside:
        for plan in plans:
            beside(plan.entry.path).write_bytes(plan.target.read_bytes())
        for path, text in texts.items():
            beside(path).write_text(text, encoding="utf-8")
        for theme in ("light", "dark"):
            place = beside(project.pages / "_static" / f"hero-{theme}.png")
            place.write_bytes(landing.picture(f"{theme}-wide"))
    return tuple(reference)


@dataclass(frozen=True)
class Comparison:
    """How the last run compares with the accepted numbers."""

    compared: int  # how many claims
    problems: tuple[str, ...]  # one sentence per claim that differs, is missing or is new


def compare_with_reference(project: Project) -> Comparison:
    """Compare the numbers of the last run with the accepted ones, within their tolerances.

    Only chapters that were run with their default parameters are compared.
    """
    if not project.reference_file.is_file():
        return Comparison(0, ("there is no notebooks/reference.json; run: regime accept",))
    with reading_committed(project.reference_file, "regime accept"):
        reference = read_json(project.reference_file, dict)
    compared, problems = 0, []
    for entry in list_chapters(project):
        path = project.executed / f"{entry.name}.ipynb"
        defaults = {parameter.name: parameter.default for parameter in entry.parameters}
        stored = stored_key(path)
        if stored is None or stored.get("parameters") != defaults:
            continue
        found = measurements_in(read_notebook(path), project.show(path))
        accepted = reference.get(entry.name, {})
        for claim in sorted(found.keys() | accepted.keys()):
            compared += 1
            if problem := _difference(accepted.get(claim), found.get(claim)):
                problems.append(f"{entry.name}, {claim}: {problem}")
    return Comparison(compared, tuple(problems))


def run_seconds(project: Project, entries: tuple[Entry, ...]) -> dict[str, float]:
    """Return how long each chapter's last run took, as its footer says."""
    executed = {entry.name: read_notebook(project.executed / entry.path.name) for entry in entries}
    return {name: seconds for name, node in executed.items() for seconds in seconds_in(node)}


def _publishable(project: Project, entry: Entry) -> RunPlan:
    plan = plan_run(project, entry)
    if plan.stale:
        raise RegimeError(
            f"chapter {entry.name} is not up to date ({plan.reasons[0]}); "
            f"first run: regime run {entry.name}"
        )
    if problems := problems_of(read_notebook(plan.target)):
        raise RegimeError(f"chapter {entry.name} is not fit to publish: {problems[0]}")
    return plan


def _around_table(readme: Path) -> tuple[str, str]:
    """Return what stands before and after the table of chapters."""
    with reading_committed(readme):
        text = readme.read_text(encoding="utf-8")
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise RegimeError(f"README.md has no lines {BEGIN} and {END} to hold the table of chapters")
    return head, tail


def _numbers(path: Path) -> dict[str, dict[str, Any]]:
    """Return the numbers to accept, each with its distance to the farther end of its interval."""
    numbers = {}
    for claim, found in measurements_in(read_notebook(path), path.name).items():
        value, low, high = found.value, found.low, found.high
        tolerance = 0.0
        if value is not None and low is not None and high is not None:
            tolerance = rounded(max(value - low, high - value))
        told = {"value": value, "unit": found.unit, "verdict": str(found.verdict)}
        numbers[claim] = {**told, "tolerance": tolerance}
    return numbers


def _difference(accepted: dict[str, Any] | None, found: Measurement | None) -> str:
    """Say how a measurement differs from the accepted one; empty where it does not."""
    if accepted is None:
        return "is measured but was never accepted; look at it, then run: regime accept"
    if found is None:
        return "was accepted but is no longer measured"
    if found.unit != accepted["unit"]:
        return f"is in '{found.unit}', accepted in '{accepted['unit']}'"
    if found.value is None or accepted["value"] is None:
        return "" if found.value == accepted["value"] else "has a number in one of the runs only"
    checked = accepted["verdict"] == found.verdict == Verdict.CHECKED
    if checked and max(abs(found.value), abs(accepted["value"])) < _NOISE:
        return ""
    slack = accepted["tolerance"] + _ROUNDING * abs(accepted["value"])
    if not math.isclose(found.value, accepted["value"], rel_tol=0, abs_tol=slack):
        return f"is {found.value:g}, accepted {accepted['value']:g} ± {accepted['tolerance']:g}"
    if found.verdict != accepted["verdict"]:
        return f"is {found.verdict}, accepted as {accepted['verdict']}"
    return ""
