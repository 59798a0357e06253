"""Training runs that the tests of the tracker share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from regime_lib.instrument import RegimeTracker, Trace
from tests.instrument.cases import TwoLayers, call

Step = Callable[[int], None]


def doubled(inputs: Any) -> Any:
    if isinstance(inputs, dict):
        return {name: doubled(value) for name, value in inputs.items()}
    if isinstance(inputs, tuple):
        return tuple(map(doubled, inputs))
    return inputs.double() if isinstance(inputs, Tensor) else inputs


def trainer(model: nn.Module, batches: Callable[[int], Any], lr: float = 0.1) -> Step:
    """Return a function that takes one training step."""
    learnable = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(learnable, lr, momentum=0.9)

    def step(number: int) -> None:
        optimizer.zero_grad()
        (call(model, batches(number)) ** 2).mean().backward()
        optimizer.step()

    return step


def small_run(steps: int = 12, *, update: bool = True, **options: Any) -> Trace:
    """Track a small network for some steps; the same one every time."""
    torch.manual_seed(4)
    model, probe = TwoLayers(nn.ReLU()), torch.randn(37, 6)
    batches = torch.randn(200, 20, 6)
    step = trainer(model, batches.__getitem__, lr=0.05)
    with RegimeTracker(model, probe, **options) as tracker:
        for number in range(steps):
            step(number)
            if update:
                tracker.update()
    return tracker.trace
