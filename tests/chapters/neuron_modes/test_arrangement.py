"""Arrangements of weight vectors that are known: on class means, on one line, orthogonal."""

from __future__ import annotations

import numpy as np
import pytest

from regime_lib.chapters.neuron_modes.arrangement import (
    alignment,
    arrangements,
    class_directions,
    closeness,
    participation,
)

RANDOM = np.random.default_rng(0)


def test_directions_are_class_means_from_the_common_mean() -> None:
    inputs, labels = RANDOM.standard_normal((30, 4)), np.arange(30) % 3
    found = class_directions(inputs, labels)
    for k in range(3):
        way = inputs[labels == k].mean(0) - inputs.mean(0)
        assert found[k] == pytest.approx(way / np.linalg.norm(way))


def test_vectors_on_a_class_direction_are_aligned_whatever_their_sign_and_length() -> None:
    directions = np.eye(5)[:2]
    weights = np.array([[3.0, 0, 0, 0, 0], [0, -0.1, 0, 0, 0], [0, 0, 1, 0, 0], [1, 1, 0, 0, 0]])
    assert alignment(weights, directions) == pytest.approx([1, 1, 0, 2**-0.5])


def test_participation_is_the_number_of_orthogonal_vectors_and_one_on_a_line() -> None:
    assert participation(np.diag([1.0, 2, 3, 4])) == pytest.approx(4)
    assert participation(np.outer([1.0, -2, 3], [1.0, 1, 0])) == pytest.approx(1)
    vectors = RANDOM.standard_normal((9, 6))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    spectrum = np.linalg.svd(unit, compute_uv=False) ** 2
    assert participation(vectors) == pytest.approx(spectrum.sum() ** 2 / (spectrum**2).sum())


def test_closeness_looks_at_the_nearest_line() -> None:
    assert closeness(np.eye(3)) == 0
    vectors = np.array([[1.0, 0], [-1.0, 0], [1.0, 1.0]])
    assert closeness(vectors) == pytest.approx((1 + 1 + 2**-0.5) / 3)


def test_groups_are_compared_at_the_size_of_the_smaller() -> None:
    """Twelve orthogonal vectors and six on a line: six against six."""
    weights = np.concatenate([np.eye(12), np.tile(np.eye(12)[0], (6, 1))])
    keep = np.arange(18) >= 12
    found = arrangements(weights, np.eye(12)[:1], {"keep": keep, "fold": ~keep}, seed=0)
    assert found["keep"].participation == pytest.approx(1)
    assert found["fold"].participation == pytest.approx(6)
    assert (found["keep"].closeness, found["fold"].closeness) == pytest.approx((1, 0))
    assert (found["keep"].alignment, found["fold"].alignment) == pytest.approx((1, 1 / 12))


def test_of_fewer_than_five_units_nothing_is_said() -> None:
    keep = np.arange(10) < 4
    found = arrangements(RANDOM.standard_normal((10, 3)), np.eye(3), {"a": keep, "b": ~keep}, 0)
    assert np.isnan([found["a"].alignment, found["b"].closeness]).all()
