"""The committed runs of chapter 24: how a sweep computes them, and the tables that are kept.

A point of the sweep is one setting with all of its seeds at once. What is missing is counted,
never filled in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch

from regime_lib.chapters.freeze_patterns.cases import Case
from regime_lib.chapters.freeze_patterns.experiment import LONG_SHARES, experiment
from regime_lib.chapters.freeze_patterns.worth import speed_rounds
from regime_lib.errors import RegimeError
from regime_lib.sweeps.engine import sweep
from regime_lib.sweeps.gathering import gather_some

#: What is kept: a row for each branch; when series settle; the change of the patterns; the time
#: that a step takes, round by round.
TABLES = ("branches", "times", "series", "speed")
#: Of what a run measures: another one computes all of them anew.
VERSION = 1
_SEEDS = (0, 1, 2, 3, 4)
_SIZES: dict[str, dict[str, Any]] = {
    "mlp": {
        "seeds": _SEEDS,
        "steps": 1200,
        "batch_size": 128,
        "hidden": (64, 32),
        "train": 12_000,
        "test": 10_000,
    },
    "cnn": {
        "seeds": _SEEDS,
        "steps": 300,
        "batch_size": 32,
        "hidden": (64,),
        "train": 2_000,
        "test": 1_000,
        "probe": 32,
    },
    "transformer": {
        "seeds": _SEEDS,
        "steps": 400,
        "batch_size": 32,
        "hidden": (64,),
        "train": 3_000,
        "test": 500,
        "probe": 32,
    },
}
#: What is trained beside MLPs: small, because a step of these takes ten times as long.
_OTHERS = (("fashion-mnist", "cnn"), ("cifar10", "cnn"), ("tiny-shakespeare", "transformer"))
_PLANS = (
    ("adamw", "cosine"),
    ("momentum", "cosine"),
    ("adamw", "constant"),
    ("momentum", "constant"),
    ("sgd", "cosine"),
)


def points() -> Iterator[dict[str, Any]]:
    """Yield every setting, the most needed first."""
    for optimizer, schedule in _PLANS:
        for dataset in ("mnist", "fashion-mnist"):
            yield _point(dataset, "mlp", optimizer, schedule)
    yield {"kind": "speed"}
    for optimizer in ("adamw", "momentum"):
        for dataset, architecture in _OTHERS:
            yield _point(dataset, architecture, optimizer, "cosine")


def _point(dataset: str, architecture: str, optimizer: str, schedule: str) -> dict[str, Any]:
    return {
        "kind": "freezing",
        "dataset": dataset,
        "architecture": architecture,
        "optimizer": optimizer,
        "schedule": schedule,
    }


def run_point(point: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Compute one setting; return its rows of all tables, each with the table's name."""
    torch.set_num_threads(1)
    if point["kind"] == "speed":
        return [{"table": "speed", **row} for row in speed_rounds()]
    choices = {name: value for name, value in point.items() if name != "kind"}
    case = Case(**choices, **_SIZES[point["architecture"]])
    parts = point["architecture"] == "mlp" and point["optimizer"] == "adamw"
    found = experiment(case, LONG_SHARES, parts=parts)
    return [
        {"table": name, **row} for name, table in found.items() for row in table.to_dict("records")
    ]


@dataclass(frozen=True, eq=False)
class Collected:
    """What is kept of all finished settings."""

    tables: dict[str, pd.DataFrame]  # those of `TABLES`
    asked: int  # settings of the grid
    done: int
    failed: tuple[str, ...]  # why settings failed, a sentence each
    seconds: float

    @property
    def facts(self) -> dict[str, Any]:
        """What a manifest says of them."""
        return {
            "runs_asked": self.asked,
            "runs_done": self.done,
            "runs_failed": list(self.failed),
            "sizes": {name: {**own, "seeds": len(own["seeds"])} for name, own in _SIZES.items()},
            "shares": list(LONG_SHARES),
            "compute_seconds": round(self.seconds),
            "version": VERSION,
        }


def compute(
    place: str, depends: Mapping[str, Any] | None = None, *, jobs: int | None = None
) -> None:
    """Compute every setting that `place` does not hold yet.

    Results depend on `VERSION`, not on every line of code: they take a quarter of an hour.
    """
    sweep(run_point, list(points()), into=place, jobs=jobs, depends={"version": VERSION})


def collect(place: str) -> Collected:
    """Gather every finished setting of a sweep."""
    found = gather_some(place)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for one in found.finished:
        for row in one.rows:
            rows[row.pop("table")].append(row)
    if not rows["branches"]:
        raise RegimeError(f"{place} holds no finished run; compute some first")
    tables = {name: compact(pd.DataFrame(own)) for name, own in rows.items()}
    return Collected(tables, found.asked, len(found.finished), found.failed, found.seconds)


def compact(table: pd.DataFrame) -> pd.DataFrame:
    """Keep numbers in half the bytes: seven digits are more than runs repeat."""
    return table.astype(dict.fromkeys(table.select_dtypes("float64").columns, "float32"))
