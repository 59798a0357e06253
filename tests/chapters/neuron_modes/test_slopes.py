"""Slopes over training against ranks by hand, the rule against plain training, the control."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import rankdata, spearmanr

from regime_lib.chapters.neuron_modes.slopes import (
    SlopeRule,
    SlopeTrajectory,
    at_loss,
    random_sign_ranks,
    slope_rule,
    slope_trajectory,
    train_shallow,
)
from regime_lib.chapters.neuron_modes.training import accuracy_of
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.data.stack import stacked
from regime_lib.lab.models.mlp import MLP, MLPEnsemble
from regime_lib.lab.training.config import TrainingConfig
from regime_lib.lab.training.loop import train
from tests.chapters.small_data import CLASSES, FEATURES, small_data, small_setup
from tests.sentences import refusal

SEEDS = [4, 11]


def slope_by_hand(net: MLP, data: Dataset, bins: int, samples: int) -> float:
    """Rank what the first layer reads, signed by the product of the weights above it."""
    weights = [w.detach().double().numpy() for w in net.parameters() if w.ndim == 2]
    inputs, labels = data.train_inputs[:samples], data.train_labels[:samples].numpy()
    with torch.no_grad():
        before = next(iter(net.children()))(inputs).numpy()
    above = np.eye(len(weights[-1]))
    for weight in weights[:0:-1]:
        above = above @ weight
    slopes = []
    for k in range(CLASSES):
        ranks = rankdata(before * np.sign(above[k]), axis=0, method="ordinal") - 1
        places = np.minimum(ranks[labels == k] * bins // (samples - 1), bins - 1)
        density = np.bincount(places.ravel().astype(int), minlength=bins) * bins / places.size
        slopes.append(np.polyfit((np.arange(bins) + 0.5) / bins, density, 1)[0])
    return float(np.mean(slopes))


def test_slopes_over_training_are_those_of_networks_trained_that_far() -> None:
    found = slope_trajectory(small_setup(), train_shallow(small_setup(), 7, SEEDS))
    assert found.steps[0] == 0
    assert found.steps[-1] == 60
    for check in (0, len(found.steps) // 2, len(found.steps) - 1):
        for member, seed in enumerate(SEEDS):
            net, steps = MLP((FEATURES, 7, CLASSES), seed, "tanh"), int(found.steps[check])
            data = small_data().redrawn(seed)
            if steps:
                plan = TrainingConfig(optimizer="adam", lr=1e-3, steps=steps, batch_size=16)
                train(net, data, plan, seed, evaluations=1)
            assert found.slope[check, member] == pytest.approx(
                slope_by_hand(net, data, bins=4, samples=80), abs=1e-9
            )
            assert found.accuracy[check, member] == pytest.approx(accuracy_of(net, data))
    peak = max(range(len(found.steps)), key=lambda c: sum(found.slope[c]))
    assert list(found.moments.values()) == [0, peak, len(found.steps) - 1]


def test_before_training_the_density_is_flat_as_signs_that_know_nothing_make_it() -> None:
    # by symmetry the expected slope is zero, so that no measurement could say otherwise
    plan = small_setup(seeds=range(12))
    ensemble = MLPEnsemble((FEATURES, 100, CLASSES), range(12), "tanh")
    (ranks,) = plan.ranks(ensemble)
    slopes = ranks.slope
    assert abs(slopes.mean()) < 3 * slopes.std(ddof=1) / np.sqrt(12)
    assert np.abs(slopes).max() < 0.5


def falls(slope: np.ndarray) -> np.ndarray:
    steps, density = np.arange(len(slope)), np.ones((*slope.shape, 1))
    return SlopeTrajectory(steps, slope, slope, slope, np.ones(1), density).falls


def test_the_others_say_where_a_seed_has_its_peak() -> None:
    # two seeds: each takes its peak from the other's series
    slope = np.array([[0.0, 0.0], [4.0, 1.0], [1.0, 2.0], [2.0, 3.0]])
    np.testing.assert_allclose(falls(slope), [(2 - 2) / 2, (1 - 3) / 1])
    rising = np.linspace(0, 1, 5)[:, None] * np.ones(3)
    np.testing.assert_array_equal(falls(rising), 0)
    same = np.array([0.0, 2.0, 1.5])[:, None] * np.ones(3)
    np.testing.assert_allclose(falls(same), 0.25)
    random = np.random.default_rng(0)
    noise = 1 + 0.1 * random.standard_normal((20, 800))  # no fall
    pairs = [falls(noise[:, k : k + 2]) for k in range(0, 800, 2)]
    assert abs(np.mean(pairs)) < 0.03
    # by its own peak every series would fall
    assert ((noise.max(axis=0) - noise[-1]) / noise.max(axis=0)).mean() > 0.1


def test_the_rule_is_taken_from_plain_networks() -> None:
    rule = slope_rule(small_setup(), (6, 5), (0.03, 0.3), SEEDS)
    assert rule.rates == (0.03, 0.3)
    for row, rate in enumerate(rule.rates):
        for member, seed in enumerate(SEEDS):
            net, data = MLP((FEATURES, 6, 5, CLASSES), seed), small_data().redrawn(seed)
            plan = TrainingConfig(optimizer="sgd", lr=rate, steps=60, batch_size=16)
            train(net, data, plan, seed, evaluations=1)
            by_hand = slope_by_hand(net, data, bins=4, samples=80)
            assert rule.slope[row, member] == pytest.approx(by_hand, abs=1e-9)
            assert rule.accuracy[row, member] == pytest.approx(accuracy_of(net, data))
            if row == 0:  # the slower one ends with the larger loss, where all are compared
                with torch.no_grad():
                    loss = torch.nn.functional.cross_entropy(
                        net(data.train_inputs), data.train_labels
                    )
                assert rule.equal_loss[member] == pytest.approx(float(loss), rel=1e-5)
                assert rule.accuracy_there[0, member] == rule.accuracy[0, member]


def test_curves_are_read_where_the_loss_first_falls_to_a_level() -> None:
    loss = np.array([[1.0, 0.5], [0.1, 0.4], [0.01, 0.6], [0.2, 0.1]])
    curves = np.array([[0.0, 0.7], [0.5, 0.8], [0.9, 0.9], [0.3, 1.0]])
    halfway = 10**-1.5  # in the logarithm, between the second and the third check
    np.testing.assert_allclose(at_loss(loss, curves, np.array([halfway, 0.5])), [0.7, 0.7])
    np.testing.assert_allclose(at_loss(loss, curves, np.array([0.1, 0.1])), [0.5, 1.0])
    refusal("network 1 never falls", lambda: at_loss(loss, curves, np.array([1.0, 0.05])))


def test_what_the_rule_says_of_some_seeds() -> None:
    slope = np.array([[1.0, 2.0, 5.0], [3.0, 4.5, 6.0]])
    accuracy = np.array([[0.5, 0.2, 0.9], [0.7, 0.1, 0.6]])
    rule = SlopeRule((0.1, 1.0), slope, accuracy, np.ones(3), accuracy[::-1])
    # without the mean of each seed: slopes -1 1, -1.25 1.25, -.5 .5; accuracies -.1 .1, .05 -.05,
    # .15 -.15
    moved = [-1, -1.25, -0.5, 1, 1.25, 0.5], [-0.1, 0.05, 0.15, 0.1, -0.05, -0.15]
    assert rule.correlation(np.arange(3)) == pytest.approx(spearmanr(*moved).statistic)
    assert rule.correlation(np.array([0, 0])) == pytest.approx(1)
    assert rule.correlation(np.array([1])) == pytest.approx(-1)
    within = [spearmanr(x, y).statistic for x, y in zip(slope, accuracy, strict=True)]
    assert rule.within == pytest.approx(np.mean(within))
    np.testing.assert_allclose(rule.gain, [20, -10, -30])
    np.testing.assert_allclose(rule.gain_there, [-20, 10, 30])


def test_random_signs_are_flat_where_the_networks_own_are_steep() -> None:
    clear = torch.eye(CLASSES).repeat(30, 1)  # every class has its own direction
    clear = torch.cat([clear + 0.3 * small_data().train_inputs[:90, :3], torch.zeros(90, 3)], dim=1)
    data = replace(small_data(), train_inputs=clear, train_labels=torch.arange(90) % CLASSES)
    plan = replace(small_setup(), data=stacked([data, data]))
    ensemble = MLPEnsemble((FEATURES, 200, CLASSES), SEEDS)
    with torch.no_grad():  # neuron i reads class i and speaks for it
        for linear in (ensemble.hidden1, ensemble.output):
            linear.bias.zero_()
        own = torch.eye(CLASSES).repeat(67, 1)[:200]
        ensemble.hidden1.weight[:] = torch.cat([own, torch.zeros(200, 3)], dim=1)
        ensemble.output.weight[:] = own.T - 1 / CLASSES
    control = random_sign_ranks(plan, ensemble, seed=0)
    assert (plan.ranks(ensemble)[0].slope > 1.5).all()
    assert (np.abs(control.slope) < 0.5).all()
    assert not np.array_equal(control.slope, random_sign_ranks(plan, ensemble, seed=1).slope)
