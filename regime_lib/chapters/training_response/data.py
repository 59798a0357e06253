"""Parts of chapter 30 on what is learnt: kernels that compete, and properties of the data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from regime_lib.chapters.part import Numbers, Part
from regime_lib.chapters.training_response.settings import ACTIVATIONS, Settings
from regime_lib.estimate import Estimate, mean, over_runs
from regime_lib.simulators.training_response.networks import Networks, distances, make_networks
from regime_lib.simulators.training_response.setup import Coding, Setup
from regime_lib.simulators.training_response.tasks import (
    Task,
    own_responses,
    random_task,
    train_on_task,
)

#: How many inputs compete, half of them of either label.
COUNTS = (2, 4, 8, 16, 32)

_SAMPLES, _MORE, _SPREAD = 16, 64, 0.2

Shares = Float[np.ndarray, "networks counts seeds"]


@dataclass(frozen=True)
class Competition(Part):
    """How several trained inputs divide the space of inputs among them."""

    nearest: Shares  # of the inputs that one label is nearer to, those decided like it
    by_kernels: Shares  # of the inputs outside training, those decided by the sum of kernels
    regions: Shares  # numbers of connected sub-spaces of inputs that are decided alike


def competition(settings: Settings) -> Competition:
    """Train on few inputs of two labels, and ask who decides the others."""
    seeds = range(settings.seed, settings.seed + settings.task_seeds)
    found = np.empty((3, len(ACTIVATIONS), len(COUNTS), len(seeds)))
    for i, activation in enumerate(ACTIVATIONS):
        setup = settings.setup(activation)
        for c, count in enumerate(COUNTS):
            drawn = random_task(setup, seeds, count)
            task = replace(drawn, labels=np.tile(np.arange(count) % 2.0, (len(seeds), 1)))
            networks = train_on_task(
                setup, seeds, task, "full-batch", rate=settings.rate_task, passes=settings.passes
            )
            decided = networks.logits(setup.all_inputs()) > 0
            start = make_networks(setup, seeds)
            found[:, i, c] = (
                share_like_nearest(setup, task, decided),
                share_by_kernels(start, task, decided),
                count_regions(decided),
            )
    nearest, by_kernels, regions = found
    over, many = f"{len(seeds)} tasks", COUNTS.index(8)
    claims = {
        "tr-splitting": mean(nearest[:, 0].mean(axis=0), over=over, seed=settings.seed),
        "tr-splitting-many": mean(by_kernels[:, many].mean(axis=0), over=over, seed=settings.seed),
    }
    numbers: Numbers = {
        "nearest-many": float(nearest[:, many].mean()),
        "regions-two": float(regions[:, 0].mean()),
        "regions-most": float(regions[:, -1].mean()),
        "kernels-most": float(by_kernels[:, -1].mean()),
    }
    return Competition(claims, numbers, nearest, by_kernels, regions)


def share_like_nearest(
    setup: Setup, task: Task, decided: Bool[np.ndarray, "seeds all_inputs"]
) -> Float[np.ndarray, " seeds"]:
    """Return which share of the inputs that are nearer to one label is decided like it."""
    apart = _apart(setup, task)
    one = task.labels[:, None, :] == 1
    to_one = np.where(one, apart, np.inf).min(axis=2)
    to_zero = np.where(one, np.inf, apart).min(axis=2)
    asked = (to_one != to_zero) & (apart > 0).all(axis=2)
    return ((decided == (to_one < to_zero)) & asked).sum(axis=1) / asked.sum(axis=1)


def share_by_kernels(
    start: Networks, task: Task, decided: Bool[np.ndarray, "seeds all_inputs"]
) -> Float[np.ndarray, " seeds"]:
    """Return which share of the other inputs has the sign of the sum of signed tangent kernels."""
    inputs = start.setup.all_inputs()
    kernels = np.stack(
        [start.tangent_kernel(inputs, x) for x in task.inputs.swapaxes(0, 1)], axis=2
    )
    pushed = (kernels * (2 * task.labels[:, None, :] - 1)).sum(axis=2) > 0
    asked = (_apart(start.setup, task) > 0).all(axis=2)
    return ((decided == pushed) & asked).sum(axis=1) / asked.sum(axis=1)


def count_regions(decided: Bool[np.ndarray, "seeds all_inputs"]) -> Int[np.ndarray, " seeds"]:
    """Return the number of sub-spaces: inputs decided alike, connected by flips of one bit."""
    count = decided.shape[1]
    places = np.repeat(np.arange(count), count.bit_length() - 1)
    beside = places ^ np.tile(1 << np.arange(count.bit_length() - 1), count)
    found = []
    for own in decided:
        alike = own[places] == own[beside]
        edges = (np.ones(alike.sum()), (places[alike], beside[alike]))
        found.append(connected_components(coo_array(edges, shape=(count, count)))[0])
    return np.array(found)


def _apart(setup: Setup, task: Task) -> Int[np.ndarray, "seeds all_inputs samples"]:
    inputs = setup.all_inputs()
    return np.stack([distances(inputs, x) for x in task.inputs.swapaxes(0, 1)], axis=2)


@dataclass(frozen=True)
class DataSets(Part):
    """How far networks have aged on data of several kinds after the same number of passes."""

    table: pd.DataFrame  # a kind of data in each row


def data_sets(settings: Settings) -> DataSets:
    """Train on data that differ in coding, correlation or size, and compare the responses."""
    other: Coding = "bits" if settings.coding == "signs" else "signs"
    kinds: dict[str, tuple[Coding, int, float]] = {
        "as it is": (settings.coding, _SAMPLES, 0.5),
        "other coding": (other, _SAMPLES, 0.5),
        "correlated inputs": (settings.coding, _SAMPLES, _SPREAD),
        "more inputs": (settings.coding, _MORE, 0.5),
    }
    seeds, logs, rows = range(settings.seed, settings.seed + settings.task_seeds), {}, []
    for kind, (coding, samples, spread) in kinds.items():
        found = []
        for activation in ACTIVATIONS:
            setup = replace(settings.setup(activation), coding=coding)
            task = random_task(setup, seeds, samples, spread=spread)
            networks = train_on_task(
                setup, seeds, task, "cyclic", rate=settings.rate_ce, passes=settings.passes
            )
            found.append(own_responses(networks, task, settings.rate_ce))
        logs[kind] = np.log(found).mean(axis=0)
        medians = {
            f"response, {name}": float(np.median(own))
            for name, own in zip(ACTIVATIONS.values(), found, strict=True)
        }
        rows.append({"data": kind, **medians})
    claims, numbers = {}, Numbers()
    for name, kind in zip(("coding", "correlation", "size"), list(kinds)[1:], strict=True):
        change = logs[kind] - logs["as it is"]
        claims[f"tr-data-{name}"] = _factor(change, settings)
        numbers[f"data-{name}"] = float(np.exp(np.median(change)))
    return DataSets(claims, numbers, pd.DataFrame(rows))


def _factor(change: Float[np.ndarray, " seeds"], settings: Settings) -> Estimate:
    """Return the median factor of a change of the logarithm, the larger over the smaller."""
    return over_runs(
        lambda picks: float(np.exp(abs(np.median(change[picks])))),
        len(change),
        over=f"{len(change)} tasks",
        seed=settings.seed,
    )
