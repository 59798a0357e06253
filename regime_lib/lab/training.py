"""The training loop of the examples, for one network and for a stack of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.lab.batches import batch_order
from regime_lib.lab.labelled import Dataset
from regime_lib.lab.recipe import Recipe
from regime_lib.lab.seeding import checked_seed, generator, torch_seeded
from regime_lib.lab.stack import Stack

_ROWS = 2048  # samples times members in one forward pass of an evaluation: stays in the cache


@dataclass(frozen=True, eq=False)
class History:
    """What a training run was like; member k is the network trained with ``seeds[k]``."""

    recipe: Recipe
    seeds: tuple[int, ...]
    loss: Float[np.ndarray, "steps members"]
    """Mean cross-entropy of the batch of each step, before the step, in nats."""
    checks: Int[np.ndarray, " checks"]
    """Steps done when the accuracies were measured, from 0 to the last."""
    train_accuracy: Float[np.ndarray, "checks members"]
    """Share of the whole training set that is classified rightly."""
    test_accuracy: Float[np.ndarray, "checks members"]
    """Share of the whole test set that is classified rightly."""

    @property
    def final_train_accuracy(self) -> Float[np.ndarray, " members"]:
        """The training accuracy after the last step."""
        return self.train_accuracy[-1]

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
    data: Dataset,
    recipe: Recipe,
    seeds: int | Sequence[int],
    on_step: Callable[[], object] | None = None,
    *,
    evaluations: int = 10,
) -> History:
    """Train a network, or a stack of networks at once, in place.

    The loss is the mean cross-entropy of a member's batch, summed over members, so that a stack
    trains each member as it would be trained alone. A member draws its batches from its own seed.
    The data follow the model's device and floating-point type. Global state of torch (random
    generators, threads, gradient mode) is left as it was; dropout and the like draw from the first
    seed.

    Parameters
    ----------
    model : nn.Module
        A `Stack`, or any module that maps inputs to logits of shape (batch, classes); or (batch,
        positions, classes) where every position has a label, as in text.
    data : Dataset
        The training and the test set.
    recipe : Recipe
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
    seeds = _seeds_of(model, seeds)
    if evaluations < 1:
        raise RegimeError(f"evaluations is {evaluations}; expected at least 1, after the last step")
    parameters = list(model.parameters())
    if not parameters:
        raise RegimeError("the model has no parameters; expected a network that can be trained")
    data = data.to(parameters[0])
    checks = np.unique(np.linspace(0, recipe.steps, evaluations + 1).round().astype(np.int64))
    row_of_check = {step: row for row, step in enumerate(checks.tolist())}
    loss = np.empty((recipe.steps, len(seeds)))
    accuracy = np.empty((2, len(checks), len(seeds)))

    optimizer = recipe.make_optimizer(parameters)
    stacked = isinstance(model, Stack)
    noise = int(generator(seeds[0], "noise").integers(2**32))
    with torch_seeded(noise, parameters[0].device), torch.enable_grad():
        _check_fit(model, data)
        accuracy[:, 0] = _accuracies(model, data, 0, seeds, recipe)
        batches = _batches(model, data, recipe, seeds)
        for step in range(recipe.steps):
            inputs, labels = next(batches)
            losses = _member_losses(model(inputs), labels, stacked)
            loss[step] = values = losses.tolist()
            _check_finite(values, "loss", step, seeds, recipe)
            _descend(losses, parameters, optimizer, recipe.learning_rate(step))
            if on_step is not None:
                on_step()
            if step + 1 in row_of_check:
                row = row_of_check[step + 1]
                accuracy[:, row] = _accuracies(model, data, step + 1, seeds, recipe)
    return History(recipe, seeds, loss, checks, *accuracy)


def _seeds_of(model: nn.Module, seeds: int | Sequence[int]) -> tuple[int, ...]:
    members = model.members if isinstance(model, Stack) else 1
    seeds = (seeds,) if isinstance(seeds, int | np.integer) else tuple(seeds)
    if len(seeds) != members:
        raise RegimeError(
            f"there are {len(seeds)} seeds for a model of {members} member(s); "
            "give one seed to each member"
        )
    return tuple(checked_seed(seed) for seed in seeds)


