"""What frozen patterns are worth: processor time and products of numbers, to a step and to a goal.

Every form of a step does the same learning on the same batches. Times are those of the process, not
of the wall clock, and forms alternate, so that what else runs on the machine troubles them alike.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from time import process_time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from regime_lib.chapters.freeze_patterns.cases import RATES
from regime_lib.chapters.freeze_patterns.heads import solved
from regime_lib.instrument.freezing.frozen import freeze_patterns
from regime_lib.instrument.freezing.paths import path_features, path_weights
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.models.mlp import MLP
from regime_lib.lab.training.batches import batch_order

SIZES = (784, 128, 64, 10)
BATCH = 128
_SAMPLES = 2048
_STEPS = 30  # of each form in a round
_ROUNDS = 15
_HEAD = (64, 32, 10)  # of the races to a goal, on the digits
_RACE_STEPS = 600
_RACES = 8
_FASTER = 5.0  # times the learning rate of chapter 23
_LATE = 4  # times the steps of ordinary training after which a run is given up
_EVERY = 10  # steps between two looks at the test set, which are not timed
_MARGIN = 0.005  # below the accuracy that ordinary training ends with


def speed_rounds() -> Iterator[dict[str, Any]]:
    """Yield how long every form takes: of a step, and of the way to an accuracy."""
    yield from step_rounds()
    for seed in range(_RACES):
        yield from race(seed)


def step_rounds(rounds: int = _ROUNDS, steps: int = _STEPS) -> Iterator[dict[str, Any]]:
    """Time a step in every form: with rectifiers, with decisions of a copy, stored, and without.

    A row has `form`, `round`, `seconds` (of one step) and `flops` (products and sums in its matrix
    products). "linear" has no activation: nothing that spares the rectifier alone is faster.
    """
    random = torch.Generator().manual_seed(0)
    inputs = torch.randn(_SAMPLES, SIZES[0], generator=random)
    labels = torch.randint(SIZES[-1], (_SAMPLES,), generator=random)
    forms = {name: _Form(made(inputs), inputs, labels) for name, made in _FORMS.items()}
    for form in forms.values():
        form.run(3)  # what is allocated once
    flops = {name: form.flops() for name, form in forms.items()}
    for number in range(rounds):
        for name, form in forms.items():
            yield {
                "what": "step",
                "form": name,
                "round": number,
                "seconds": form.run(steps) / steps,
                "flops": float(flops[name]),
                "reached": True,
            }


_Logits = Callable[[Tensor, Tensor], Tensor]  # of a batch, and of its numbers


def _ordinary(_: Tensor) -> tuple[nn.Module, _Logits]:
    model = MLP(SIZES, 0)
    return model, lambda batch, rows: model(batch)


def _copied(inputs: Tensor) -> tuple[nn.Module, _Logits]:
    frozen = freeze_patterns(MLP(SIZES, 0), inputs[:4])
    return frozen.live, lambda batch, rows: frozen(batch)


def _stored(inputs: Tensor) -> tuple[nn.Module, _Logits]:
    frozen = freeze_patterns(MLP(SIZES, 0), inputs[:4])
    kept = frozen.store(inputs)
    return frozen.live, lambda batch, rows: frozen.with_stored(batch, kept, rows)


def _linear(_: Tensor) -> tuple[nn.Module, _Logits]:
    model = MLP(SIZES, 0, activation="linear")
    return model, lambda batch, rows: model(batch)


_FORMS: dict[str, Callable[[Tensor], tuple[nn.Module, _Logits]]] = {
    "ordinary": _ordinary,
    "copy decides": _copied,
    "stored patterns": _stored,
    "linear": _linear,
}


class _Form:
    """A form of training whose steps are timed."""

    def __init__(self, made: tuple[nn.Module, _Logits], inputs: Tensor, labels: Tensor) -> None:
        (model, self._logits), self._inputs, self._labels = made, inputs, labels
        self._optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        self._order = batch_order(len(inputs), BATCH, [0])

    def run(self, steps: int) -> float:
        """Take steps, and return the seconds of the process."""
        begin = process_time()
        for _ in range(steps):
            self._step()
        return process_time() - begin

    def flops(self) -> int:
        """Count the products and sums of one step's matrix products."""
        with FlopCounterMode(display=False) as counter:
            self._step()
        return int(counter.get_total_flops())

    def _step(self) -> None:
        rows = next(self._order)[0]
        logits = self._logits(self._inputs[rows], rows)
        loss = cross_entropy(logits, self._labels[rows])
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()


