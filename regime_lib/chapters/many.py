"""Many short runs beside a chapter's long one: computing what is missing, gathering what is done.

A chapter that has them says in a module `many_runs` which points there are, what a point computes
(rows), and what the rows of all points say of its claims.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pandas as pd

from regime_lib.estimate import Estimate
from regime_lib.sweeps.engine import sweep
from regime_lib.sweeps.gathering import gather_some


@runtime_checkable
class ManyRuns(Protocol):
    """What the module `many_runs` of a chapter holds."""

    VERSION: int
    """Of what a run measures: another one computes all of them anew."""
    SIZES: dict[str, Any]
    """Data, widths, steps: what a manifest says of the runs."""

    def points(self) -> Iterator[dict[str, Any]]:
        """Yield every run, the most needed first."""

    def run_point(self, point: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Compute one run."""

    def claims_of(
        self, rows: pd.DataFrame
    ) -> tuple[dict[str, Estimate], dict[str, float | int | str]]:
        """Return what finished runs say of claims, and other numbers."""


@dataclass(frozen=True, eq=False)
class Collected:
    """What is kept of all finished runs."""

    rows: pd.DataFrame
    asked: int
    done: int
    failed: tuple[str, ...]
    """Why runs failed, a sentence each."""
    facts: dict[str, Any]
    """What a manifest says of them."""


def of_length(claims: Mapping[str, Estimate], steps: int) -> dict[str, Estimate]:
    """Return estimates that say how long their runs are."""
    said = f"of {steps:,} steps"
    return {name: replace(one, over=f"{one.over} {said}") for name, one in claims.items()}


def compute(runs: ManyRuns, place: str | Path, *, jobs: int | None = None) -> None:
    """Compute every run that `place` does not hold yet.

    Results depend on the version of `runs`, not on every line of code: they take long.
    """
    sweep(
        runs.run_point,
        list(runs.points()),
        into=place,
        jobs=jobs,
        depends={"version": runs.VERSION},
    )


def collect(runs: ManyRuns, place: str | Path) -> Collected:
    """Gather every finished run.

    Raises
    ------
    RegimeError
        If there is none.
    """
    found = gather_some(place)
    rows = pd.DataFrame([row for one in found.finished for row in one.rows])
    facts = {
        "runs_asked": found.asked,
        "runs_done": len(found.finished),
        "sizes": runs.SIZES,
        "compute_seconds": round(found.seconds),
        "version": runs.VERSION,
    }
    failed = tuple(dict.fromkeys(found.failed))
    return Collected(rows, found.asked, len(found.finished), failed, facts)
