"""Orbits are told apart as linear equations for the changes of basis tell them apart."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from regime_lib.simulators.deep_linear.critical import chain_points
from regime_lib.simulators.deep_linear.hessian import exact_inertia
from regime_lib.simulators.deep_linear.orbits import (
    along_orbit,
    critical_in_range,
    dense,
    orbit_of,
    points_of_orbits,
    unimodular,
)
from regime_lib.simulators.deep_linear.problem import LinearTask, product, speed

TASK = LinearTask.diagonal([2.0, 1.0])


def on_one_orbit(first: tuple[np.ndarray, ...], second: tuple[np.ndarray, ...]) -> bool:
    """Solve G_k W_k = V_k G_{k-1} for all G, with both ends fixed, and look for invertible ones."""
    sizes = [first[0].shape[1], *(len(layer) for layer in first)]
    hidden = sizes[1:-1]
    cuts = np.cumsum([0, *(d * d for d in hidden)])
    rows, right = [], []
    for k, (w, v) in enumerate(zip(first, second, strict=True)):
        block = np.zeros((w.size, cuts[-1]))
        constant = np.zeros(w.shape)
        if k < len(hidden):
            block[:, cuts[k] : cuts[k + 1]] += np.kron(np.eye(len(w)), w.T)
        else:
            constant -= w
        if k > 0:
            block[:, cuts[k - 1] : cuts[k]] -= np.kron(v, np.eye(w.shape[1]))
        else:
            constant += v
        rows.append(block)
        right.append(constant.ravel())
    matrix, wanted = np.concatenate(rows), np.concatenate(right)
    some = np.linalg.lstsq(matrix, wanted, rcond=None)[0]
    if abs(matrix @ some - wanted).max() > 1e-9:
        return False
    _, values, basis = np.linalg.svd(matrix)
    free = basis[int((values > 1e-9).sum()) :]
    random = np.random.default_rng(0)
    for _ in range(5):  # one draw would do with probability one
        state = some + random.standard_normal(len(free)) @ free
        bases = [state[a:b].reshape(d, d) for a, b, d in zip(cuts, cuts[1:], hidden, strict=False)]
        if all(abs(np.linalg.det(base)) > 1e-6 for base in bases):
            return True
    return False


def test_orbits_are_those_of_linear_equations() -> None:
    layers = critical_in_range(TASK, (2, 2, 2, 2), 1)
    random = np.random.default_rng(1)
    picks = random.choice(len(layers[0]), 40, replace=False)
    nets = [tuple(layer[k].astype(int) for layer in layers) for k in picks]
    keyed = [(orbit_of(net), net) for net in nets]
    same = [
        (one == other, on_one_orbit(a, b))
        for (one, a), (other, b) in itertools.combinations(keyed, 2)
    ]
    assert all(ours == theirs for ours, theirs in same)
    assert 10 < sum(ours for ours, _ in same) < len(same)


@pytest.mark.parametrize(("sizes", "largest"), [((1, 1, 1), 2), ((1, 1, 1, 1), 1), ((2, 1, 2), 1)])
def test_all_critical_points_of_small_weights_are_found(
    sizes: tuple[int, ...], largest: int
) -> None:
    task = LinearTask.diagonal([float(k) for k in range(sizes[0], 0, -1)])
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    count = 0
    for flat in itertools.product(
        range(-largest, largest + 1), repeat=sum(a * b for a, b in shapes)
    ):
        cut = np.split(np.array(flat, dtype=float), np.cumsum([a * b for a, b in shapes])[:-1])
        net = tuple(one.reshape(shape) for one, shape in zip(cut, shapes, strict=True))
        count += speed(net, task) == 0
    assert len(critical_in_range(task, sizes, largest)[0]) == count


def test_dense_points_are_critical_have_the_same_signs_and_hardly_a_zero() -> None:
    random = np.random.default_rng(2)
    for point in itertools.islice(chain_points((2, 1), (2, 2, 2, 2)), 8):
        shown = dense(point, random)
        assert all(type(entry) is int for layer in shown.layers for entry in layer.flat)
        layers = tuple(layer.astype(float) for layer in shown.layers)
        task = LinearTask(shown.target.astype(float))
        assert speed(layers, task) == 0
        assert (shown.target != 0).all()
        alive = [layer for layer in shown.layers if layer.any()]
        assert all((layer != 0).mean() > 0.5 for layer in alive)
        assert np.linalg.matrix_rank(product(layers)) == len(point.learnt)
        signs = exact_inertia(point.layers, point.target)
        assert exact_inertia(shown.layers, shown.target) == signs


def test_bases_and_their_inverses_are_whole_and_paths_stay_on_the_orbit() -> None:
    random = np.random.default_rng(3)
    for size in (1, 2, 3):
        basis, inverse = unimodular(size, random)
        assert (basis.dot(inverse) == np.eye(size, dtype=int)).all()
    points = [point.layers for point in chain_points((2, 1), (2, 2, 2, 2))]
    basis = unimodular(2, random)
    for layers in (points[1], points[-2]):
        (far,) = along_orbit(layers, basis, [4])
        assert on_one_orbit(
            tuple(layer.astype(float) for layer in layers),
            tuple(layer.astype(float) for layer in far),
        )


def test_one_point_is_kept_of_each_orbit() -> None:
    one, zero = np.eye(2, dtype=int), np.zeros((2, 2), dtype=int)
    shear = np.array([[1, 1], [0, 1]])
    middles = [(zero, one, zero), (zero, shear, zero), (zero, zero, zero)]
    found = points_of_orbits(TASK, middles)
    assert len(found) == 2
    assert [point.learnt for point in found.values()] == [(), ()]
    firsts = [(one, zero, zero), (np.diag([1, 0]), zero, zero), (np.diag([0, 1]), zero, zero)]
    assert len(points_of_orbits(TASK, firsts)) == 3
