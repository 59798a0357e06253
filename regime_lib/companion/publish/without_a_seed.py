"""Claims on committed runs, judged again without each of their seeds: does one of them decide?

No fresh seed is drawn. Runs that are too long to be repeated twenty times leave this to ask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

from regime_lib.companion.book.catalogue import Entry
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import load_claims
from regime_lib.companion.claims.ledger import COLUMNS, as_measurement
from regime_lib.companion.publish.evidence import published_evidence
from regime_lib.companion.running.fresh_blocks import block_values
from regime_lib.companion.running.measuring import claims_in, settings_of
from regime_lib.companion.running.sweep_chapter import measure_module
from regime_lib.companion.running.threads import use_one_thread

if TYPE_CHECKING:
    import pandas as pd

_SEED = "seed"
_FEWEST = 3  # seeds of a claim: of two, one that is left is no sample

Tables = dict[str, "pd.DataFrame"]
_Rows = dict[str, dict[str, Any]]  # by claim


def judged_parts(module: ModuleType) -> Mapping[str, tuple[Callable[[Any, Tables], Any], ...]]:
    """Return a chapter's functions that judge committed tables, by the name of the tables."""
    found: Mapping[str, Any] = getattr(module, "COMMITTED", {})
    return found


def without_each_seed(project: Project, entry: Entry) -> dict[str, list[dict[str, Any]]]:
    """Judge what a chapter's functions read of committed tables, without each seed in turn.

    Returns
    -------
    dict of str to list
        By the chapter that a claim belongs to, a row for each claim and seed. The seeds of a part
        are those without which any of its rows changes; a part of fewer than three is left out, and
        so is a claim of which no run is finished.
    """
    use_one_thread()
    module = measure_module(project, entry)
    settings = settings_of(module, block_values(project, entry, None))
    claims = load_claims(project.claims_file)
    found: dict[str, list[dict[str, Any]]] = {}
    for name, parts in judged_parts(module).items():
        tables = published_evidence(name, project).tables
        for part in parts:
            for row in _left_out(project, partial(part, settings), tables):
                claim = claims[row["claim"]]
                if claim.drawn:
                    found.setdefault(claim.chapter, []).append(row)
    return found


def seeds_of(tables: Tables) -> list[int]:
    """Return the seeds of the runs that tables are of."""
    own = [table[_SEED] for table in tables.values() if _SEED in table]
    return sorted({int(seed) for column in own for seed in column.unique()})


def without(tables: Tables, seed: int) -> Tables:
    """Return tables without the runs of one seed."""
    return {
        name: table[table[_SEED] != seed].reset_index(drop=True) if _SEED in table else table
        for name, table in tables.items()
    }


def _left_out(
    project: Project, part: Callable[[Tables], Any], tables: Tables
) -> list[dict[str, Any]]:
    whole = _judged(project, part(tables))
    left = {seed: _judged(project, part(without(tables, seed))) for seed in seeds_of(tables)}
    left = {seed: rows for seed, rows in left.items() if rows != whole}
    if len(left) < _FEWEST:
        return []
    found = []
    for claim, row in whole.items():
        own = [seed for seed, rows in left.items() if rows[claim] != row]  # of the claim's runs
        if own or row["value"] is not None:
            seeds = own if len(own) >= _FEWEST else left
            found += [{_SEED: seed, **left[seed][claim]} for seed in seeds]
    return found


def _judged(project: Project, result: object) -> _Rows:
    claims = load_claims(project.claims_file)
    rows = {}
    for claim, estimate in claims_in([result]).items():
        row = {"claim": claim, **as_measurement(claims[claim], estimate).as_dict()}
        rows[claim] = {key: row[key] for key in COLUMNS}
    return rows