def race(seed: int, steps: int = _RACE_STEPS) -> Iterator[dict[str, Any]]:
    """Time the way of a head on the digits to an accuracy, in four forms, for one seed.

    The goal is half a point below the test accuracy with which ordinary training ends. "paths"
    trains ordinarily for a tenth of the steps, freezes, and trains the weights of all paths by
    the same optimiser; "least squares" solves for them once instead. "ordinary, faster" is ordinary
    training at a higher learning rate: the control for whoever trains faster. A row has `seconds`
    until the goal was first reached; where it was not, `reached` is false.
    """
    known: Any = load_dataset("digits")
    data: Dataset = known.redrawn(seed)
    rate = RATES["mlp", "adamw"]
    curve, early = _ordinary_curve(MLP(_HEAD, seed), data, seed, steps, rate)
    goal = curve[-1][1] - _MARGIN
    faster, _ = _ordinary_curve(MLP(_HEAD, seed), data, seed, steps, _FASTER * rate)
    curves = {
        "ordinary": curve,
        "ordinary, faster": faster,
        "paths": _path_curve(*early, data, seed, _LATE * steps),
        "least squares": _solved_curve(*early, data),
    }
    for name, found in curves.items():
        at = next((seconds for seconds, accuracy in found if accuracy >= goal), None)
        yield {
            "what": "race",
            "form": name,
            "round": seed,
            "seconds": found[-1][0] if at is None else at,
            "flops": float("nan"),
            "reached": at is not None,
        }


_Curve = list[tuple[float, float]]  # seconds spent, test accuracy then


def _ordinary_curve(
    model: MLP, data: Dataset, seed: int, steps: int, rate: float
) -> tuple[_Curve, tuple[MLP, float]]:
    """Train; also return the network, and the seconds it took, after a tenth of the steps."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    order, spent = batch_order(len(data.train_labels), 64, [seed]), 0.0
    curve: _Curve = []
    early = copy.deepcopy(model), spent
    for step in range(1, steps + 1):
        begin = process_time()
        rows = next(order)[0]
        loss = cross_entropy(model(data.train_inputs[rows]), data.train_labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        spent += process_time() - begin
        if step == steps // 10:
            early = copy.deepcopy(model), spent
        if step % _EVERY == 0:
            curve.append((spent, _share(model(data.test_inputs), data.test_labels)))
    return curve, early


def _path_curve(model: MLP, spent: float, data: Dataset, seed: int, steps: int) -> _Curve:
    begin = process_time()
    train = _features(model, data.train_inputs)
    weights = nn.Parameter(_start(model))
    optimizer = torch.optim.AdamW([weights], lr=RATES["mlp", "adamw"])
    order = batch_order(len(data.train_labels), 64, [seed])
    spent += process_time() - begin
    test = _features(model, data.test_inputs)
    curve: _Curve = []
    for step in range(1, steps + 1):
        begin = process_time()
        rows = next(order)[0]
        loss = cross_entropy(train[rows] @ weights, data.train_labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        spent += process_time() - begin
        if step % _EVERY == 0:
            curve.append((spent, _share(test @ weights, data.test_labels)))
    return curve


def _solved_curve(model: MLP, spent: float, data: Dataset) -> _Curve:
    begin = process_time()
    train = _features(model, data.train_inputs).numpy()
    goal = np.eye(len(data.classes), dtype=np.float32)[data.train_labels.numpy()]
    weights = solved(train, goal)
    spent += process_time() - begin
    test = _features(model, data.test_inputs)
    return [(spent, _share(test @ torch.from_numpy(weights), data.test_labels))]


@torch.no_grad()
def _features(model: MLP, inputs: Tensor) -> Tensor:
    hidden: Any = model.hidden1
    return path_features(inputs, [hidden(inputs) > 0])


@torch.no_grad()
def _start(model: MLP) -> Tensor:
    layers: list[Any] = [model.hidden1, model.output]
    return path_weights([one.weight for one in layers], [one.bias for one in layers]).clone()


@torch.no_grad()
def _share(logits: Tensor, labels: Tensor) -> float:
    return float((logits.argmax(dim=1) == labels).double().mean())
