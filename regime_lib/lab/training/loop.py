"""The training loop of the examples, for one network and for a stack of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import nn

from regime_lib.errors import RegimeError
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.models.ensemble import Ensemble
from regime_lib.lab.seeding import generator, torch_seeded
from regime_lib.lab.training.batches import batches
from regime_lib.lab.training.recipe import TrainingConfig
from regime_lib.lab.training.stepping import (
    accuracies,
    check_finite,
    check_fit,
    descend,
    member_losses,
    seeds_of,
)


@dataclass(frozen=True, eq=False)
class History:
    """What a training run was like; member k is the network trained with ``seeds[k]``."""

    recipe: TrainingConfig
    seeds: tuple[int, ...]
    loss: Float[np.ndarray, "steps members"]
    """Mean loss of the batch of each step, before the step; cross-entropy in nats."""
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
    recipe: TrainingConfig,
    seeds: int | Sequence[int],
    on_step: Callable[[], object] | None = None,
    *,
    evaluations: int = 10,
) -> History:
    """Train a network, or a stack of networks at once, in place.

    The loss is the mean over a member's batch, summed over members, so that a stack
    trains each member as it would be trained alone. A member draws its batches from its own seed.
    The data follow the model's device and floating-point type. Global state of torch (random
    generators, threads, gradient mode) is left as it was; dropout and the like draw from the first
    seed.

    Parameters
    ----------
    model : nn.Module
        A `Ensemble`, or any module that maps inputs to logits of shape (batch, classes); or (batch,
        positions, classes) where every position has a label, as in text.
    data : Dataset
        The training and the test set.
    recipe : TrainingConfig
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
    checks = np.unique(np.linspace(0, recipe.steps, evaluations + 1).round().astype(np.int64))
    row_of_check = {step: row for row, step in enumerate(checks.tolist())}
    loss = np.empty((recipe.steps, len(seeds)))
    accuracy = np.empty((2, len(checks), len(seeds)))

    optimizer = recipe.make_optimizer(parameters)
    stacked = isinstance(model, Ensemble)
    noise = int(generator(seeds[0], "noise").integers(2**32))
    with torch_seeded(noise, parameters[0].device), torch.enable_grad():
        check_fit(model, data)
        accuracy[:, 0] = accuracies(model, data, 0, seeds, recipe)
        shown = batches(model, data, recipe, seeds)
        for step in range(recipe.steps):
            inputs, labels = next(shown)
            losses = member_losses(model(inputs), labels, stacked, recipe.loss)
            loss[step] = values = losses.tolist()
            check_finite(values, "loss", step, seeds, recipe)
            descend(losses, parameters, optimizer, recipe.learning_rate(step))
            if on_step is not None:
                on_step()
            if step + 1 in row_of_check:
                row = row_of_check[step + 1]
                accuracy[:, row] = accuracies(model, data, step + 1, seeds, recipe)
    return History(recipe, seeds, loss, checks, *accuracy)
