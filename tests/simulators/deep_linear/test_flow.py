"""Integrated flows against closed forms, conservation, ensembles and gradient descent."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from regime_lib.simulators.deep_linear.flow import gradient_descent, gradient_flow
from regime_lib.simulators.deep_linear.initialisation import (
    balanced_init,
    decoupled_init,
    random_init,
)
from regime_lib.simulators.deep_linear.problem import LinearTask, product, velocity
from regime_lib.simulators.deep_linear.settle import settle
from tests.companion.refusals import refused

TASK = LinearTask.diagonal([3.0, 2.0, 1.0])


def test_depth_one_relaxes_exponentially() -> None:
    rng = np.random.default_rng(0)
    start = rng.standard_normal((3, 3))
    path = gradient_flow((start,), TASK, np.linspace(0, 3, 7))
    for time, found in zip(path.times, path.products, strict=True):
        expected = TASK.target + np.exp(-time) * (start - TASK.target)
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_unwhitened_depth_one_is_a_matrix_exponential() -> None:
    rng = np.random.default_rng(1)
    inputs, outputs = rng.standard_normal((3, 9)), rng.standard_normal((2, 9))
    task = LinearTask.from_data(inputs, outputs)
    start = rng.standard_normal((2, 3))
    path = gradient_flow((start,), task, np.array([0.0, 0.7]))
    best = outputs @ np.linalg.pinv(inputs)
    expected = best + (start - best) @ expm(-0.7 * inputs @ inputs.T)
    np.testing.assert_allclose(path.products[-1], expected, atol=1e-9)


@pytest.mark.parametrize("sizes", [(3, 4, 3), (3, 5, 4, 3), (3, 3, 3, 3, 3)])
def test_conserved_quantities_hold_to_nine_digits_at_the_default_tolerance(
    sizes: tuple[int, ...],
) -> None:
    for seed in range(3):
        start = random_init(sizes, 0.7, np.random.default_rng(seed))
        path = gradient_flow(start, TASK, np.linspace(0, 10, 41))
        assert path.drift.max() < 1e-9
        assert np.diff(path.losses).max() < 1e-10


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_balanced_networks_follow_the_end_to_end_flow(depth: int) -> None:
    rng = np.random.default_rng(depth)
    network = rng.standard_normal((3, 3))
    layers = balanced_init(network, (3, *[4] * (depth - 1), 3), rng)
    moves = velocity(layers, TASK)
    direct = sum(
        product((*layers[:i], moves[i], *layers[i + 1 :])) for i in range(depth)
    )  # the product rule
    # Σ_j (P Pᵀ)^((h−j)/h) (Σ − P) (Pᵀ P)^((j−1)/h), of Arora, Cohen and Hazan 2018
    left, values, right = np.linalg.svd(network)
    powers = np.arange(depth) / depth
    weights = sum(np.outer(values ** (2 * (1 - 1 / depth - p)), values ** (2 * p)) for p in powers)
    expected = left @ (left.T @ (TASK.target - network) @ right.T * weights) @ right
    np.testing.assert_allclose(direct, expected, atol=1e-9)


def test_a_stack_flows_as_its_members() -> None:
    ensemble = random_init((3, 3, 3), 0.5, np.random.default_rng(0), runs=3)
    times = np.linspace(0, 4, 5)
    path = gradient_flow(ensemble, TASK, times)
    for index in range(3):
        alone = gradient_flow(tuple(layer[index] for layer in ensemble), TASK, times)
        np.testing.assert_allclose(path.member(index).products, alone.products, atol=1e-7)
        np.testing.assert_allclose(path.losses[:, index], path.member(index).losses)


def test_the_same_start_gives_the_same_bits() -> None:
    start = random_init((3, 3, 3), 0.5, np.random.default_rng(0))
    first, second = (gradient_flow(start, TASK, np.linspace(0, 5, 9)) for _ in range(2))
    assert all((a == b).all() for a, b in zip(first.layers, second.layers, strict=True))


def test_a_mode_without_strength_is_never_learnt() -> None:
    strengths = np.array([[0.1, 0.1, 0.0]] * 2)
    path = settle(decoupled_init(TASK, (3, 3, 3), strengths), TASK)
    np.testing.assert_allclose(path.modes[-1], [3, 2, 0], atol=1e-7)


def test_gradient_descent_is_eulers_method_and_converges_to_the_flow() -> None:
    start = random_init((3, 3, 3), 0.5, np.random.default_rng(0))
    one = gradient_descent(start, TASK, 0.1, 1)
    moves = velocity(start, TASK)
    for after, before, move in zip(one.end, start, moves, strict=True):
        np.testing.assert_array_equal(after, before + 0.1 * move)
    exact = gradient_flow(start, TASK, np.array([0.0, 1.0])).products[-1]
    gaps = [
        abs(gradient_descent(start, TASK, 1 / n, n, every=n).products[-1] - exact).max()
        for n in (200, 400)
    ]
    assert gaps[0] / gaps[1] == pytest.approx(2, rel=0.05)
    path = gradient_descent(start, TASK, 0.1, 10, every=5)
    assert path.times.tolist() == [0, 0.5, 1.0]


def test_a_diverging_run_is_returned_without_a_warning() -> None:
    path = gradient_descent((np.array([[9.0]]), np.array([[9.0]])), TASK_OF_ONE, 1.0, 20)
    assert not np.isfinite(path.end[0]).all()


TASK_OF_ONE = LinearTask.diagonal([1.0])


def test_bad_input_is_told_in_a_sentence() -> None:
    start = random_init((3, 3), 1.0, np.random.default_rng(0))
    with refused("rising numbers"):
        gradient_flow(start, TASK, np.array([0.0, 0.0]))
    with refused("only a stack has members"):
        gradient_flow(start, TASK, np.array([0.0, 1.0])).member(0)
    with refused("expected positive numbers"):
        gradient_descent(start, TASK, -0.1, 3)
