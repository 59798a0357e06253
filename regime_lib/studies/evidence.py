"""The paper-scale grid: which runs it holds, and how a sweep computes them one file a point.

The runs of seed 0 come first, cell by cell, so that an interrupted sweep is a balanced set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from regime_lib.studies.settings import OPTIMIZERS, Setting
from regime_lib.studies.tracked import tracked_run

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


def paper_scale() -> Iterator[Setting]:
    """Yield the settings of the grid, in the order in which they are computed.

    First every cell with every optimiser, constant and cosine, seed after seed; then AdamW with a
    warm-up; last the digits in full batches, where no minibatch noise is left.
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


def run_point(point: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Compute one point of the sweep: the packed series of one run."""
    torch.set_num_threads(1)
    return tracked_run(Setting(**point)).rows()


def _setting(cell: Mapping[str, Any], **given: Any) -> Setting:
    return Setting(**{**_SIZES[cell["architecture"]], **cell, **given})
