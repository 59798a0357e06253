"""Orbits of changes of basis, exactly: critical points of small weights, told apart, seen densely.

Two networks lie on one orbit if changes of basis of the hidden layers lead from one to the other.
They do so exactly if their products agree, the ranks of all partial products, what the first
layers leave out of the inputs, and what the last layers reach of the outputs: a network with free
inputs and outputs is a sum of intervals, and these four fix the sum and how its ends are embedded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, reduce
from typing import Any

import numpy as np
from jaxtyping import Int

from regime_lib.simulators.deep_linear.critical import ExplicitPoint
from regime_lib.simulators.deep_linear.hessian import AnyLayers
from regime_lib.simulators.deep_linear.problem import Layers, LinearTask, velocity
from regime_lib.simulators.exact import rational
from regime_lib.simulators.exact.rational import Exact
from regime_lib.simulators.exact.symbolic import import_sympy

#: What tells an orbit from the others, to be used as a key.
Orbit = tuple[tuple[Any, ...], ...]
_Basis = Int[np.ndarray, "size size"]
#: Rotations times three or five: whole numbers, all entries different from zero.
_ROTATIONS = {
    1: np.array([[1]]),
    2: np.array([[3, -4], [4, 3]]),
    3: np.array([[2, -1, 2], [2, 2, -1], [-1, 2, 2]]),
}


def critical_in_range(task: LinearTask, sizes: Sequence[int], largest: int) -> Layers:
    """Return all critical points whose weights are whole numbers up to a size, as a stack."""
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    count, values = sum(a * b for a, b in shapes), 2 * largest + 1
    whole = np.unravel_index(np.arange(values**count), (values,) * count)
    flat = np.stack(whole, axis=-1).astype(float) - largest
    cuts = np.split(flat, np.cumsum([a * b for a, b in shapes])[:-1], axis=-1)
    layers = tuple(cut.reshape(-1, *shape) for cut, shape in zip(cuts, shapes, strict=True))
    # sums of products of small whole numbers: floats are exact
    still = [(move == 0).all(axis=(-2, -1)) for move in velocity(layers, task)]
    return tuple(layer[np.all(still, axis=0)] for layer in layers)


def orbit_of(layers: AnyLayers) -> Orbit:
    """Return what tells the orbit of a network of whole numbers from all others."""
    depth = len(layers)
    spans = {(i, j): _chained(layers[i:j]) for i in range(depth) for j in range(i + 1, depth + 1)}
    keys = {span: (one.shape, tuple(int(x) for x in one.flat)) for span, one in spans.items()}
    ranks = tuple(_row_space(*key)[0] for key in keys.values())
    left_out = [_row_space(*keys[0, j])[1] for j in range(1, depth)]
    reached = [spans[i, depth].T for i in range(1, depth)]
    reached_spaces = [_row_space(m.shape, tuple(int(x) for x in m.flat))[1] for m in reached]
    return (keys[0, depth][1], ranks, *left_out, *reached_spaces)


@lru_cache(maxsize=4096)
def _row_space(shape: tuple[int, int], entries: tuple[int, ...]) -> tuple[int, tuple[Any, ...]]:
    """Return the rank of a matrix, and its reduced row echelon form."""
    reduced, pivots = import_sympy().Matrix(*shape, entries).rref()
    return len(pivots), tuple(reduced)


def points_of_orbits(task: LinearTask, points: Iterable[AnyLayers]) -> dict[Orbit, ExplicitPoint]:
    """Return a point of each orbit that critical points lie on; the target must be diagonal."""
    target, found = rational.exact(task.target), {}
    for layers in points:
        key = orbit_of(layers)
        if key not in found:
            whole = tuple(rational.exact(layer) for layer in layers)
            learnt = tuple(int(k) for k in np.flatnonzero(np.diag(_chained(whole))))
            found[key] = ExplicitPoint(whole, target, learnt)
    return found


def dense(point: ExplicitPoint, random: np.random.Generator) -> ExplicitPoint:
    """Return a critical point as random bases of the hidden layers show it, with rotated ends.

    The target is rotated with inputs and outputs, and as large as the rotations, so that all
    numbers stay whole.
    """
    sizes = [len(point.layers[0].T), *(len(layer) for layer in point.layers)]
    bases = [unimodular(size, random) for size in sizes[1:-1]]
    inputs, outputs = _ROTATIONS[sizes[0]].astype(object), _ROTATIONS[sizes[-1]].astype(object)
    into = [inputs.T, *(inverse for _, inverse in bases)]
    out_of = [*(basis for basis, _ in bases), outputs]
    layers = tuple(
        above.dot(layer).dot(below)
        for above, layer, below in zip(out_of, point.layers, into, strict=True)
    )
    return ExplicitPoint(layers, outputs.dot(point.target).dot(inputs.T), point.learnt)


def unimodular(size: int, random: np.random.Generator) -> tuple[Exact, Exact]:
    """Return a dense matrix of whole numbers whose inverse holds whole numbers too, and it."""
    basis = inverse = np.eye(size, dtype=int)
    for row in (*range(size), *range(size)):
        shear = np.eye(size, dtype=int)
        shear[row] = random.choice([-1, 1], size)
        shear[row, row] = 1
        basis, inverse = shear @ basis, inverse @ (2 * np.eye(size, dtype=int) - shear)
    if size > 1 and not (basis.all() and inverse.all()):
        return unimodular(size, random)
    return basis.astype(object), inverse.astype(object)


def along_orbit(layers: AnyLayers, basis: tuple[Exact, Exact], factors: Iterable[Any]) -> Iterator:
    """Yield networks along the orbit: a layer that is alive grows by each factor, in a new basis.

    The basis, and its inverse, is that of the hidden units beside the first layer that is alive.
    """
    alive = next(k for k, layer in enumerate(layers) if layer.any())
    before, after = (alive, alive + 1) if alive + 1 < len(layers) else (alive - 1, alive)
    for factor in factors:
        grown = factor if before == alive else 1 / factor
        far = [*layers]
        far[before] = basis[0].dot(layers[before]) * grown
        far[after] = layers[after].dot(basis[1]) * (1 / grown)
        yield tuple(far)


def _chained(layers: Sequence[Any]) -> Any:
    return reduce(lambda below, layer: layer.dot(below), layers)
