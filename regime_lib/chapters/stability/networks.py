"""The trained digits networks whose patterns are certified."""

from __future__ import annotations

from functools import lru_cache

from torch import Tensor, nn

from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.models.mlp import MLP
from regime_lib.lab.seeding import torch_seeded
from regime_lib.lab.training.config import TrainingConfig
from regime_lib.lab.training.loop import train

_STEPS = 300


@lru_cache(maxsize=1)
def trained_networks(
    sizes: tuple[int, ...], lr: float, batch_size: int, probe_size: int, seed: int
) -> dict[str, tuple[nn.Module, Tensor]]:
    """Train a perceptron and a small convolutional network on the digits, with Adam."""
    flat = load_dataset("digits")
    with torch_seeded(seed):
        cnn = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(256, 32),
            nn.ReLU(),
            nn.Linear(32, 10),
        )
    networks = {"MLP": (MLP(sizes, seed), flat), "CNN": (cnn, flat.as_images())}
    config = TrainingConfig(optimizer="adam", lr=lr, steps=_STEPS, batch_size=batch_size)
    for model, data in networks.values():
        train(model, data, config, seed)
    return {
        name: (model, data.test_inputs[:probe_size]) for name, (model, data) in networks.items()
    }
