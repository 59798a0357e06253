"""Rank and inertia in fractions agree with floating point where that can be trusted, and beyond."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.simulators.exact.rational import Inertia, exact, inertia, rank
from tests.companion.refusals import refused


@given(st.integers(1, 6), st.integers(0, 6), st.integers(0, 6), st.integers(0, 10**6))
def test_inertia_is_that_of_the_construction(size: int, up: int, down: int, seed: int) -> None:
    up, down = min(up, size), min(down, size - min(up, size))
    signs = np.diag([1] * up + [-1] * down + [0] * (size - up - down))
    turn = np.random.default_rng(seed).integers(-3, 4, (size, size))
    turn = np.tril(turn, -1) + np.eye(size, dtype=int)  # invertible, whole numbers
    turn = turn @ np.triu(np.random.default_rng(seed + 1).integers(-2, 3, (size, size)), 1) + turn
    assert inertia(turn.T @ signs @ turn) == Inertia(down, size - up - down, up)


def test_a_zero_diagonal_is_pivoted_in_pairs() -> None:
    assert inertia(np.array([[0, 2], [2, 0]])) == Inertia(1, 0, 1)
    swap = np.zeros((4, 4), int)
    swap[0, 3] = swap[3, 0] = 1
    assert inertia(swap) == Inertia(1, 2, 1)


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 5), st.integers(0, 10**6))
def test_rank_is_that_of_the_factors(rows: int, columns: int, inner: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.integers(-2, 3, (rows, inner)) @ rng.integers(-2, 3, (inner, columns))
    assert rank(matrix) == np.linalg.matrix_rank(matrix.astype(float))


def test_a_tiny_entry_counts_where_floats_would_lose_it() -> None:
    tiny = Fraction(1, 10**40)
    matrix = np.array([[1, 1], [1, 1 + tiny]], dtype=object)
    assert rank(matrix) == 2
    assert inertia(matrix) == Inertia(0, 0, 2)
    matrix[1, 1] = 1 - tiny
    assert inertia(matrix) == Inertia(1, 0, 1)


def test_floats_are_taken_at_their_binary_value() -> None:
    assert exact(np.array([[0.5, 0.1]]))[0, 1] == Fraction(0.1)
    assert exact([[1, 2]]).dtype == object


def test_bad_matrices_are_refused() -> None:
    with refused("finite real numbers"):
        exact(np.array([[np.nan]]))
    with refused("finite real numbers"):
        exact(np.array([["a"]]))
    with refused("not symmetric"):
        inertia(np.array([[0, 1], [2, 0]]))
