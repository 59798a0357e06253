"""What algebra can check of the stability theorem: pre-activations as polynomials.

On a fixed activation pattern every pre-activation is a polynomial in the parameters and inputs with
whole coefficients. sympy holds it exactly. Checked are the *hypotheses* of the theorem: that a
pre-activation is its own bias plus something that does not contain this bias (so that its zeros are
a graph), that it is affine in the inputs and in the parameters of each layer, and which ones vanish
identically where there are no biases. Measure theory itself is not checked: that is a proof on
paper.

Two ways: one polynomial for every pattern, and one for all patterns at once, in which every
rectifier is a symbol m (0 or 1).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from regime_lib.errors import RegimeError
from regime_lib.simulators.exact.blueprints import Blueprint, Unit

_Found = tuple[Unit, Any, int]  # a unit, its polynomial and its layer
_MOST = 20_000  # pairs of a unit and a pattern that are worked through one by one


@dataclass(frozen=True)
class SymbolicCheck:
    """What was found about the pre-activations of one network."""

    network: str
    pairs: int  # pairs of a pre-activation and a pattern of the layers below that are covered
    polynomials: int  # polynomials that were looked at to cover them
    vanishing: int  # how many are identically zero
    with_own_bias: int  # how many are one times their own bias plus a polynomial without it
    affine_in_inputs: int  # how many have degree at most one in the inputs
    affine_in_layers: int  # how many have it in the parameters of each layer

    @property
    def graphs(self) -> bool:
        """Whether every pre-activation's zeros are the graph of its own bias."""
        return self.with_own_bias == self.polynomials

    @property
    def affine(self) -> bool:
        """Whether all are affine in the inputs, and in each layer's parameters."""
        return self.affine_in_inputs == self.affine_in_layers == self.polynomials


class _Algebra:
    """The ring of polynomials in a blueprint's parameters, inputs and, if asked, masks."""

    def __init__(self, net: Blueprint, masks: bool) -> None:
        sympy = import_sympy()
        parameters = sorted(set().union(*(net.parameters(k) for k in range(len(net.layers)))))
        inputs = [f"x{k}" for k in range(net.inputs)]
        self.masks = [
            [f"m{layer}_{unit}" for unit in range(len(units))] if masks else []
            for layer, units in enumerate(net.layers[:-1])
        ]
        names = [*parameters, *inputs, *itertools.chain(*self.masks)]
        self.ring, *symbols = sympy.ring(names, sympy.ZZ)
        self.symbol: dict[str, Any] = dict(zip(names, symbols, strict=True))
        self.place = {name: place for place, name in enumerate(names)}
        self.inputs = [self.symbol[name] for name in inputs]
        self.input_places = [self.place[name] for name in inputs]
        self.layer_places = [
            [self.place[name] for name in net.parameters(layer)] for layer in range(len(net.layers))
        ]

    def preactivation(self, unit: Unit, below: Sequence[Any]) -> Any:
        """Return a unit's polynomial, given those of the activations below."""
        bias = self.ring.zero if unit.bias is None else self.symbol[unit.bias]
        return sum((self.symbol[w] * below[k] for w, k in unit.terms if below[k]), bias)

    def answers(self, unit: Unit, polynomial: Any) -> tuple[bool, bool, bool, bool]:
        """Whether a pre-activation vanishes, is a graph, affine in inputs, affine in each layer."""
        monomials = list(polynomial.monoms())
        own = False
        if unit.bias is not None:
            holding = [monomial for monomial in monomials if monomial[self.place[unit.bias]]]
            own = polynomial.coeff(self.symbol[unit.bias]) == 1 and len(holding) == 1

        def affine_in(places: list[int]) -> bool:
            return all(sum(monomial[k] for k in places) <= 1 for monomial in monomials)

        layers = all(affine_in(places) for places in self.layer_places)
        return not monomials, own, affine_in(self.input_places), layers


def _checked(net: Blueprint, algebra: _Algebra, found: Iterator[_Found]) -> SymbolicCheck:
    answers = [algebra.answers(unit, polynomial) for unit, polynomial, _ in found]
    counts = [sum(column) for column in zip(*answers, strict=True)]
    return SymbolicCheck(net.name, net.pairs, len(answers), *counts)


