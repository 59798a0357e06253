"""The paper-scale grid: which runs it holds, how a sweep computes them, and what is kept of them.

A sweep keeps one file a run. The runs of seed 0 come first, cell by cell, so that an interrupted
sweep is a balanced set; what is missing is counted, never filled in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from regime_lib.chapters.three_times.settings import LEARNING_RATES, OPTIMIZERS, Setting
from regime_lib.chapters.three_times.specifications import settings_of, slope, specifications
from regime_lib.chapters.three_times.tracked import TrackedRun, tracked_run
from regime_lib.errors import RegimeError
from regime_lib.instrument.settling.timescales import smooth
from regime_lib.sweeps.engine import sweep
from regime_lib.sweeps.store import Store

#: The chapter that draws these runs.
EVIDENCE_OF = "23_three_times_earlier"
#: Raised by hand when what a run measures changes: results of another version are computed anew.
VERSION = 1
SEEDS = (0, 1, 2)
#: Data and architectures of the grid, with what keeps a run short on one core.
CELLS: tuple[dict[str, Any], ...] = (
    {"dataset": "mnist", "architecture": "mlp", "steps": 1200},
    {"dataset": "tiny-shakespeare", "architecture": "transformer", "steps": 800},
    {"dataset": "mnist", "architecture": "cnn", "steps": 800},
    {"dataset": "fashion-mnist", "architecture": "mlp", "steps": 1200},
    {"dataset": "cifar10", "architecture": "cnn", "steps": 800},
    {"dataset": "sst2", "architecture": "transformer", "steps": 800},
    {"dataset": "cifar10", "architecture": "mlp", "steps": 1000},
    {"dataset": "fashion-mnist", "architecture": "cnn", "steps": 800},
)
_SIZES: dict[str, dict[str, Any]] = {
    "mlp": {"batch_size": 64, "samples": 10_000, "probe_size": 256, "hidden": 128},
    "cnn": {"batch_size": 32, "samples": 10_000, "probe_size": 64, "hidden": 64},
    "transformer": {"batch_size": 16, "samples": None, "probe_size": 16, "hidden": 128},
}
#: The digits, as long as in our pilot: constant rates need it to settle.
LONG: tuple[dict[str, Any], ...] = (
    {"architecture": "mlp", "steps": 3000, "batch_size": 64, "probe_size": 128},
    {"architecture": "cnn", "steps": 2000, "batch_size": 32, "probe_size": 64, "hidden": 64},
    {
        "architecture": "transformer",
        "steps": 1600,
        "batch_size": 32,
        "probe_size": 48,
        "hidden": 64,
    },
)
_KEPT = ("pattern_change", "weight_change", "pattern_from_start", "weight_from_start")
_WINDOW = 51  # steps of the trailing mean of what is kept
_POINTS = 60  # about so many steps of a series are kept


def paper_scale() -> Iterator[Setting]:
    """Yield the settings of the grid, in the order in which they are computed.

    First every cell with every optimiser, constant and cosine, seed after seed; then AdamW with a
    warm-up. Last the digits, in runs long enough for a constant rate to settle: in minibatches, and
    in full batches, where no minibatch noise is left.
    """
    for seed in SEEDS:
        for schedule in ("constant", "cosine"):
            for optimizer in OPTIMIZERS:
                for cell in CELLS:
                    yield _setting(cell, optimizer=optimizer, schedule=schedule, seed=seed)
    for seed in SEEDS:
        for cell in CELLS:
            yield _setting(cell, optimizer="adamw", schedule="warm-up", seed=seed)
    for seed in SEEDS:
        for optimizer in ("momentum", "adamw"):
            yield Setting(
                dataset="digits",
                architecture="mlp",
                optimizer=optimizer,
                seed=seed,
                steps=1000,
                batch_size=None,
            )
    for seed in SEEDS:
        for size in LONG:
            for optimizer in OPTIMIZERS:
                yield Setting(dataset="digits", optimizer=optimizer, seed=seed, **size)
            yield Setting(
                dataset="digits", optimizer="adamw", schedule="warm-up", seed=seed, **size
            )


def run_point(point: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Compute one point of the sweep: the packed series of one run."""
    torch.set_num_threads(1)
    return tracked_run(Setting(**point)).rows()


