"""Fresh blocks of runs that are too long for a page: computed a run at a time, then judged."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from regime_lib.companion.book.catalogue import Entry
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import load_claims
from regime_lib.companion.claims.ledger import COLUMNS, as_measurement
from regime_lib.companion.claims.repeated_tables import Rows
from regime_lib.companion.running.fresh_blocks import FIRST, MOST, WIDTH
from regime_lib.companion.running.measuring import claims_in
from regime_lib.companion.running.sweep_chapter import measure_module
from regime_lib.errors import RegimeError

#: The point of a run, and the rows that it left behind.
Run = tuple[Mapping[str, Any], Any]


def long_blocks(project: Project, entry: Entry, blocks: int) -> list[list[dict[str, Any]]]:
    """Return the runs of each block, as points of a sweep.

    Refused is a chapter that judges no long runs of which blocks can be made.
    """
    if not 1 <= blocks <= MOST:
        raise RegimeError(f"the number of blocks is {blocks}; give 1 to {MOST}")
    runs = long_runs(project, entry)
    return [[dict(one) for one in runs.points(FIRST + WIDTH * block)] for block in range(blocks)]


def judged_blocks(
    project: Project,
    entry: Entry,
    blocks: Sequence[Sequence[Mapping[str, Any]]],
    finished: Iterable[Run],
) -> Rows:
    """Return what each block says whose runs are all finished: a row per claim.

    `finished` has the point and the rows of every run that there is, of these blocks or of others.
    """
    judge, claims = long_runs(project, entry).judge, load_claims(project.claims_file)
    there = list(finished)
    rows: list[dict[Hashable, Any]] = []
    for number, points in enumerate(blocks):
        own = [run for run in there if run[0] in points]
        if len(own) < len(points):
            continue
        for claim, estimate in claims_in([judge(own)]).items():
            found = {"claim": claim, **as_measurement(claims[claim], estimate).as_dict()}
            rows.append({"block": number, **{key: found[key] for key in COLUMNS}})
    return rows


def judges_long_runs(project: Project, entry: Entry) -> bool:
    """Whether a chapter judges long runs of which blocks can be made."""
    return entry.measure is not None and hasattr(measure_module(project, entry), "LONG_RUNS")


def long_runs(project: Project, entry: Entry) -> Any:
    """Return the long runs that a chapter judges, see `regime_lib.chapters.part.LongRuns`."""
    if not judges_long_runs(project, entry):
        raise RegimeError(
            f"chapter {entry.name} judges no long runs that can be made again; leave out "
            "--long-runs"
        )
    return measure_module(project, entry).LONG_RUNS
