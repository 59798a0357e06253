"""Networks with the same product: changes of basis in hidden layers, and the fibre's dimension."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from regime_lib.errors import RegimeError
from regime_lib.simulators.deep_linear.problem import Layers, sizes_of

Bases = tuple[Float[np.ndarray, "_ _"], ...]


def change_basis(layers: Layers, bases: Bases) -> Layers:
    """Return G_i W_i G_{i-1}⁻¹ with G_0 = G_h = 1: another network with the same product.

    Parameters
    ----------
    layers : tuple of array
        The network.
    bases : tuple of array
        G_1, …, G_{h-1}, invertible.

    Raises
    ------
    RegimeError
        If there is not one square matrix for each hidden layer.
    """
    sizes = sizes_of(layers)
    if [basis.shape for basis in bases] != [(size, size) for size in sizes[1:-1]]:
        raise RegimeError(
            f"expected one square matrix a hidden layer, of sizes {sizes[1:-1]}; got shapes "
            f"{[basis.shape for basis in bases]}"
        )
    changed = list(layers)
    for number, basis in enumerate(bases):
        changed[number] = basis @ changed[number]
        changed[number + 1] = np.linalg.solve(basis.T, changed[number + 1].mT).mT
    return tuple(changed)


def random_bases(
    sizes: Sequence[int], rng: np.random.Generator, *, orthogonal: bool, condition: float = 10.0
) -> Bases:
    """Draw a change of basis for every hidden layer.

    Parameters
    ----------
    sizes : sequence of int
        d_0, …, d_h.
    rng : numpy.random.Generator
        Where the numbers come from.
    orthogonal : bool
        Whether the bases are orthonormal.
    condition : float
        Otherwise, ratio of the largest to the smallest stretch.
    """

    def turn(size: int) -> Float[np.ndarray, "size size"]:
        return np.linalg.qr(rng.standard_normal((size, size)))[0]

    def draw(size: int) -> Float[np.ndarray, "size size"]:
        if orthogonal:
            return turn(size)
        stretch = condition ** (
            np.linspace(-0.5, 0.5, size) if size > 1 else rng.uniform(-0.5, 0.5, 1)
        )
        return (turn(size) * stretch) @ turn(size)

    return tuple(draw(size) for size in sizes[1:-1])


def fibre_dimension(sizes: Sequence[int], rank: int | None = None) -> int:
    """Return the dimension of the set of networks with one product, at a regular point.

    Where a narrow layer fixes the product's rank r, products fill a manifold of dimension
    r (d_h + d_0 − r) only. By default all matrices can be reached.
    """
    weights = sum(a * b for a, b in zip(sizes[1:], sizes[:-1], strict=True))
    if rank is None:
        return weights - sizes[0] * sizes[-1]
    return weights - rank * (sizes[0] + sizes[-1] - rank)
