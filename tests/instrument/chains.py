"""Small chains for the tests of certificates, and the same parameters for exact arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from regime_lib.simulators.exact.networks import ExactNetwork


def drawn(sizes: Sequence[int], seed: int) -> tuple[nn.Sequential, ExactNetwork, Tensor]:
    """Return a float64 network of hidden layers, the same in exact arithmetic, and an input."""
    random = np.random.default_rng(seed)
    model, weights, biases = nn.Sequential(), [], []
    for below, above in pairwise(sizes):
        weights.append(random.standard_normal((above, below)))
        biases.append(random.standard_normal(above))
        linear = nn.Linear(below, above, dtype=torch.float64)
        linear.load_state_dict(
            {"weight": torch.from_numpy(weights[-1]), "bias": torch.from_numpy(biases[-1])}
        )
        model.extend([linear, nn.ReLU()])
    x = torch.from_numpy(random.standard_normal((1, sizes[0])))
    return model, ExactNetwork.of(weights, biases), x


def small_cnn(seed: int = 0) -> nn.Sequential:
    """Return a network with convolutions (one strided and grouped), both pools and a dense end."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 4, 3, stride=1, padding=1, groups=2, bias=False),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 5),
        nn.ReLU(),
        nn.Linear(5, 3),
    )


def average_cnn(seed: int = 0) -> nn.Sequential:
    """Return a network with convolutions and average pooling, wide enough not to be dead."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(4, 4, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16, 8),
        nn.ReLU(),
        nn.Linear(8, 3),
    )


def images(n: int = 6, seed: int = 1) -> Tensor:
    """Return random pictures for `small_cnn`."""
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, 1, 8, 8))).float()


def copies(model: nn.Module) -> dict[str, Tensor]:
    """Copy all parameters."""
    return {name: value.detach().clone() for name, value in model.named_parameters()}
