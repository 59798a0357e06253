"""The command `regime doctor`: what is wrong with an environment, and what to do about it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from regime_lib.companion.book.project import find_project
from regime_lib.companion.running.doctor import Finding, State, examine
from regime_lib.errors import RegimeError

_COLOURS = {State.FINE: "green", State.MIND: "yellow", State.WRONG: "red"}


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print JSON to standard output.")
def doctor_command(as_json: bool) -> None:
    """Say what is wrong with this environment, a line for each thing, with its remedy.

    "mind" is for what runs, but not as it does elsewhere; "wrong" for what will not run. Exits
    with 1 if something is wrong.
    """
    findings = _findings()
    wrong = any(finding.state is State.WRONG for finding in findings)
    if as_json:
        report = {"wrong": wrong, "findings": [finding.as_dict() for finding in findings]}
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        width = max(len(finding.topic) for finding in findings)
        for finding in findings:
            state = click.style(f"{finding.state:5}", fg=_COLOURS[finding.state])
            click.echo(f"{state}  {finding.topic:{width}}  {finding.says}")
    if wrong:
        raise click.exceptions.Exit(1)


def _findings() -> list[Finding]:
    try:
        project = find_project()
    except RegimeError as error:  # what follows would be about no project
        return [Finding("project", State.WRONG, f"{str(error)[0].upper()}{str(error)[1:]}.")]
    cache = cache_folder()
    return examine(project, {"cache": cache} if cache else {})


def cache_folder() -> Path | None:
    """Return the folder of data sets and checkpoints; None if what finds it is not installed."""
    try:
        from regime_lib.lab.data.files import cache_root

        return cache_root()
    except (ModuleNotFoundError, RegimeError):  # `examine` says which package is missing
        return None
