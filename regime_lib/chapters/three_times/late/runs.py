"""How a sweep computes the runs to the end of training, and the tables that are kept of them.

Every part of the grid is a sweep of its own, and lands when it is finished or as far as it got. The
tables are named by `TABLES`; their first columns tell the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from regime_lib.chapters.three_times.late.grid import PARTS, points
from regime_lib.chapters.three_times.late.run import late_run, of_point
from regime_lib.chapters.three_times.long_runs import compact
from regime_lib.errors import RegimeError
from regime_lib.sweeps.engine import sweep
from regime_lib.sweeps.gathering import gather

#: The name under which the tables are published.
EVIDENCE = "late_stage"
#: What is kept: every definition at every horizon; a row per run; the series at some steps; the
#: looks (losses, path, what has settled); and the factors of the flips at every look.
TABLES = ("specifications", "runs", "series", "looks", "flips")
#: Of what a run measures, and how it is evaluated: another one computes all of them anew.
VERSION = 1

_Tables = dict[str, pd.DataFrame]


def run_point(point: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Compute one run; return its rows of all tables, each with the table's name."""
    torch.set_num_threads(1)
    tables = late_run(of_point(point)).tables()
    return [{"table": name, **row} for name, rows in tables.items() for row in rows]


def compute(
    root: Path,
    parts: Sequence[str],
    published: Mapping[str, pd.DataFrame] | None = None,
    *,
    jobs: int | None = None,
) -> None:
    """Compute every run of some parts that is not in their folders below `root`, nor published."""
    there = _runs_of(published)
    for part in checked(parts):
        missing = [point for point in points(part) if _name(part, point) not in there]
        if missing:
            depends = {"version": VERSION}
            sweep(run_point, missing, into=root / part, jobs=jobs, depends=depends)


def collect(
    root: Path, published: Mapping[str, pd.DataFrame] | None = None
) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    """Gather the tables of every run that is finished or published, and facts for a manifest.

    What the grid does not name, because it was larger once, is left out.
    """
    runs: list[tuple[str, float, list[dict[str, Any]]]] = []
    parts: dict[str, dict[str, int]] = {}
    failed: list[str] = []
    for part in PARTS:
        found = gather(root / part)
        failed += found.failed
        runs += [(part, one.seconds, one.rows) for one in found.finished]
        parts[part] = {"asked": len(list(points(part))), "done": 0}
    tables = tables_of(runs)
    if published:
        fresh = _runs_of(tables)
        for name, table in published.items():
            old = [key not in fresh for key in _keys(table)]
            tables[name] = pd.concat([table[old], tables[name]], ignore_index=True)
    asked = {_name(part, point) for part in PARTS for point in points(part)}
    tables = {name: own[[key in asked for key in _keys(own)]] for name, own in tables.items()}
    if not len(tables["runs"]):
        raise RegimeError(f"{root} holds no finished run; compute some first")
    tables = {
        name: compact(own.astype(dict.fromkeys(_TEXTS, str)).sort_values([*_NAMED], kind="stable"))
        for name, own in tables.items()
    }
    for part, count in tables["runs"]["part"].value_counts().items():
        parts[str(part)]["done"] = int(count)
    seconds = round(float(tables["runs"]["seconds"].sum()))
    facts = {"parts": parts, "runs_failed": failed, "compute_seconds": seconds}
    return tables, {**facts, "version": VERSION}


def tables_of(runs: Iterable[tuple[str, float, Sequence[Mapping[str, Any]]]]) -> _Tables:
    """Return the tables of some runs: of each its part, how many seconds it took, and its rows."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for part, seconds, own in runs:
        for row in own:
            name = row["table"]
            kept = {key: value for key, value in row.items() if key != "table"}
            took = {"seconds": seconds} if name == "runs" else {}
            rows[name].append({"part": part, **kept, **took})
    return {name: pd.DataFrame(own) for name, own in rows.items()}


_TEXTS = ("part", "dataset", "architecture", "optimizer", "schedule", "batch", "activation")
_NAMED = ("part", "seed", "schedule", "optimizer")  # what names a run of the grid


def _name(part: str, point: Mapping[str, Any]) -> tuple[Any, ...]:
    return (part, *(point[name] for name in _NAMED[1:]))


def _keys(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(zip(*(table[name] for name in _NAMED), strict=True)) if len(table) else []


def _runs_of(tables: Mapping[str, pd.DataFrame] | None) -> set[tuple[Any, ...]]:
    return set(_keys(tables["runs"])) if tables else set()


def checked(parts: Sequence[str]) -> tuple[str, ...]:
    """Return the names of parts, or refuse one that is none; "all" stands for all."""
    for part in parts:
        if part not in (*PARTS, "all"):
            raise RegimeError(
                f"there is no part {part!r}; expected all, or some of {', '.join(PARTS)}"
            )
    return tuple(PARTS) if "all" in parts else tuple(parts)
