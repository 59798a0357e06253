"""Networks at one training loss: each is kept as it was when its loss first was that low.

After equal steps a network of a larger learning rate is further on in its training. At equal loss
networks can be compared in what else they differ.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float

from regime_lib.errors import RegimeError
from regime_lib.lab.data.stack import Stack
from regime_lib.lab.models.mlp import MLPEnsemble
from regime_lib.lab.training.batches import batches
from regime_lib.lab.training.checkpoints import log_steps
from regime_lib.lab.training.config import TrainingConfig
from regime_lib.lab.training.loop import check_finite, check_fit, descend, evaluate, member_losses

_FIRST = 10  # steps before the loss of the whole training set is first looked at
_APART = 1.03  # ratio of the steps of two looks: a loss is below the target by what it falls then

Members = Float[np.ndarray, " members"]


@dataclass(frozen=True, eq=False)
class AtLoss:
    """An ensemble, each member at its own step."""

    net: MLPEnsemble
    """Members that never came so low are as they were at the last step."""
    steps: Members
    """NaN for a member that never came so low."""
    loss: Members
    """Mean over all training samples, of what `net` holds."""

    @property
    def reached(self) -> Bool[np.ndarray, " members"]:
        """Which members came down to the loss."""
        return np.isfinite(self.steps)


def train_to_loss(
    model: MLPEnsemble, data: Stack, config: TrainingConfig, seeds: tuple[int, ...], target: float
) -> AtLoss:
    """Train a copy of an ensemble until every member has come down to a training loss.

    Parameters
    ----------
    model : MLPEnsemble
        The networks before training; not changed.
    data : Stack
        What each of them learns from.
    config : TrainingConfig
        How to train, and for how many steps at most.
    seeds : tuple of int
        Of the order of each member's batches.
    target : float
        Loss over all training samples, above 0. It is looked at after steps that lie three per cent
        apart.

    Raises
    ------
    RegimeError
        If the target is not above 0, there are too few steps to look, or training diverges.
    """
    if not 0 < target < math.inf:
        raise RegimeError(f"the loss to reach is {target}; expected a finite number above 0")
    number = max(2, math.ceil(math.log(max(config.steps, 1) / _FIRST, _APART)) + 1)
    looks = {int(step) for step in log_steps(_FIRST, config.steps, number)[1:]}
    model = copy.deepcopy(model).train()
    data = data.to(next(model.parameters()))
    check_fit(model, data)
    kept, steps = copy.deepcopy(model), np.full(model.members, np.nan)
    loss = np.full(model.members, np.nan)
    shown = batches(model, data, config, seeds)
    optimizer = config.make_optimizer(model.parameters())
    for step, losses in descend(model, optimizer, config, shown, range(config.steps)):
        if step + 1 not in looks:
            continue
        check_finite(losses.tolist(), "loss", step, seeds, config)
        now = _training_loss(model, data, config)
        waiting = np.isnan(steps)
        _copy_members(model, kept, waiting)
        loss[waiting] = now[waiting]
        steps[waiting & (now <= target)] = step + 1
        if np.isfinite(steps).all():
            break
    return AtLoss(kept, steps, loss)


def _training_loss(model: MLPEnsemble, data: Stack, config: TrainingConfig) -> Members:
    logits = evaluate(model, data.train_inputs)
    found = member_losses(logits, data.train_labels, True, config.loss)
    return np.asarray(found.tolist())


@torch.no_grad()
def _copy_members(source: MLPEnsemble, goal: MLPEnsemble, which: Bool[np.ndarray, " k"]) -> None:
    """Copy the parameters of some members from one ensemble to another."""
    rows = torch.from_numpy(np.flatnonzero(which))
    for mine, theirs in zip(goal.parameters(), source.parameters(), strict=True):
        mine[rows] = theirs[rows]
