"""Path weights that are solved for, against the normal equations and against the factors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from regime_lib.chapters.freeze_patterns.cases import Case
from regime_lib.chapters.freeze_patterns.heads import (
    head,
    least_squares,
    logistic_accuracy,
    solved,
)


def test_least_squares_solves_the_normal_equations() -> None:
    random = np.random.default_rng(0)
    train, test = random.normal(size=(60, 5)), random.normal(size=(20, 5))
    labels, truth = (torch.from_numpy(random.integers(3, size=n)) for n in (60, 20))
    loss, accuracy = least_squares(train, labels, test, truth, 3)
    goal = np.eye(3)[labels.numpy()]
    weights = np.linalg.solve(train.T @ train, train.T @ goal)
    assert loss == pytest.approx(np.square(train @ weights - goal).mean())
    assert accuracy == np.mean((test @ weights).argmax(1) == truth.numpy())


def test_path_weights_are_of_least_norm_where_features_depend_on_each_other() -> None:
    random = np.random.default_rng(0)
    few = random.normal(size=(30, 4))
    features = few @ random.normal(size=(4, 50))  # of rank four, but for rounding
    goal = random.normal(size=(30, 2))
    truth = np.linalg.pinv(features, rcond=1e-10) @ goal
    np.testing.assert_allclose(solved(features, goal), truth, atol=1e-8)


def test_a_logistic_regression_learns_what_is_separable() -> None:
    labels = torch.arange(40) % 2
    train = np.stack([10.0 * labels.numpy() - 5, np.ones(40)], axis=1)
    assert logistic_accuracy(train, labels, train, labels) == 1.0


def test_the_solver_is_never_above_the_factors() -> None:
    case = Case(
        dataset="digits", seeds=(0, 1), steps=80, hidden=(4,), train=300, test=100, loss="squared"
    )
    found = head(case, 10)
    assert (found.loss["least squares"] <= found.loss["factors"]).all()
    assert found.factor_parameters == 65 * 4 + 5 * 10
    assert found.path_parameters == (65 * 4 + 1) * 10
    assert set(found.accuracy) == {"unfrozen", "factors", "least squares", "logistic"}
