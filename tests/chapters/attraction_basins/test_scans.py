"""Scans of basins: plain training, slow second implementations, and runs that are taken up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from regime_lib.chapters.attraction_basins.scans import (
    BasinScan,
    Scan,
    ScanPlan,
    TrainedScan,
    basin_scan,
    class_basins,
    range_of_best,
    ratios_at_levels,
    trained_scan,
)
from regime_lib.lab.models.mlp import MLP, MLPEnsemble
from regime_lib.lab.training import checkpoints
from regime_lib.lab.training.config import TrainingConfig
from regime_lib.lab.training.loop import train
from tests.chapters.small_data import small_data, small_stack
from tests.sentences import refusal

SEEDS = (4, 11)
SPLITS = [small_data().redrawn(seed) for seed in SEEDS]
PLAN = ScanPlan(
    data=small_stack(SEEDS),
    seeds=SEEDS,
    config=TrainingConfig(optimizer="adam", lr=0.02, steps=60, batch_size=9),
    probe_size=61,  # odd, in every class too, as is the number of draws: no accuracy is one half
    draws=5,
)


def probe(member: int) -> tuple[Tensor, Tensor]:
    return SPLITS[member].train_inputs[:61], SPLITS[member].train_labels[:61]


@pytest.fixture(scope="module")
def trained() -> TrainedScan:
    return trained_scan(PLAN, "depth", (1, 2), width=8)


def accuracy(net: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        return float((net(inputs).argmax(-1) == labels).double().mean())


def with_noisy_inputs(net: MLP, inputs: Tensor, labels: Tensor) -> Callable[[float], float]:
    """Accuracy over amplitude, one draw after the other, with noise of the network's own seed."""
    random = np.random.default_rng(net.seed)
    noise = random.standard_normal((PLAN.draws, *inputs.shape), dtype=np.float32)
    draws = [torch.from_numpy(one) for one in noise]
    return lambda level: float(
        np.mean([accuracy(net, inputs + level * one, labels) for one in draws])
    )


def with_noisy_weights(net: MLP, inputs: Tensor, labels: Tensor) -> Callable[[float], float]:
    """The same for noise on all weights, in units of the deviation of each layer."""
    random = np.random.default_rng(net.seed)
    noise = {
        name: random.standard_normal((PLAN.draws, *value.shape), dtype=np.float32)
        for name, value in net.named_parameters()
        if value.ndim == 2
    }

    def ask(level: float) -> float:
        found = []
        for draw in range(PLAN.draws):
            noisy = MLP(net.sizes, 0)
            noisy.load_state_dict(net.state_dict())
            for name, values in noise.items():
                weight = noisy.get_parameter(name)
                moved = weight.detach() + level * weight.std(correction=0) * torch.from_numpy(
                    values[draw]
                )
                weight.data = moved.detach()
            found.append(accuracy(noisy, inputs, labels))
        return float(np.mean(found))

    return ask


def on_class(
    net: MLP, inputs: Tensor, labels: Tensor, noise: np.ndarray, c: int
) -> Callable[[float], float]:
    """Accuracy on one class over amplitude."""
    own, draws = labels == c, [torch.from_numpy(one) for one in noise]
    return lambda level: float(
        np.mean([accuracy(net, (inputs + level * one)[own], labels[own]) for one in draws])
    )


def slow_basin(ask: Callable[[float], float], level: float = 0.5) -> float:
    """Scan upwards, then halve the first interval with a fall until it is a thousandth wide."""
    grid = np.geomspace(1e-2, 1e2, 13)
    first = next(k for k, amplitude in enumerate(grid) if ask(amplitude) < level)
    low, high = grid[first - 1], grid[first]
    while high / low > 1.001:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if ask(middle) < level else (middle, high)
    return float((low * high) ** 0.5)


@pytest.mark.parametrize(
    ("varied", "values", "fixed"),
    [
        ("depth", (1, 3), {"width": 8}),
        ("width", (4, 8), {"depth": 2}),
        ("lr", (0.01, 0.3), {"depth": 1, "width": 8, "optimizer": "sgd"}),
        ("batch_size", (5, 30), {"depth": 1, "width": 8, "optimizer": "sgd", "lr": 0.1}),
    ],
)
def test_every_setting_is_trained_as_plain_training_would(
    varied: str, values: tuple[float, ...], fixed: dict[str, Any]
) -> None:
    scan = trained_scan(PLAN, varied, values, **fixed)
    assert scan.scan.accuracy.shape == (2, 2)
    for value, shares in zip(values, scan.scan.accuracy, strict=True):
        setting = {**fixed, varied: value}
        sizes = (6, *[setting.pop("width")] * setting.pop("depth"), 3)
        expected = MLPEnsemble(sizes, PLAN.seeds)
        train(expected, PLAN.data, replace(PLAN.config, **setting), PLAN.seeds)
        net = scan.at(value)
        for mine, yours in zip(net.parameters(), expected.parameters(), strict=True):
            assert torch.equal(mine, yours)
        for k, share in enumerate(shares):
            assert share == accuracy(net.member(k), SPLITS[k].test_inputs, SPLITS[k].test_labels)


def test_both_basins_are_those_of_brute_force(trained: TrainedScan) -> None:
    scan = basin_scan(PLAN, trained, precision=0.01)
    for row, net in enumerate(trained.ensembles):
        for k in range(2):
            solo = net.member(k)
            sample = slow_basin(with_noisy_inputs(solo, *probe(k)))
            weight = slow_basin(with_noisy_weights(solo, *probe(k)))
            assert scan.sample_basin[row, k] == pytest.approx(sample, rel=0.01)
            assert scan.weight_basin[row, k] == pytest.approx(weight, rel=0.01)
    assert scan.values == trained.scan.values
    assert list(scan.basins) == ["sample basin", "weight basin"]


