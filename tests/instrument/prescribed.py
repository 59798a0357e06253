"""A network whose patterns are whatever a test says: bits are written straight into a parameter."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from regime_lib.instrument import RegimeTracker


class Prescribed(nn.Module):
    """Layers whose pre-activations are rows of tables, one row per sample."""

    def __init__(self, samples: int, units: tuple[int, ...]) -> None:
        super().__init__()
        self.tables = nn.ParameterList([torch.zeros(samples, n) for n in units])

    def forward(self, numbers: Tensor) -> list[Tensor]:
        return [F.relu(table[numbers]) for table in self.tables]

    def show(self, patterns: list[NDArray]) -> None:
        """Give each layer a pattern of shape (samples, units)."""
        with torch.no_grad():
            for table, bits in zip(self.tables, patterns, strict=True):
                table.copy_(torch.from_numpy(np.where(bits, 1.0, -1.0)))


def tracked(patterns: list[NDArray], **options: object) -> RegimeTracker:
    """Track given patterns, each of shape (steps, samples, units), one a layer."""
    samples = patterns[0].shape[1]
    model = Prescribed(samples, tuple(layer.shape[2] for layer in patterns))
    model.show([layer[0] for layer in patterns])
    with RegimeTracker(model, torch.arange(samples), **options) as tracker:  # type: ignore[arg-type]
        for step in range(1, len(patterns[0])):
            model.show([layer[step] for layer in patterns])
            tracker.update()
    return tracker


def random_patterns(seed: int, steps: int, samples: int, units: tuple[int, ...]) -> list[NDArray]:
    """Draw patterns in which about a fifth of the bits flip in a step."""
    random = np.random.default_rng(seed)
    made = []
    for n in units:
        flips = random.random((steps, samples, n)) < 0.2
        made.append(np.cumsum(flips, axis=0) % 2 == 1)
    return made
