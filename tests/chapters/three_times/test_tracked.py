"""A tracked run measures what a slow loop measures."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from regime_lib.chapters.three_times.configs import RunConfig
from regime_lib.chapters.three_times.tasks import loss, task_of
from regime_lib.chapters.three_times.tracked import TrackedRun, tracked_run
from regime_lib.errors import RegimeError
from regime_lib.instrument import RegimeTracker, flips_per_net_flip

CONFIG = RunConfig(
    dataset="digits",
    architecture="mlp",
    optimizer="adamw",
    schedule="warm-up",
    steps=24,
    batch_size=16,
    probe_size=24,
    hidden=12,
    decay=0.8,
    average_every=4,
)


@pytest.fixture(scope="module")
def run() -> TrackedRun:
    return tracked_run(CONFIG)


def patterns(model: torch.nn.Module, probe: torch.Tensor) -> np.ndarray:
    """Return which units of a two-layer perceptron are on, by explicit formulas."""
    on, values = [], probe
    for number in (1, 2):
        layer = model.get_submodule(f"hidden{number}")
        values = values @ layer.weight.T + layer.bias
        on.append(values > 0)
        values = values * on[-1]
    return torch.cat(on, dim=1).numpy()


def flat(model: torch.nn.Module) -> np.ndarray:
    return torch.cat([p.detach().view(-1) for p in model.parameters()]).double().numpy()


@torch.no_grad()
def observed(model: torch.nn.Module, probe: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    return patterns(model, probe), flat(model)


@pytest.fixture(scope="module")
def slow() -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    """Train again by a plain loop, and keep every state of the network and of its average."""
    task, training = task_of(CONFIG), CONFIG.training
    model = task.network(CONFIG)
    average = copy.deepcopy(model)
    optimizer = training.make_optimizer(model.parameters())
    states = {"iterate": [observed(model, task.probe)], "average": [observed(average, task.probe)]}
    batches = task.batches(CONFIG)
    for step in range(CONFIG.steps):
        inputs, targets = next(batches)
        optimizer.zero_grad()
        loss(model(inputs), targets).backward()
        optimizer.param_groups[0]["lr"] = training.learning_rate(step)
        optimizer.step()
        with torch.no_grad():
            for mine, live in zip(average.parameters(), model.parameters(), strict=True):
                mine.mul_(0.8).add_(0.2 * live)
        states["iterate"].append(observed(model, task.probe))
        states["average"].append(observed(average, task.probe))
    return states


@pytest.mark.parametrize("network", ["iterate", "average"])
def test_every_series_equals_that_of_a_slow_loop(
    network: str, run: TrackedRun, slow: dict[str, list[tuple[np.ndarray, np.ndarray]]]
) -> None:
    on, weights = zip(*slow[network], strict=True)
    stride = 1 if network == "iterate" else CONFIG.average_every
    change = run.series[network, "pattern_change"]
    assert change.steps.tolist() == list(range(stride, CONFIG.steps + 1, stride))
    for step, value in zip(change.steps, change.values, strict=True):
        assert value == pytest.approx((on[step] != on[step - 1]).mean(), abs=2 / on[0].size)
    size = run.series[network, "weight_change"]
    for step, value in zip(size.steps, size.values, strict=True):
        expected = np.linalg.norm(weights[step] - weights[step - 1])
        assert value == pytest.approx(expected, rel=1e-3)
    far = run.series[network, "weight_from_end"]
    for step, value in zip(far.steps, far.values, strict=True):
        assert value == pytest.approx(np.linalg.norm(weights[step] - weights[-1]), abs=1e-4)


def test_flips_per_net_flip_is_the_instruments_from_the_start_to_the_end(run: TrackedRun) -> None:
    task, training = task_of(CONFIG), CONFIG.training
    model = task.network(CONFIG)
    optimizer, batches = training.make_optimizer(model.parameters()), task.batches(CONFIG)
    with RegimeTracker(model, task.probe) as tracker:
        for step in range(CONFIG.steps):
            inputs, targets = next(batches)
            optimizer.zero_grad()
            loss(model(inputs), targets).backward()
            optimizer.param_groups[0]["lr"] = training.learning_rate(step)
            optimizer.step()
            tracker.update()
    found = flips_per_net_flip(tracker.trace, over="start").ratio[-1, 0]
    assert run.flips_per_net_flip == pytest.approx(found, rel=1e-9)
    assert found > 1


def test_the_same_seed_gives_the_same_bits_and_another_does_not(run: TrackedRun) -> None:
    again, other = tracked_run(CONFIG), tracked_run(replace(CONFIG, seed=1))
    for key, series in run.series.items():
        assert np.array_equal(again.series[key].values, series.values)
    key = ("iterate", "weight_change")
    assert not np.array_equal(other.series[key].values, run.series[key].values)


def test_without_its_average_the_network_is_tracked_alike(run: TrackedRun) -> None:
    alone = tracked_run(CONFIG, ["iterate"])
    assert {network for network, _ in alone.series} == {"iterate"}
    for key, series in alone.series.items():
        assert np.array_equal(series.values, run.series[key].values)


def test_redrawn_runs_have_their_own_split_and_probe_and_the_same_sizes() -> None:
    tasks = [task_of(replace(CONFIG, redraw=True, seed=seed)) for seed in (0, 1)]
    tasks.append(task_of(CONFIG))
    shapes = {(len(task.data.train_labels), len(task.data.test_labels)) for task in tasks}
    assert len(shapes) == 1
    for i, one in enumerate(tasks):
        assert torch.equal(one.probe, one.data.test_inputs[: CONFIG.probe_size])
        for other in tasks[i + 1 :]:
            assert not torch.equal(one.probe, other.probe)
            assert not torch.equal(one.data.train_inputs, other.data.train_inputs)


@pytest.mark.parametrize("architecture", ["cnn", "transformer"])
def test_other_networks_run_in_full_batches_too(architecture: str) -> None:
    few = replace(
        CONFIG, architecture=architecture, steps=4, batch_size=None, samples=40, optimizer="sgd"
    )
    assert len(tracked_run(few).series["iterate", "pattern_change"].steps) == 4


def test_a_probe_larger_than_the_test_set_is_refused() -> None:
    with pytest.raises(RegimeError, match="1 to 500"):
        task_of(replace(CONFIG, probe_size=501))
