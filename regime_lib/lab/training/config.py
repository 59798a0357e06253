"""How a network is trained: optimiser, learning rate and its schedule, batches, steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from regime_lib.errors import RegimeError

_NAMES = {
    "optimizer": ("sgd", "momentum", "adam", "adamw"),
    "schedule": ("constant", "cosine"),
    "loss": ("cross-entropy", "squared"),
}


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How to train; a value that is unknown or out of range is refused.

    Adam has PyTorch's defaults (betas 0.9 and 0.999, epsilon 1e-8). Weight decay is added to the
    gradient as ``weight_decay * parameter``, biases included; ``adamw`` shrinks the parameters
    instead, apart from the gradient. The squared loss is the distance to one-hot labels, averaged
    over samples and classes.
    """

    optimizer: str  #: ``sgd``, ``momentum`` (SGD with heavy-ball momentum), ``adam``, ``adamw``
    lr: float  #: learning rate at its highest
    steps: int  #: optimiser steps
    batch_size: int | None = 64  #: samples per step; None: the whole training set in every step
    momentum: float = 0.9  #: of ``momentum`` only, in [0, 1)
    weight_decay: float = 0.0
    schedule: str = "constant"  #: or ``cosine``: from `lr` down to 0 after the last step
    warmup: int = 0  #: steps over which the learning rate first grows linearly to `lr`
    loss: str = "cross-entropy"  #: or ``squared``

    def __post_init__(self) -> None:
        for name, known in _NAMES.items():
            if (given := getattr(self, name)) not in known:
                raise RegimeError(f"the {name} is {given!r}; expected one of {', '.join(known)}")
        size, decay, warmup = self.batch_size, self.weight_decay, self.warmup
        warms = _is_count(warmup, 0) and warmup < self.steps
        for name, fits, expected in (
            ("lr", 0 < self.lr < math.inf, "a finite number above 0"),
            ("steps", _is_count(self.steps, 1), "a whole number of at least 1"),
            ("batch_size", size is None or _is_count(size, 1), "at least 1 sample, or None"),
            ("momentum", 0 <= self.momentum < 1, "a number from 0 to below 1"),
            ("weight_decay", 0 <= decay < math.inf, "a finite number of at least 0"),
            ("warmup", warms, f"a whole number from 0 to below steps={self.steps}"),
        ):
            if not fits:
                raise RegimeError(f"{name} is {getattr(self, name)!r}; expected {expected}")

    def learning_rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        if self.schedule == "constant":
            return self.lr
        progress = (step - self.warmup) / (self.steps - self.warmup)
        return self.lr * (1 + math.cos(math.pi * progress)) / 2

    def make_optimizer(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimiser of the given parameters.

        It runs fused, one kernel per tensor: the cheapest of PyTorch's three ways both for an
        ensemble, where memory counts, and for one small network, where calls do.
        """
        kinds: dict[str, Callable[..., torch.optim.Optimizer]] = {
            "sgd": torch.optim.SGD,
            "momentum": partial(torch.optim.SGD, momentum=self.momentum),
            "adam": torch.optim.Adam,
            "adamw": torch.optim.AdamW,
        }
        lr, decay = self.learning_rate(0), self.weight_decay
        return kinds[self.optimizer](parameters, lr=lr, weight_decay=decay, fused=True)


def _is_count(value: int, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
