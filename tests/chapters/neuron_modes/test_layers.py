"""Deep networks against members trained alone, the reversal by a loop, truncation by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from regime_lib.chapters.neuron_modes.layers import (
    Truncation,
    layer_trajectory,
    removable_from_top,
    reversal,
    train_deep,
    train_very_deep,
    truncation,
)
from regime_lib.chapters.neuron_modes.training import accuracy_of
from regime_lib.instrument.modes.ranks import rank_distributions
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.models.batchnorm_mlp import BatchNormMLPEnsemble
from regime_lib.lab.models.mlp import MLP, MLPEnsemble
from regime_lib.lab.training.config import TrainingConfig
from regime_lib.lab.training.loop import train
from tests.chapters.small_data import CLASSES, FEATURES, small_data, small_setup
from tests.sentences import refusal

SEEDS = [4, 11]


def slopes_alone(net: nn.Module, data: Dataset) -> np.ndarray:
    """Return the slope of every layer of a single network, on half of the samples."""
    found = rank_distributions(net, data.train_inputs[:40], data.train_labels[:40], bins=4)
    return np.array([layer.slope[0] for layer in found])


def test_deep_networks_are_those_of_members_trained_alone() -> None:
    run = train_deep(small_setup(), 4, 5, SEEDS, checks=[0, 9])
    found = layer_trajectory(small_setup(), run)
    assert found.slope.shape == (3, 4, 2)
    np.testing.assert_array_equal(found.steps, [0, 9, 60])
    last = MLPEnsemble((FEATURES, 5, 5, 5, 5, CLASSES), SEEDS)
    last.load_state_dict(run.model.state_dict())
    for member, seed in enumerate(SEEDS):
        net, data = MLP((FEATURES, 5, 5, 5, 5, CLASSES), seed), small_data().redrawn(seed)
        np.testing.assert_allclose(found.slope[0, :, member], slopes_alone(net, data))
        plan = TrainingConfig(optimizer="adam", lr=1e-3, steps=60, batch_size=16)
        train(net, data, plan, seed, evaluations=1)
        np.testing.assert_allclose(found.slope[-1, :, member], slopes_alone(net, data), atol=1e-9)
        assert found.accuracy[member] == pytest.approx(accuracy_of(net, data))
        for ours, theirs in zip(last.member(member).parameters(), net.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs)


def test_very_deep_networks_normalise_batches() -> None:
    run = train_very_deep(small_setup(), 6, 5, SEEDS, 45)
    found, ensemble = layer_trajectory(small_setup(), run), run.model
    assert isinstance(ensemble, BatchNormMLPEnsemble)
    assert found.steps[-1] == 20  # a sixth of the steps, but at least twenty
    assert found.slope.shape == (len(found.steps), 6, 2)
    for k, seed in enumerate(SEEDS):
        data = small_data().redrawn(seed)
        torch.manual_seed(seed)
        layers: list[nn.Module] = []
        for below in (FEATURES, *[5] * 5):
            layers += [nn.Linear(below, 5), nn.BatchNorm1d(5), nn.ReLU()]
        net = nn.Sequential(*layers, nn.Linear(5, CLASSES))
        plan = TrainingConfig(optimizer="adam", lr=1e-3, steps=20, batch_size=45)
        train(net, data, plan, seed, evaluations=1)
        # rounding alone may move a rank into the next bin, so slopes are those of our own network
        own = slopes_alone(ensemble.member(k).eval(), data)
        np.testing.assert_allclose(found.slope[-1, :, k], own, atol=1e-9)
        assert found.accuracy[k] == pytest.approx(accuracy_of(net.eval(), data))
        ours = ensemble.member(k)
        torch.testing.assert_close(ours.norm6.running_var, net[16].running_var)
        torch.testing.assert_close(ours.output.weight, net[-1].weight)
    ends = found.slope[-1]
    np.testing.assert_allclose(found.spread[-1], ends.std(axis=0) / ends.mean(axis=0))


def test_the_reversal_is_that_of_a_loop_over_runs() -> None:
    random = np.random.default_rng(1)
    for layers in (2, 5, 10):
        slope = random.uniform(0, 1, (6, layers, 30)) * np.linspace(0.1, 1, 6)[:, None, None]
        found = reversal(slope)
        for k in range(30):
            means = [row[:, k].mean() for row in slope]
            early = next(c for c, mean in enumerate(means) if mean > max(means) / 2)
            half = layers // 2
            first, last = slope[early, :, k], slope[-1, :, k]
            leans = [np.mean(x[:half]) - np.mean(x[layers - half :]) for x in (first, last)]
            assert found.early[k] == early
            np.testing.assert_array_equal(found.early_slope[:, k], first)
            assert [found.early_lean[k], found.late_lean[k]] == pytest.approx(leans)
            assert found.reversed[k] == (leans[0] > 0 > leans[1])
        assert found.reversed.any()
        assert not found.reversed.all()
    refusal("one layer has no halves", lambda: reversal(slope[:, :1]))


def test_a_truncated_network_is_the_one_with_identities_above() -> None:
    ensemble = MLPEnsemble((FEATURES, 7, 6, CLASSES), SEEDS)
    with torch.no_grad():
        for parameter in ensemble.parameters():
            parameter.mul_(3)  # so that activations matter
    found = truncation(small_setup(), ensemble, 2)
    assert list(found.cut) == ["shifts kept", "shifts recentred"]
    for member in range(2):
        net, data = ensemble.member(member), small_data().redrawn(SEEDS[member])
        for kept in range(3):
            layers = list(net.children())
            for k in range(kept, 2):
                layers[2 * k + 1] = nn.Identity()
            bent = nn.Sequential(*layers)
            with torch.no_grad():
                move = (net(data.train_inputs[:80]) - bent(data.train_inputs[:80])).mean(0)
                logits = bent(data.test_inputs)
            for name, guess in (
                ("shifts kept", logits.argmax(1)),
                ("shifts recentred", (logits + move).argmax(1)),
            ):
                right = float((guess == data.test_labels).double().mean())
                assert found.cut[name][kept, member] == pytest.approx(right)
    np.testing.assert_array_equal(found.cut["shifts kept"][2], found.whole)
    lost = 100 * (found.whole - found.cut["shifts recentred"][0])
    np.testing.assert_array_equal(found.loss(0, "shifts recentred"), lost)
    np.testing.assert_array_equal(found.loss(2), 0)


def test_activations_are_removed_from_the_top_until_accuracy_goes() -> None:
    # a network a column: nothing can go, one, two of three (the last cut gains), all
    kept = np.array(
        [[0.1, 0.9, 0.85, 0.895], [0.5, 0.1, 0.90, 0.9], [0.85, 0.9, 0.89, 0.95], [0.9] * 4]
    )
    found = Truncation(np.full(4, 0.9), {"shifts kept": kept})
    assert found.removable().tolist() == [0, 1, 2, 3]
    assert found.removable(points=6.0).tolist() == [1, 1, 3, 3]


def test_counting_from_the_top_agrees_with_all_cuts() -> None:
    run = train_deep(small_setup(), 3, 8, SEEDS)
    cuts = truncation(small_setup(), run.model, 3)
    for points in (0.0, 1.0, 5.0, 40.0):
        found = removable_from_top(small_setup(), run.model, 3, points=points)
        assert found.tolist() == cuts.removable(points=points).tolist()
    assert removable_from_top(small_setup(), run.model, 3, points=100.0).tolist() == [3, 3]
