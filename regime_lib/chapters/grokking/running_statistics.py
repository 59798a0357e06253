"""What a batch-normalised network scores under lagging, fresh and its own batch's statistics.

Batch normalisation evaluates with running statistics r <- (1 - alpha) r + alpha (batch's). While
the weights move, r lags behind the statistics that the weights imply. Training never reads r, so
one training run serves every momentum alpha at once: the weights are the same. (arXiv 2501.02436,
version 5, claim 11, whose test is alpha = 1; the distance of r from the truth is ours.)
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from regime_lib.errors import RegimeError
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.data.stack import Stack
from regime_lib.lab.models.batchnorm_mlp import BatchNormMLPEnsemble
from regime_lib.lab.training.batches import batches
from regime_lib.lab.training.config import TrainingConfig
from regime_lib.lab.training.loop import check_finite, descend

Statistics = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True, eq=False)
class StatisticsRun:
    """Accuracies of one ensemble under several running statistics; member k has ``seeds[k]``."""

    config: TrainingConfig
    seeds: tuple[int, ...]
    momenta: tuple[float, ...]
    steps: Int[np.ndarray, " checks"]
    train_accuracy: Float[np.ndarray, "checks members"]
    """In training mode: normalised by the training set's statistics."""
    test_accuracy: Float[np.ndarray, "checks momenta members"]
    """In evaluation mode, with the running statistics of each momentum."""
    batch_accuracy: Float[np.ndarray, "checks members"]
    """On the test set, normalised by the test set's own statistics."""
    gap: Float[np.ndarray, "checks momenta members"]
    """Norm of running minus true means and variances of all layers, over the norm of the true."""


def follow_statistics(
    model: BatchNormMLPEnsemble,
    data: Dataset | Stack,
    config: TrainingConfig,
    momenta: Sequence[float],
    steps: Sequence[int] | Int[np.ndarray, " checks"],
    observe: Callable[[BatchNormMLPEnsemble], object] = lambda _: None,
) -> StatisticsRun:
    """Train a copy of an ensemble on whole batches, and evaluate it under every momentum.

    Parameters
    ----------
    model : BatchNormMLPEnsemble
        The networks; their own momentum plays no part.
    data : Dataset or Stack
        The training and the test set, or one of each for every network.
    config : TrainingConfig
        How to train; its `batch_size` must be None.
    momenta : sequence of float
        Shares of the newest batch in the running statistics, above 0 and at most 1.
    steps : sequence of int
        Steps after which to evaluate, rising, from 1 to at most ``config.steps``.
    observe : callable
        Called at each check with the ensemble in evaluation mode, holding the true statistics of
        the training set.

    Raises
    ------
    RegimeError
        If there are batches, a momentum or the steps are out of range, or training diverges.
    """
    momenta = tuple(float(momentum) for momentum in momenta)
    marks = [int(step) for step in steps]
    _check(config, momenta, marks)
    model = copy.deepcopy(model)
    for norm in model.norms:
        norm.momentum = 1.0  # the buffers then hold the newest batch's statistics
    data = data.to(next(model.parameters()))
    optimizer = config.make_optimizer(model.parameters())
    running = [_read(model) for _ in momenta]
    rows = []
    shown = batches(model, data, config, model.seeds)
    for step, losses in descend(model.train(), optimizer, config, shown, range(marks[-1])):
        check_finite(losses.tolist(), "loss", step, model.seeds, config)
        newest = _read(model)
        for momentum, kept in zip(momenta, running, strict=True):
            for (mean, variance), (new_mean, new_variance) in zip(kept, newest, strict=True):
                mean.lerp_(new_mean, momentum)
                variance.lerp_(new_variance, momentum)
        if step + 1 in marks:
            rows.append(_evaluate(model, data, running))
            observe(model.eval())
            model.train()
    train, batch, test, gap = (np.stack(part) for part in zip(*rows, strict=True))
    return StatisticsRun(config, model.seeds, momenta, np.array(marks), train, test, batch, gap)


@torch.no_grad()
def _evaluate(
    model: BatchNormMLPEnsemble, data: Dataset | Stack, running: list[Statistics]
) -> tuple[np.ndarray, ...]:
    """Return the four rows of a check; the buffers hold the true statistics afterwards."""
    batch = _accuracy(model.train()(data.test_inputs), data.test_labels)
    train = _accuracy(model(data.train_inputs), data.train_labels)
    truth = _read(model)
    size = _total([part for pair in truth for part in pair])
    tests, gaps = [], []
    for kept in running:
        _write(model, kept)
        tests.append(_accuracy(model.eval()(data.test_inputs), data.test_labels))
        away = _total(
            [
                mine - true
                for pair, exact in zip(kept, truth, strict=True)
                for mine, true in zip(pair, exact, strict=True)
            ]
        )
        gaps.append((away / size).sqrt().numpy(force=True).astype(float))
    _write(model, truth)
    return train, batch, np.stack(tests), np.stack(gaps)


def _accuracy(logits: Tensor, labels: Tensor) -> Float[np.ndarray, " members"]:
    return (logits.argmax(-1) == labels).double().mean(-1).numpy(force=True)


def _total(parts: list[Tensor]) -> Float[Tensor, " members"]:
    """Return the sum of all squares of each member."""
    return torch.stack([part.square().sum(-1) for part in parts]).sum(0)


def _read(model: BatchNormMLPEnsemble) -> Statistics:
    return [(norm.running_mean.clone(), norm.running_var.clone()) for norm in model.norms]


def _write(model: BatchNormMLPEnsemble, statistics: Statistics) -> None:
    for norm, (mean, variance) in zip(model.norms, statistics, strict=True):
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)


def _check(config: TrainingConfig, momenta: tuple[float, ...], marks: list[int]) -> None:
    if config.batch_size is not None:
        raise RegimeError(
            "running statistics are followed on whole batches: give them batch_size=None"
        )
    if not momenta or not all(0 < momentum <= 1 for momentum in momenta):
        raise RegimeError(f"the momenta are {momenta}; expected numbers above 0 and at most 1")
    if not marks or marks != sorted(set(marks)) or not 1 <= marks[0] <= marks[-1] <= config.steps:
        raise RegimeError(f"the checks must be rising steps from 1 to {config.steps}")
