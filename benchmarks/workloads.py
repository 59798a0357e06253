"""The four training steps that tracking is timed on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Workload:
    """A model, one training batch, and a probe."""

    name: str
    build: Callable[[], nn.Module]
    batch: Tensor
    targets: Tensor
    probe: Tensor
    steps: int
    """Training steps that are timed at a stretch."""


def _mlp(*sizes: int) -> nn.Module:
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(sizes[:-1]):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(*sizes[-2:]))


def _cnn() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 7 * 7, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


class CharacterTransformer(nn.Module):
    """Two encoder blocks of width 128 with a ReLU FFN of 512 units, 65 characters."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(65, 128)
        block = nn.TransformerEncoderLayer(128, 4, 512, dropout=0.0, batch_first=True)
        self.blocks = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
        self.head = nn.Linear(128, 65)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.blocks(self.embed(tokens)))


def workloads() -> list[Workload]:
    """Return the workloads of the benchmark, with fixed random data."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    def labels(high: int, *shape: int) -> Tensor:
        return torch.randint(0, high, shape, generator=generator)

    return [
        Workload(
            "digits MLP 64-128-128-10",
            lambda: _mlp(64, 128, 128, 10),
            normal(64, 64),
            labels(10, 64),
            normal(256, 64),
            steps=40,
        ),
        Workload(
            "MLP 784-1024-1024-10",
            lambda: _mlp(784, 1024, 1024, 10),
            normal(128, 784),
            labels(10, 128),
            normal(512, 784),
            steps=5,
        ),
        Workload(
            "CNN 28x28",
            _cnn,
            normal(64, 1, 28, 28),
            labels(10, 64),
            normal(512, 1, 28, 28),
            steps=3,
        ),
        Workload(
            "Transformer",
            CharacterTransformer,
            labels(65, 32, 32),
            labels(65, 32, 32),
            labels(65, 64, 32),
            steps=3,
        ),
    ]


def train_step(model: nn.Module, optimizer: torch.optim.Optimizer, work: Workload) -> None:
    """Take one optimiser step on the workload's batch."""
    optimizer.zero_grad(set_to_none=True)
    logits = model(work.batch)
    F.cross_entropy(logits.flatten(0, -2), work.targets.flatten()).backward()
    optimizer.step()
