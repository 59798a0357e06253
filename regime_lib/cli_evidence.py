"""The command `regime evidence`: runs too long for a page, and the tables that are kept of them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import cast

import click

from regime_lib.cli_options import JOBS
from regime_lib.companion.book.catalogue import Entry, find_chapters
from regime_lib.companion.book.project import Project, find_project
from regime_lib.companion.publish.evidence import (
    folder_of,
    publish_evidence,
    published_evidence,
)
from regime_lib.companion.publish.paper_scale import (
    collect_paper_scale,
    has_paper_profile,
    pictures_of,
    publish_many,
)
from regime_lib.companion.running.execution import execute, plan_run
from regime_lib.companion.running.keys import digest_of, measurement_parts
from regime_lib.errors import RegimeError


@click.command("evidence")
@click.argument("chapter")
@click.option("-o", "--output", metavar="DIR",
              help="Where the runs are kept [default: _build/evidence/CHAPTER].")  # fmt: skip
@JOBS
@click.option("--collect", is_flag=True, help="Compute nothing; publish what is finished.")
@click.option("--figure", "figures", multiple=True, metavar="NAME",
              help="Keep a figure of the long run, too; repeat for more.")  # fmt: skip
@click.option("--late", multiple=True, metavar="PART",
              help="Of chapter 23: a part of the runs to the end of training, or all.")  # fmt: skip
@click.option("--networks", is_flag=True,
              help="Of chapter 61: its networks at one training loss.")  # fmt: skip
@click.option("--many", is_flag=True,
              help="Of chapters 60 and 61: many short runs of their cheap parts.")  # fmt: skip
def evidence_command(
    chapter: str,
    output: str | None,
    jobs: int | None,
    collect: bool,
    figures: tuple[str, ...],
    late: tuple[str, ...],
    networks: bool,
    many: bool,
) -> None:
    """Compute the paper-scale runs of CHAPTER and write their tables to book/evidence.

    Interrupt it, repeat it: only what is missing is computed. Needs the data sets of REGIME_DATA.
    """
    project = find_project()
    entry = the_chapter(project, chapter)
    if many:
        _many_evidence(project, entry, output, None if collect else jobs or 0)
        return
    runs = _beside(entry, "network_runs" if networks else "long_runs")
    if networks and (runs is None or late):
        raise click.UsageError(f"{entry.name} has no such networks, or --late beside them")
    name = runs.EVIDENCE if networks and runs else entry.name
    place = output or str(project.build / "evidence" / name)
    if runs is None:
        if late:
            raise click.UsageError(f"{entry.name} has no runs to the end; leave out --late")
        _chapter_evidence(project, entry, Path(place), collect, figures)
        return
    if figures:
        raise click.UsageError(f"{entry.name} draws its runs itself; leave out --figure")
    if late:
        _late_evidence(project, entry, output, late, None if collect else jobs or 0)
        return
    if not collect:
        parts = measurement_parts(project, [runs.__name__])
        runs.compute(place, {key: digest_of(part) for key, part in parts.items()}, jobs=jobs)
    found = runs.collect(place)
    command = f"regime evidence {entry.name}{' --networks' * networks}"
    folder = publish_evidence(project, name, found.tables, {**found.facts, "command": command})
    click.echo(f"{name}: {found.done} of {found.asked} runs, {project.show(folder)}")
    for error in found.failed:
        click.echo(f"regime: {error}", err=True)


def _late_evidence(
    project: Project, entry: Entry, output: str | None, parts: Sequence[str], jobs: int | None
) -> None:
    """Compute parts of the runs to the end of training, unless `jobs` is None, and publish all."""
    late = import_module(f"{(entry.measure or '').rpartition('.')[0]}.late.runs")
    root = Path(output or project.build / "evidence" / late.EVIDENCE)
    parts = late.checked(parts)
    there = folder_of(project, late.EVIDENCE).is_dir()
    known = published_evidence(late.EVIDENCE, project) if there else None
    same = known is not None and known.manifest["version"] == late.VERSION
    published = known.tables if known and same else None
    if jobs is not None:
        late.compute(root, parts, published, jobs=jobs or None)
    tables, facts = late.collect(root, published)
    command = {"command": f"regime evidence {entry.name} --late all"}
    folder = publish_evidence(project, late.EVIDENCE, tables, {**facts, **command})
    for part, runs in facts["parts"].items():
        click.echo(f"{part}: {runs['done']} of {runs['asked']} runs")
    click.echo(project.show(folder))


def _many_evidence(project: Project, entry: Entry, output: str | None, jobs: int | None) -> None:
    """Compute a chapter's many short runs, unless `jobs` is None, and publish what they say."""
    from regime_lib.chapters import many

    runs = cast("many.ManyRuns | None", _beside(entry, "many_runs"))
    if runs is None:
        raise click.UsageError(f"{entry.name} has no short runs; leave out --many")
    place = output or str(project.build / "evidence" / f"{entry.name}_many")
    if jobs is not None:
        many.compute(runs, place, jobs=jobs or None)
    found = many.collect(runs, place)
    claims, numbers = runs.claims_of(found.rows)
    facts = {**found.facts, "command": f"regime evidence {entry.name} --many"}
    folder = publish_many(project, entry.name, claims, numbers, found.rows, facts)
    click.echo(f"{entry.name}: {found.done} of {found.asked} runs, {project.show(folder)}")
    for error in found.failed:
        click.echo(f"regime: {error}", err=True)


def _beside(entry: Entry, name: str) -> ModuleType | None:
    """Return a module beside a chapter's `measure`, if there is one."""
    package = (entry.measure or "").rpartition(".")[0]
    if not package or find_spec(f"{package}.{name}") is None:
        return None
    return import_module(f"{package}.{name}")


def _chapter_evidence(
    project: Project,
    entry: Entry,
    folder: Path,
    collect: bool,
    figures: Sequence[str],
) -> None:
    """Run a chapter with the profile *paper*, and publish what it recorded."""
    if not has_paper_profile(entry):
        raise click.UsageError(f"{entry.name} has no profile; it runs at one scale only")
    if not collect:
        plan = plan_run(project, entry, {"profile": "paper"}, folder)
        (run,) = execute(project, [plan], 1)
        if run.status == "failed":
            click.echo(f"regime: {run.error}", err=True)
            raise click.exceptions.Exit(1)
    notebook = folder / f"{entry.name}.ipynb"
    if not notebook.is_file():
        raise RegimeError(
            f"{project.show(folder)} holds no finished run; leave out --collect to compute it"
        )
    tables, facts = collect_paper_scale(notebook)
    pictures = pictures_of(notebook, figures)
    many = _beside(entry, "many_runs")
    there = many is not None and folder_of(project, entry.name).is_dir()
    before = published_evidence(entry.name, project) if there else None
    place = publish_evidence(project, entry.name, tables, facts, pictures)
    if before and many and "many" in before.tables:  # a new long run does not undo the short ones
        rows, known = before.tables["many"], before.manifest["many"]
        said, numbers = many.claims_of(rows)
        publish_many(project, entry.name, said, numbers, rows, known)
    claims = len(tables["claims"])
    click.echo(f"{entry.name}: {claims} claims at larger scale, {project.show(place)}")


def the_chapter(project: Project, word: str) -> Entry:
    """Return the one chapter that a word names."""
    if word == "all":
        raise click.UsageError("this takes one chapter at a time, not all")
    (entry,) = find_chapters(project, [word])
    return entry
