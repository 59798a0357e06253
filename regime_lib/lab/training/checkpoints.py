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
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import nn

from regime_lib.errors import RegimeError
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.data.stack import Stack
from regime_lib.lab.models.ensemble import Ensemble
from regime_lib.lab.training.batches import batches
from regime_lib.lab.training.config import TrainingConfig
from regime_lib.lab.training.loop import (
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

    config: TrainingConfig
    seeds: tuple[int, ...]
    steps: Int[np.ndarray, " checks"]  #: steps done at each checkpoint
    loss: Float[np.ndarray, "checks members"]  #: mean over the measured training samples
    train_accuracy: Float[np.ndarray, "checks members"]
    test_accuracy: Float[np.ndarray, "checks members"]
    weight_norm: Float[np.ndarray, "checks members"]  #: Euclidean, of all parameters with biases
    _model: nn.Module
    _data: Dataset | Stack
    _states: tuple[State | Path, ...]

    def model_at(self, check: int) -> nn.Module:
        """Return a copy of the model as it was at a checkpoint."""
        model = copy.deepcopy(self._model)
        model.load_state_dict(self._state(check)["model"])
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
        course = _Course(copy.deepcopy(self._model), self._data, self.config, self.seeds)
        course.load(copy.deepcopy(self._state(check)))  # an optimiser works on what it is given
        course.advance(int(self.steps[check]), steps, watch(course.model))
        return course.model

    def _state(self, check: int) -> State:
        state = self._states[check]
        found = _read(state) if isinstance(state, Path) else state
        if found is None:
            raise RegimeError(f"the checkpoint {state} is gone or damaged; train the network again")
        return found

    def __repr__(self) -> str:
        low, high = self.test_accuracy[-1].min(), self.test_accuracy[-1].max()
        return (
            f"CheckpointedRun({len(self.seeds)} member(s), {len(self.steps)} checkpoints up to "
            f"step {self.steps[-1]}, final test accuracy {low:.3f} to {high:.3f})"
        )


def train_to_checkpoints(
    model: nn.Module,
    data: Dataset | Stack,
    config: TrainingConfig,
    seeds: int | Sequence[int],
    steps: Sequence[int] | Int[np.ndarray, " checks"],
    *,
    folder: str | Path | None = None,
    measured: int | None = None,
) -> CheckpointedRun:
    """Train a copy of a network, or of an ensemble, as `train` does, and keep checkpoints.

    Parameters
    ----------
    model : nn.Module
        An `Ensemble` or a plain module, without random layers; it is left as it is.
    data, config, seeds
        As for `train`.
    steps : sequence of int
        Steps at which to keep a checkpoint, rising, from 0 to at most ``config.steps``.
    folder : str or Path, optional
        Where to write checkpoints. A later call with the same initial model, data and config
        takes up the run after the last one that it finds there undamaged.
    measured : int, optional
        Of how many training samples, the first ones, loss and training accuracy are taken; of all
        by default.

    Raises
    ------
    RegimeError
        If the steps do not fit the config, data and model do not fit, no sample is to be measured,
        or the training diverges.
    """
    seeds = seeds_of(model, seeds)
    marks = [int(step) for step in steps]
    if not marks or marks != sorted(set(marks)) or marks[0] < 0 or marks[-1] > config.steps:
        raise RegimeError(
            f"the checkpoints must be rising steps from 0 to {config.steps}, the config's last"
        )
    if measured is not None and measured < 1:
        raise RegimeError(f"measured is {measured}; expected at least 1 training sample")
    model = copy.deepcopy(model)
    data = data.to(next(model.parameters()))
    check_fit(model, data)
    course = _Course(model, data, config, seeds)
    place = None if folder is None else Path(folder) / course.digest(measured)
    states: list[State | Path] = []
    rows, done = [], 0
    for mark in marks:
        path = None if place is None else place / f"step-{mark:08d}.pt"
        state = None if path is None else _read(path)
        if state is not None:
            course.load(state)
        else:
            course.advance(done, mark - done, lambda: None)
            state = {
                "model": copy.deepcopy(model.state_dict()),
                "optimizer": copy.deepcopy(course.optimizer.state_dict()),
                "row": torch.from_numpy(course.measure(mark, measured)),
            }
            if path is not None:
                with atomic_write(path) as temporary:
                    torch.save(state, temporary)
        done = mark
        rows.append(state["row"].numpy())
        states.append(state if path is None else path)
    loss, train, test, norm = np.stack(rows, axis=1)
    return CheckpointedRun(
        config, seeds, np.array(marks), loss, train, test, norm, model, data, tuple(states)
    )


class _Course:
    """A training under way."""

    def __init__(
        self,
        model: nn.Module,
        data: Dataset | Stack,
        config: TrainingConfig,
        seeds: tuple[int, ...],
    ) -> None:
        self.model, self.data, self.config, self.seeds = model, data, config, seeds
        self.optimizer = config.make_optimizer(model.parameters())

    def load(self, state: State) -> None:
        """Go on from a checkpoint."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])

    def advance(self, done: int, steps: int, on_step: Callable[[], object]) -> None:
        """Take some steps after the first `done`."""
        shown = batches(self.model, self.data, self.config, self.seeds, done)
        steps_to_take = range(done, done + steps)
        for step, losses in descend(self.model, self.optimizer, self.config, shown, steps_to_take):
            if step % 100 == 0:  # reading numbers back costs time
                check_finite(losses.tolist(), "loss", step, self.seeds, self.config)
            on_step()

    @torch.no_grad()
    def measure(self, step: int, measured: int | None) -> Float[np.ndarray, "4 members"]:
        """Return loss and accuracy on training samples, test accuracy and norm of parameters."""
        ensemble = isinstance(self.model, Ensemble)
        own = isinstance(self.data, Stack)
        some = (slice(None), slice(measured)) if own else (slice(measured),)
        inputs, labels = self.data.train_inputs[some], self.data.train_labels[some]
        data = replace(self.data, train_inputs=inputs, train_labels=labels)
        if ensemble and not own:
            labels = labels.expand(len(self.seeds), *labels.shape)
        losses = member_losses(evaluate(self.model, inputs), labels, ensemble, self.config.loss)
        squares = [
            p.square().flatten(1).sum(1) if ensemble else p.square().sum().view(1)
            for p in self.model.parameters()
        ]
        norm = torch.stack(squares).sum(0).sqrt()
        check_finite(losses.tolist(), "loss", step, self.seeds, self.config)
        shares = accuracies(self.model, data, step, self.seeds, self.config)
        return np.stack([losses.numpy(force=True), *shares, norm.numpy(force=True)]).astype(float)

    def digest(self, measured: int | None) -> str:
        """Return the name of a run: all that its course depends on, but for how far it goes."""
        buffer, data, config = io.BytesIO(), self.data, self.config
        tensors = [*self.model.state_dict().values(), data.train_inputs, data.train_labels]
        tensors += [data.test_inputs, data.test_labels]
        torch.save([tensor.cpu() for tensor in tensors], buffer)
        if config.schedule == "constant" and not config.warmup:
            config = replace(config, steps=1)
        device = str(next(self.model.parameters()).device)
        text = repr((self.model, asdict(config), self.seeds, measured, device, torch.__version__))
        return hashlib.sha256(buffer.getvalue() + text.encode()).hexdigest()[:20]


def _read(path: Path) -> State | None:
    """Read a checkpoint; None if it is missing or damaged."""
    try:
        with zipfile.ZipFile(path) as archive:  # torch does not look at the checksums
            damaged = archive.testzip()
        return None if damaged else dict(torch.load(path, weights_only=True))
    except Exception:  # damage has many faces, and what is damaged can be made again
        return None
