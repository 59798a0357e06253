"""Counts of folding units in trained networks with tanh, ReLU and Gaussian units, layer by layer.

Rows are long: a run, a kind of unit, a moment of training or a layer, a name and a number. So the
digits of a page and the many committed runs on MNIST are read by the same functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from sklearn.linear_model import RidgeClassifier
from torch import nn

from regime_lib.chapters.neuron_modes.arrangement import arrangements, class_directions
from regime_lib.chapters.neuron_modes.folding import (
    LEAST_FOLD,
    Activation,
    partners,
    unit_depths,
)
from regime_lib.chapters.neuron_modes.gaussian import GaussianEnsemble
from regime_lib.chapters.neuron_modes.training import Setup, Trained
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.models.mlp import MLP, MLPEnsemble
from regime_lib.lab.seeding import generator

Row = dict[str, Any]

#: What the units of each kind of network compute.
KINDS: dict[str, Activation] = {
    "tanh": np.tanh,
    "ReLU": lambda field: np.maximum(field, 0),
    "Gaussian": lambda field: np.exp(-np.square(field)),
}
_PROBE = 500  # training samples whose order is looked at
_LOOSER, _STRICTER = 0.7, 0.9  # correlations of partners, beside the one that counts
_PENALTY = 10.0  # of the linear readout, on standardised outputs of a layer


def network(kind: str, sizes: Sequence[int], seeds: Sequence[int]) -> MLPEnsemble:
    """Return an ensemble of networks of a kind, at its start."""
    if kind == "Gaussian":
        return GaussianEnsemble(sizes, seeds)
    return MLPEnsemble(sizes, seeds, kind.lower())


def layers_of(
    net: MLP, inputs: torch.Tensor
) -> Iterator[tuple[nn.Linear, Float[np.ndarray, "samples units"]]]:
    """Yield every hidden layer of a perceptron with its pre-activations."""
    layers = list(net.children())
    with torch.no_grad():
        for linear, activation in zip(layers[:-1:2], layers[1::2], strict=True):
            assert isinstance(linear, nn.Linear)
            inputs = linear(inputs)
            yield linear, inputs.double().numpy()
            inputs = activation(inputs)


def readouts(net: MLP) -> list[Float[np.ndarray, "classes _units"]]:
    """Return the linear map above every hidden layer: the product of the weights above it."""
    linear = [module for module in net.children() if isinstance(module, nn.Linear)]
    weights = [layer.weight.detach().double().numpy() for layer in linear]
    maps = [weights[-1]]
    for weight in weights[-2:0:-1]:
        maps.insert(0, maps[0] @ weight)
    return maps


def folding_shares(
    fields: Float[np.ndarray, "samples units"],
    readout: Float[np.ndarray, "classes units"],
    kind: str,
) -> dict[str, float]:
    """Return the shares of units that fold by themselves, have a partner, and fold with one."""
    found = partners(fields, readout, KINDS[kind])
    alone = unit_depths(fields, KINDS[kind]) >= LEAST_FOLD
    return {
        "alone": float(alone.mean()),
        "bound": float(found.bound.mean()),
        "pair": float(found.folds.mean()),
        "any": float((alone | found.folds).mean()),
    }


def count_shallow(
    setup: Setup,
    trained: Trained,
    kind: str,
    seeds: Sequence[int],
    slopes: Float[np.ndarray, "checks seeds"] | None = None,
) -> list[Row]:
    """Count the units of networks with one hidden layer when they start, peak and end.

    Parameters
    ----------
    setup, trained : Setup, Trained
        The data, and the networks at some steps, the first of them 0.
    kind : str
        One of `KINDS`.
    seeds : sequence of int
        One for each network.
    slopes : array, shape (checks, seeds), optional
        Of rank distributions: a run's peak is where its own is largest. Without them the peak is
        left out.
    """
    rows: list[Row] = []
    last = len(trained.steps) - 1
    needed = {0, last, *([] if slopes is None else slopes.argmax(axis=0).tolist())}
    models = {check: list(setup.alone(trained.model_at(check))) for check in needed}
    for k, seed in enumerate(seeds):
        moments = {"start": 0, "end": last}
        if slopes is not None:
            moments["peak"] = int(slopes[:, k].argmax())
        for moment, check in moments.items():
            numbers = _of_one_layer(*models[check][k], kind, seed, full=moment == "end")
            numbers |= {"step": trained.steps[check], "accuracy": trained.test_accuracy[check, k]}
            rows += rows_of(numbers, seed=seed, kind=kind, moment=moment)
    return rows


def _of_one_layer(net: MLP, data: Dataset, kind: str, seed: int, *, full: bool) -> dict[str, float]:
    inputs = data.train_inputs[:_PROBE]
    ((linear, fields),) = layers_of(net, inputs)
    (readout,) = readouts(net)
    numbers = folding_shares(fields, readout, kind)
    if not full:
        return numbers
    order = generator(seed, "shuffled").permutation(readout.shape[1])
    numbers["shuffled"] = folding_shares(fields, readout[:, order], kind)["pair"]
    if kind == "tanh":
        for name, least in (("looser", _LOOSER), ("stricter", _STRICTER)):
            other = partners(fields, readout, KINDS[kind], same_field=least)
            numbers[f"pair {name}"] = float(other.folds.mean())
    alone, found = (
        unit_depths(fields, KINDS[kind]) >= LEAST_FOLD,
        partners(fields, readout, KINDS[kind]),
    )
    # units without a partner lie apart from others by definition, so pairs are compared with pairs
    modes = (
        {"keep": ~alone, "fold": alone}
        if kind == "Gaussian"
        else {"keep": found.bound & ~found.folds, "fold": found.folds}
    )
    weights = linear.weight.detach().double().numpy()
    directions = class_directions(data.train_inputs.double().numpy(), data.train_labels.numpy())
    for mode, lie in arrangements(weights, directions, modes, seed).items():
        numbers |= {
            f"{mode} alignment": lie.alignment,
            f"{mode} participation": lie.participation,
            f"{mode} closeness": lie.closeness,
        }
    return numbers


def count_layers(setup: Setup, model: nn.Module, kind: str, seeds: Sequence[int]) -> list[Row]:
    """Count folding units in every layer, and how much of the classes a linear readout finds there.

    Layer 0 stands for the inputs. The readout is ridge regression on the classes, fitted to the
    training samples that are ranked; its accuracy is that on the test set.
    """
    rows: list[Row] = []
    for (net, data), seed in zip(setup.alone(model), seeds, strict=True):
        readable = readable_accuracy(data, [data.train_inputs, data.test_inputs])
        rows += rows_of({"readable": readable}, seed=seed, kind=kind, layer=0)
        train, test = (list(layers_of(net, x)) for x in (data.train_inputs, data.test_inputs))
        for number, readout in enumerate(readouts(net)):
            after = [torch.from_numpy(KINDS[kind](part[number][1])) for part in (train, test)]
            shares = folding_shares(train[number][1][:_PROBE], readout, kind)
            numbers = {"readable": readable_accuracy(data, after), **shares}
            rows += rows_of(numbers, seed=seed, kind=kind, layer=number + 1)
    return rows


def readable_accuracy(data: Dataset, layer: Sequence[torch.Tensor]) -> float:
    """Return the test accuracy of a linear readout of a layer, given on training and test samples.

    Each unit is standardised on training samples.
    """
    train, test = (part.double().numpy() for part in layer)
    spread = train.std(axis=0)
    scale = np.where(spread > 0, spread, 1)
    train, test = (train - train.mean(axis=0)) / scale, (test - train.mean(axis=0)) / scale
    fitted = RidgeClassifier(alpha=_PENALTY).fit(train, data.train_labels.numpy())
    return float(fitted.score(test, data.test_labels.numpy()))


def rows_of(numbers: Mapping[str, Any], **where: Any) -> list[Row]:
    """Return a row for each number, all from one place."""
    return [{**where, "name": name, "value": float(value)} for name, value in numbers.items()]


def column(table: pd.DataFrame, name: str, **where: Any) -> Float[np.ndarray, " runs"]:
    """Return one number of each run, in the order of seeds.

    Parameters
    ----------
    table : DataFrame
        Rows as from `count_shallow` or `count_layers`.
    name : str
        Of the number.
    **where
        The kind, and the moment or layer.
    """
    chosen = table[table["name"] == name]
    for key, value in where.items():
        chosen = chosen[chosen[key] == value]
    return chosen.sort_values("seed")["value"].to_numpy(dtype=float)
