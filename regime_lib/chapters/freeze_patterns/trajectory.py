"""One training, and what branches off it: frozen at some step, the networks train on to the end.

All branches see the batches that the unfrozen run sees, with the state of its optimiser, so that a
difference at the end is what freezing did, and rounding. Decisions on training samples are stored
when the branch begins: the copy that takes them does not run again until the test. In Transformers,
whose units see a row for each token and not for each sample, the copy runs in every step instead.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regime_lib.chapters.freeze_patterns.cases import Case, example
from regime_lib.instrument.freezing.frozen import FrozenPatterns, freeze_patterns
from regime_lib.instrument.tracking.trace import Trace
from regime_lib.instrument.tracking.tracker import RegimeTracker
from regime_lib.lab.data.stack import Stack
from regime_lib.lab.models.ensemble import Ensemble
from regime_lib.lab.training.batches import batch_order
from regime_lib.lab.training.loop import accuracy, member_losses

_SNAPSHOTS = 200  # states kept for the distances to the end
_ROWS = 512  # samples of each member in one forward pass of an evaluation


@dataclass(frozen=True, eq=False)
class Moment:
    """Networks at some step of their training, with the state of their optimiser."""

    step: int
    networks: Ensemble[Any]
    optimizer: dict[str, Any]

    @classmethod
    def of(cls, step: int, networks: Ensemble[Any], optimizer: torch.optim.Optimizer) -> Moment:
        """Keep a copy of now."""
        return cls(step, copy.deepcopy(networks), copy.deepcopy(optimizer.state_dict()))

    def again(self, case: Case) -> tuple[Ensemble[Any], torch.optim.Optimizer]:
        """Return networks and optimiser to train on with."""
        networks = copy.deepcopy(self.networks)
        optimizer = case.training.make_optimizer(networks.parameters())
        optimizer.load_state_dict(copy.deepcopy(self.optimizer))
        return networks, optimizer


@dataclass(frozen=True, eq=False)
class Trajectory:
    """An unfrozen training: what was tracked, some moments of it, and its end."""

    case: Case
    trace: Trace
    moments: Mapping[int, Moment]
    end: Ensemble[Any]


def trajectory(case: Case, moments: Collection[int]) -> Trajectory:
    """Train all networks of a case, track them, and keep them as they are at some steps."""
    data, networks = case.data(), case.networks()
    optimizer = case.training.make_optimizer(networks.parameters())
    kept: dict[int, Moment] = {}
    wanted = set(moments)
    probe = data.test_inputs[:, : case.probe].clone()
    with RegimeTracker(
        networks,
        probe,
        members=len(case.seeds),
        batch_axis=1,
        samples=probe.shape[1],
        snapshots=_SNAPSHOTS,
    ) as tracker:
        if 0 in wanted:
            kept[0] = Moment.of(0, networks, optimizer)
        for step, (_, inputs, labels) in batches(case, data, range(case.steps)):
            descend(case, networks(inputs), labels, optimizer, step)
            tracker.update()
            if step + 1 in wanted:
                kept[step + 1] = Moment.of(step + 1, networks, optimizer)
    return Trajectory(case, tracker.trace, kept, networks)


def batches(
    case: Case, data: Stack, steps: range
) -> Iterator[tuple[int, tuple[Int[Tensor, "members batch"], Tensor, Tensor]]]:
    """Yield the steps with the numbers of each member's samples, their inputs and their labels."""
    order = batch_order(data.train_labels.shape[1], case.batch_size, case.seeds)
    members = torch.arange(len(case.seeds)).unsqueeze(1)
    for step, rows in zip(steps, islice(order, steps.start, None), strict=False):
        yield step, (rows, data.train_inputs[members, rows], data.train_labels[members, rows])


def descend(
    case: Case,
    logits: Float[Tensor, "members batch *positions classes"],
    labels: Int[Tensor, "members batch *positions"],
    optimizer: torch.optim.Optimizer,
    step: int,
) -> None:
    """Take one step of the optimiser, at the learning rate of its schedule."""
    losses = member_losses(logits, labels, True, case.training.loss)
    optimizer.zero_grad()
    losses.backward(torch.ones_like(losses))
    for group in optimizer.param_groups:
        group["lr"] = case.training.learning_rate(step)
    optimizer.step()


def branch(
    case: Case,
    moment: Moment,
    *,
    layers: Sequence[str] | None = None,
    units: Mapping[str, Tensor] | None = None,
    thaw_at: int | None = None,
    data: Stack | None = None,
) -> FrozenPatterns:
    """Freeze the networks of a moment, and train them to the end of the case.

    Parameters
    ----------
    case : Case
        Of the run that branches.
    moment : Moment
        Where it does.
    layers, units
        Freeze only these: see `freeze_patterns`.
    thaw_at : int, optional
        The step from which units decide for themselves again.
    data : Stack, optional
        Other data than those of the case.

    Returns
    -------
    FrozenPatterns
        At the end; its `live` networks are those that were trained.
    """
    data = data or case.data()
    networks, optimizer = moment.again(case)
    frozen = freeze_patterns(
        networks, example(data), layers=layers, units=units, members=len(case.seeds)
    )
    by_sample = case.architecture != "transformer"
    stored = frozen.store(data.train_inputs, sample_axis=1) if by_sample else None
    until = case.steps if thaw_at is None else thaw_at
    for step, (rows, inputs, labels) in batches(case, data, range(moment.step, case.steps)):
        if step >= until:
            logits = networks(inputs)
        elif stored is None:
            logits = frozen(inputs)
        else:
            logits = frozen.with_stored(inputs, stored, rows)
        descend(case, logits, labels, optimizer, step)
    return frozen


def live_branch(case: Case, moment: Moment, data: Stack) -> Ensemble[Any]:
    """Train the networks of a moment to the end of the case, unfrozen, on other data."""
    networks, optimizer = moment.again(case)
    for step, (_, inputs, labels) in batches(case, data, range(moment.step, case.steps)):
        descend(case, networks(inputs), labels, optimizer, step)
    return networks


def accuracy_of(
    model: nn.Module, data: Stack, inputs: Tensor | None = None
) -> Float[np.ndarray, " members"]:
    """Return each member's share of right answers on its test set, or on other inputs of it."""
    inputs = data.test_inputs if inputs is None else inputs
    return accuracy(model, inputs, data.test_labels, data.members, own=True)


@torch.no_grad()
def training_loss(
    model: nn.Module, data: Stack, kind: str = "cross-entropy"
) -> Float[np.ndarray, " members"]:
    """Return each member's mean loss on its training set, of a kind of `TrainingConfig`."""
    total = torch.zeros(data.members, dtype=torch.float64)
    parts = zip(data.train_inputs.split(_ROWS, 1), data.train_labels.split(_ROWS, 1), strict=True)
    for inputs, labels in parts:
        losses = member_losses(model(inputs), labels, True, kind)
        total += losses.double() * labels.shape[1]
    return (total / data.train_labels.shape[1]).numpy()
