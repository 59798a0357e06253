"""Far networks, maxima and orbits at critical points agree with Hessians, NumPy and counting."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest

from regime_lib.chapters.deep_linear import landscape, level_sets
from regime_lib.simulators.deep_linear.hessian import exact_inertia, hessian
from regime_lib.simulators.deep_linear.problem import LinearTask, speed
from regime_lib.simulators.exact import rational
from tests.chapters.deep_linear.test_measure import TINY

LEVELS = level_sets.level_sets(TINY)


def test_far_networks_compute_the_same_and_false_ones_are_told() -> None:
    for point in level_sets.points_of((2, 2, 2, 2)):
        far = level_sets.stretched(point.layers)
        assert level_sets.is_far_at_same_product(far, point.layers)
        assert level_sets.is_critical(point.layers, point.target)
        if point.learnt:
            other = (*far[:2], far[2] * 2)
            assert not level_sets.is_far_at_same_product(other, point.layers)
        assert not level_sets.is_far_at_same_product(point.layers, point.layers)
    random = np.random.default_rng(0)
    for sizes in ((2, 3, 2), (2, 2, 3, 2)):
        pairs = zip(sizes[1:], sizes[:-1], strict=True)
        layers = tuple(rational.exact(random.integers(-2, 3, shape)) for shape in pairs)
        task = LinearTask.diagonal([2.0, 1.0])
        still = speed(tuple(layer.astype(float) for layer in layers), task) == 0
        assert level_sets.is_critical(layers, rational.exact(np.diag([2, 1]))) == still


@pytest.mark.parametrize(
    ("entries", "goal"),
    [((0, 0), 1), ((1, 1), 1), ((1, 0, 0), 1), ((0, 0, 1), 1), ((3, -1), 5), ((9,), 0), ((0,), 9)],
)
def test_no_chain_is_a_maximum_of_the_loss_and_minima_are_of_its_negative(
    entries: tuple[int, ...], goal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = tuple(rational.exact(np.array([[w]])) for w in entries)
    target = rational.exact(np.array([[goal]]))
    assert level_sets.has_larger_loss_nearby(layers, target)
    loss = level_sets._squared_error
    monkeypatch.setattr(level_sets, "_squared_error", lambda *network: -loss(*network))
    minimum = np.prod(entries) == goal
    assert level_sets.has_larger_loss_nearby(layers, target) == (not minimum)


def test_a_critical_point_is_alone_exactly_where_no_curvature_vanishes() -> None:
    alone = []
    for sizes in landscape.families(3):
        for point in level_sets.points_of(sizes):
            if exact_inertia(point.layers, point.target).zero == 0:
                alone.append("-".join(map(str, sizes)) + " (nothing learnt)")
                assert not point.learnt
    assert LEVELS.numbers["single-critical"] == ", ".join(alone)
    assert LEVELS.claims["dl-critical-sets"].value == len(alone) == 2
    # with an input that the target ignores, the origin of depth two is not alone
    free = (rational.exact(np.array([[0, 0, 9], [0, 0, 7]])), rational.exact(np.zeros((2, 2), int)))
    assert level_sets.is_critical(free, rational.exact(np.array([[2, 0, 0], [0, 1, 0]])))
    assert not level_sets.is_critical(free, rational.exact(np.array([[2, 0, 0], [0, 1, 1]])))


def test_partial_ranks_survive_changes_of_basis_and_count_what_is_alive() -> None:
    bases = tuple(rational.exact(np.array(basis)) for basis in ([[1, 2], [0, 1]], [[1, 0], [3, 1]]))
    points = [p for p in level_sets.points_of((2, 2, 2, 2)) if not p.learnt]
    for point in points:
        first, second, third = point.layers
        back = [rational.exact(np.array(b)) for b in ([[1, -2], [0, 1]], [[1, 0], [-3, 1]])]
        moved = (bases[0].dot(first), bases[1].dot(second).dot(back[0]), third.dot(back[1]))
        assert level_sets.partial_ranks(moved) == level_sets.partial_ranks(point.layers)
    # how many of two chains are alive in each of three layers, none in more than one
    alive = [n for n in itertools.product(range(3), repeat=3) if sum(n) <= 2]
    assert len({level_sets.partial_ranks(p.layers) for p in points}) == len(alive) == 10
    assert LEVELS.claims["dl-quotient-orbits"].value == 10


def test_orbits_are_counted_by_what_is_learnt() -> None:
    found = level_sets.orbits(TINY)
    table = found.table.set_index(["network", "learnt"])["orbits met"]
    assert table["2-2-2", "σ₁ learnt"] == table["1-1-1", "nothing learnt"] == 1
    # lines of the plane with entries -1, 0 and 1 are four, and each makes an orbit of its own
    ranks = {level_sets.partial_ranks(one.layers) for one in level_sets.enumerated((2,) * 4, 1)[1]}
    nothing = [key for key in ranks if key[2] == 0 and key[-1] <= 2]
    assert table["2-2-2-2", "nothing learnt"] > len(nothing)
    _, chains = level_sets.enumerated((1, 1, 1, 1), 1)
    zero = {tuple(bool(layer[0, 0]) for layer in one.layers) for one in chains if not one.learnt}
    assert zero == {(False,) * 3, (True, False, False), (False, True, False), (False, False, True)}
    assert found.claims["dl-orbits-shallow"].value == 1
    assert found.claims["dl-orbits-chains"].value == 0


def test_a_point_that_is_not_critical_is_lost_along_its_orbit() -> None:
    random = np.random.default_rng(0)
    points = level_sets.points_of((2, 2, 2, 2))
    good = next(point for point in points if any(layer.any() for layer in point.layers))
    assert level_sets.stays_critical(good, random)
    one = rational.exact(np.eye(2, dtype=int))
    assert not level_sets.stays_critical(dataclasses.replace(good, layers=(one, one, one)), random)


def test_dense_saddles_are_of_both_kinds_and_obey_the_rule() -> None:
    found = level_sets.dense_saddles(TINY)
    assert found.claims["dl-saddles-dense"].value == 0
    strict, flat = int(found.numbers["dense-strict"]), int(found.numbers["dense-flat"])
    assert min(strict, flat) > 0
    assert found.claims["dl-saddles-dense"].n == strict + flat
    point = next(one for one in level_sets.dense_points(TINY) if not one.has_negative_curvature)
    layers = tuple(layer.astype(float) for layer in point.layers)
    curvatures = np.linalg.eigvalsh(hessian(layers, LinearTask(point.target.astype(float))))
    assert curvatures[0] > -1e-9 * curvatures[-1]
