"""The grid of the runs to the end of training, part by part, in the order of their computation.

Seeds are the outer loop of a part, so that an interrupted part is balanced. Every seed draws
initial weights, batches, and (of images) the split into training and test set, and the probe.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from regime_lib.chapters.three_times.configs import NAMES, OPTIMIZERS, SCHEDULES, RunConfig

#: Where shorter runs end, in steps; a run's own end is added.
HORIZONS = (200, 400, 800, 1200, 2400, 4800, 9600)
_EPOCH = 468  # steps: 60,000 images in batches of 128
_CIFAR = 30 * 390  # steps: 30 epochs of 50,000 images
_IMAGES = {"batch_size": 128, "probe_size": 256, "redraw": True, "warm_up": _EPOCH}
_MLP = {"architecture": "mlp", "steps": 30 * _EPOCH, "hidden": 128, **_IMAGES}
_CNN = {"architecture": "cnn", "steps": 20 * _EPOCH, "hidden": 64, **_IMAGES}
_PATCHES = {"architecture": "transformer", "steps": 20 * _EPOCH, "hidden": 64, **_IMAGES}
_TEXT = {"architecture": "transformer", "steps": 15_000, "hidden": 128, "warm_up": 500,
         "batch_size": 32, "probe_size": 64}  # fmt: skip
#: Optimisers by schedule. Where not everything was affordable, AdamW alone has a cosine, or none.
_ALL = dict.fromkeys(SCHEDULES, OPTIMIZERS)
_DECAYING = dict.fromkeys(("constant", "cosine"), OPTIMIZERS)
_SOME = {"constant": OPTIMIZERS, "cosine": ("adamw",)}
_CONSTANT = {"constant": OPTIMIZERS}
_ADAMW = {"constant": ("adamw",)}


@dataclass(frozen=True)
class GridPart:
    """The runs of one network on one data set."""

    cell: Mapping[str, Any]  # what all of them share: fields of `RunConfig`
    optimizers: Mapping[str, tuple[str, ...]]  # by schedule
    seeds: int

    @property
    def words(self) -> str:
        """Network and data, as figures and texts call them."""
        smooth = " with GELU" if self.cell.get("activation") == "gelu" else ""
        return f"{NAMES[self.cell['architecture']]}{smooth}, {NAMES[self.cell['dataset']]}"


PARTS = {
    "mnist-mlp": GridPart({"dataset": "mnist", **_MLP}, _ALL, 5),
    "mnist-mlp-gelu": GridPart({"dataset": "mnist", "activation": "gelu", **_MLP}, _DECAYING, 5),
    "mnist-cnn": GridPart({"dataset": "mnist", **_CNN}, _DECAYING, 3),
    "fashion-mnist-cnn": GridPart({"dataset": "fashion-mnist", **_CNN}, _SOME, 3),
    "characters": GridPart({"dataset": "tiny-shakespeare", **_TEXT}, _DECAYING, 3),
    "fashion-mnist-mlp": GridPart({"dataset": "fashion-mnist", **_MLP}, _DECAYING, 5),
    "characters-gelu": GridPart(
        {"dataset": "tiny-shakespeare", "activation": "gelu", **_TEXT}, _CONSTANT, 3
    ),
    "fashion-mnist-transformer": GridPart({"dataset": "fashion-mnist", **_PATCHES}, _SOME, 3),
    "sst2": GridPart({"dataset": "sst2", **_TEXT}, _SOME, 3),
    "cifar10-cnn": GridPart({"dataset": "cifar10", **_CNN, "steps": _CIFAR}, _ADAMW, 3),
    "cifar10-resnet": GridPart(
        {"dataset": "cifar10", **_CNN, "steps": _CIFAR, "architecture": "resnet", "hidden": 8},
        _ADAMW,
        3,
    ),
}


def points(part: str) -> Iterator[dict[str, Any]]:
    """Yield the runs of a part, each as a point of a sweep."""
    own = PARTS[part]
    for seed in range(own.seeds):
        for schedule, optimizers in own.optimizers.items():
            for optimizer in optimizers:
                run = RunConfig(**own.cell, schedule=schedule, optimizer=optimizer, seed=seed)
                yield {**asdict(run), "looks": 100, "horizons": list(HORIZONS)}
