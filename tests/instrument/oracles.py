"""What the pattern of a network must be, by explicit formulas: nothing here uses the library."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

SAMPLES = 12


@dataclass(frozen=True)
class Truth:
    """What the pattern of one layer must be."""

    name: str
    values: Tensor
    """Shape (samples, ...): compared with the thresholds, or the winners' positions themselves."""
    thresholds: tuple[float, ...] = (0.0,)
    """None at all for the winners of a max-pool."""
    margin: float = 0.0
    """Values this close to a threshold may fall on either side (the formula rounds differently)."""

    @property
    def units(self) -> int:
        return self.values[0].numel()


@dataclass(frozen=True)
class Case:
    """A network, inputs for it, and what the tracker must see."""

    name: str
    build: Callable[[], nn.Module]
    inputs: Callable[[], Any]
    """Draws a batch; called with another seed for every batch."""
    truth: Callable[[nn.Module, Any], list[Truth]]
    options: dict[str, Any] = field(default_factory=dict)
    """Of the tracker."""

    def __str__(self) -> str:
        return self.name

    def model(self) -> nn.Module:
        """Build the network: the same one every time."""
        torch.manual_seed(1)
        return self.build()

    def batch(self, seed: int) -> Any:
        """Draw inputs: the same ones for the same seed."""
        torch.manual_seed(100 + seed)
        return self.inputs()


def call(model: nn.Module, inputs: Any) -> Tensor:
    """Run a model on inputs, in the way that a probe is run."""
    if isinstance(inputs, dict):
        return model(**inputs)
    return model(*inputs) if isinstance(inputs, tuple) else model(inputs)


def linear(x: Tensor, layer: Any) -> Tensor:
    return F.linear(x, layer.weight, layer.bias)


def rectified(z: Tensor) -> Tensor:
    return torch.where(z > 0, z, torch.zeros_like(z))


def vectors() -> Tensor:
    return torch.randn(SAMPLES, 6)


def images() -> Tensor:
    return torch.randn(SAMPLES, 2, 6, 6)


def brute_force_winners(
    x: Tensor,
    kernel: int | tuple[int, ...],
    stride: int | tuple[int, ...],
    padding: int = 0,
    dilation: int = 1,
) -> Tensor:
    """Return the flat position of the first largest element of every window, window by window."""
    space = x.shape[2:]
    dims = len(space)
    kernel = (kernel,) * dims if isinstance(kernel, int) else kernel
    stride = (stride,) * dims if isinstance(stride, int) else stride
    reach = [dilation * (k - 1) for k in kernel]
    out = [(n + 2 * padding - r - 1) // s + 1 for n, r, s in zip(space, reach, stride, strict=True)]
    windows = [
        [[start * s - padding + dilation * k for k in range(width)] for start in range(length)]
        for length, s, width in zip(out, stride, kernel, strict=True)
    ]
    return _winners_of(
        x,
        [[[i for i in w if 0 <= i < n] for w in ws] for ws, n in zip(windows, space, strict=True)],
    )


def adaptive_winners(x: Tensor, out: tuple[int, ...]) -> Tensor:
    """The same for adaptive pooling: window i of m over n is floor(in/m) to ceil((i+1)n/m)."""
    return _winners_of(
        x,
        [
            [list(range(i * n // m, -(-(i + 1) * n // m))) for i in range(m)]
            for n, m in zip(x.shape[2:], out, strict=True)
        ],
    )


def _winners_of(x: Tensor, windows: list[list[list[int]]]) -> Tensor:
    space = x.shape[2:]
    found = []
    for plane in x.flatten(0, 1):
        flat = plane.flatten().tolist()
        for window in itertools.product(*windows):
            positions = [
                int(np.ravel_multi_index(at, tuple(space))) for at in itertools.product(*window)
            ]
            found.append(max(positions, key=flat.__getitem__))
    return torch.tensor(found).reshape(*x.shape[:2], *(len(w) for w in windows))