def check_every_pattern(net: Blueprint) -> SymbolicCheck:
    """Check the pre-activations of a network on every activation pattern, one by one.

    Parameters
    ----------
    net : Blueprint
        A small network.

    Returns
    -------
    SymbolicCheck
        Counts over all pairs of a unit and a pattern of the layers below.

    Raises
    ------
    RegimeError
        If there are too many pairs, or sympy is not installed.
    """
    if net.pairs > _MOST:
        raise RegimeError(
            f"{net.name} has {net.pairs} pairs of a unit and a pattern, above {_MOST}; "
            "use check_with_masks, which covers all patterns at once"
        )
    algebra = _Algebra(net, masks=False)
    return _checked(net, algebra, _all_patterns(net, algebra))


def check_with_masks(net: Blueprint) -> SymbolicCheck:
    """Check the pre-activations of a network on all activation patterns at once.

    Every rectifier is a symbol. The coefficient of a unit's own bias is then a polynomial in these
    symbols, and if it is the number one it is so on every pattern; the same holds for degrees.
    """
    algebra = _Algebra(net, masks=True)
    return _checked(net, algebra, _with_masks(net, algebra))


def masks_agree(net: Blueprint) -> bool:
    """Tell whether the polynomials with masks become those of every pattern, one by one."""
    algebra = _Algebra(net, masks=True)
    general = [(layer, polynomial) for _, polynomial, layer in _with_masks(net, algebra)]
    for layer, units in enumerate(net.layers):
        mine = [polynomial for at, polynomial in general if at == layer]
        for pattern, polynomials in _layer_patterns(net, algebra, layer):
            names = list(itertools.chain(*algebra.masks[:layer]))
            values = [(algebra.symbol[n], int(on)) for n, on in zip(names, pattern, strict=True)]
            for unit in range(len(units)):
                put_in = mine[unit].evaluate(values) if values else mine[unit]
                plain = polynomials[unit].evaluate(values) if values else polynomials[unit]
                if put_in != plain:
                    return False
    return True


def vanishing_without_biases(sizes: Sequence[int]) -> int:
    """Return how many pairs of a unit and a pattern vanish in a network without biases.

    Exactly those vanish in which some hidden layer below is off altogether:

        sum over layers l of d_l (prod over m < l of 2^d_m - prod over m < l of (2^d_m - 1)).
    """
    total = 0
    for layer, units in enumerate(sizes[1:], start=1):
        below = sizes[1:layer]
        total += units * (prod(2**d for d in below) - prod(2**d - 1 for d in below))
    return total


def _all_patterns(net: Blueprint, algebra: _Algebra) -> Iterator[_Found]:
    for layer, units in enumerate(net.layers):
        for _, polynomials in _layer_patterns(net, algebra, layer):
            yield from ((u, p, layer) for u, p in zip(units, polynomials, strict=True))


def _layer_patterns(
    net: Blueprint, algebra: _Algebra, layer: int
) -> Iterator[tuple[tuple[int, ...], list[Any]]]:
    """Yield every pattern of the layers below one, with that layer's polynomials."""

    def descend(at: int, below: list[Any], pattern: tuple[int, ...]) -> Iterator[Any]:
        units = net.layers[at]
        z = [algebra.preactivation(unit, below) for unit in units]
        if at == layer:
            yield pattern, z
            return
        for on in itertools.product((0, 1), repeat=len(units)):
            passed = _passed_on(algebra, units, z, on, below)
            yield from descend(at + 1, passed, (*pattern, *on))

    yield from descend(0, algebra.inputs, ())


def _with_masks(net: Blueprint, algebra: _Algebra) -> Iterator[_Found]:
    below = algebra.inputs
    for layer, units in enumerate(net.layers):
        z = [algebra.preactivation(unit, below) for unit in units]
        yield from ((unit, polynomial, layer) for unit, polynomial in zip(units, z, strict=True))
        if layer < len(net.layers) - 1:
            on = [algebra.symbol[name] for name in algebra.masks[layer]]
            below = _passed_on(algebra, units, z, on, below)


def _passed_on(
    algebra: _Algebra, units: Sequence[Unit], z: list[Any], on: Sequence[Any], below: list[Any]
) -> list[Any]:
    """Return a layer's activations, with what skips around it."""
    passed = [
        value * mask if mask else algebra.ring.zero for value, mask in zip(z, on, strict=True)
    ]
    return [
        value if unit.skip is None else value + below[unit.skip]
        for value, unit in zip(passed, units, strict=True)
    ]


def import_sympy() -> Any:
    """Return sympy, which is slow to import and needed by symbolic checks only."""
    try:
        import sympy
    except ImportError:
        raise RegimeError(
            "a symbolic check needs sympy, which is not installed; "
            "install it with: pip install regime-lib[book]"
        ) from None
    return sympy
