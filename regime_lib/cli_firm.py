"""The command `regime firm`: would other seeds turn a chapter's verdicts?"""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from regime_lib.cli_options import SCHEDULER
from regime_lib.companion.book.catalogue import Entry, find_chapters
from regime_lib.companion.book.parameters import Value
from regime_lib.companion.book.project import Project, find_project
from regime_lib.companion.claims.claims import Verdict, load_claims
from regime_lib.companion.claims.firmness import (
    BLOCKS,
    Firmness,
    firmness_of_blocks,
    left_out_of_rows,
)
from regime_lib.companion.claims.ledger import COLUMNS, read_ledger
from regime_lib.companion.claims.repeated_tables import (
    FRESH,
    LONG,
    WITHOUT,
    Repeated,
    Rows,
)
from regime_lib.companion.publish.evidence import published_evidence
from regime_lib.companion.publish.without_a_seed import judged_parts, without_each_seed
from regime_lib.companion.running.fresh_blocks import (
    block_function,
    block_of,
    block_values,
    drawn_parts,
    fresh_blocks,
    measures_drawn,
)
from regime_lib.companion.running.long_blocks import (
    judged_blocks,
    judges_long_runs,
    long_blocks,
    long_runs,
)
from regime_lib.companion.running.provenance import commit_of, loaded_versions
from regime_lib.companion.running.sweep_chapter import dependencies, measure_module
from regime_lib.errors import RegimeError

if TYPE_CHECKING:
    import pandas as pd

    from regime_lib.sweeps import Sweep

_Points = Sequence[dict[str, Value]]


@click.command("firm")
@click.argument("chapters", nargs=-1, required=True, metavar="CHAPTER...|all")
@click.option("--blocks", type=int, default=BLOCKS, show_default=True,
              help="How many blocks of fresh seeds.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Where finished blocks are kept [default: _build/firmness].")  # fmt: skip
@click.option("-j", "--jobs", type=click.IntRange(min=1),
              help="Processes at once [default: 1].")  # fmt: skip
@SCHEDULER
@click.option("--publish", is_flag=True, help="Write the tables to book/firmness.")
@click.option("--long-runs", "long", is_flag=True,
              help="Fresh blocks of the long runs that a page only judges; hours.")  # fmt: skip
@click.option("--without-a-seed", "left_out", is_flag=True,
              help="Judge committed runs without each of their seeds instead.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON to standard output.")
def firm_command(
    chapters: tuple[str, ...],
    blocks: int,
    output: Path | None,
    jobs: int | None,
    scheduler: str | None,
    publish: bool,
    long: bool,
    left_out: bool,
    as_json: bool,
) -> None:
    """Measure again, over blocks of fresh seeds, what depends on chance in chapters.

    That is empirical claims, and laws that are seen in random runs. A block is one whole
    measurement as the page shows it, with seeds of its own. Says in how many blocks each claim gets
    which verdict. Interrupt it, repeat it: a finished block is kept.

    With --long-runs the runs are made that a page only judges, one at a time. A finished run is
    kept, a block is judged once all of its runs are there, and published once all blocks are.

    With --without-a-seed no run is made: committed runs that are too long to be repeated are judged
    again without each of their seeds.
    """
    from regime_lib import sweeps

    if scheduler and (jobs or left_out):
        raise click.UsageError(
            "-j is for this machine, --without-a-seed makes no run, --scheduler is for a cluster; "
            "give one"
        )
    project = find_project()
    if long and left_out:
        raise RegimeError("give --long-runs or --without-a-seed, not both")
    if left_out:
        _without_a_seed(project, chapters, publish, as_json)
        return
    asked = (_long_asked if long else _asked)(project, chapters, blocks)
    claims, published = load_claims(project.claims_file), _published(project)
    report: dict[str, Any] = {}
    unfinished = False
    for entry, make in asked:
        with sweeps.machines(scheduler, jobs or 1) as where:
            made = make(output or project.build / "firmness", where)
        found = firmness_of_blocks(made.rows, claims, published)
        report[entry.name] = {claim: firm.as_dict() for claim, firm in found.items()}
        whole = len({row["block"] for row in made.rows})
        if not as_json:
            head = f"{entry.name}: {whole} of {blocks} blocks ({made.computed} computed now)"
            click.echo(f"{click.style(head, bold=True)}, {project.show(made.place)}")
            _tell(found, published)
        for error in made.errors:
            click.echo(f"regime: {entry.name}, {error}", err=True)
        unfinished |= whole < blocks
        if publish and whole < blocks:
            click.echo(f"regime: {entry.name} is not published: blocks are missing", err=True)
        elif publish:
            facts = {**made.facts(), "machine": _machine(scheduler)}
            kept = made.sort.publish(project, entry.name, _as_table(made.rows), facts)
            click.echo(f"{entry.name}: {project.show(kept)} is written", err=as_json)
    if as_json:
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
    if unfinished:
        raise click.exceptions.Exit(1)


