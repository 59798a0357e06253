"""Deep linear networks: the flow is minus the gradient, whatever the data; laws and modes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.simulators.deep_linear.initialisation import random_init
from regime_lib.simulators.deep_linear.problem import (
    LinearTask,
    check_fit,
    gram_differences,
    product,
    sizes_of,
    speed,
    velocity,
)
from tests.companion.refusals import refused

SIZES = st.lists(st.integers(1, 4), min_size=2, max_size=5)
SEEDS = st.integers(0, 10**6)


def numerical_gradient(layers: tuple[np.ndarray, ...], task: LinearTask) -> list[np.ndarray]:
    """Central differences of the loss, one weight at a time."""
    gradients = [np.zeros_like(layer) for layer in layers]
    for number, layer in enumerate(layers):
        for place in np.ndindex(layer.shape):
            losses = []
            for push in (1e-5, -1e-5):
                moved = [w.copy() for w in layers]
                moved[number][place] += push
                losses.append(float(task.loss(product(tuple(moved)))))
            gradients[number][place] = (losses[0] - losses[1]) / 2e-5
    return gradients


@given(SIZES, SEEDS, st.booleans())
def test_the_flow_is_minus_the_gradient_of_the_loss(
    sizes: list[int], seed: int, white: bool
) -> None:
    rng = np.random.default_rng(seed)
    layers = random_init(sizes, 0.7, rng)
    if white:
        task = LinearTask(rng.standard_normal((sizes[-1], sizes[0])))
    else:
        inputs = rng.standard_normal((sizes[0], sizes[0] + 6))
        task = LinearTask.from_data(inputs, rng.standard_normal((sizes[-1], sizes[0] + 6)))
    for move, gradient in zip(
        velocity(layers, task), numerical_gradient(layers, task), strict=True
    ):
        np.testing.assert_allclose(move, -gradient, atol=2e-5 * (1 + abs(gradient).max()))


@given(SEEDS)
def test_the_loss_of_data_is_half_the_squared_error(seed: int) -> None:
    rng = np.random.default_rng(seed)
    inputs, outputs = rng.standard_normal((3, 20)), rng.standard_normal((2, 20))
    network = rng.standard_normal((2, 3))
    task = LinearTask.from_data(inputs, outputs)
    direct = 0.5 * ((outputs - network @ inputs) ** 2).sum()
    assert float(task.loss(network)) == pytest.approx(direct, rel=1e-10)
    best = outputs @ np.linalg.pinv(inputs)
    assert float(task.loss(best)) == pytest.approx(task.floor, rel=1e-9)


def test_a_stack_is_its_members() -> None:
    rng = np.random.default_rng(0)
    ensemble = random_init((3, 4, 2), 1.0, rng, runs=5)
    task = LinearTask(rng.standard_normal((2, 3)))
    for index in range(5):
        alone = tuple(layer[index] for layer in ensemble)
        for whole, one in zip(velocity(ensemble, task), velocity(alone, task), strict=True):
            np.testing.assert_array_equal(whole[index], one)
        assert speed(ensemble, task)[index] == pytest.approx(float(speed(alone, task)), rel=1e-14)


def test_gram_differences_are_written_out() -> None:
    first, second = np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])
    (difference,) = gram_differences((first, second))
    assert difference.tolist() == [[1 + 4 - 9 - 16]]


def test_modes_are_the_learnt_shares_of_each_singular_direction() -> None:
    rng = np.random.default_rng(1)
    target = rng.standard_normal((4, 3))
    left, values, right = np.linalg.svd(target, full_matrices=False)
    task = LinearTask(target)
    network = (left * [0.1, 0.2, 0.3]) @ right
    np.testing.assert_allclose(task.modes(network), [0.1, 0.2, 0.3])
    np.testing.assert_allclose(task.modes(target), values)
    np.testing.assert_allclose(task.singular_values, values)


def test_bad_input_is_told_in_a_sentence() -> None:
    with refused("largest first"):
        LinearTask.diagonal([1.0, 2.0])
    with refused("positive"):
        LinearTask.diagonal([1.0, 0.0])
    with refused("do not fit"):
        LinearTask.diagonal([2.0, 1.0], outputs=1)
    with refused("never seen"):
        LinearTask.from_data(np.ones((2, 5)), np.ones((1, 5)))
    with refused("no layers"):
        sizes_of(())
    with refused("layer 1 has 2 outputs", "takes 3 inputs"):
        sizes_of((np.ones((2, 1)), np.ones((1, 3))))
    with refused("target has shape (1, 1)"):
        check_fit((np.ones((2, 1)),), LinearTask.diagonal([1.0]))
