"""How a sweep computes the runs to the end of training, and the tables that are kept of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from regime_lib.chapters.three_times.late_grid import points
from regime_lib.chapters.three_times.late_run import late_run, of_point
from regime_lib.sweeps.engine import sweep

_VERSION = 1  # of what a run measures: another one computes all of them anew


def run_point(point: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Compute one run; return its rows of all tables, each with the table's name."""
    torch.set_num_threads(1)
    tables = late_run(of_point(point)).tables()
    return [{"table": name, **row} for name, rows in tables.items() for row in rows]


def compute(place: str, part: str, *, jobs: int | None = None) -> None:
    """Compute every run of a part that the place does not hold yet."""
    sweep(run_point, points(part), into=place, jobs=jobs, depends={"version": _VERSION})
