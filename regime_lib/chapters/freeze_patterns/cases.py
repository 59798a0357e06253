"""What an experiment of chapter 24 is of: data, networks of several seeds, and training."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from regime_lib.errors import RegimeError
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.data.stack import Stack, stacked
from regime_lib.lab.data.text import CharacterData
from regime_lib.lab.models.cnn import CNNEnsemble
from regime_lib.lab.models.ensemble import Ensemble
from regime_lib.lab.models.mlp import MLPEnsemble
from regime_lib.lab.models.transformer import TransformerEnsemble, TransformerShape
from regime_lib.lab.training.config import TrainingConfig

ARCHITECTURES = ("mlp", "cnn", "transformer")
#: Learning rates of chapter 23, chosen because training succeeds, before anything was frozen.
RATES = {
    ("mlp", "sgd"): 0.1,
    ("mlp", "momentum"): 0.03,
    ("mlp", "adamw"): 0.001,
    ("cnn", "momentum"): 0.02,
    ("cnn", "adamw"): 0.002,
    ("transformer", "momentum"): 0.05,
    ("transformer", "adamw"): 0.002,
}
_DECAY = 0.01  # decoupled weight decay of AdamW, PyTorch's default
_CHANNELS = (8, 16)
_WIDTH = 32  # of the vectors of a Transformer
_CHARACTERS = 32  # that a Transformer reads at once


@dataclass(frozen=True, kw_only=True)
class Case:
    """Everything that the runs of one setting depend on."""

    dataset: str
    architecture: str = "mlp"
    optimizer: str = "adamw"
    schedule: str = "cosine"
    seeds: tuple[int, ...] = (0,)  # each draws a split, a start and the order of its batches
    steps: int = 400
    batch_size: int = 64
    hidden: tuple[int, ...] = (64, 64)  # units of an MLP's hidden layers; else the first counts
    train: int | None = None  # training samples of each seed, of text windows; None: all
    test: int | None = None
    probe: int = 128  # test samples on which patterns are tracked
    loss: str = "cross-entropy"  # or "squared"

    def __post_init__(self) -> None:
        if (self.architecture, self.optimizer) not in RATES:
            raise RegimeError(
                f"no learning rate is known for {self.optimizer} and {self.architecture}; expected "
                f"one of {', '.join(' and '.join(reversed(key)) for key in RATES)}"
            )

    @property
    def choices(self) -> dict[str, str]:
        """What names the setting in tables."""
        return {
            "dataset": self.dataset,
            "architecture": self.architecture,
            "optimizer": self.optimizer,
            "schedule": self.schedule,
        }

    @property
    def training(self) -> TrainingConfig:
        """How the networks are trained."""
        return TrainingConfig(
            optimizer=self.optimizer,
            lr=RATES[self.architecture, self.optimizer],
            steps=self.steps,
            batch_size=self.batch_size,
            weight_decay=_DECAY if self.optimizer == "adamw" else 0.0,
            schedule=self.schedule,
            loss=self.loss,
        )

    def data(self) -> Stack:
        """Return the data of every seed: a split of its own."""
        return _data(self.dataset, self.architecture, self.seeds, self.train, self.test)

    def networks(self) -> Ensemble[Any]:
        """Return the networks, each with the start of its seed."""
        data = self.data()
        classes, shape = len(data.classes), tuple(data.train_inputs.shape[2:])
        if self.architecture == "mlp":
            return MLPEnsemble((*shape, *self.hidden, classes), self.seeds)
        if self.architecture == "cnn":
            one, two, three = shape
            return CNNEnsemble((one, two, three), _CHANNELS, self.hidden[0], classes, self.seeds)
        text = data.train_labels.ndim > 2
        form = TransformerShape(
            tokens=shape[0],
            inputs=classes if text else shape[1],
            outputs=classes,
            text=text,
            width=_WIDTH,
            ffn=self.hidden[0],
        )
        return TransformerEnsemble(form, self.seeds)


@lru_cache(maxsize=2)
def _data(
    name: str, architecture: str, seeds: tuple[int, ...], train: int | None, test: int | None
) -> Stack:
    known: Any = load_dataset(name)
    if isinstance(known, CharacterData):
        known = known.as_windows(_CHARACTERS)

    def one(seed: int) -> Dataset:
        split: Dataset = known.redrawn(seed)
        n_train, n_test = train or len(split.train_labels), test or len(split.test_labels)
        split = split.subset(n_train, n_test)
        if architecture == "mlp" or split.train_labels.ndim > 1:
            return split
        if architecture == "cnn":
            return split.as_images()
        assert split.image_shape is not None
        _, height, width = split.image_shape
        return split.as_patches(height // 4, width // 2)

    return stacked(one(seed) for seed in seeds)


def example(data: Stack) -> torch.Tensor:
    """Return a few inputs on which all networks can run."""
    return data.train_inputs[0, :4]


def parameters_of(model: nn.Module) -> int:
    """Return how many numbers a network learns."""
    return sum(one.numel() for one in model.parameters() if one.requires_grad)
