"""Many small networks at once: their runs lie innermost, so that no matrix is multiplied alone.

A call of BLAS for each of thousands of matrices of a few entries costs many times their arithmetic.
Here the first two axes of a layer are those of its matrix, and all networks follow.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import numpy as np
from jaxtyping import Float

from regime_lib.simulators.deep_linear.problem import Layers

Matrix = Float[np.ndarray, "_ _ ..."]
#: Layers of many networks, from the input to the output, their runs innermost.
Matrices = tuple[Matrix, ...]


def runs_last(layers: Layers) -> Matrices:
    """Return layers with their runs innermost; they had them first."""
    return tuple(np.ascontiguousarray(np.moveaxis(layer, 0, -1)) for layer in layers)


def multiply(above: Matrix, below: Matrix) -> Matrix:
    """Return the products of the matrices of two layers."""
    found: Matrix = above[:, 0, None] * below[0]
    for k in range(1, len(below)):
        found += above[:, k, None] * below[k]
    return found


def product(layers: Matrices) -> Matrix:
    """Return P = W_h ⋯ W_1."""
    return reduce(lambda below, layer: multiply(layer, below), layers)


def velocity(layers: Matrices, pull: Callable[[Matrix], Matrix]) -> Matrices:
    """Return minus the gradient of a loss by every layer, given minus that by the product P."""
    below = [layers[0]]
    for layer in layers[1:]:
        below.append(multiply(layer, below[-1]))
    back = pull(below.pop())
    moves = []
    for layer, network in zip(reversed(layers[1:]), reversed(below), strict=True):
        moves.append(multiply(back, network.swapaxes(0, 1)))
        back = multiply(layer.swapaxes(0, 1), back)
    return (back, *reversed(moves))
