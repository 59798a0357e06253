"""Long training that keeps, and can resume from, checkpoints along the way.

Late generalisation (arXiv 2501.02436, claim 12; Liu et al., Omnigrok) takes many steps in which
little happens per step. So quantities are measured at checkpoints, evenly spaced in the logarithm
of time. A checkpoint holds the optimiser's state as well: from each one the training can be
replayed for some steps, exactly as it went, with an instrument attached.
"""

from __future__ import annotations

import copy
import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.models.ensemble import Ensemble
from regime_lib.lab.training.batches import batches
from regime_lib.lab.training.recipe import TrainingConfig
from regime_lib.lab.training.stepping import (
    accuracies,
    check_finite,
    check_fit,
    descend,
    evaluate,
    member_losses,
    seeds_of,
)
from regime_lib.storage import atomic_write

State = dict[str, Any]


def log_steps(first: int, last: int, number: int) -> Int[np.ndarray, " steps"]:
    """Return step 0 and whole steps from `first` to `last`, evenly spaced in their logarithm.

    Where neighbours would round to the same step there are fewer than `number`.

    Raises
    ------
    RegimeError
        If the ends are no whole numbers with 1 <= first < last, or fewer than two are asked for.
    """
    if not 1 <= first < last or number < 2:
        raise RegimeError(
            f"steps from {first} to {last}, {number} of them, were asked for; expected "
            "1 <= first < last and at least 2 steps"
        )
    return np.unique([0, *np.geomspace(first, last, number).round().astype(np.int64)])


@dataclass(frozen=True, eq=False)
class CheckpointedRun:
    """A training run at its checkpoints; member k is the network trained with ``seeds[k]``."""

    recipe: TrainingConfig
    seeds: tuple[int, ...]
    steps: Int[np.ndarray, " checks"]
    """Steps done at each checkpoint."""
    loss: Float[np.ndarray, "checks members"]
    """Mean loss over the training set, or over the samples of it that are measured."""
    train_accuracy: Float[np.ndarray, "checks members"]
    test_accuracy: Float[np.ndarray, "checks members"]
    weight_norm: Float[np.ndarray, "checks members"]
    """Euclidean norm of all parameters, biases included."""
    _model: nn.Module
    _data: Dataset
    _states: tuple[State | Path, ...]

    def model_at(self, check: int) -> nn.Module:
        """Return a copy of the model as it was at a checkpoint."""
        model = copy.deepcopy(self._model)
        model.load_state_dict(_read(self._states[check])["model"])
        return model

    def replay(
        self, check: int, steps: int, watch: Callable[[nn.Module], Callable[[], object]]
    ) -> nn.Module:
        """Train on from a checkpoint, exactly as the run did, and return the model after `steps`.

        Parameters
        ----------
        check : int
            Number of the checkpoint.
        steps : int
            Optimiser steps.
        watch : callable
            Takes the model before the first step, returns what is to be called after every step.
        """
        state = copy.deepcopy(_read(self._states[check]))  # an optimiser works on what it is given
        model = self.model_at(check)
        optimizer = self.recipe.make_optimizer(model.parameters())
        optimizer.load_state_dict(state["optimizer"])
        on_step = watch(model)
        _advance(
            model, optimizer, self._data, self.recipe, self.seeds, int(self.steps[check]), steps,
            on_step,
        )  # fmt: skip
        return model

    def __repr__(self) -> str:
        low, high = self.test_accuracy[-1].min(), self.test_accuracy[-1].max()
        return (
            f"CheckpointedRun({len(self.seeds)} member(s), {len(self.steps)} checkpoints up to "
            f"step {self.steps[-1]}, final test accuracy {low:.3f} to {high:.3f})"
        )


