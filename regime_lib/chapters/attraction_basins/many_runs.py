"""Many runs on MNIST of what is cheap in chapter 61, each on its own split: rows that are kept.

A point of the sweep is one run: networks of all widths under both starts. They are shorter than the
chapter's run with the profile *paper*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import pandas as pd
import torch

from regime_lib.chapters.attraction_basins.scans import (
    BasinScan,
    ScanPlan,
    basin_scan,
    trained_scan,
)
from regime_lib.chapters.attraction_basins.starts import claims_of_starts, fixed_start_scan
from regime_lib.estimate import Estimate
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.data.stack import stacked
from regime_lib.lab.training.config import TrainingConfig

#: Of what a run measures: another one computes all of them anew.
VERSION = 1
#: How long and how wide; the widths are those of the chapter's run on MNIST.
SIZES: dict[str, Any] = {
    "dataset": "mnist",
    "steps": 600,
    "widths": (32, 128, 512),
    "depth": 2,
    "lr": 1e-3,
    "batch_size": 64,
    "probe_size": 200,
    "draws": 8,
}
_RUNS = 10


def points() -> Iterator[dict[str, Any]]:
    """Yield every run."""
    yield from ({"part": "starts", "seed": seed} for seed in range(_RUNS))


def run_point(point: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Compute one run; return a row for each start and width."""
    torch.set_num_threads(1)
    seed = int(point["seed"])
    config = TrainingConfig(
        optimizer="adam", lr=SIZES["lr"], steps=SIZES["steps"], batch_size=SIZES["batch_size"]
    )
    plan = ScanPlan(
        data=stacked([_data().redrawn(seed)]),
        seeds=(seed,),
        config=config,
        probe_size=SIZES["probe_size"],
        draws=SIZES["draws"],
    )
    widths, depth = SIZES["widths"], SIZES["depth"]
    usual = basin_scan(plan, trained_scan(plan, "width", widths, depth=depth))
    fixed = fixed_start_scan(plan, widths, depth=depth)
    return [
        row
        for start, scan in (("usual", usual), ("fixed", fixed))
        for row in _rows(scan, start, seed)
    ]


def _rows(scan: BasinScan, start: str, seed: int) -> Iterator[dict[str, Any]]:
    columns = zip(scan.values, scan.accuracy, scan.sample_basin, scan.weight_basin, strict=True)
    for width, accuracy, sample, weight in columns:
        yield {
            "part": "starts",
            "seed": seed,
            "start": start,
            "width": width,
            "accuracy": float(accuracy[0]),
            "sample_basin": float(sample[0]),
            "weight_basin": float(weight[0]),
        }


@lru_cache(maxsize=1)
def _data() -> Dataset:
    return load_dataset(SIZES["dataset"])


def claims_of(rows: pd.DataFrame) -> tuple[dict[str, Estimate], dict[str, float | int | str]]:
    """Judge finished runs, and return the numbers that the page names."""
    wide = {
        (start, name): rows[rows["start"] == start]
        .pivot_table(index="width", columns="seed", values=name)
        .to_numpy(dtype=float)
        for start in ("usual", "fixed")
        for name in ("accuracy", "weight_basin")
    }
    usual = wide["usual", "weight_basin"]
    claims = claims_of_starts(
        wide["usual", "accuracy"], wide["fixed", "accuracy"], wide["fixed", "weight_basin"], 0
    )
    growth = float(usual[-1].mean() / usual[0].mean())
    return claims, {"start-usual-growth": growth, "runs-starts": usual.shape[1]}
