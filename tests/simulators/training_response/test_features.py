"""Sizes of the feature space: by hand for made-up networks, and bounds for any."""

from __future__ import annotations

import numpy as np
import pytest

from regime_lib.simulators.training_response.features import feature_space
from regime_lib.simulators.training_response.networks import Networks, make_networks
from regime_lib.simulators.training_response.setup import Setup
from regime_lib.simulators.training_response.tasks import random_task

SETUP = Setup(bits=3, features=4)


def made_up(readout: list[float]) -> tuple[Networks, np.ndarray]:
    """Feature j sees input j alone; the fourth is always off."""
    weights = np.zeros((4, 1, 4))
    weights[[0, 1, 2], 0, [0, 1, 2]] = 1
    weights[3, 0, 3] = -1
    networks = Networks(SETUP, weights, np.array([readout]), np.zeros(1))
    return networks, SETUP.all_inputs()[None]


def test_equal_features_all_count() -> None:
    found = feature_space(*made_up([1.0, -1.0, 1.0, 5.0]))
    assert found.effective == pytest.approx([3])
    assert found.participation == pytest.approx([3])
    assert found.active == pytest.approx([3 / 8])
    assert found.dead == pytest.approx([1 / 4])


def test_a_dominant_feature_leaves_one() -> None:
    assert feature_space(*made_up([1.0, 0.0, 0.0, 0.0])).effective == pytest.approx([1])
    assert feature_space(*made_up([2.0, 1.0, 0.0, 0.0])).effective == pytest.approx([9 / 5])


def test_participation_is_that_of_the_covariance() -> None:
    setup, seeds = Setup(), range(3)
    task, networks = random_task(setup, seeds, 20), make_networks(setup, seeds)
    found = feature_space(networks, task.inputs)
    for seed in seeds:
        padded = np.column_stack([task.inputs[seed], np.ones(20)])
        phi = np.maximum(padded @ networks.weights[:, seed], 0)
        eigenvalues = np.linalg.eigvalsh(np.cov(phi.T))
        slow = eigenvalues.sum() ** 2 / (eigenvalues**2).sum()
        assert found.participation[seed] == pytest.approx(slow)
    assert (found.effective > 1).all()
    assert (found.effective < setup.features).all()
