"""The paper-scale grid: the long runs whose results are committed with the book.

The runs of seed 0 come first, data set by data set, so that an interrupted sweep is balanced.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from regime_lib.chapters.three_times.configs import DIGITS, OPTIMIZERS, RunConfig

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
SIZES: dict[str, dict[str, Any]] = {
    "mlp": {"batch_size": 64, "samples": 10_000, "probe_size": 256, "hidden": 128},
    "cnn": {"batch_size": 32, "samples": 10_000, "probe_size": 64, "hidden": 64},
    "transformer": {"batch_size": 16, "samples": None, "probe_size": 16, "hidden": 128},
}
#: The digits, in long runs: constant rates need it to settle.
LONG: tuple[dict[str, Any], ...] = tuple(
    {"architecture": architecture, "steps": steps, **DIGITS[architecture]}
    for architecture, steps in (("mlp", 3000), ("cnn", 2000), ("transformer", 1600))
)


def grid() -> Iterator[RunConfig]:
    """Yield the runs of the grid, in the order in which they are computed.

    First every cell with every optimiser, constant and cosine, seed after seed; then AdamW with a
    warm-up. Last the digits, in runs long enough for a constant rate to settle: in minibatches, and
    in full batches, where no minibatch noise is left.
    """
    cells = [{**SIZES[cell["architecture"]], **cell} for cell in CELLS]
    for seed in SEEDS:
        for schedule in ("constant", "cosine"):
            for name in OPTIMIZERS:
                for cell in cells:
                    yield RunConfig(**cell, optimizer=name, schedule=schedule, seed=seed)
    for seed in SEEDS:
        for cell in cells:
            yield RunConfig(**cell, optimizer="adamw", schedule="warm-up", seed=seed)
    full: dict[str, Any] = {
        "dataset": "digits",
        "architecture": "mlp",
        "steps": 1000,
        "batch_size": None,
    }
    for seed in SEEDS:
        for name in ("momentum", "adamw"):
            yield RunConfig(**full, optimizer=name, seed=seed)
    for seed in SEEDS:
        for size in LONG:
            for name, schedule in (*((o, "constant") for o in OPTIMIZERS), ("adamw", "warm-up")):
                yield RunConfig(
                    dataset="digits", **size, optimizer=name, schedule=schedule, seed=seed
                )