def test_a_class_has_the_basin_of_its_own_samples_and_the_slope_of_its_ranks(
    trained: TrainedScan,
) -> None:
    found = class_basins(PLAN, trained.at(1), samples=61, ranked=90)
    for k, (seed, split) in enumerate(zip(SEEDS, SPLITS, strict=True)):
        inputs, labels = probe(k)
        noise = np.random.default_rng(seed).standard_normal((5, 61, 6), dtype=np.float32)
        solo = trained.at(1).member(k)
        with torch.no_grad():
            before = solo.hidden1(split.train_inputs).numpy()
        for c in range(3):
            basin = slow_basin(on_class(solo, inputs, labels, noise, c))
            assert found.basin[k, c] == pytest.approx(basin, rel=0.011)
            signs = np.sign(solo.output.weight.detach().numpy()[c])
            ranks = (before * signs).argsort(axis=0).argsort(axis=0) / 89  # a prime: no edge is hit
            density, edges = np.histogram(
                ranks[split.train_labels.numpy() == c], bins=10, range=(0, 1), density=True
            )
            slope = np.polyfit((edges[1:] + edges[:-1]) / 2, density, 1)[0]
            assert found.slope[k, c] == pytest.approx(slope, rel=1e-9)


def test_ratios_at_levels_are_those_of_mean_basins(trained: TrainedScan) -> None:
    deep, flat = trained.ensembles[::-1]
    levels = (0.5, 0.77)
    found = ratios_at_levels(PLAN, deep, flat, levels)
    for level, ratio in zip(levels, found.ratio, strict=True):
        means = [
            np.mean(
                [slow_basin(with_noisy_inputs(net.member(k), *probe(k)), level) for k in range(2)]
            )
            for net in (deep, flat)
        ]
        assert ratio == pytest.approx(means[0] / means[1], rel=0.02)
    assert ratios_at_levels(PLAN, deep, deep, levels).ratio.tolist() == [1.0, 1.0]


def test_best_values_follow_the_picked_members() -> None:
    rows = np.array([[0.1, 0.1, 0.1], [0.9, 0.2, 0.5], [0.8, 0.9, 0.5], [0.2, 0.2, 0.9]])
    one = Scan("depth", (0, 1, 4, 6), rows)
    assert one.best() == 4
    assert one.best(np.array([0, 0])) == 1
    assert not one.at_edge()
    assert one.at_edge(np.array([2]))
    other = replace(one, accuracy=rows[[0, 2, 1, 3]])
    assert range_of_best({8: one, 16: other}) == 3
    assert range_of_best({8: one, 16: one}) == 0


def test_a_best_value_at_the_edge_of_what_was_tried_leaves_no_range() -> None:
    inner, last = np.array([[0.1], [0.9], [0.2]]), np.array([[0.1], [0.2], [0.9]])
    one, other = (Scan("depth", (0, 1, 4), rows) for rows in (inner, last))
    assert np.isnan(range_of_best({8: one, 16: other}))
    assert np.isnan(range_of_best({8: other, 16: other}))
    assert np.isnan(range_of_best({8: replace(one, accuracy=inner[[1, 0, 2]])}))


def test_a_move_goes_from_the_first_setting_to_the_last_by_medians() -> None:
    sample = np.array([[1.0, 2.0, 90.0], [7.0, 7.0, 7.0], [4.0, 4.0, 1.0]])
    weight = np.array([[3.0, 3.0, 0.0], [7.0, 7.0, 7.0], [1.0, 1.0, 50.0]])
    accuracy = np.zeros((3, 3))
    apart = BasinScan("depth", (1, 2, 3), accuracy, sample, weight).move
    assert (np.exp(apart.sample), np.exp(apart.weight)) == pytest.approx((2, 1 / 3))
    assert not apart.together
    assert BasinScan("depth", (1, 2, 3), accuracy, sample, sample).move.together


def test_finished_settings_are_loaded_and_an_interrupted_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained_scan(PLAN, "depth", (1, 2), width=8)
    kept = replace(PLAN, folder=tmp_path, checkpoints=3)  # every 20 steps
    descend, taken = checkpoints.descend, 0

    def counted(*given: Any) -> Iterator[Any]:
        nonlocal taken
        for step in descend(*given):
            if taken == stop:
                raise KeyboardInterrupt
            taken += 1
            yield step

    monkeypatch.setattr(checkpoints, "descend", counted)
    stop = 60 + 45  # in the second setting, after its second checkpoint
    with pytest.raises(KeyboardInterrupt):
        trained_scan(kept, "depth", (1, 2), width=8)
    for missing in (20, 0):
        taken, stop = 0, -1
        again = trained_scan(kept, "depth", (1, 2), width=8)
        assert taken == missing
        np.testing.assert_array_equal(again.scan.accuracy, whole.scan.accuracy)
        for mine, yours in zip(again.ensembles, whole.ensembles, strict=True):
            for a, b in zip(mine.parameters(), yours.parameters(), strict=True):
                assert torch.equal(a, b)


def test_unfit_requests_are_refused() -> None:
    for varied, fixed, names in (
        ("colour", {"depth": 1, "width": 8}, "cannot vary or fix 'colour'"),
        ("depth", {"width": 8, "rate": 0.1}, "cannot vary or fix 'rate'"),
        ("lr", {"depth": 1}, "depth and width each once"),
        ("depth", {"depth": 1, "width": 8}, "nothing fixed that is varied"),
    ):
        refusal(names, lambda v=varied, f=fixed: trained_scan(PLAN, v, (1, 2), **f))