def _batches(
    model: nn.Module, data: Dataset, recipe: Recipe, seeds: tuple[int, ...]
) -> Iterator[tuple[Shaped[Tensor, "..."], Int[Tensor, "..."]]]:
    """Yield inputs and labels, with a member axis for a stack."""
    inputs, labels = data.train_inputs, data.train_labels
    members = (len(seeds),) if isinstance(model, Stack) else ()
    if recipe.batch_size is None:
        while True:
            yield inputs, labels.expand(*members, *labels.shape)
    shape = (*members, recipe.batch_size)
    for index in batch_order(len(labels), recipe.batch_size, seeds, labels.device):
        rows = index.view(-1)
        batch = inputs.index_select(0, rows).view(*shape, *inputs.shape[1:])
        yield batch, labels.index_select(0, rows).view(*shape, *labels.shape[1:])


def _member_losses(
    logits: Float[Tensor, "*rows classes"], labels: Int[Tensor, "*rows"], stacked: bool
) -> Float[Tensor, " members"]:
    """Return the mean cross-entropy of every member, over its samples and their positions."""
    if not stacked:
        return nn.functional.cross_entropy(logits.flatten(0, -2), labels.flatten()).view(1)
    logits, labels = logits.flatten(1, -2), labels.flatten(1)
    # classes along axis 1, where the soft-max works on long vectors instead of a few classes
    return nn.functional.cross_entropy(logits.mT, labels, reduction="none").mean(dim=1)


def _descend(
    losses: Float[Tensor, " members"],
    parameters: Sequence[nn.Parameter],
    optimizer: torch.optim.Optimizer,
    lr: float,
) -> None:
    """Take one optimiser step along the gradient of the summed losses."""
    for parameter in parameters:
        parameter.grad = None
    losses.backward(torch.ones_like(losses))
    for group in optimizer.param_groups:
        group["lr"] = lr
    optimizer.step()


def _accuracies(
    model: nn.Module, data: Dataset, step: int, seeds: tuple[int, ...], recipe: Recipe
) -> Float[np.ndarray, "2 members"]:
    """Measure every member's accuracy on the training and the test set."""
    shares = []
    for inputs, labels in (
        (data.train_inputs, data.train_labels),
        (data.test_inputs, data.test_labels),
    ):
        right = torch.zeros(len(seeds), dtype=torch.int64, device=labels.device)
        rows = max(1, _ROWS // len(seeds))
        for some, true in zip(inputs.split(rows), labels.split(rows), strict=True):
            logits = _evaluate(model, some)
            logits = logits.view(len(seeds), true.numel(), logits.shape[-1])
            _check_finite(logits.sum(dim=(1, 2)).tolist(), "output", step, seeds, recipe)
            right += (logits.argmax(dim=-1) == true.flatten()).sum(dim=-1)
        shares.append(right.numpy(force=True) / labels.numel())
    return np.stack(shares)


def _evaluate(model: nn.Module, inputs: Shaped[Tensor, "batch *features"]) -> Tensor:
    """Run the model without gradients, and without dropout or changes to running statistics."""
    with torch.no_grad(), _evaluating(model):
        logits: Tensor = model(inputs)
        return logits


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Set evaluation mode for the block; afterwards every module is in the mode it was in."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True


def _check_fit(model: nn.Module, data: Dataset) -> None:
    """Refuse a model whose output is not one logit for each class and sample."""
    logits = _evaluate(model, data.train_inputs[:1])
    wanted = (1, *data.train_labels.shape[1:])
    leading = logits.ndim - 1 - len(wanted)
    if leading < 0 or logits.shape[leading:-1] != wanted or logits.shape[-1] < len(data.classes):
        raise RegimeError(
            f"for one sample the model's output has shape {tuple(logits.shape)}; expected logits "
            f"of shape {(*wanted, len(data.classes))}, one for each class of {data.name}"
        )


def _check_finite(
    values: Sequence[float], what: str, step: int, seeds: tuple[int, ...], recipe: Recipe
) -> None:
    """Stop a run that has diverged."""
    if math.isfinite(sum(values)):
        return
    member = next((k for k, value in enumerate(values) if not math.isfinite(value)), 0)
    raise RegimeError(
        f"the {what} of member {member} (seed {seeds[member]}) is {values[member]} after step "
        f"{step}: the training diverged, so lower the learning rate (now {recipe.lr:g})"
    )
