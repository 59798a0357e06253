"""Training of the networks of neuron modes: plain training, kept, and taken up from disk."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from regime_lib.chapters.neuron_modes import training
from regime_lib.chapters.neuron_modes.layers import (
    layer_trajectory,
    train_deep,
    train_very_deep,
)
from regime_lib.chapters.neuron_modes.slopes import slope_rule, slope_trajectory, train_shallow
from regime_lib.chapters.neuron_modes.three_networks import three_networks
from regime_lib.chapters.neuron_modes.training import Setup, accuracy_of
from regime_lib.instrument.modes.substitution import LinearSubstitute
from regime_lib.lab.models.mlp import MLPEnsemble
from regime_lib.lab.training.loop import train
from tests.chapters.small_data import (
    CLASSES,
    FEATURES,
    Interrupted,
    small_data,
    small_setup,
    steps_counted,
)
from tests.sentences import refusal

SEEDS = [4, 11]


def ensemble() -> MLPEnsemble:
    return MLPEnsemble((FEATURES, 7, CLASSES), SEEDS, "tanh")


def same(one: nn.Module, other: nn.Module) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)


@pytest.mark.parametrize("kept", [False, True])
def test_training_is_plain_training_seen_at_some_steps(tmp_path: Path, kept: bool) -> None:
    plan = small_setup(tmp_path if kept else None)
    trained = plan.trained(ensemble(), plan.config, [0, 7, 7])
    plain, seen, done = ensemble(), [ensemble()], 0

    def keep() -> None:
        nonlocal done
        done += 1
        if done in (7, 60):
            seen.append(copy.deepcopy(plain))

    history = train(plain, plan.data, plan.config, SEEDS, on_step=keep, evaluations=1)
    np.testing.assert_array_equal(trained.steps, [0, 7, 60])
    for check, model in enumerate(seen):
        assert same(trained.model_at(check), model)
        own = [accuracy_of(net, data) for net, data in plan.alone(model)]
        np.testing.assert_allclose(trained.test_accuracy[check], own)
    assert same(trained.model, plain)
    np.testing.assert_array_equal(trained.test_accuracy[-1], history.final_test_accuracy)


def test_an_interruption_loses_at_most_a_fifth_of_the_longest_run(tmp_path: Path) -> None:
    plan = small_setup(tmp_path)
    plan.trained(ensemble(), plan.config, [1])
    written = sorted(int(path.stem.split("-")[1]) for path in tmp_path.glob("**/*.pt"))
    assert max(np.diff([0, *written])) <= 60 / 5
    assert written[-1] == 60


RUNS: dict[str, Callable[[Setup], object]] = {
    "slope": lambda plan: slope_trajectory(plan, train_shallow(plan, 7, SEEDS)),
    "three": lambda plan: three_networks(plan, 7, SEEDS, [40, 60, 90]),
    "deep": lambda plan: train_deep(plan, 4, 5, SEEDS, checks=[0, 9]),
    "very deep": lambda plan: layer_trajectory(plan, train_very_deep(plan, 6, 5, SEEDS, 45)),
    "rule": lambda plan: slope_rule(plan, (6, 6), (0.03, 0.3), SEEDS),
}
TAKEN = {"slope": 60, "three": 6 * 20, "deep": 60, "very deep": 20, "rule": 2 * 60}


@pytest.mark.parametrize("name", RUNS)
def test_what_was_interrupted_is_taken_up_with_the_same_result(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, plan = RUNS[name], small_setup(tmp_path)
    whole = run(small_setup())  # without a folder
    stop = min(33, TAKEN[name] - 7)
    with steps_counted(monkeypatch, at_most=stop) as before, pytest.raises(Interrupted):
        run(plan)
    with steps_counted(monkeypatch) as after:
        taken_up = run(plan)
    assert len(before) == stop
    lost = len(before) + len(after) - TAKEN[name]
    assert 0 <= lost <= 12  # a fifth of the sixty steps
    assert equal(whole, taken_up)
    with steps_counted(monkeypatch) as again:
        assert equal(whole, run(plan))
    assert not again  # all of it was on disk


def equal(one: Any, other: Any) -> bool:
    """Compare results number by number; runs are compared by their last networks."""
    if isinstance(one, training.Trained):
        return same(one.model, other.model) and equal(one.test_accuracy, other.test_accuracy)
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True)
    if is_dataclass(one):
        return all(equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[k], other[k]) for k in one)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)


def test_other_data_are_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = small_setup(tmp_path)
    plan.trained(ensemble(), plan.config)
    with steps_counted(monkeypatch) as taken:
        part = plan.on(50)
        part.trained(ensemble(), part.config)
    assert len(taken) == 60


def test_fewer_samples_are_the_first_ones_in_batches_that_fit() -> None:
    part = small_setup().on(10)
    for k, seed in enumerate(SEEDS):
        split = small_data().redrawn(seed)
        assert torch.equal(part.data.member(k).train_inputs, split.train_inputs[:10])
        assert torch.equal(part.data.member(k).test_inputs, split.test_inputs)
    assert torch.equal(
        small_setup().first(1).data.train_inputs, small_setup().data.train_inputs[:1]
    )
    assert (part.batch_size, part.config.batch_size) == (10, 10)
    assert small_setup().on(50).batch_size == 16


def test_accuracies_are_shares_counted_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_CHUNK", 7)  # 40 test samples: the last part is smaller
    net, data = ensemble().member(0), small_data()
    for whole in (net, LinearSubstitute(net, data.train_inputs, 0)):
        guesses = [int(whole(x[None]).argmax()) for x in data.test_inputs]
        right = sum(g == int(y) for g, y in zip(guesses, data.test_labels, strict=True))
        assert accuracy_of(whole, data) == right / 40
    empty = replace(data, test_inputs=data.test_inputs[:0], test_labels=data.test_labels[:0])
    refusal("no test samples", lambda: accuracy_of(net, empty))


def test_each_network_comes_alone_with_its_own_first_samples() -> None:
    stack = ensemble()
    for k, (net, data) in enumerate(small_setup().alone(stack, 30)):
        assert torch.equal(data.train_inputs, small_data().redrawn(SEEDS[k]).train_inputs[:30])
        assert torch.equal(net(data.test_inputs), stack.member(k)(data.test_inputs))
