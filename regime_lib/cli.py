"""The `regime` command: list and run chapters, read the claim ledger, build and accept the book."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regime_lib import cli_reports as reports
from regime_lib.cli_cache import cache_command, keep_below
from regime_lib.cli_claims import claims_command
from regime_lib.cli_compare import compare_command, receipts_command
from regime_lib.cli_doctor import doctor_command
from regime_lib.cli_epub import epub_command
from regime_lib.cli_evidence import evidence_command, the_chapter
from regime_lib.cli_firm import firm_command
from regime_lib.cli_live import live_command
from regime_lib.cli_options import JOBS, SCHEDULER
from regime_lib.cli_pdf import pdf_command
from regime_lib.cli_teach import teach_command
from regime_lib.cli_trace import report_command
from regime_lib.companion.book.catalogue import find_chapters, list_chapters
from regime_lib.companion.book.project import BuildFailed, find_project
from regime_lib.companion.claims.sweep_tables import publish_sweep
from regime_lib.companion.publish.findings import read_findings
from regime_lib.companion.publish.reference import accept
from regime_lib.companion.publish.site import build_book
from regime_lib.companion.running.execution import RunPlan, execute, plan_run
from regime_lib.companion.running.sweep_chapter import chapter_function, check_points, dependencies
from regime_lib.companion.teaching.package import offer_course
from regime_lib.errors import RegimeError
from regime_lib.storage import Damaged, Unwritten, unwritten

if TYPE_CHECKING:
    from regime_lib.sweeps.store import Status

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON to standard output.")
_GIVEN = click.option("-p", "--parameter", "given", type=(str, str), multiple=True,
                      metavar="NAME VALUE", help="Set a parameter; repeat for more.")  # fmt: skip
_PROFILE = click.option("--profile", help="quick (minutes) or paper (full scale).")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def regime() -> None:
    """Run the chapters of Regimes of Learning, read its claims, build the book."""


regime.add_command(cache_command)
regime.add_command(claims_command)
regime.add_command(compare_command)
regime.add_command(receipts_command)
regime.add_command(doctor_command)
regime.add_command(evidence_command)
regime.add_command(firm_command)
regime.add_command(live_command)
regime.add_command(pdf_command)
regime.add_command(epub_command)
regime.add_command(teach_command)
regime.add_command(report_command)


@regime.command("list")
@_JSON
def list_command(as_json: bool) -> None:
    """List the chapters with their parameters, claims and verdicts."""
    project = find_project()
    findings = read_findings(project)
    listing = []
    for entry in list_chapters(project):
        own = [record for record in findings.records if record.claim.chapter == entry.name]
        counts = findings.count(own)
        parameters = [reports.parameter_json(parameter) for parameter in entry.parameters]
        listing.append({"chapter": entry.name, "title": entry.title, "parameters": parameters,
                        "claims": counts.total, "verdicts": counts.verdicts})  # fmt: skip
        if not as_json:
            click.secho(f"{entry.name}  {entry.title}", bold=True)
            click.echo(f"  {reports.counted(counts)}")
            for parameter in entry.parameters:
                click.echo(f"  {reports.parameter_line(parameter)}")
    if as_json:
        _print_json(listing)


@regime.command("run")
@click.argument("chapters", nargs=-1, required=True, metavar="CHAPTER...|all")
@_GIVEN
@_PROFILE
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path),
              help="Where executed notebooks go [default: _build/notebooks].")  # fmt: skip
@JOBS
@click.option("--why", is_flag=True, help="Say why each chapter would run; run nothing.")
@_JSON
def run_command(
    chapters: tuple[str, ...],
    given: tuple[tuple[str, str], ...],
    profile: str | None,
    output: Path | None,
    jobs: int | None,
    why: bool,
    as_json: bool,
) -> None:
    """Run chapters where anything they depend on has changed.

    CHAPTER is a number (20), a name (20_tracking_mlp), a slug (tracking_mlp), a path, or all.
    """
    project = find_project()
    parameters = _collect(given, profile)
    plans = [
        plan_run(project, entry, parameters, output) for entry in find_chapters(project, chapters)
    ]
    if why:
        _explain(plans, as_json)
        return
    runs = execute(project, plans, jobs)
    keep_below()
    if as_json:
        _print_json([reports.run_json(project, run) for run in runs])
    for run in runs:
        if run.status == "failed":
            click.echo(f"regime: {run.error}", err=True)
        elif not as_json:
            seconds = f" in {run.seconds:.0f} s" if run.status == "ran" else ""
            path = project.show(run.plan.target)
            click.echo(f"{run.plan.entry.name}: {run.status}{seconds}, {path}")
    if any(run.status == "failed" for run in runs):
        raise click.exceptions.Exit(1)


@regime.command("sweep")
@click.argument("chapter", required=False)
@click.option("-g", "--grid", metavar="TEXT",
              help='Settings, such as "lr_sgd=logspace(-3,-1,5) seed=range(10)".')  # fmt: skip
@_GIVEN
@_PROFILE
@click.option("-o", "--output", metavar="DIR",
              help="A folder or an fsspec address [default: _build/sweeps/CHAPTER].")  # fmt: skip
@JOBS
@click.option("--time-limit", type=float, metavar="SECONDS",
              help="End a point that takes longer; it counts as failed.")  # fmt: skip
@SCHEDULER
@click.option("--status", metavar="DIR", help="Say how far the sweep in a folder has come.")
@click.option("--publish", is_flag=True, help="Show this sweep on the book's scorecard.")
@_JSON
def sweep_command(
    chapter: str | None,
    grid: str | None,
    given: tuple[tuple[str, str], ...],
    profile: str | None,
    output: str | None,
    jobs: int | None,
    time_limit: float | None,
    scheduler: str | None,
    status: str | None,
    publish: bool,
    as_json: bool,
) -> None:
    """Run a chapter's measurements over a grid of settings; what is finished is never redone.

    Interrupt it, repeat it: only what is missing or failed is computed. The table of all results
    lies in DIR/table.parquet.
    """
    from regime_lib import sweeps

    if status is not None:
        if chapter or grid:
            raise click.UsageError("--status takes a folder only; leave out chapter and --grid")
        found = sweeps.Store(status).status()
        if as_json:
            _print_json(_status_json(found))
        else:
            click.echo(f"{status}: {found}")
            _tell_failures(found)
        return
    if chapter is None or grid is None:
        raise click.UsageError("a sweep needs a chapter and --grid; or --status DIR")
    if scheduler and (jobs or time_limit is not None):
        raise click.UsageError(
            "-j and --time-limit are for this machine, --scheduler for a cluster; give one"
        )
    project = find_project()
    entry = the_chapter(project, chapter)
    shared = _collect(given, profile)
    points = check_points(entry, shared, sweeps.parse_grid(grid))
    place = output or str(project.build / "sweeps" / entry.name)
    run = chapter_function(project, entry.name, shared)
    depends = dependencies(project, entry, shared, points)
    with sweeps.machines(scheduler, jobs) as where:
        done = sweeps.sweep(
            run, points, into=place, depends=depends, time_limit=time_limit, **where
        )
    if publish:
        publish_sweep(project, entry.name, done.table, done.manifest)
    if as_json:
        _print_json({"place": place, "computed": done.computed, **_status_json(done.status)})
    else:
        click.echo(f"{entry.name}: {done.status} ({done.computed} computed now), {place}")
        _tell_failures(done.status)
    if done.status.failed or done.status.missing:
        raise click.exceptions.Exit(1)


@regime.command("book")
@JOBS
@click.option("--committed", is_flag=True,
              help="Show committed outputs where nothing has changed since.")  # fmt: skip
def book_command(jobs: int | None, committed: bool) -> None:
    """Run the chapters that are stale and render the book to _build/html."""
    project = find_project()
    book = build_book(project, jobs, committed=committed)
    offer_course(project, book.html)
    without = "" if book.live else ", without live cells (regime live says why)"
    click.echo(f"{project.show(book.html)}/index.html: {book.status}{without}")


@regime.command("accept")
def accept_command() -> None:
    """Commit to the last run: chapters, reference numbers and the README's table."""
    project = find_project()
    names = accept(project)
    click.echo(f"accepted {', '.join(names)}: notebooks/, reference.json and README.md are written")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0, or 1 if the work failed, or 2 if the arguments were wrong."""
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    """Run the command; tell every mistake in one sentence, without a traceback."""
    try:
        code = regime.main(arguments, prog_name="regime", standalone_mode=False)
        sys.stdout.flush()  # a full disk is told here, not after the end
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        words = " ".join(error.format_message().split())  # some list choices on lines of their own
        click.echo(f"regime: {words} (see regime --help)", err=True)
        return error.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("regime: interrupted; nothing half-written is left", err=True)
        return 130
    except (BuildFailed, Damaged, Unwritten) as error:
        click.echo(f"regime: {error}", err=True)
        return 1
    except RegimeError as error:
        click.echo(f"regime: {error}", err=True)
        return 2
    except BrokenPipeError:  # the reader of a pipe had enough, as in `regime claims | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        click.echo(f"regime: {unwritten(error, None, 'nothing half-written is left')}", err=True)
        return 1


def _collect(given: Sequence[tuple[str, str]], profile: str | None) -> dict[str, str]:
    """Gather what ``-p`` and ``--profile`` set, each name once."""
    settings: dict[str, str] = {}
    for name, value in (*given, *([("profile", profile)] if profile else [])):
        if settings.get(name, value) != value:
            raise RegimeError(f"parameter '{name}' is set twice, to {settings[name]} and {value}")
        settings[name] = value
    return settings


def _explain(plans: Sequence[RunPlan], as_json: bool) -> None:
    if as_json:
        _print_json(
            [{"chapter": p.entry.name, "stale": p.stale, "reasons": list(p.reasons)} for p in plans]
        )
        return
    for plan in plans:
        click.echo(f"{plan.entry.name}: {'; '.join(plan.reasons) or 'up to date'}")


def _status_json(status: Status) -> dict[str, Any]:
    return {
        "done": status.done,
        "failed": status.failed,
        "missing": status.missing,
        "errors": [{"point": point, "error": error} for point, error in status.errors],
    }


def _tell_failures(status: Status) -> None:
    for point, error in status.errors:
        words = " ".join(f"{name}={value}" for name, value in point.items())
        click.echo(f"regime: {words}: {error}", err=True)


def _print_json(content: object) -> None:
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))
