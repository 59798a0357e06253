"""The grid of the runs to the end of training, part by part, in the order of their computation.

Seeds are the outer loop of a part, so that an interrupted part is balanced. Every seed draws
initial weights, batches, and (of images) the split into training and test set, and the probe.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from regime_lib.chapters.three_times.configs import OPTIMIZERS, SCHEDULES, RunConfig

#: Where shorter runs end, in steps; a run's own end is added.
HORIZONS = (200, 400, 800, 1200, 2400, 4800, 9600)
_EPOCH = 468  # steps: 60,000 images in batches of 128
_IMAGES = {"batch_size": 128, "probe_size": 256, "redraw": True, "warm_up": _EPOCH}
_MLP = {"architecture": "mlp", "steps": 30 * _EPOCH, "hidden": 128, **_IMAGES}
_CNN = {"architecture": "cnn", "steps": 20 * _EPOCH, "hidden": 64, **_IMAGES}
_TEXT = {"architecture": "transformer", "steps": 15_000, "hidden": 128, "warm_up": 500,
         "batch_size": 32, "probe_size": 64}  # fmt: skip
_DECAYING = ("constant", "cosine")

#: What each part runs, with which schedules, optimisers and number of seeds.
PARTS: dict[str, tuple[dict[str, Any], tuple[str, ...], tuple[str, ...], int]] = {
    "mnist-mlp": ({"dataset": "mnist", **_MLP}, SCHEDULES, OPTIMIZERS, 5),
    "mnist-mlp-gelu": (
        {"dataset": "mnist", "activation": "gelu", **_MLP},
        _DECAYING,
        OPTIMIZERS,
        5,
    ),
    "mnist-cnn": ({"dataset": "mnist", **_CNN}, _DECAYING, OPTIMIZERS, 3),
    "fashion-mnist-cnn": ({"dataset": "fashion-mnist", **_CNN}, _DECAYING, OPTIMIZERS, 3),
    "characters": ({"dataset": "tiny-shakespeare", **_TEXT}, _DECAYING, OPTIMIZERS, 3),
    "fashion-mnist-mlp": ({"dataset": "fashion-mnist", **_MLP}, _DECAYING, OPTIMIZERS, 5),
    "characters-gelu": (
        {"dataset": "tiny-shakespeare", "activation": "gelu", **_TEXT},
        ("constant",),
        OPTIMIZERS,
        3,
    ),
    "fashion-mnist-transformer": (
        {
            "dataset": "fashion-mnist",
            "architecture": "transformer",
            "steps": 20 * _EPOCH,
            "hidden": 64,
            **_IMAGES,
        },
        _DECAYING,
        OPTIMIZERS,
        3,
    ),
    "sst2": ({"dataset": "sst2", **_TEXT}, _DECAYING, OPTIMIZERS, 3),
    "cifar10-cnn": (
        {"dataset": "cifar10", **_CNN, "steps": 30 * 390},
        _DECAYING,
        OPTIMIZERS,
        3,
    ),
    "cifar10-resnet": (
        {"dataset": "cifar10", **_CNN, "architecture": "resnet", "hidden": 8, "steps": 30 * 390},
        ("constant",),
        OPTIMIZERS,
        3,
    ),
}


def points(part: str) -> Iterator[dict[str, Any]]:
    """Yield the runs of a part, each as a point of a sweep."""
    cell, schedules, optimizers, seeds = PARTS[part]
    for seed in range(seeds):
        for schedule in schedules:
            for optimizer in optimizers:
                run = RunConfig(**cell, schedule=schedule, optimizer=optimizer, seed=seed)
                yield {**asdict(run), "looks": 100, "horizons": list(HORIZONS)}