@dataclass(frozen=True)
class _Made:
    """The blocks of a chapter."""

    sort: Repeated  # of table, for which they are
    place: Path
    rows: Rows  # of whole blocks, a row per claim
    computed: str
    errors: list[str]
    facts: Callable[[], dict[str, Any]]  # what they were made of


_Where = Mapping[str, Any]  # a sweep computes
_Asked = list[tuple[Entry, Callable[[Path, _Where], _Made]]]


def _fresh_blocks(
    project: Project, entry: Entry, points: _Points, root: Path, where: _Where
) -> _Made:
    """Measure a chapter anew, once a block."""
    place = root / entry.name
    done = _measured(project, entry, points, place, where)
    errors = [f"block {block_of(p)}: {error}" for p, error in done.status.errors if p in points]
    facts = partial(_facts, project, entry, points, done)
    return _Made(FRESH, place, _rows_of(done, points), str(done.computed), errors, facts)


def _long_blocks(
    project: Project, entry: Entry, blocks: Sequence[_Points], root: Path, where: _Where
) -> _Made:
    """Make the long runs of a chapter with fresh seeds, and judge every block that is whole."""
    from regime_lib.sweeps.gathering import gather

    place = root / f"{entry.name}-long-runs"
    done = _computed(project, entry, blocks, place, where)
    finished = ((one.point, one.rows) for one in gather(place).finished)
    rows = judged_blocks(project, entry, blocks, finished)
    errors = [f"the run of seed {p['seed']}: {error}" for p, error in done.status.errors]
    facts = partial(_long_facts, project, entry, blocks, done)
    return _Made(LONG, place, rows, f"{done.computed} runs", errors, facts)


def _long_asked(project: Project, chapters: Sequence[str], blocks: int) -> _Asked:
    """Return chapters and what makes the long runs of their blocks, when all is checked."""
    named = find_chapters(project, chapters)
    if "all" in chapters:
        named = tuple(entry for entry in named if judges_long_runs(project, entry))
    points = [(entry, long_blocks(project, entry, blocks)) for entry in named]
    return [(entry, partial(_long_blocks, project, entry, own)) for entry, own in points]


def _computed(
    project: Project, entry: Entry, blocks: Sequence[_Points], place: Path, where: _Where
) -> Sweep:
    """Compute the runs that are not there yet, block after block."""
    from regime_lib import sweeps

    runs, points = long_runs(project, entry), [point for block in blocks for point in block]
    return sweeps.sweep(runs.run, points, into=place, depends=dict(runs.depends), **where)


def _as_table(rows: Rows) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=["block", *COLUMNS])


def _long_facts(
    project: Project, entry: Entry, blocks: Sequence[_Points], done: Sweep
) -> dict[str, Any]:
    """Say what runs blocks are of, and what made them."""
    return {
        **_made(project, done),
        "command": f"regime firm {entry.name} --long-runs --blocks {len(blocks)} --publish",
        "blocks": len(blocks),
        "seeds": [min(point["seed"] for point in block) for block in blocks],  # type: ignore[type-var]
        "runs": [{k: v for k, v in point.items() if k != "seed"} for point in blocks[0]],
    }


