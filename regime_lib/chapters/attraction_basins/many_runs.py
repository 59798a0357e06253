"""Many runs on MNIST of what is cheap in chapter 61, each on its own split: rows that are kept.

A point of the sweep is one run of one part: networks of all depths at three widths, or networks of
all widths under both starts. They are shorter than the chapter's run with the profile *paper*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import pandas as pd
import torch

from regime_lib.chapters.attraction_basins.depths import (
    DEPTHS,
    FLAT,
    claims_of_classes,
    claims_of_depths,
    growth,
    numbers_of_depths,
)
from regime_lib.chapters.attraction_basins.scans import (
    BasinScan,
    ClassBasins,
    Scan,
    ScanPlan,
    basin_scan,
    class_basins,
    trained_scan,
)
from regime_lib.chapters.attraction_basins.starts import claims_of_starts, fixed_start_scan
from regime_lib.chapters.many import of_length
from regime_lib.estimate import Estimate
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.data.stack import stacked
from regime_lib.lab.training.config import TrainingConfig

#: Of what a run measures: another one computes all of them anew.
VERSION = 1
#: Claims of the part ``depths`` that the long run has no number for.
_ONLY_SHORT = ("nd-depth-six-to-eight", "nd-best-depth-width")
_SEED = 0  # of the choices of runs that give intervals
#: How long and how wide.
SIZES: dict[str, Any] = {
    "dataset": "mnist",
    "steps": {"starts": 600, "depths": 600},
    "widths": (32, 128, 512),
    "depth": 2,
    "scan_widths": (32, 64, 128),
    "scan_depths": DEPTHS,
    "lr": 1e-3,
    "batch_size": 64,
    "probe_size": 200,
    "draws": 8,
}
#: Runs of each part.
RUNS = {"starts": 8, "depths": 10}
Row = dict[str, Any]


def points() -> Iterator[dict[str, Any]]:
    """Yield every run."""
    for part, runs in RUNS.items():
        yield from ({"part": part, "seed": seed} for seed in range(runs))


def run_point(point: Mapping[str, Any]) -> list[Row]:
    """Compute one run; return its rows."""
    torch.set_num_threads(1)
    part, seed = point["part"], int(point["seed"])
    config = TrainingConfig(
        optimizer="adam",
        lr=SIZES["lr"],
        steps=SIZES["steps"][part],
        batch_size=SIZES["batch_size"],
    )
    plan = ScanPlan(
        data=stacked([_data().redrawn(seed)]),
        seeds=(seed,),
        config=config,
        probe_size=SIZES["probe_size"],
        draws=SIZES["draws"],
    )
    return list(_starts(plan, seed) if part == "starts" else _depths(plan, seed))


def _starts(plan: ScanPlan, seed: int) -> Iterator[Row]:
    widths, depth = SIZES["widths"], SIZES["depth"]
    usual = basin_scan(plan, trained_scan(plan, "width", widths, depth=depth))
    fixed = fixed_start_scan(plan, widths, depth=depth)
    for start, scan in (("usual", usual), ("fixed", fixed)):
        yield from _rows(scan, start, seed)


def _depths(plan: ScanPlan, seed: int) -> Iterator[Row]:
    """Train all depths, measure both basins at the widest, and every class at one layer."""
    widest = max(SIZES["scan_widths"])
    for width in SIZES["scan_widths"]:
        trained = trained_scan(plan, "depth", SIZES["scan_depths"], width=width)
        scan = basin_scan(plan, trained) if width == widest else trained.scan
        for k, depth in enumerate(scan.values):
            row = {"part": "depths", "seed": seed, "width": width, "depth": depth}
            row["accuracy"] = float(scan.accuracy[k, 0])
            if isinstance(scan, BasinScan):
                row["sample_basin"] = float(scan.sample_basin[k, 0])
                row["weight_basin"] = float(scan.weight_basin[k, 0])
            yield row
        if width == widest:
            size = plan.probe_size
            found = class_basins(plan, trained.at(FLAT), samples=2 * size, ranked=10 * size)
            for digit, (basin, slope) in enumerate(
                zip(found.basin[0], found.slope[0], strict=True)
            ):
                yield {"part": "depths", "seed": seed, "digit": digit,
                       "sample_basin": float(basin), "slope": float(slope)}  # fmt: skip


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
    """Judge what the long run has no number for, and return the numbers that the page names.

    Of the other claims the long run stays the judge: its networks learn eight times longer. What
    the short runs say of them is `beside_long_run`.
    """
    claims: dict[str, Estimate] = {}
    numbers: dict[str, float | int | str] = {}
    parts = {str(part): own for part, own in rows.groupby("part")}
    steps = SIZES["steps"]
    if "starts" in parts:
        usual, fixed = (start_scan(parts["starts"], start) for start in ("usual", "fixed"))
        said = claims_of_starts(usual.accuracy, fixed.accuracy, fixed.weight_basin, _SEED)
        claims |= of_length(said, steps["starts"])
        first, last = usual.weight_basin[[0, -1]].mean(axis=1)
        numbers["start-usual-growth"] = float(last / first)
    if "depths" in parts:
        by_width, basins = depth_scans(parts["depths"])
        said = claims_of_depths(by_width, basins, _SEED)
        claims |= of_length({name: said[name] for name in _ONLY_SHORT}, steps["depths"])
        numbers |= numbers_of_depths(by_width)
    return claims, numbers


def beside_long_run(rows: pd.DataFrame) -> dict[str, Estimate]:
    """Return what the short runs say of claims that the long run judges."""
    parts = {str(part): own for part, own in rows.groupby("part")}
    said = claims_of_depths(*depth_scans(parts["depths"]), _SEED)
    said |= claims_of_classes(classes_of(parts["depths"]), _SEED)
    said["nd-weight-basin-width"] = growth(start_scan(parts["starts"], "usual").weight_basin, _SEED)
    return {name: one for name, one in said.items() if name not in _ONLY_SHORT}


def start_scan(rows: pd.DataFrame, start: str) -> BasinScan:
    """Put the networks of all widths together again that began with one of the two starts."""
    own = rows[rows["start"] == start]
    return _scan(own, "width")


def depth_scans(rows: pd.DataFrame) -> tuple[dict[int, Scan], BasinScan]:
    """Put the networks of all depths together again, by width, and the basins of the widest."""
    rows = rows[rows["digit"].isna()]
    widths = sorted(int(width) for width in set(rows["width"]))
    scans = {width: _scan(rows[rows["width"] == width], "depth") for width in widths}
    return dict(scans), scans[widths[-1]]


def _scan(rows: pd.DataFrame, varied: str) -> BasinScan:
    """Read a scan from its rows; basins that were not measured are no numbers."""
    wide = {
        name: rows.pivot_table(index=varied, columns="seed", values=name, dropna=False)
        for name in ("accuracy", "sample_basin", "weight_basin")
    }
    values = tuple(int(value) for value in wide["accuracy"].index)
    return BasinScan(varied, values, *(table.to_numpy(dtype=float) for table in wide.values()))


def classes_of(rows: pd.DataFrame) -> ClassBasins:
    """Put what was measured of every digit together again."""
    rows = rows[rows["digit"].notna()]
    basin, slope = (
        rows.pivot_table(index="seed", columns="digit", values=name).to_numpy(dtype=float)
        for name in ("sample_basin", "slope")
    )
    return ClassBasins(basin, slope)
