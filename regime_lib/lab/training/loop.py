"""The training loop of the examples, for one network and for an ensemble; accuracies."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.data.stack import Stack
from regime_lib.lab.models.ensemble import Ensemble
from regime_lib.lab.seeding import checked_seed, generator, torch_seeded
from regime_lib.lab.training.batches import batches
from regime_lib.lab.training.config import TrainingConfig
from regime_lib.progress import steps_told

_ROWS = 2048  # samples times members in one forward pass of an evaluation: stays in the cache


@dataclass(frozen=True, eq=False)
class History:
    """What a training run was like; member k is the network trained with ``seeds[k]``."""

    config: TrainingConfig
    seeds: tuple[int, ...]
    loss: Float[np.ndarray, "steps members"]  #: mean over the batch of each step, before the step
    checks: Int[np.ndarray, " checks"]  #: steps done when accuracies were measured, from 0
    train_accuracy: Float[np.ndarray, "checks members"]  #: share of the whole training set
    test_accuracy: Float[np.ndarray, "checks members"]  #: share of the whole test set

    @property
    def final_test_accuracy(self) -> Float[np.ndarray, " members"]:
        """The test accuracy after the last step."""
        return self.test_accuracy[-1]

    def __repr__(self) -> str:
        low, high = self.final_test_accuracy.min(), self.final_test_accuracy.max()
        return (
            f"History({len(self.seeds)} member(s), {len(self.loss)} steps, "
            f"final test accuracy {low:.3f} to {high:.3f})"
        )


def train(
    model: nn.Module,
    data: Dataset | Stack,
    config: TrainingConfig,
    seeds: int | Sequence[int],
    on_step: Callable[[], object] | None = None,
    *,
    evaluations: int = 10,
) -> History:
    """Train a network, or an ensemble of networks at once, in place.

    The loss is the mean over a member's batch, summed over members, so that an ensemble trains
    each member as it would be trained alone, on batches drawn from the member's own seed. The data
    follow the model's device and floating-point type. Global state of torch (random generators,
    threads, gradient mode) is left as it was; dropout and the like draw from the first seed.

    Parameters
    ----------
    model : nn.Module
        An `Ensemble`, or any module that maps inputs to logits of shape (batch, classes); or
        (batch, positions, classes) where every position has a label, as in text.
    data : Dataset or Stack
        The training and the test set, or one of each for every member of an ensemble.
    config : TrainingConfig
        How to train.
    seeds : int or sequence of int
        Seed of the batch order of each member; one for a plain model.
    on_step : callable, optional
        Called without arguments after every optimiser step, such as `RegimeTracker.update`.
    evaluations : int
        How many times the accuracies are measured after the start, evenly spread; the last time is
        after the last step.

    Returns
    -------
    History
        Losses of every step, and accuracies.

    Raises
    ------
    RegimeError
        If seeds and members differ in number, data and model do not fit, or the training diverges;
        the message names the step and the member.
    """
    seeds = seeds_of(model, seeds)
    if evaluations < 1:
        raise RegimeError(f"evaluations is {evaluations}; expected at least 1, after the last step")
    parameters = list(model.parameters())
    if not parameters:
        raise RegimeError("the model has no parameters; expected a network that can be trained")
    data = data.to(parameters[0])
    checks = np.unique(np.linspace(0, config.steps, evaluations + 1).round().astype(np.int64))
    row_of_check = {step: row for row, step in enumerate(checks.tolist())}
    loss = np.empty((config.steps, len(seeds)))
    shares = np.empty((2, len(checks), len(seeds)))

    optimizer = config.make_optimizer(parameters)
    noise = int(generator(seeds[0], "noise").integers(2**32))
    with torch_seeded(noise, parameters[0].device), torch.enable_grad():
        check_fit(model, data)
        shares[:, 0] = accuracies(model, data, 0, seeds, config)
        shown = batches(model, data, config, seeds)
        for step, losses in descend(model, optimizer, config, shown, range(config.steps)):
            loss[step] = values = losses.tolist()
            check_finite(values, "loss", step, seeds, config)
            if on_step is not None:
                on_step()
            if (row := row_of_check.get(step + 1)) is not None:
                shares[:, row] = accuracies(model, data, step + 1, seeds, config)
    return History(config, seeds, loss, checks, *shares)


def descend(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    config: TrainingConfig,
    shown: Iterable[tuple[Shaped[Tensor, "..."], Int[Tensor, "..."]]],
    steps: range,
) -> Iterator[tuple[int, Float[Tensor, " members"]]]:
    """Take optimiser steps, a batch each; after each one yield it and the losses before it."""
    parameters, ensemble = list(model.parameters()), isinstance(model, Ensemble)
    taken = zip(steps, shown, strict=False)
    for step, (inputs, labels) in steps_told(taken, len(steps)):
        losses = member_losses(model(inputs), labels, ensemble, config.loss)
        for parameter in parameters:
            parameter.grad = None
        losses.backward(torch.ones_like(losses))
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate(step)
        optimizer.step()
        yield step, losses.detach()


def seeds_of(model: nn.Module, seeds: int | Sequence[int]) -> tuple[int, ...]:
    """Return one checked seed per member, or refuse their number."""
    members = model.members if isinstance(model, Ensemble) else 1
    seeds = (seeds,) if isinstance(seeds, int | np.integer) else tuple(seeds)
    if len(seeds) != members:
        raise RegimeError(
            f"there are {len(seeds)} seeds for a model of {members} member(s); "
            "give one seed to each member"
        )
    return tuple(checked_seed(seed) for seed in seeds)


def member_losses(
    logits: Float[Tensor, "*rows classes"],
    labels: Int[Tensor, "*rows"],
    ensemble: bool,
    kind: str = "cross-entropy",
) -> Float[Tensor, " members"]:
    """Return every member's mean loss over samples and positions, of a kind of `TrainingConfig`."""
    if kind == "squared":
        goal = nn.functional.one_hot(labels, logits.shape[-1]).to(logits)
        errors = (logits - goal).square()
        return errors.flatten(1).mean(dim=1) if ensemble else errors.mean().view(1)
    if not ensemble:
        return nn.functional.cross_entropy(logits.flatten(0, -2), labels.flatten()).view(1)
    logits, labels = logits.flatten(1, -2), labels.flatten(1)
    # classes along axis 1, where the soft-max works on long vectors instead of a few classes
    return nn.functional.cross_entropy(logits.mT, labels, reduction="none").mean(dim=1)


