"""Max-pools of every kind, with the winners found window by window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from tests.instrument.oracles import Case, Truth, adaptive_winners, brute_force_winners


def _pool_case(
    name: str, pool: Callable[[], nn.Module], shape: tuple[int, ...], winners: Any
) -> Case:
    class Pooling(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            conv = {3: nn.Conv1d, 4: nn.Conv2d, 5: nn.Conv3d}[len(shape) + 1]
            self.conv, self.pool = conv(shape[0], 3, 1), pool()

        def forward(self, x: Tensor) -> Tensor:
            return self.pool(self.conv(x))

    def truth(model: Any, x: Tensor) -> list[Truth]:
        return [Truth("pool", winners(model.conv(x)), ())]

    return Case(name, Pooling, lambda: torch.randn(5, *shape), truth)


POOLS = [
    _pool_case(
        "MaxPool1d", lambda: nn.MaxPool1d(3), (2, 12), lambda z: brute_force_winners(z, 3, 3)
    ),
    _pool_case(
        "MaxPool1d(padding, dilation)",
        lambda: nn.MaxPool1d(3, stride=2, padding=1, dilation=2),
        (2, 13),
        lambda z: brute_force_winners(z, 3, 2, 1, 2),
    ),
    _pool_case(
        "MaxPool2d", lambda: nn.MaxPool2d(2), (2, 6, 6), lambda z: brute_force_winners(z, 2, 2)
    ),
    _pool_case(
        "MaxPool2d(3, 2, 1)",
        lambda: nn.MaxPool2d(3, 2, 1),
        (2, 7, 6),
        lambda z: brute_force_winners(z, 3, 2, 1),
    ),
    _pool_case(
        "MaxPool2d((2, 3), dilation=2)",
        lambda: nn.MaxPool2d((2, 3), stride=1, dilation=2),
        (2, 6, 8),
        lambda z: brute_force_winners(z, (2, 3), 1, 0, 2),
    ),
    _pool_case(
        "MaxPool2d, window wider than a byte",
        lambda: nn.MaxPool2d((3, 2), stride=1),
        (1, 3, 128),  # two rows below is 256 positions further
        lambda z: brute_force_winners(z, (3, 2), 1),
    ),
    _pool_case(
        "MaxPool3d", lambda: nn.MaxPool3d(2), (2, 4, 4, 4), lambda z: brute_force_winners(z, 2, 2)
    ),
    _pool_case(
        "AdaptiveMaxPool1d",
        lambda: nn.AdaptiveMaxPool1d(3),
        (2, 10),
        lambda z: adaptive_winners(z, (3,)),
    ),
    _pool_case(
        "AdaptiveMaxPool2d",
        lambda: nn.AdaptiveMaxPool2d((3, 2)),
        (2, 7, 5),
        lambda z: adaptive_winners(z, (3, 2)),
    ),
    _pool_case(
        "AdaptiveMaxPool3d",
        lambda: nn.AdaptiveMaxPool3d(2),
        (2, 5, 4, 3),
        lambda z: adaptive_winners(z, (2, 2, 2)),
    ),
]
