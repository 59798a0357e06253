"""Random inputs with random labels, learnt in full batches or by SGD, with or without label noise.

All runs of a task see the same flow time: a pass of SGD with batches of one at rate η moves as
far, to first order, as `substeps` full-batch steps of the mean loss with rate η x inputs /
substeps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit

from regime_lib.errors import RegimeError
from regime_lib.simulators.training_response.networks import (
    Networks,
    generator,
    make_networks,
    with_one,
)
from regime_lib.simulators.training_response.noise import step
from regime_lib.simulators.training_response.setup import Setup

Training = Literal["full-batch", "sgd", "cyclic", "label-noise"]

_CHUNK = 8  # networks whose features on all inputs of a task fit a core's cache


@dataclass(frozen=True)
class Task:
    """Inputs and labels, some for each network."""

    inputs: Float[np.ndarray, "seeds samples bits"]
    labels: Float[np.ndarray, "seeds samples"]  # 0 or 1


def random_task(
    setup: Setup, seeds: Sequence[int] | range, samples: int, *, spread: float = 0.5
) -> Task:
    """Draw `samples` different inputs and random labels for each seed.

    With a `spread` below a half the inputs are correlated: each bit differs from that of a common
    centre with this probability; an input that was drawn before is drawn again.
    """
    inputs = setup.all_inputs()
    if not 2 <= samples <= len(inputs) or not 0 < spread <= 0.5:
        raise RegimeError(
            f"samples must lie between 2 and {len(inputs)}, and spread in (0, 0.5], not {samples} "
            f"and {spread}"
        )
    apart = np.bitwise_count(np.arange(len(inputs)))
    chance = None if spread == 0.5 else spread**apart * (1 - spread) ** (setup.bits - apart)
    chosen, labels = [], []
    for seed in seeds:
        random = generator(seed, "task")
        places = random.choice(len(inputs), samples, replace=False, p=chance)
        labels.append(random.integers(2, size=samples).astype(float))
        if chance is not None:
            places = places ^ int(random.integers(len(inputs)))  # the centre
        chosen.append(inputs[places])
    return Task(np.stack(chosen), np.stack(labels))


def own_responses(networks: Networks, task: Task, rate: float) -> Float[np.ndarray, " seeds"]:
    """Return by how much a step on a trained input moves the output there, the mean over inputs."""
    moved = []
    for x, labels in zip(task.inputs.swapaxes(0, 1), task.labels.T, strict=True):
        padded, after = with_one(x), networks.copy()
        step(after, padded, labels, rate)
        moved.append(np.abs(_outputs(after, padded) - _outputs(networks, padded)))
    return np.mean(moved, axis=0)


def _outputs(
    networks: Networks, padded: Float[np.ndarray, "seeds bits_and_one"]
) -> Float[np.ndarray, " seeds"]:
    phi, _ = networks.setup.activate(np.einsum("isf,si->sf", networks.weights, padded))
    return expit(np.vecdot(networks.readout, phi) + networks.offset)


def train_on_task(
    setup: Setup,
    seeds: Sequence[int] | range,
    task: Task,
    training: Training,
    *,
    rate: float,
    passes: int,
    label_noise: float = 0.1,
    substeps: int = 16,
) -> Networks:
    """Train one network per seed, the same initial weights whatever the training.

    It takes all inputs at once ("full-batch", some substeps a pass), or batches of one in random
    order ("sgd"), in a fixed order ("cyclic"), or in random order with labels that are flipped with
    a probability at every step ("label-noise"). The rate is that of a step on one input.
    """
    if training not in get_args(Training):
        known = ", ".join(get_args(Training))
        raise RegimeError(f"training '{training}' is not known; choose one of {known}")
    if passes < 1 or substeps < 1 or rate <= 0:
        raise RegimeError(
            f"passes and substeps must be at least 1 and rate positive, not {passes}, {substeps}, "
            f"{rate}"
        )
    networks = make_networks(setup, seeds)
    if training == "full-batch":
        _full_batch(networks, task, rate * task.labels.shape[1] / substeps, passes * substeps)
        return networks
    randoms = [generator(seed, "order") for seed in seeds]
    flipped = label_noise if training == "label-noise" else 0.0
    padded, scratch = with_one(task.inputs), np.empty_like(networks.weights)
    rows = np.arange(len(seeds))
    for _ in range(passes):
        order, labels = _one_pass(task, randoms, flipped, shuffled=training != "cyclic")
        for place in order.T:
            step(networks, padded[rows, place], labels[rows, place], rate, scratch)
    return networks


def _one_pass(
    task: Task, randoms: Sequence[np.random.Generator], flipped: float, shuffled: bool
) -> tuple[Int[np.ndarray, "seeds samples"], Float[np.ndarray, "seeds samples"]]:
    samples = task.labels.shape[1]
    order = np.stack(
        [random.permutation(samples) if shuffled else np.arange(samples) for random in randoms]
    )
    if flipped == 0:
        return order, task.labels
    flips = np.stack([random.random(samples) < flipped for random in randoms])
    return order, np.where(flips, 1 - task.labels, task.labels)


def _full_batch(networks: Networks, task: Task, rate: float, steps: int) -> None:
    """Descend the mean loss, some networks at a time."""
    setup = networks.setup
    padded = with_one(task.inputs)
    for start in range(0, len(networks), _CHUNK):
        part = slice(start, start + _CHUNK)
        x, labels = padded[part], task.labels[part]
        w = np.ascontiguousarray(networks.weights[:, part].transpose(1, 0, 2))  # (c, bits+1, f)
        v, c = networks.readout[part], networks.offset[part]
        for _ in range(steps):
            phi, slope = setup.activate(x @ w)  # (c, samples, features)
            z = (phi @ v[:, :, None])[..., 0] + c[:, None]
            size = rate / labels.shape[1] * setup.error(z, labels)
            slope *= size[..., None]
            up = (size[:, None, :] @ phi)[:, 0]
            w += (x.transpose(0, 2, 1) @ slope) * v[:, None, :]
            v += up
            c += size.sum(axis=1)
        networks.weights[:, part] = w.transpose(1, 0, 2)