def accuracies(
    model: nn.Module,
    data: Dataset | Stack,
    step: int,
    seeds: tuple[int, ...],
    config: TrainingConfig,
) -> Float[np.ndarray, "2 members"]:
    """Measure every member's accuracy on the training and the test set after a step."""
    own = isinstance(data, Stack)
    train = accuracy(model, data.train_inputs, data.train_labels, len(seeds), own=own)
    test = accuracy(model, data.test_inputs, data.test_labels, len(seeds), own=own)
    check_finite((train + test).tolist(), "output", step, seeds, config)
    return np.stack([train, test])


def accuracy(
    model: nn.Module,
    inputs: Shaped[Tensor, "*samples"],
    labels: Int[Tensor, "*labels"],
    members: int = 1,
    *,
    own: bool = False,
) -> Float[np.ndarray, " members"]:
    """Return the share of labels that each member gets right; NaN where outputs are not finite.

    With `own` inputs and labels have a leading member axis: each member has its own.
    """
    right = torch.zeros(members, dtype=torch.float64, device=labels.device)
    rows, axis = max(1, _ROWS // members), int(own)
    for some, true in zip(inputs.split(rows, axis), labels.split(rows, axis), strict=True):
        logits = evaluate(model, some)
        logits = logits.view(members, -1, logits.shape[-1])
        right += (logits.argmax(dim=-1) == true.flatten(axis)).sum(dim=-1)
        right += 0 * logits.sum(dim=(1, 2))  # NaN, for ever
    return right.numpy(force=True) / (labels.numel() // (members if own else 1))


@torch.no_grad()
def evaluate(model: nn.Module, inputs: Shaped[Tensor, "batch *features"]) -> Tensor:
    """Run the model without gradients, and without dropout or changes to running statistics."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        logits: Tensor = model(inputs)
        return logits
    finally:
        for module in training:
            module.training = True


def check_fit(model: nn.Module, data: Dataset | Stack) -> None:
    """Refuse a model whose output is not one logit for each class and sample."""
    if isinstance(data, Stack):
        members = model.members if isinstance(model, Ensemble) else 1
        if members != data.members or not isinstance(model, Ensemble):
            raise RegimeError(
                f"there are {data.members} data sets for a model of {members} member(s); give one "
                "to each member of an ensemble"
            )
        logits = evaluate(model, data.train_inputs[:, :1])
        wanted = (1, *data.train_labels.shape[2:])
    else:
        logits = evaluate(model, data.train_inputs[:1])
        wanted = (1, *data.train_labels.shape[1:])
    leading = logits.ndim - 1 - len(wanted)
    if leading < 0 or logits.shape[leading:-1] != wanted or logits.shape[-1] < len(data.classes):
        raise RegimeError(
            f"for one sample the model's output has shape {tuple(logits.shape)}; expected logits "
            f"of shape {(*wanted, len(data.classes))}, one for each class of {data.name}"
        )


def check_finite(
    values: Sequence[float], what: str, step: int, seeds: tuple[int, ...], config: TrainingConfig
) -> None:
    """Stop a run that has diverged."""
    if math.isfinite(sum(values)):
        return
    member = next((k for k, value in enumerate(values) if not math.isfinite(value)), 0)
    raise RegimeError(
        f"the {what} of member {member} (seed {seeds[member]}) is {values[member]} after step "
        f"{step}: the training diverged, so lower the learning rate (now {config.lr:g})"
    )
