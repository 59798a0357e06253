"""The Hessian of a deep linear network's loss, exact as long as the weights are.

The same sums serve floats and fractions (arrays of dtype object): the loss is a polynomial, so that
no step size or automatic differentiation is needed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Shaped

from regime_lib.simulators.deep_linear.problem import Layers, LinearTask, check_fit
from regime_lib.simulators.exact.rational import Exact, Inertia, exact, inertia

Square = Shaped[np.ndarray, "parameters parameters"]
AnyLayers = tuple[Shaped[np.ndarray, "_ _"], ...]


def hessian(layers: Layers, task: LinearTask) -> Square:
    """Return the Hessian at one network, rows and columns layer by layer from W_1, row-major."""
    check_fit(layers, task)
    root = np.eye(task.target.shape[1]) if task.root is None else task.root
    return _assemble(layers, task.target, root)


def exact_hessian(layers: AnyLayers, target: Exact) -> Square:
    """Return the Hessian in fractions, for white inputs."""
    wanted = exact(target)
    return _assemble(
        tuple(exact(layer) for layer in layers), wanted, exact(np.eye(wanted.shape[1], dtype=int))
    )


def exact_inertia(layers: AnyLayers, target: Exact) -> Inertia:
    """Return how many eigenvalues of the Hessian are negative, zero and positive: exact numbers."""
    return inertia(exact_hessian(layers, target))


def _assemble(layers: AnyLayers, target: Exact, root: Exact) -> Square:
    """Sum both parts of the second derivative, a pair of layers at a time.

    With a = W_h ⋯ W_{i+1}, b = W_{i-1} ⋯ W_1 R, m = W_{i-1} ⋯ W_{j+1} for i > j and
    E = T − P R, the block (i, j) is (a_iᵀ a_j) ⊗ (b_i b_jᵀ) − m ⊗ (a_iᵀ E b_jᵀ), the second part
    with its indices crossed and only for i ≠ j.
    """
    depth = len(layers)
    one = exact(np.eye(1, dtype=int))[0, 0] if target.dtype == object else 1.0
    above, below = [_identity(len(target), one)], [root]
    for layer in reversed(layers[1:]):
        above.append(above[-1].dot(layer))
    above.reverse()
    for layer in layers[:-1]:
        below.append(layer.dot(below[-1]))
    error = target - layers[-1].dot(below[-1])
    rows: list[list[Any]] = [[None] * depth for _ in layers]
    for i in range(depth):
        middle = _identity(layers[i].shape[1], one)
        for j in range(i, -1, -1):
            block = np.multiply.outer(above[i].T.dot(above[j]), below[i].dot(below[j].T))
            block = block.transpose(0, 2, 1, 3)  # (row of i, column of i, row of j, column of j)
            if i > j:
                pulled = above[i].T.dot(error).dot(below[j].T)
                block = block - np.multiply.outer(middle, pulled).transpose(2, 0, 1, 3)
                middle = middle.dot(layers[j])
            flat = block.reshape(layers[i].size, layers[j].size)
            rows[i][j], rows[j][i] = flat, flat.T
    return np.block(rows)


def _identity(size: int, one: object) -> Exact:
    matrix = np.full((size, size), one) - one
    np.fill_diagonal(matrix, one)
    return matrix