def _made(project: Project, done: Sweep) -> dict[str, Any]:
    """Say when and with what a sweep was computed."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "depends": done.manifest["depends"],
        "compute_seconds": done.manifest["compute_seconds"],
        "commit": commit_of(project),
        "versions": {**done.manifest["versions"], **loaded_versions()},
    }


def _machine(scheduler: str | None) -> str:
    """Say where blocks were computed; not at which address."""
    here = f"{platform.machine()}, {os.cpu_count()} processors, one thread per run"
    return "a cluster" if scheduler else here


def _without_a_seed(
    project: Project, chapters: Sequence[str], publish: bool, as_json: bool
) -> None:
    """Judge committed runs without each of their seeds; publish that for every claim's chapter."""
    import pandas as pd

    named = find_chapters(project, chapters)
    judging = [one for one in named if one.measure and judged_parts(measure_module(project, one))]
    if not judging:
        raise RegimeError(f"{', '.join(chapters)}: no claim there is judged from committed runs")
    claims, published = load_claims(project.claims_file), _published(project)
    report: dict[str, Any] = {}
    for entry in judging:
        for chapter, rows in without_each_seed(project, entry).items():
            found = left_out_of_rows(rows, claims, published)
            report[chapter] = {claim: firm.as_dict() for claim, firm in found.items()}
            if not as_json:
                click.secho(chapter, bold=True)
                _tell(found, published)
            if publish:
                facts = _left_out_facts(project, entry)
                table = pd.DataFrame(rows, columns=["seed", *COLUMNS])
                kept = WITHOUT.publish(project, chapter, table, facts)
                click.echo(f"{chapter}: {project.show(kept)} is written", err=as_json)
    if as_json:
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))


def _left_out_facts(project: Project, entry: Entry) -> dict[str, Any]:
    """Say which committed tables were judged, and by what."""
    parts = judged_parts(measure_module(project, entry))
    tables = {name: published_evidence(name, project).manifest["files"] for name in parts}
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "command": f"regime firm {entry.name} --without-a-seed --publish",
        "evidence": tables,
        "commit": commit_of(project),
        "versions": loaded_versions(),
    }


def _asked(project: Project, chapters: Sequence[str], blocks: int) -> _Asked:
    """Return chapters and what makes their blocks; everything is checked before anything runs."""
    named = find_chapters(project, chapters)
    if "all" in chapters:
        named = tuple(entry for entry in named if measures_drawn(project, entry))
    points = [(entry, fresh_blocks(project, entry, blocks)) for entry in named]
    return [(entry, partial(_fresh_blocks, project, entry, own)) for entry, own in points]


def _measured(project: Project, entry: Entry, points: _Points, place: Path, where: _Where) -> Sweep:
    from regime_lib import sweeps

    run = block_function(project, entry.name)
    depends = dependencies(project, entry, {}, points)
    return sweeps.sweep(run, points, into=place, depends=depends, **where)


def _rows_of(done: Sweep, points: _Points) -> Rows:
    """Return the rows of the blocks that were asked for; the folder may hold more."""
    found = done.table
    finished = found[found["claim"].notna()] if "claim" in found else found[:0]  # others failed
    asked = [row for row in finished.to_dict("records") if {"seed": row["seed"]} in points]
    return [{"block": block_of(row), **{key: row[key] for key in COLUMNS}} for row in asked]


def _facts(project: Project, entry: Entry, points: _Points, done: Sweep) -> dict[str, Any]:
    """Say what a table was made of: seeds, settings, code, versions, machine."""
    settings = block_values(project, entry, None)
    module = measure_module(project, entry)
    return {
        **_made(project, done),
        "command": f"regime firm {entry.name} --blocks {len(points)} --publish",
        "blocks": len(points),
        "seeds": [point["seed"] for point in points],
        "settings": {name: value for name, value in settings.items() if name != "seed"},
        "parts": [part.__name__ for part in drawn_parts(module)],
    }


def _published(project: Project) -> dict[str, Verdict]:
    """Return the verdicts on the pages; a page that is out of date hinders no measurement."""
    try:
        return {record.claim.id: record.verdict for record in read_ledger(project)}
    except RegimeError as error:
        click.echo(f"regime: the published verdicts are not known: {error}", err=True)
        return {}


def _tell(found: Mapping[str, Firmness], published: Mapping[str, Verdict]) -> None:
    width = max(map(len, found), default=0)
    for claim, firm in found.items():
        page = f"; published: {published[claim]}" if claim in published else ""
        click.echo(f"  {claim:{width}}  {firm.sentence}{page}")
