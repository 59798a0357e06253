"""The adjacency form equals the layers, its algebra holds, its polynomials are right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.simulators.deep_linear.adjacency import (
    adjacency,
    adjacency_velocity,
    characteristic_coefficients,
    off_structure,
)
from regime_lib.simulators.deep_linear.initialisation import random_init
from regime_lib.simulators.deep_linear.problem import (
    LinearTask,
    gram_differences,
    product,
    velocity,
)
from tests.companion.refusals import refused


@given(st.lists(st.integers(1, 4), min_size=2, max_size=6), st.integers(0, 10**6))
def test_the_matrix_flows_as_its_layers(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    layers = random_init(sizes, 1.0, rng)
    task = LinearTask(rng.standard_normal((sizes[-1], sizes[0])))
    matrix, depth = adjacency(layers), len(layers)
    whole = adjacency_velocity(matrix, task, tuple(sizes))
    expected = adjacency(velocity(layers, task))
    np.testing.assert_allclose(whole, expected, atol=1e-10 * (1 + abs(expected).max()))
    assert off_structure(whole, tuple(sizes)) == 0
    power = np.linalg.matrix_power(matrix, depth)
    np.testing.assert_allclose(power[-sizes[-1] :, : sizes[0]], product(layers), atol=1e-9)
    assert not np.linalg.matrix_power(matrix, depth + 1).any()


def test_the_hidden_blocks_are_the_conserved_differences() -> None:
    sizes = (2, 3, 4, 2)
    layers = random_init(sizes, 1.0, np.random.default_rng(0))
    matrix = adjacency(layers)
    commutator = matrix @ matrix.T - matrix.T @ matrix
    ends = np.cumsum(sizes[:-1])
    for start, stop, difference in zip(ends, ends[1:], gram_differences(layers), strict=False):
        np.testing.assert_allclose(commutator[start:stop, start:stop], difference)


def test_off_structure_sees_what_lies_outside() -> None:
    layers = random_init((1, 2, 1), 1.0, np.random.default_rng(0))
    matrix = adjacency(layers)
    matrix[0, 3] = -7.0
    assert off_structure(matrix, (1, 2, 1)) == 7.0


def test_coefficients_are_those_of_the_characteristic_polynomial() -> None:
    matrix = np.random.default_rng(0).standard_normal((5, 5))
    np.testing.assert_allclose(characteristic_coefficients(matrix), np.poly(matrix)[1:], rtol=1e-9)
    assert abs(characteristic_coefficients(np.diag([1.0, 2.0]))).tolist() == [3.0, 2.0]


def test_a_stack_has_no_adjacency_matrix() -> None:
    with refused("one member"):
        adjacency(random_init((2, 2), 1.0, np.random.default_rng(0), runs=2))


@pytest.mark.parametrize("sizes", [(2, 2), (1, 1, 1), (2, 1, 2), (1, 1, 1, 1)])
def test_proofs_hold_for_small_shapes(sizes: tuple[int, ...]) -> None:
    from regime_lib.simulators.deep_linear.proofs import prove

    proof = prove(sizes)
    assert proof.holds
    assert proof.controls_refused
    assert proof.degree == 2 * len(sizes) - 3


def test_a_proof_that_would_take_too_long_is_refused() -> None:
    from regime_lib.simulators.deep_linear.proofs import prove

    with refused("at most 24 weights"):
        prove((5, 5, 5))
