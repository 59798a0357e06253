"""How a network is trained: optimiser, learning rate and its schedule, batches, steps."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from regime_lib.errors import RegimeError

_OPTIMIZERS = ("sgd", "momentum", "adam", "adamw")
_SCHEDULES = ("constant", "cosine")
_LOSSES = ("cross-entropy", "squared")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """A training recipe.

    Parameters
    ----------
    optimizer : str
        ``sgd``, ``momentum`` (SGD with heavy-ball momentum), ``adam`` or ``adamw``; Adam with
        PyTorch's defaults (betas 0.9 and 0.999, epsilon 1e-8).
    lr : float
        Learning rate at its highest.
    steps : int
        Optimiser steps.
    batch_size : int or None
        Samples a step; None takes the whole training set in every step.
    momentum : float
        Used by ``momentum`` only, in [0, 1).
    weight_decay : float
        Added to the gradient as ``weight_decay * parameter``, biases included; ``adamw`` shrinks
        the parameters instead, apart from the gradient.
    schedule : str
        ``constant``, or ``cosine``: from `lr` down to 0 after the last step.
    warmup : int
        Steps over which the learning rate first grows linearly to `lr`.
    loss : str
        ``cross-entropy``, or ``squared``: the squared distance to one-hot labels, averaged over
        samples and classes.

    Raises
    ------
    RegimeError
        If a value is unknown or out of range.
    """

    optimizer: str
    lr: float
    steps: int
    batch_size: int | None = 64
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: str = "constant"
    warmup: int = 0
    loss: str = "cross-entropy"

    def __post_init__(self) -> None:
        for name, allowed in (
            ("optimizer", _OPTIMIZERS),
            ("schedule", _SCHEDULES),
            ("loss", _LOSSES),
        ):
            if getattr(self, name) not in allowed:
                raise RegimeError(
                    f"the {name} is {getattr(self, name)!r}; expected one of {', '.join(allowed)}"
                )
        batch_size = 1 if self.batch_size is None else self.batch_size
        for name, value, expected, fits in (
            ("lr", self.lr, "a finite number above 0", 0 < self.lr < math.inf),
            ("steps", self.steps, "a whole number of at least 1", _is_count(self.steps, 1)),
            ("batch_size", batch_size, "at least 1 sample, or None", _is_count(batch_size, 1)),
            ("momentum", self.momentum, "a number from 0 to below 1", 0 <= self.momentum < 1),
            (
                "weight_decay",
                self.weight_decay,
                "a finite number of at least 0",
                0 <= self.weight_decay < math.inf,
            ),
            (
                "warmup",
                self.warmup,
                f"a whole number from 0 to below steps={self.steps}",
                _is_count(self.warmup, 0) and self.warmup < self.steps,
            ),
        ):
            if not fits:
                raise RegimeError(f"{name} is {value!r}; expected {expected}")

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

        It runs fused, one kernel for each tensor: the cheapest of PyTorch's three ways both for a
        stack, where memory counts, and for one small network, where calls do.
        """
        lr, decay = self.learning_rate(0), self.weight_decay
        if self.optimizer in ("sgd", "momentum"):
            momentum = self.momentum if self.optimizer == "momentum" else 0.0
            return torch.optim.SGD(
                parameters, lr=lr, momentum=momentum, weight_decay=decay, fused=True
            )
        kind = torch.optim.Adam if self.optimizer == "adam" else torch.optim.AdamW
        return kind(parameters, lr=lr, weight_decay=decay, fused=True)


def _is_count(value: int, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
