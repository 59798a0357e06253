"""Many runs on MNIST of what is cheap in chapter 60, each on its own split: rows that are kept.

A point of the sweep is one run of one part. They are shorter than the chapter's run with the
profile *paper*, and of its width; what is missing is counted, never filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from regime_lib.chapters.neuron_modes.counts import (
    KINDS,
    Row,
    count_layers,
    count_shallow,
    network,
    rows_of,
)
from regime_lib.chapters.neuron_modes.layers import layer_trajectory, train_deep, truncation
from regime_lib.chapters.neuron_modes.many_claims import STEPS
from regime_lib.chapters.neuron_modes.many_claims import claims_of as claims_of
from regime_lib.chapters.neuron_modes.slopes import slope_rule, slope_trajectory
from regime_lib.chapters.neuron_modes.training import Setup
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.data.loading import load_dataset
from regime_lib.lab.data.stack import stacked

#: Of what a run measures: another one computes all of them anew.
VERSION = 1
#: How long, how wide, how deep; the widths are the paper's.
SIZES: dict[str, Any] = {
    "dataset": "mnist",
    "steps": STEPS,
    "hidden": 2048,
    "shallow_kinds": ("tanh", "Gaussian"),
    "width": 512,
    "layers": 4,
    "depths": (2, 6),
    "depth": 10,
    "rule_sizes": (128, 128),
    "rule_rates": (0.03, 0.1, 0.37),
    "batch_size": 64,
    "probe_size": 1000,
    "bins": 20,
    # test images; deep networks spend more time on answers than on learning
    "test": {"depths": 2500, "deep": 2500},
}
#: Runs of each part; of the deep network as many as its claim asks for.
RUNS = {"rule": 10, "shallow": 10, "layers": 8, "depths": 8, "deep": 17}
_CHECKS = 9  # of the shallow network, after the start
_DEEP_CHECKS = 5


def points() -> Iterator[dict[str, Any]]:
    """Yield every run: all parts of the first split of the data, then of the second, and so on."""
    for seed in range(max(RUNS.values())):
        yield from ({"part": part, "seed": seed} for part, runs in RUNS.items() if seed < runs)


def run_point(point: Mapping[str, Any]) -> list[Row]:
    """Compute one run; return its rows."""
    torch.set_num_threads(1)
    part, seed = point["part"], int(point["seed"])
    data = _data().redrawn(seed)
    if part in SIZES["test"]:
        data = data.subset(len(data.train_labels), SIZES["test"][part])
    setup = Setup(
        data=stacked([data]),
        steps=SIZES["steps"][part],
        **{name: SIZES[name] for name in ("batch_size", "probe_size", "bins")},
    )
    return [{"part": part, **row} for row in _PARTS[part](setup, seed)]


@lru_cache(maxsize=1)
def _data() -> Dataset:
    return load_dataset(SIZES["dataset"])


def _shallow(setup: Setup, seed: int) -> list[Row]:
    rows: list[Row] = []
    checks = [0, *np.geomspace(8, setup.steps, _CHECKS).round().astype(int).tolist()]
    for kind in SIZES["shallow_kinds"]:
        start = network(kind, (setup.inputs, SIZES["hidden"], setup.classes), [seed])
        trained = setup.trained(start, setup.config, checks if kind == "tanh" else [0])
        slopes = None
        if kind == "tanh":
            course = slope_trajectory(setup, trained)
            slopes = course.slope
            for step, slope, accuracy in zip(
                course.steps, slopes[:, 0], course.accuracy[:, 0], strict=True
            ):
                found = {"slope": slope, "accuracy": accuracy}
                rows += rows_of(found, seed=seed, kind=kind, moment="course", step=int(step))
        rows += count_shallow(setup, trained, kind, [seed], slopes)
    return rows


def _layers(setup: Setup, seed: int) -> list[Row]:
    rows: list[Row] = []
    for kind in KINDS:
        sizes = (setup.inputs, *[SIZES["width"]] * SIZES["layers"], setup.classes)
        trained = setup.trained(network(kind, sizes, [seed]), setup.config)
        rows += count_layers(setup, trained.model, kind, [seed])
        if kind == "ReLU":
            rows += _cut(setup, trained.model, SIZES["layers"], seed)
    return rows


def _depths(setup: Setup, seed: int) -> list[Row]:
    rows: list[Row] = []
    for depth in SIZES["depths"]:
        trained = train_deep(setup, depth, SIZES["width"], [seed])
        rows += _cut(setup, trained.model, depth, seed)
    return rows


def _deep(setup: Setup, seed: int) -> list[Row]:
    steps, depth = setup.steps, SIZES["depth"]
    checks = [0, *np.geomspace(steps / 40, steps, _DEEP_CHECKS).round().astype(int).tolist()]
    trained = train_deep(setup, depth, SIZES["width"], [seed], checks=checks)
    course = layer_trajectory(setup, trained)
    rows = [
        {"seed": seed, "depth": depth, "step": int(step), "layer": layer + 1, "name": "slope",
         "value": float(value)}
        for step, slopes in zip(course.steps, course.slope[..., 0], strict=True)
        for layer, value in enumerate(slopes)
    ]  # fmt: skip
    if seed < RUNS["depths"]:  # as many as there are of the other depths
        rows += _cut(setup, trained.model, depth, seed)
    return rows


def _cut(setup: Setup, model: torch.nn.Module, depth: int, seed: int) -> list[Row]:
    """Make late activations linear."""
    found = truncation(setup, model, depth, shifts=["kept"])
    numbers = {
        "whole": found.whole[0],
        "removable": found.removable()[0],
        "half": found.loss(depth - depth // 2)[0],
        **{f"kept {kept}": share for kept, share in enumerate(found.cut["shifts kept"][:, 0])},
    }
    return rows_of(numbers, seed=seed, depth=depth)


def _rule(setup: Setup, seed: int) -> list[Row]:
    rates = SIZES["rule_rates"]
    found = slope_rule(setup, SIZES["rule_sizes"], rates, [seed])
    rows: list[Row] = []
    for number, rate in enumerate(rates):
        numbers = {
            "slope": found.slope[number, 0],
            "accuracy": found.accuracy[number, 0],
            "accuracy there": found.accuracy_there[number, 0],
            "equal loss": found.equal_loss[0],
        }
        rows += rows_of(numbers, seed=seed, rate=rate)
    return rows


_PARTS: dict[str, Callable[[Setup, int], list[Row]]] = {
    "rule": _rule,
    "shallow": _shallow,
    "layers": _layers,
    "depths": _depths,
    "deep": _deep,
}
