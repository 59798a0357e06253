"""How a sweep computes the paper-scale grid, and the tables that are kept of it.

A sweep keeps one file per run: its rows of the three tables. What is missing is counted, never
filled in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from regime_lib.chapters.three_times.configs import LEARNING_RATES, OPTIMIZERS, RunConfig
from regime_lib.chapters.three_times.grid import CELLS, LONG, SIZES, grid
from regime_lib.chapters.three_times.specifications import slope, specifications
from regime_lib.chapters.three_times.tracked import TrackedRun, tracked_run
from regime_lib.instrument.settling.timescales import smooth
from regime_lib.sweeps.engine import sweep
from regime_lib.sweeps.gathering import gather_some

_KEPT = ("pattern_change", "weight_change", "pattern_from_start", "weight_from_start")
_WINDOW = 51  # steps of the trailing mean of what is kept
_POINTS = 60  # about so many steps of a series are kept


def run_point(point: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Compute one run of the sweep; return its rows of all tables, each with the table's name."""
    torch.set_num_threads(1)
    run = tracked_run(RunConfig(**point))
    tables = {
        "specifications": specifications(run).to_dict("records"),
        "runs": [_summary(run)],
        "series": list(_thinned(run)),
    }
    return [{"table": name, **row} for name, rows in tables.items() for row in rows]


@dataclass(frozen=True, eq=False)
class Collected:
    """What is kept of all finished runs."""

    # small enough to commit: `specifications` (of every run under every definition), `runs` (a row
    # per run: accuracies, flips per net flip, slopes, seconds) and `series` (smoothed, at some
    # steps: columns of the setting, network, quantity, step, value)
    tables: dict[str, pd.DataFrame]
    asked: int  # runs of the grid
    failed: tuple[str, ...]  # why runs failed, a sentence each

    @property
    def done(self) -> int:
        """Runs that are finished."""
        return len(self.tables["runs"])

    @property
    def facts(self) -> dict[str, Any]:
        """What a manifest says of them."""
        runs = self.tables["runs"]
        return {
            "runs_asked": self.asked,
            "runs_done": self.done,
            "runs_failed": list(self.failed),
            "cells": [{**SIZES[cell["architecture"]], **cell} for cell in CELLS],
            "digits": list(LONG),
            "optimizers": list(OPTIMIZERS),
            "schedules": sorted(set(runs["schedule"])),
            "learning_rates": {" ".join(k): lr for k, lr in LEARNING_RATES.items()},
            "seeds": sorted(int(seed) for seed in set(runs["seed"])),
            "compute_seconds": round(float(runs["seconds"].sum())),
        }


def compute(
    place: str,
    depends: Mapping[str, Any],
    *,
    executor: Executor | None = None,
    jobs: int | None = None,
) -> None:
    """Compute every run of the grid that `place` does not hold yet."""
    points = [asdict(config) for config in grid()]
    sweep(run_point, points, into=place, executor=executor, jobs=jobs, depends=depends)


def collect(place: str) -> Collected:
    """Gather every finished run of a sweep."""
    found = gather_some(place)
    rows: dict[str, list[dict[str, Any]]] = {"specifications": [], "runs": [], "series": []}
    for one in found.finished:
        for row in one.rows:
            name = row.pop("table")
            rows[name].append(row | {"seconds": one.seconds} if name == "runs" else row)
    tables = {name: compact(pd.DataFrame(own)) for name, own in rows.items()}
    return Collected(tables, found.asked, found.failed)


def _summary(run: TrackedRun) -> dict[str, Any]:
    return {
        **run.config.choices,
        "steps": run.config.steps,
        "start_accuracy": run.start_accuracy,
        "accuracy": run.accuracy,
        "flips_per_net_flip": run.flips_per_net_flip,
        "slope": slope(run),
        "average_slope": slope(run, "average"),
    }


def _thinned(run: TrackedRun) -> Iterator[dict[str, Any]]:
    """Keep smoothed changes, and distances from the start, at steps that are even in logarithm."""
    for (network, quantity), found in run.series.items():
        if quantity not in _KEPT:
            continue
        values = found.values
        if quantity.endswith("_change"):
            stride = int(np.median(np.diff(found.steps)))
            values = smooth(values[:, None], max(1, _WINDOW // stride))[:, 0]
        at = np.unique(np.geomspace(1, len(values), _POINTS).round().astype(int)) - 1
        named = {**run.config.choices, "network": network, "quantity": quantity}
        for step, value in zip(found.steps[at], values[at], strict=True):
            yield {**named, "step": int(step), "value": float(value)}


def compact(table: pd.DataFrame) -> pd.DataFrame:
    """Store texts once, and numbers in half the bytes: seven digits are more than runs repeat."""
    kinds = {
        name: "category" if str(column.dtype) in ("object", "str", "category") else "float32"
        for name, column in table.items()
        if column.dtype.kind not in "iu"
    }
    whole = {name: "int32" for name, column in table.items() if column.dtype.kind in "iu"}
    return table.astype({**kinds, **whole})
