"""Proofs, for small networks, of what the adjacency form claims: identities between polynomials.

SymPy expands both sides with every weight and every entry of the target a symbol, so that a result
holds for all networks of these sizes. Controls that are false must be refused; a check that calls
everything true proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from regime_lib.errors import RegimeError

_MOST_WEIGHTS = 24


@dataclass(frozen=True)
class Proof:
    """What holds identically for all networks of one shape."""

    sizes: tuple[int, ...]  # d_0, …, d_h
    flow_is_gradient: bool  # the flow of the matrix is minus the gradient, layer by layer
    stays_in_place: bool  # the flow has no entry outside the layers
    nilpotent: bool  # A^h holds the product and nothing else, and A^(h+1) vanishes
    isospectral: bool  # the characteristic polynomial of A is that of zero
    conserved: bool  # the hidden diagonal blocks of A Aᵀ − Aᵀ A have derivative zero
    loss_falls: bool  # the loss has the derivative −‖dA/dt‖²
    degree: int  # degree of the flow as a polynomial in the weights
    controls_refused: bool  # three false statements were recognised as false

    @property
    def holds(self) -> bool:
        """Whether every statement is proved and the degree is 2h − 1."""
        return (
            self.flow_is_gradient
            and self.stays_in_place
            and self.nilpotent
            and self.isospectral
            and self.conserved
            and self.loss_falls
            and self.controls_refused
            and self.degree == 2 * (len(self.sizes) - 1) - 1
        )


def prove(sizes: Sequence[int]) -> Proof:
    """Prove the adjacency form for one shape, of at most 24 weights in all."""
    sizes = tuple(sizes)
    weights = sum(a * b for a, b in zip(sizes[1:], sizes[:-1], strict=True))
    if len(sizes) < 2 or min(sizes) < 1 or weights > _MOST_WEIGHTS:
        raise RegimeError(
            f"a proof takes two or more positive sizes and at most {_MOST_WEIGHTS} weights; "
            f"{sizes} has {weights}"
        )
    layers = [
        sp.Matrix(rows, columns, lambda r, c, i=i: sp.Symbol(f"w{i}_{r}{c}"))
        for i, (rows, columns) in enumerate(zip(sizes[1:], sizes[:-1], strict=True), start=1)
    ]
    target = sp.Matrix(sizes[-1], sizes[0], lambda r, c: sp.Symbol(f"t{r}{c}"))
    return _prove(sizes, layers, target)


def _prove(sizes: tuple[int, ...], layers: list[Any], target: Any) -> Proof:
    depth, edges = len(layers), [sum(sizes[:k]) for k in range(len(sizes) + 1)]
    matrix = sp.zeros(edges[-1], edges[-1])
    for i, layer in enumerate(layers):
        matrix[edges[i + 1], edges[i]] = layer
    network = layers[0]
    for layer in layers[1:]:
        network = layer * network
    error = (target - network).applyfunc(sp.expand)
    loss = sp.expand(sum(entry**2 for entry in error) / 2)

    corner = sp.zeros(edges[-1], edges[-1])
    corner[edges[depth], 0] = error
    powers = [matrix.T**k for k in range(depth)]
    terms = [powers[depth - 1 - j] * corner * powers[j] for j in range(depth)]
    flow = sum(terms[1:], terms[0]).applyfunc(sp.expand)

    def block(whole: Any, row: int, column: int) -> Any:
        return whole[edges[row] : edges[row + 1], edges[column] : edges[column + 1]]

    gradients = [layer.applyfunc(lambda w: sp.diff(loss, w)) for layer in layers]
    moves = [block(flow, i + 1, i) for i in range(depth)]
    rest = flow.copy()
    for i in range(depth):
        rest[edges[i + 1], edges[i]] = sp.zeros(sizes[i + 1], sizes[i])
    top = sp.zeros(edges[-1], edges[-1])
    top[edges[depth], 0] = network
    commutator = matrix * flow.T + flow * matrix.T - matrix.T * flow - flow.T * matrix
    anticommutator = matrix * flow.T + flow * matrix.T + matrix.T * flow + flow.T * matrix
    hidden = [block(commutator, i, i) for i in range(1, depth)]
    slope = sum(
        gradient.dot(move) if gradient.shape != (1, 1) else gradient[0] * move[0]
        for gradient, move in zip(map(_flat, gradients), map(_flat, moves), strict=True)
    )
    square = sum(entry**2 for entry in flow)
    false = [
        _vanish(move + 2 * grad for move, grad in zip(moves, gradients, strict=True)),
        depth > 1 and _vanish(block(anticommutator, i, i) for i in range(1, depth)),
        _vanish([matrix**depth]),
    ]
    symbols = [symbol for layer in layers for symbol in layer]
    return Proof(
        sizes=sizes,
        flow_is_gradient=_vanish(m + g for m, g in zip(moves, gradients, strict=True)),
        stays_in_place=_vanish([rest]),
        nilpotent=_vanish([matrix**depth - top, matrix ** (depth + 1)]),
        isospectral=matrix.charpoly().all_coeffs() == [1] + [0] * edges[-1],
        conserved=_vanish(hidden),
        loss_falls=sp.expand(slope + square) == 0,
        degree=max(sp.Poly(entry, *symbols).total_degree() for entry in flow if entry != 0),
        controls_refused=not any(false),
    )


def _flat(matrix: Any) -> Any:
    return sp.Matrix(matrix.flat())


def _vanish(matrices: Iterable[Any]) -> bool:
    """Whether every entry of every matrix is identically zero."""
    entries = [entry for matrix in matrices for entry in matrix.flat()]
    return all(sp.expand(entry) == 0 for entry in entries)
