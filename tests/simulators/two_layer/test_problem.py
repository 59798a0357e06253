"""The problem of the two-layer network: starts, projections, and refusals."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from regime_lib.errors import RegimeError
from regime_lib.simulators.two_layer.problem import (
    Neurons,
    TwoPoints,
    even_neurons,
    random_neurons,
)


def test_inputs_have_the_angle_that_was_asked_for() -> None:
    plus, minus = TwoPoints(4.0, 0.7).inputs(5)
    assert np.linalg.norm(plus) == np.linalg.norm(minus) == pytest.approx(1)
    assert math.acos(plus @ minus) == pytest.approx(0.7)


def test_loss_and_accuracy_are_averages_over_the_samples() -> None:
    problem = TwoPoints(p=3.0)  # three positive samples for each negative one
    plus, minus = np.array([0.5, -1.0, 2.0]), np.array([0.2, -0.3, 1.0])
    brute = [np.mean([np.exp(-a)] * 3 + [np.exp(b)]) for a, b in zip(plus, minus, strict=True)]
    np.testing.assert_allclose(problem.loss(plus, minus), brute)
    np.testing.assert_allclose(problem.accuracy(plus, minus), [0.75, 0.25, 0.75])


def test_a_random_start_lies_on_its_sphere_and_follows_its_seed() -> None:
    start = random_neurons(50, 3, d=7, kappa1=0.2)
    np.testing.assert_allclose(np.linalg.norm(start.weights, axis=1), 0.2 / math.sqrt(50))
    np.testing.assert_array_equal(start.weights, random_neurons(50, 3, d=7, kappa1=0.2).weights)
    assert (start.weights != random_neurons(50, 4, d=7, kappa1=0.2).weights).all()


def test_moving_neurons_inverts_the_projections() -> None:
    problem, start = TwoPoints(2.0, 0.3), random_neurons(9, 0, d=4)
    moved = start.moved(problem, start.projections(problem))
    np.testing.assert_allclose(moved.weights, start.weights, rtol=1e-12)
    pair = np.arange(18.0).reshape(2, 9)
    np.testing.assert_allclose(start.moved(problem, pair).projections(problem), pair, rtol=1e-10)


def test_an_even_start_has_no_preferred_direction() -> None:
    start = even_neurons(40, kappa1=0.3)
    assert start.signs.sum() == 0
    np.testing.assert_allclose(start.weights.mean(axis=0), 0, atol=1e-16)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: TwoPoints(p=0.0), "p is 0"),
        (lambda: TwoPoints(delta=2.0), "delta is 2"),
        (lambda: TwoPoints(kappa2=math.nan), "kappa2 is nan"),
        (lambda: TwoPoints().inputs(1), "at least 2 dimensions"),
        (lambda: random_neurons(0, 0), "m >= 1"),
        (lambda: random_neurons(5, 0, kappa1=-1.0), "kappa1 is -1"),
        (lambda: even_neurons(5), "even number"),
        pytest.param(
            lambda: Neurons(np.ones((3, 2)), np.ones(2)), "one of -1 and", marks=pytest.mark.untyped
        ),
        (lambda: Neurons(np.ones((3, 2)), np.zeros(3)), "one of -1 and"),
        (lambda: Neurons(np.ones((3, 1)), np.ones(3)), "d >= 2"),
        (lambda: Neurons(np.full((3, 2), np.nan), np.ones(3)), "not finite"),
    ],
)
def test_bad_input_gets_one_sentence(call: Callable[[], object], says: str) -> None:
    with pytest.raises(RegimeError, match=says) as caught:
        call()
    assert "\n" not in str(caught.value)