def train_to_checkpoints(
    model: nn.Module,
    data: Dataset,
    recipe: TrainingConfig,
    seeds: int | Sequence[int],
    steps: Sequence[int] | Int[np.ndarray, " checks"],
    *,
    folder: str | Path | None = None,
    measured: int | None = None,
) -> CheckpointedRun:
    """Train a copy of a network, or of a stack, as `train` does, and keep checkpoints.

    Parameters
    ----------
    model : nn.Module
        A `Ensemble` or a plain module, without random layers; it is left as it is.
    data : Dataset
        The training and the test set.
    recipe : TrainingConfig
        How to train.
    seeds : int or sequence of int
        Seed of the batch order of each member; one for a plain model.
    steps : sequence of int
        Steps at which to keep a checkpoint, rising, from 0 to at most ``recipe.steps``.
    folder : str or Path, optional
        Where to write checkpoints. A later call with the same start, data and recipe takes up
        the run after the last one that it finds there.
    measured : int, optional
        Of how many training samples, the first ones, loss and training accuracy are taken; of all
        by default.

    Raises
    ------
    RegimeError
        If the steps do not fit the recipe, data and model do not fit, no sample is to be measured,
        or the training diverges.
    """
    seeds = seeds_of(model, seeds)
    marks = [int(step) for step in steps]
    if not marks or marks != sorted(set(marks)) or marks[0] < 0 or marks[-1] > recipe.steps:
        raise RegimeError(
            f"the checkpoints must be rising steps from 0 to {recipe.steps}, the recipe's last"
        )
    if measured is not None and measured < 1:
        raise RegimeError(f"measured is {measured}; expected at least 1 training sample")
    model = copy.deepcopy(model)
    parameters = list(model.parameters())
    data = data.to(parameters[0])
    check_fit(model, data)
    shown = replace(
        data,
        train_inputs=data.train_inputs[:measured],
        train_labels=data.train_labels[:measured],
    )
    optimizer = recipe.make_optimizer(parameters)
    place = None if folder is None else Path(folder) / _digest(model, data, recipe, seeds, measured)
    states: list[State | Path] = []
    rows, done = [], 0
    for mark in marks:
        path = None if place is None else place / f"step-{mark:08d}.pt"
        if path is not None and path.is_file():
            state = _read(path)
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
        else:
            _advance(model, optimizer, data, recipe, seeds, done, mark - done, lambda: None)
            state = {
                "model": copy.deepcopy(model.state_dict()),
                "optimizer": copy.deepcopy(optimizer.state_dict()),
                "row": torch.from_numpy(_measure(model, shown, mark, seeds, recipe)),
            }
            if path is not None:
                _write(path, state)
        done = mark
        rows.append(state["row"].numpy())
        states.append(state if path is None else path)
    loss, train, test, norm = np.stack(rows, axis=1)
    return CheckpointedRun(
        recipe, seeds, np.array(marks), loss, train, test, norm, model, data, tuple(states)
    )


def _advance(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: Dataset,
    recipe: TrainingConfig,
    seeds: tuple[int, ...],
    done: int,
    steps: int,
    on_step: Callable[[], object],
) -> None:
    """Take some steps after the first `done`."""
    parameters = list(model.parameters())
    stacked = isinstance(model, Ensemble)
    shown = batches(model, data, recipe, seeds, done)
    for step, (inputs, labels) in zip(range(done, done + steps), shown, strict=False):
        losses = member_losses(model(inputs), labels, stacked, recipe.loss)
        if step % 100 == 0:  # reading numbers back costs time
            check_finite(losses.tolist(), "loss", step, seeds, recipe)
        descend(losses, parameters, optimizer, recipe.learning_rate(step))
        on_step()


def _measure(
    model: nn.Module, data: Dataset, step: int, seeds: tuple[int, ...], recipe: TrainingConfig
) -> Float[np.ndarray, "4 members"]:
    """Return loss, both accuracies and the norm of the parameters."""
    stacked = isinstance(model, Ensemble)
    with torch.no_grad():
        labels = _labels_for(model, data, len(seeds))
        outputs = evaluate(model, data.train_inputs)
        losses = member_losses(outputs, labels, stacked, recipe.loss)
        squares = torch.stack(
            [
                p.square().flatten(1).sum(1) if stacked else p.square().sum().view(1)
                for p in model.parameters()
            ]
        )
        norm = squares.sum(0).sqrt()
    check_finite(losses.tolist(), "loss", step, seeds, recipe)
    shares = accuracies(model, data, step, seeds, recipe)
    return np.stack([losses.numpy(force=True), *shares, norm.numpy(force=True)]).astype(float)


def _labels_for(model: nn.Module, data: Dataset, members: int) -> Int[Tensor, "..."]:
    labels = data.train_labels
    return labels.expand(members, *labels.shape) if isinstance(model, Ensemble) else labels


def _digest(
    model: nn.Module,
    data: Dataset,
    recipe: TrainingConfig,
    seeds: tuple[int, ...],
    measured: int | None,
) -> str:
    """Return the name of a run: all that its course depends on, but for how far it goes."""
    buffer = io.BytesIO()
    tensors = [*model.state_dict().values(), data.train_inputs, data.train_labels]
    tensors += [data.test_inputs, data.test_labels]
    torch.save([tensor.cpu() for tensor in tensors], buffer)
    course = asdict(recipe)
    if recipe.schedule == "constant":
        course = asdict(replace(recipe, steps=recipe.steps if recipe.warmup else 1))
    text = repr(
        (model, course, seeds, measured, str(next(model.parameters()).device), torch.__version__)
    )
    return hashlib.sha256(buffer.getvalue() + text.encode()).hexdigest()[:20]


def _read(state: State | Path) -> State:
    if isinstance(state, Path):
        loaded: State = torch.load(state, weights_only=True)
        return loaded
    return state


def _write(path: Path, state: State) -> None:
    with atomic_write(path) as temporary:
        torch.save(state, temporary)
