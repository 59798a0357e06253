"""The committed networks of chapter 61: how a sweep trains and measures them at equal loss.

Two families of SGD, over the learning rate and over the batch size; and a hundred settings drawn at
random. Point by point, so that what is finished stays finished; a network that never comes down to
the loss has a row that says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import torch

from regime_lib.chapters.attraction_basins.equal_loss import train_to_loss
from regime_lib.chapters.attraction_basins.rivals import measured_networks
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.data.stack import Stack, stacked
from regime_lib.lab.models.mlp import MLPEnsemble
from regime_lib.lab.seeding import generator
from regime_lib.lab.training.config import TrainingConfig
from regime_lib.sweeps.engine import sweep
from regime_lib.sweeps.gathering import gather_some

#: The folder of the committed tables.
EVIDENCE = "basin_networks"
#: Of what a point measures: another one computes all of them anew.
VERSION = 1
#: The training loss at which networks are compared.
TARGET = 0.05
RATES, BATCHES = (0.01, 0.03, 0.1, 0.3), (8, 32, 128, 256)
SETTINGS = 100
_RUNS = {"rate": 10, "batch": 10, "hundred": 2}  # networks of each setting, on images of their own
_STEPS = {"rate": 20_000, "batch": 20_000, "hundred": 6_000}
_DATASET, _SIZES = "mnist", (2000, 5000)  # images to learn from, and test images
_MIDDLE = {"width": 64, "depth": 2, "lr": 0.1, "batch_size": 64, "weight_decay": 0.0}


def points() -> Iterator[dict[str, Any]]:
    """Yield every setting: the hundred and both families."""
    for number, own in enumerate(drawn_settings()):
        yield {"dataset": _DATASET, "family": "hundred", "setting": number, **own}
    for number, rate in enumerate(RATES):
        own = {**_MIDDLE, "lr": rate}
        yield {"dataset": _DATASET, "family": "rate", "setting": number, **own}
    for number, size in enumerate(BATCHES):
        own = {**_MIDDLE, "batch_size": size}
        yield {"dataset": _DATASET, "family": "batch", "setting": number, **own}


def drawn_settings() -> list[dict[str, Any]]:
    """Return the hundred settings: every choice is drawn by itself, the rate on a log scale."""
    random = generator(0, "basin networks")
    low, high = np.log([0.003, 0.05])
    return [
        {
            "width": int(random.choice([16, 32, 64, 128])),
            "depth": int(random.choice([1, 2, 3, 4, 6])),
            "lr": float(f"{np.exp(random.uniform(low, high)):.3g}"),
            "batch_size": int(random.choice([16, 32, 64, 128, 256])),
            "weight_decay": float(random.choice([0.0, 1e-4, 3e-4, 1e-3])),
        }
        for _ in range(SETTINGS)
    ]


def run_point(point: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Train and measure the networks of one setting; return a row for each."""
    torch.set_num_threads(1)
    family, number = point["family"], int(point["setting"])
    runs = _RUNS[family]
    data = _images(runs)
    # networks of the hundred all start anew; those of a family differ in nothing but its setting
    first = 1000 + runs * number if family == "hundred" else 0
    seeds = tuple(range(first, first + runs))
    sizes = (data.train_inputs.shape[2], *[point["width"]] * point["depth"], len(data.classes))
    config = TrainingConfig(
        optimizer="momentum" if family == "hundred" else "sgd",
        lr=point["lr"],
        steps=_STEPS[family],
        batch_size=point["batch_size"],
        weight_decay=point["weight_decay"],
    )
    found = train_to_loss(MLPEnsemble(sizes, seeds), data, config, seeds, TARGET)
    rows = measured_networks(found.net, data)
    return [
        {"run": k, "steps": float(found.steps[k]), "loss": float(found.loss[k]), **row}
        for k, row in enumerate(rows)
    ]


@lru_cache(maxsize=1)
def _images(runs: int) -> Stack:
    """Return other images for each run of a setting, the same ones for all settings."""
    data = load_dataset("mnist")
    return stacked(data.redrawn(seed).subset(*_SIZES) for seed in range(runs))


@dataclass(frozen=True, eq=False)
class Collected:
    """What is kept of all finished settings."""

    tables: dict[str, pd.DataFrame]  # one, with a row for each network
    asked: int
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
            "loss": TARGET,
            "compute_seconds": round(self.seconds),
            "version": VERSION,
        }


def compute(
    place: str, depends: Mapping[str, Any] | None = None, *, jobs: int | None = None
) -> None:
    """Train and measure every setting that `place` does not hold yet.

    Results depend on `VERSION`, not on every line of code.
    """
    sweep(run_point, list(points()), into=place, jobs=jobs, depends={"version": VERSION})


def collect(place: str) -> Collected:
    """Gather every finished setting of a sweep.

    Raises
    ------
    RegimeError
        If the place holds no finished one.
    """
    found = gather_some(place)
    rows = [{**one.point, **row} for one in found.finished for row in one.rows]
    tables = {"networks": pd.DataFrame(rows)}
    return Collected(tables, found.asked, len(found.finished), found.failed, found.seconds)
