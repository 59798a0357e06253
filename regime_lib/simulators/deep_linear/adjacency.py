"""The whole deep linear network as one matrix: its adjacency matrix, and the flow on it.

With the units of all layers in one row, the weights fill the first block diagonal below the main
one: block (i, i-1) of A is W_i. Then A^h holds the product in block (h, 0) and nothing else, and
A^(h+1) = 0. Source: arXiv 2511.10362, abstract; written out by us.
"""

from __future__ import annotations

import itertools

import numpy as np
from jaxtyping import Float

from regime_lib.errors import RegimeError
from regime_lib.simulators.deep_linear.problem import Layers, LinearTask, sizes_of

Adjacency = Float[np.ndarray, "units units"]


def adjacency(layers: Layers) -> Adjacency:
    """Return the adjacency matrix of one network.

    Raises
    ------
    RegimeError
        If the layers do not fit together, or are an ensemble.
    """
    sizes = sizes_of(layers)
    if any(layer.ndim != 2 for layer in layers):
        raise RegimeError("the adjacency matrix is that of one network; pass one member of a stack")
    matrix = np.zeros((sum(sizes), sum(sizes)))
    for layer, block in zip(layers, _blocks(sizes), strict=True):
        matrix[block] = layer
    return matrix


def off_structure(matrix: Adjacency, sizes: tuple[int, ...]) -> float:
    """Return the largest absolute entry where no layer lies."""
    rest = matrix.copy()
    for block in _blocks(sizes):
        rest[block] = 0.0
    return float(abs(rest).max())


def adjacency_velocity(matrix: Adjacency, task: LinearTask, sizes: tuple[int, ...]) -> Adjacency:
    """Return dA/dt = Σ_j (Aᵀ)^(h-1-j) Ê (Aᵀ)^j, with the pull on the product in block (h, 0) of Ê.

    Nothing is projected: whatever lies outside the layers moves as well, if anything does.
    """
    depth = len(sizes) - 1
    corner = (slice(-sizes[-1], None), slice(0, sizes[0]))
    pull = np.zeros_like(matrix)
    pull[corner] = task.pull(np.linalg.matrix_power(matrix, depth)[corner])
    powers = [np.eye(len(matrix))]
    for _ in range(depth - 1):
        powers.append(powers[-1] @ matrix.T)
    terms = [above @ pull @ below for above, below in zip(reversed(powers), powers, strict=True)]
    return np.sum(terms, axis=0)


def characteristic_coefficients(matrix: Adjacency) -> Float[np.ndarray, " units"]:
    """Return the coefficients of det(λ − A) below the leading one, by Faddeev and LeVerrier.

    Eigenvalues of a nilpotent matrix are ill-conditioned; these coefficients are not.
    """
    size = len(matrix)
    coefficients = np.empty(size)
    auxiliary = np.eye(size)
    for order in range(1, size + 1):
        moved = matrix @ auxiliary
        coefficients[order - 1] = -np.trace(moved) / order
        auxiliary = moved + coefficients[order - 1] * np.eye(size)
    return coefficients


def _blocks(sizes: tuple[int, ...]) -> list[tuple[slice, slice]]:
    """Return where each layer lies."""
    edges = np.cumsum([0, *sizes])
    parts = [slice(int(a), int(b)) for a, b in itertools.pairwise(edges)]
    return list(zip(parts[1:], parts[:-1], strict=True))