@dataclass(frozen=True, eq=False)
class Collected:
    """What is kept of all finished runs: three tables small enough to commit."""

    specifications: pd.DataFrame
    """Of every run under every definition (see `specifications`)."""
    runs: pd.DataFrame
    """A row a run: accuracies, flips per net flip, slopes, seconds."""
    series: pd.DataFrame
    """Smoothed series at some steps: columns of the setting, network, quantity, step, value."""
    asked: int
    """Runs of the grid."""
    failed: tuple[str, ...]
    """Why runs failed, a sentence each."""

    @property
    def done(self) -> int:
        """Runs that are finished."""
        return len(self.runs)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The three tables by name."""
        return {
            "specifications": self.specifications,
            "runs": self.runs,
            "series": self.series,
        }

    @property
    def facts(self) -> dict[str, Any]:
        """What a manifest says of them."""
        return {
            "runs_asked": self.asked,
            "runs_done": self.done,
            "runs_failed": list(self.failed),
            "version": VERSION,
            "cells": [{**_SIZES[cell["architecture"]], **cell} for cell in CELLS],
            "digits": list(LONG),
            "optimizers": list(OPTIMIZERS),
            "schedules": sorted(set(self.runs["schedule"])),
            "learning_rates": {" ".join(k): lr for k, lr in LEARNING_RATES.items()},
            "seeds": sorted(int(seed) for seed in set(self.runs["seed"])),
            "compute_seconds": round(float(self.runs["seconds"].sum())),
            "command": f"regime evidence {EVIDENCE_OF}",
        }


def compute_evidence(
    place: str, *, executor: Executor | None = None, jobs: int | None = None
) -> None:
    """Compute every run of the grid that `place` does not hold yet.

    Parameters
    ----------
    place : str
        The folder of the sweep (see `regime_lib.sweeps.sweep`).
    executor : Executor, optional
        Who computes; a pool of processes of this machine by default.
    jobs : int, optional
        Processes of that pool.
    """
    points = [setting.as_point() for setting in paper_scale()]
    sweep(run_point, points, into=place, executor=executor, jobs=jobs, depends=_depends())


def collect_evidence(place: str) -> Collected:
    """Gather every finished run of a sweep.

    Raises
    ------
    RegimeError
        If none is finished.
    """
    store, frames, rows, series, failed = Store(place), [], [], [], []
    points = store.plan()
    for key, point in points.items():
        found = store.result(key)
        if found is None:
            error = store.failure(key)
            failed += [error] if error else []
            continue
        run = TrackedRun.of_rows(Setting(**point), found)
        frames.append(specifications(run))
        rows.append(_summary(run, store.seconds(key)))
        series.append(_thinned(run))
    if not rows:
        raise RegimeError(f"{place} holds no finished run; compute some first")
    return Collected(
        _compact(pd.concat(frames, ignore_index=True)),
        _compact(pd.DataFrame(rows)),
        _compact(pd.concat(series, ignore_index=True)),
        len(points),
        tuple(failed),
    )


def _depends() -> dict[str, Any]:
    return {"study": "paper-scale", "version": VERSION}


def _summary(run: TrackedRun, seconds: float) -> dict[str, Any]:
    return {
        **settings_of(run),
        "steps": run.setting.steps,
        "start_accuracy": run.start_accuracy,
        "accuracy": run.accuracy,
        "flips_per_net_flip": run.flips_per_net_flip,
        "slope": slope(run),
        "average_slope": slope(run, "average"),
        "seconds": seconds,
    }


def _thinned(run: TrackedRun) -> pd.DataFrame:
    """Keep smoothed changes, and distances from the start, at steps that are even in logarithm."""
    parts = []
    for (network, quantity), found in run.series.items():
        if quantity not in _KEPT:
            continue
        values = found.values
        if quantity.endswith("_change"):
            stride = int(np.median(np.diff(found.steps)))
            values = smooth(values[:, None], max(1, _WINDOW // stride))[:, 0]
        at = np.unique(np.geomspace(1, len(values), _POINTS).round().astype(int)) - 1
        parts.append(
            pd.DataFrame(
                {
                    **settings_of(run),
                    "network": network,
                    "quantity": quantity,
                    "step": found.steps[at],
                    "value": values[at],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _compact(table: pd.DataFrame) -> pd.DataFrame:
    """Store texts once, and numbers in half the bytes: seven digits are more than runs repeat."""
    kinds = {
        name: "category" if column.dtype == object or str(column.dtype) == "str" else "float32"
        for name, column in table.items()
        if column.dtype.kind not in "iu"
    }
    whole = {name: "int32" for name, column in table.items() if column.dtype.kind in "iu"}
    return table.astype({**kinds, **whole})


def _setting(cell: Mapping[str, Any], **given: Any) -> Setting:
    return Setting(**{**_SIZES[cell["architecture"]], **cell, **given})
