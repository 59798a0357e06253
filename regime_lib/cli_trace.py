"""The command `regime report`, and what `regime compare` says of tracked runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from regime_lib.errors import RegimeError
from regime_lib.storage import require_writable, write_text


def compare_traces(runs: Sequence[str], output: Path | None, as_json: bool) -> None:
    """Print when patterns and weights settle in tracked runs, by every definition."""
    from regime_lib.instrument.report.page import page, verdict
    from regime_lib.instrument.settling.definitions import DEFINITIONS
    from regime_lib.instrument.tracking.trace import Trace

    for run in runs:
        if not Path(run).is_dir():
            raise RegimeError(f"{run} is no tracked run: pass folders that trace.save() was given")
    names = [Path(run).name for run in runs]
    if len(set(names)) < len(names):
        names = list(runs)
    traces = {name: Trace.load(run) for name, run in zip(names, runs, strict=True)}
    if output is not None:
        require_writable(output.parent, "nothing was compared")
    found = {
        definition: {name: str(verdict(trace, definition)) for name, trace in traces.items()}
        for definition in DEFINITIONS
    }
    if output is not None:
        write_text(output, page(traces))
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    for definition, said in found.items():
        click.secho(definition, bold=True)
        for name, text in said.items():
            click.echo(f"  {name}: {text}")


@click.command("report")
@click.argument("run", type=click.Path(file_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="The page [default: RUN.html beside the folder].")  # fmt: skip
def report_command(run: Path, output: Path | None) -> None:
    """Write a page on a tracked run: RUN is a folder that `trace.save` wrote."""
    from regime_lib.instrument.tracking.trace import Trace

    trace, file = Trace.load(run), output or run.resolve().with_suffix(".html")
    require_writable(file.parent, "nothing was written")
    click.echo(f"{trace.report(file, run.resolve().name)}")
