"""What a sweep has finished so far: rows by point, why points failed, how long it all took."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regime_lib.errors import RegimeError
from regime_lib.sweeps.grid import Point
from regime_lib.sweeps.store import Store


@dataclass(frozen=True)
class Finished:
    """One finished point."""

    point: Point
    rows: list[dict[str, Any]]
    seconds: float


@dataclass(frozen=True)
class Gathered:
    """Everything that a sweep's folder holds."""

    finished: tuple[Finished, ...]
    asked: int
    """Points that were asked for so far."""
    failed: tuple[str, ...]
    """Why points failed, a sentence for each."""

    @property
    def seconds(self) -> float:
        """How long the finished points took together."""
        return sum(one.seconds for one in self.finished)


def gather(place: str | Path) -> Gathered:
    """Read what a sweep's folder holds; where there is no folder, nothing is finished."""
    store = Store(str(place)) if Path(place).is_dir() else None
    plan = store.plan() if store else {}
    finished, failed = [], []
    for key, point in plan.items():
        assert store is not None
        rows = store.result(key)
        if rows is not None:
            finished.append(Finished(point, rows, store.seconds(key)))
        elif error := store.failure(key):
            failed.append(error)
    return Gathered(tuple(finished), len(plan), tuple(failed))


def gather_some(place: str | Path) -> Gathered:
    """Read what a sweep's folder holds, as `gather` does.

    Raises
    ------
    RegimeError
        If no point is finished.
    """
    found = gather(place)
    if not any(one.rows for one in found.finished):
        raise RegimeError(f"{place} holds no finished run; compute some first")
    return found
