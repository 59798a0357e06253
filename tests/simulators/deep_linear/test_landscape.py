"""Hessians, critical points and the rank rule, against finite differences and brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regime_lib.simulators.deep_linear.critical import (
    chain_points,
    critical_values,
    find_critical_point,
    is_tightened,
    visited_values,
)
from regime_lib.simulators.deep_linear.hessian import exact_hessian, exact_inertia, hessian
from regime_lib.simulators.deep_linear.initialisation import random_init
from regime_lib.simulators.deep_linear.problem import LinearTask, product, speed, velocity
from regime_lib.simulators.deep_linear.symmetry import change_basis, fibre_dimension, random_bases
from tests.companion.refusals import refused

TASK = LinearTask.diagonal([3.0, 2.0, 1.0])


def numerical_hessian(layers: tuple[np.ndarray, ...], task: LinearTask) -> np.ndarray:
    """Central differences of the exact gradient."""
    flat = np.concatenate([layer.ravel() for layer in layers])
    edges = np.cumsum([0, *(layer.size for layer in layers)])

    def gradient(state: np.ndarray) -> np.ndarray:
        cut = tuple(
            state[a:b].reshape(layer.shape)
            for a, b, layer in zip(edges[:-1], edges[1:], layers, strict=True)
        )
        return -np.concatenate([move.ravel() for move in velocity(cut, task)])

    pushes = 1e-5 * np.eye(len(flat))
    return np.array([(gradient(flat + h) - gradient(flat - h)) / 2e-5 for h in pushes])


@settings(max_examples=25)
@given(st.lists(st.integers(1, 3), min_size=2, max_size=5), st.integers(0, 10**6), st.booleans())
def test_the_hessian_is_the_derivative_of_the_gradient(
    sizes: list[int], seed: int, white: bool
) -> None:
    rng = np.random.default_rng(seed)
    layers = random_init(sizes, 1.0, rng)
    samples = sizes[0] + 5
    data = rng.standard_normal((sizes[0], samples)), rng.standard_normal((sizes[-1], samples))
    white_task = LinearTask(rng.standard_normal((sizes[-1], sizes[0])))
    task = white_task if white else LinearTask.from_data(*data)
    found, expected = hessian(layers, task), numerical_hessian(layers, task)
    np.testing.assert_allclose(found, expected, atol=1e-5 * (1 + abs(expected).max()))
    np.testing.assert_allclose(found, found.T, atol=1e-9 * (1 + abs(found).max()))


def test_the_exact_hessian_equals_the_one_in_floats() -> None:
    rng = np.random.default_rng(0)
    layers = tuple(rng.integers(-2, 3, shape).astype(float) for shape in ((3, 2), (2, 3), (2, 2)))
    target = np.array([[2.0, 1.0], [0.0, 1.0]])
    exact = exact_hessian(layers, target).astype(float)
    np.testing.assert_array_equal(exact, hessian(layers, LinearTask(target)))


@pytest.mark.parametrize("rank", [0, 1, 2, 3, 5])
def test_critical_values_are_all_sums_over_subsets(rank: int) -> None:
    found = critical_values((3.0, 2.0, 1.0), rank)
    brute = sorted(
        0.5 * sum(v**2 for k, v in enumerate((3, 2, 1)) if k not in learnt)
        for count in range(min(rank, 3) + 1)
        for learnt in itertools.combinations(range(3), count)
    )
    assert [value.loss for value in found] == brute
    for value in found:
        assert value.loss == 0.5 * sum(
            v**2 for k, v in enumerate((3, 2, 1)) if k not in value.learnt
        )


def test_learning_visits_the_values_of_the_largest_first() -> None:
    assert visited_values((3.0, 2.0, 1.0), 3).tolist() == [7, 2.5, 0.5, 0]
    assert visited_values((3.0, 2.0, 1.0), 2).tolist() == [7, 2.5, 0.5]


@pytest.mark.parametrize("sizes", [(2, 2, 2), (2, 2, 2, 2), (2, 3, 3, 2)])
def test_chain_points_are_critical_and_have_the_loss_of_what_they_learnt(
    sizes: tuple[int, ...],
) -> None:
    seen = 0
    for point in chain_points((2, 1), sizes, wide=True):
        layers = tuple(layer.astype(float) for layer in point.layers)
        task = LinearTask(point.target.astype(float))
        assert speed(layers, task) == 0
        rest = [v for k, v in enumerate((2, 1)) if k not in point.learnt]
        assert float(task.loss(product(layers))) == 0.5 * sum(v**2 for v in rest)
        seen += 1
    assert seen > 3


def test_the_rank_rule_agrees_with_the_inertia_also_after_a_change_of_basis() -> None:
    shear = np.array([[1, 2], [1, 3]], dtype=object)  # determinant one
    inverse = np.array([[3, -2], [-1, 1]], dtype=object)
    kinds = set()
    for point in chain_points((2, 1), (2, 2, 2, 2)):
        first, second, third = point.layers
        moved = (shear.dot(first), second.dot(inverse), third)
        signs = exact_inertia(point.layers, point.target)
        assert exact_inertia(moved, point.target) == signs
        assert is_tightened(moved, point.target) == point.tightened
        assert (signs.negative > 0) == point.has_negative_curvature
        kinds.add((point.top, point.tightened, signs.negative > 0))
    assert {(True, True, False), (True, False, True), (False, True, True)} <= kinds


def test_known_signs_at_the_origin() -> None:
    zero = np.zeros((2, 2), int)
    goal = np.diag([2, 1])
    signs = exact_inertia((zero, zero), goal)
    assert (signs.negative, signs.zero, signs.positive) == (4, 0, 4)
    assert exact_inertia((zero, zero, zero), goal).zero == 12
    assert exact_inertia((zero, np.eye(2, dtype=int), zero), goal).negative == 4


def test_the_search_finds_saddles_and_says_when_it_fails() -> None:
    rng = np.random.default_rng(3)
    rungs = np.array([value.loss for value in critical_values((3.0, 2.0, 1.0), 3)])
    losses = []
    for _ in range(12):
        point = find_critical_point(random_init((3, 3, 3), 1.0, rng), TASK)
        if point is not None:
            losses.append(float(TASK.loss(product(point))))
    assert len(losses) > 6
    assert max(abs(rungs - loss).min() for loss in losses) < 1e-8
    assert max(losses) > 0.4  # not only minima
    assert find_critical_point(random_init((3, 3, 3), 1.0, rng), TASK, tolerance=0.0) is None


@given(st.integers(0, 10**6), st.booleans())
def test_a_change_of_basis_keeps_the_product(seed: int, orthogonal: bool) -> None:
    rng = np.random.default_rng(seed)
    sizes = (2, 4, 1, 3)
    layers = random_init(sizes, 1.0, rng)
    bases = random_bases(sizes, rng, orthogonal=orthogonal)
    moved = change_basis(layers, bases)
    np.testing.assert_allclose(product(moved), product(layers), atol=1e-10)
    if orthogonal:
        for basis in bases:
            np.testing.assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-12)


def test_the_fibre_has_as_many_dimensions_as_the_jacobian_has_null_directions() -> None:
    rng = np.random.default_rng(0)
    for sizes, rank in (((3, 4, 2), None), ((2, 2, 2, 3), None), ((3, 2, 3), 2), ((3, 1, 2, 4), 1)):
        layers = random_init(sizes, 1.0, rng)
        columns = []
        for number, layer in enumerate(layers):
            for place in np.ndindex(layer.shape):
                push = [w.copy() for w in layers]
                push[number] = np.zeros_like(layer)
                push[number][place] = 1.0
                columns.append(product(tuple(push)).ravel())  # the product is linear in each layer
        null = len(columns) - np.linalg.matrix_rank(np.array(columns))
        assert fibre_dimension(sizes, rank) == null


def test_bad_input_is_told_in_a_sentence() -> None:
    with refused("the rank is -1"):
        critical_values((1.0,), -1)
    with refused("at least as many units"):
        next(chain_points((2, 1), (2, 1, 2)))
    with refused("one square matrix a hidden layer"):
        change_basis(random_init((2, 2, 2), 1.0, np.random.default_rng(0)), ())
