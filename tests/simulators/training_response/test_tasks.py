"""Training on a task equals autograd on the same samples in the same order."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from regime_lib.simulators.training_response.networks import generator, make_networks
from regime_lib.simulators.training_response.setup import Setup
from regime_lib.simulators.training_response.tasks import own_responses, random_task, train_on_task
from tests.companion.refusals import refused
from tests.simulators.training_response.oracles import same, torch_descent, torch_logit

SEEDS = range(10)  # more than one chunk of full-batch training


@pytest.mark.parametrize("activation", ["relu", "elu"])
@pytest.mark.parametrize("loss", ["cross-entropy", "squared"])
def test_full_batches(activation: str, loss: str) -> None:
    setup = Setup(activation, loss, bits=4, features=9)  # type: ignore[arg-type]
    task = random_task(setup, SEEDS, 6)
    ours = train_on_task(setup, SEEDS, task, "full-batch", rate=0.1, passes=3, substeps=4)
    for seed in (0, 9):
        samples = [(task.inputs[seed], task.labels[seed])] * 12
        parts = torch_descent(make_networks(setup, SEEDS), seed, samples, 0.1 * 6 / 4)
        assert same(ours, seed, parts)


@pytest.mark.parametrize("training", ["sgd", "cyclic", "label-noise"])
def test_batches_of_one(training: str) -> None:
    setup = Setup("elu", bits=4, features=9)
    task = random_task(setup, SEEDS, 6)
    ours = train_on_task(setup, SEEDS, task, training, rate=0.1, passes=5, label_noise=0.3)  # type: ignore[arg-type]
    for seed in (0, 9):
        random, samples, flipped = generator(seed, "order"), [], 0
        for _ in range(5):
            order = random.permutation(6) if training != "cyclic" else np.arange(6)
            flips = random.random(6) < 0.3 if training == "label-noise" else np.zeros(6, bool)
            flipped += int(flips.sum())
            labels = np.where(flips, 1 - task.labels[seed], task.labels[seed])
            samples += [(task.inputs[seed, k], float(labels[k])) for k in order]
        assert same(ours, seed, torch_descent(make_networks(setup, SEEDS), seed, samples, 0.1))
        assert (flipped > 0) == (training == "label-noise")


def test_tasks_hold_different_strings_and_belong_to_their_seed() -> None:
    task = random_task(Setup(), [2, 5], 32)
    for inputs in task.inputs:
        assert len(np.unique(inputs, axis=0)) == 32
    alone = random_task(Setup(), [5], 32)
    assert np.array_equal(task.inputs[1], alone.inputs[0])
    assert np.array_equal(task.labels[1], alone.labels[0])


def test_batches_of_one_and_full_batches_agree_for_small_rates() -> None:
    setup = Setup(bits=4, features=9)
    task = random_task(setup, range(3), 6)
    start = make_networks(setup, range(3)).weights
    distance = []
    for rate in (0.02, 0.01):
        passes = round(0.2 / rate)
        one, full = (
            train_on_task(setup, range(3), task, kind, rate=rate, passes=passes).weights  # type: ignore[arg-type]
            for kind in ("cyclic", "full-batch")
        )
        distance.append(np.abs(one - full).max() / np.abs(full - start).max())
    assert distance[1] < 0.65 * distance[0] < 0.1


def test_correlated_inputs_are_different_and_lie_closer() -> None:
    setup = Setup()
    apart = []
    for spread in (0.1, 0.2, 0.5):
        inputs = random_task(setup, range(20), 16, spread=spread).inputs
        assert all(len(np.unique(own, axis=0)) == 16 for own in inputs)
        apart.append(np.mean([(a[0] != a[1:]).sum(axis=1).mean() for a in inputs]))
    assert apart == sorted(apart)
    assert apart[2] == pytest.approx(8 * 128 / 255, abs=0.3)
    with refused("spread"):
        random_task(setup, [0], 4, spread=0.7)


def test_responses_of_a_task_are_those_of_clean_steps_by_autograd() -> None:
    setup = Setup("elu", bits=4, features=9)
    task, networks = random_task(setup, range(3), 5), make_networks(setup, range(3))
    found = own_responses(networks, task, 0.1)
    for seed in range(3):
        moved = []
        for x, label in zip(task.inputs[seed], task.labels[seed], strict=True):
            parts = torch_descent(networks, seed, [(x, float(label))], 0.1)
            pairs = [
                torch_logit(setup, parts, torch.tensor(x)).item(),
                networks.logits(x[None])[seed, 0],
            ]
            moved.append(np.abs(np.diff(1 / (1 + np.exp(-np.array(pairs)))))[0])
        assert found[seed] == pytest.approx(np.mean(moved))


def test_unknown_trainings_and_sizes_are_refused() -> None:
    setup = Setup(bits=3, features=4)
    with refused("between 2 and 8", "9"):
        random_task(setup, [0], 9)
    task = random_task(setup, [0], 4)
    with refused("'adam'", "full-batch"):
        train_on_task(setup, [0], task, "adam", rate=0.1, passes=1)  # type: ignore[arg-type]
    with refused("passes"):
        train_on_task(setup, [0], task, "sgd", rate=0.1, passes=0)
