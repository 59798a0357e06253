"""Folds against pairs counted one by one, against the paper's two examples, and at their ends."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from regime_lib.chapters.neuron_modes.folding import fold_depth, partners, unit_depths
from tests.sentences import refusal

FIELD = np.random.default_rng(0).standard_normal(400)
SEQUENCES = arrays(float, st.integers(2, 12), elements=st.integers(-5, 5).map(float))


@given(SEQUENCES)
def test_depth_is_the_share_of_pairs_in_the_rarer_order(values: np.ndarray) -> None:
    steps = [b - a for a, b in combinations(values, 2)]
    rising, falling = sum(s > 0 for s in steps), sum(s < 0 for s in steps)
    expected = min(rising, falling) / max(rising + falling, 1)
    assert fold_depth(values) == pytest.approx(expected)
    assert fold_depth(-values) == pytest.approx(expected)
    assert fold_depth(np.stack([values, values]))[1] == pytest.approx(expected)


@given(SEQUENCES)
def test_what_rises_throughout_has_no_fold(values: np.ndarray) -> None:
    assert fold_depth(np.sort(values)) == 0


def test_monotone_units_never_fold_and_gaussian_ones_do_across_their_peak() -> None:
    fields = np.stack([FIELD, FIELD + 10, -FIELD - 10], axis=1)
    for activation in (np.tanh, lambda h: np.maximum(h, 0)):
        assert (unit_depths(fields, activation) == 0).all()
    across, right, left = unit_depths(fields, lambda h: np.exp(-(h**2)))
    assert across == pytest.approx(0.5, abs=0.05)  # symmetric: as many pairs rise as fall
    assert (right, left) == (0, 0)


def test_the_papers_two_neurons_fold_and_neither_alone() -> None:
    """They hand on tanh(h + 1) + tanh(-h + 1), which rises up to zero and falls from there."""
    fields = np.stack([FIELD + 1, -FIELD + 1], axis=1)
    assert (unit_depths(fields, np.tanh) == 0).all()
    found = partners(fields, np.array([[1.0, 1.0]]), np.tanh)
    assert found.bound.all()
    assert found.depth == pytest.approx([0.5, 0.5], abs=0.05)
    assert found.folds.all()


@pytest.mark.parametrize("weights", [(1.0, -1.0), (-2.0, 0.5)])
def test_two_neurons_that_pull_the_same_way_do_not_fold(weights: tuple[float, float]) -> None:
    fields = np.stack([FIELD + 1, -FIELD + 1], axis=1)
    found = partners(fields, np.array([weights]), np.tanh)
    assert found.bound.all()
    assert not found.depth.any()


def test_the_deepest_of_several_classes_counts() -> None:
    fields = np.stack([FIELD + 1, -FIELD + 1], axis=1)
    readout = np.array([[1.0, -1.0], [1.0, 1.0]])
    both = partners(fields, readout, np.tanh).depth
    assert both == pytest.approx(partners(fields, readout[1:], np.tanh).depth)


def test_units_that_read_different_fields_are_no_partners() -> None:
    other = np.random.default_rng(1).standard_normal(400)
    fields = np.stack([FIELD, other, np.full(400, 2.0)], axis=1)
    found = partners(fields, np.ones((2, 3)), np.tanh)
    assert not found.bound.any()
    assert not found.depth.any()
    mixed = np.stack([FIELD, 0.75 * FIELD + 0.66 * other], axis=1)
    assert partners(mixed, np.ones((2, 2)), np.tanh, same_field=0.7).bound.all()
    assert not partners(mixed, np.ones((2, 2)), np.tanh).bound.any()


def test_linear_units_never_fold_together() -> None:
    random = np.random.default_rng(2)
    fields = FIELD[:, None] * random.standard_normal(12) + random.standard_normal(12)
    found = partners(fields, random.standard_normal((3, 12)), lambda h: h)
    assert found.bound.all()
    assert not found.depth.any()


def test_too_little_is_refused() -> None:
    assert "got 1" in refusal("point", lambda: fold_depth(np.ones((3, 1))))
    assert "two samples" in refusal(
        "field", lambda: partners(np.ones((1, 2)), np.ones((1, 2)), np.tanh)
    )
