"""Blueprints of small networks: which weight joins which units, by name, for algebra."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from regime_lib.errors import RegimeError


@dataclass(frozen=True)
class Unit:
    """One pre-activation: a sum of weights times activations below, plus a bias."""

    terms: tuple[tuple[str, int], ...]  # a weight's name, and the index of a unit below
    bias: str | None
    skip: int | None = None  # index of a unit below whose activation is added after the rectifier


@dataclass(frozen=True)
class Blueprint:
    """A network of rectifiers; the last layer holds the outputs and is affine."""

    name: str
    inputs: int
    layers: tuple[tuple[Unit, ...], ...]

    @property
    def hidden(self) -> int:
        """Number of rectifiers, so that there are ``2**hidden`` patterns."""
        return sum(len(layer) for layer in self.layers[:-1])

    @property
    def pairs(self) -> int:
        """Number of pre-activations times the patterns of the layers below each."""
        total, below = 0, 0
        for layer in self.layers:
            total += len(layer) << below
            below += len(layer)
        return total

    def parameters(self, layer: int) -> frozenset[str]:
        """Return the names of one layer's weights and biases."""
        units = self.layers[layer]
        weights = {name for unit in units for name, _ in unit.terms}
        return frozenset(weights | {unit.bias for unit in units if unit.bias is not None})


def dense(sizes: Sequence[int], *, bias: bool = True) -> Blueprint:
    """Return a fully connected network.

    Parameters
    ----------
    sizes : sequence of int
        Units of the input, of every hidden layer and of the output, such as ``(2, 3, 2)``.
    bias : bool
        Whether units have biases.

    Raises
    ------
    RegimeError
        If there are fewer than two sizes or one is not positive.
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise RegimeError(f"the sizes are {tuple(sizes)}; expected at least two, all above 0")
    layers = [
        _dense_layer(f"{number}", below, above, bias)
        for number, (below, above) in enumerate(pairwise(sizes), start=1)
    ]
    return Blueprint(_named("-".join(map(str, sizes)), bias), sizes[0], tuple(layers))


def tied(width: int, depth: int, *, bias: bool = True) -> Blueprint:
    """Return a fully connected network of equal layers that all share their weights and biases."""
    layers = (_dense_layer("0", width, width, bias),) * depth
    return Blueprint(_named(f"{width}x{depth} tied", bias), width, layers)


def residual(width: int, blocks: int, outputs: int, *, bias: bool = True) -> Blueprint:
    """Return a network whose blocks add their rectified layer to what comes in."""
    layers = []
    for number in range(1, blocks + 1):
        plain = _dense_layer(f"{number}", width, width, bias)
        layers.append(tuple(Unit(u.terms, u.bias, skip=k) for k, u in enumerate(plain)))
    layers.append(_dense_layer("out", width, outputs, bias))
    return Blueprint(_named(f"{width}x{blocks} residual", bias), width, tuple(layers))


def convolution(
    length: int, channels: Sequence[int], kernel: int, *, bias: bool = True
) -> Blueprint:
    """Return a convolutional network on a line of `length` places, with zero padding.

    Channels are those of the input and of every layer; the kernel's width is odd.
    """
    if kernel % 2 == 0:
        raise RegimeError(f"the kernel is {kernel} wide; expected an odd width, such as 3")
    layers = []
    for number, (below, above) in enumerate(pairwise(channels), start=1):
        units = []
        for out in range(above):
            for place in range(length):
                terms = tuple(
                    (f"w{number}_{out}_{into}_{offset}", into * length + place + offset - middle)
                    for middle in (kernel // 2,)
                    for into in range(below)
                    for offset in range(kernel)
                    if 0 <= place + offset - middle < length
                )
                units.append(Unit(terms, f"b{number}_{out}" if bias else None))
        layers.append(tuple(units))
    name = f"conv {'-'.join(map(str, channels))} on {length}, kernel {kernel}"
    return Blueprint(_named(name, bias), channels[0] * length, tuple(layers))


def _dense_layer(name: str, below: int, above: int, bias: bool) -> tuple[Unit, ...]:
    return tuple(
        Unit(
            tuple((f"w{name}_{row}_{column}", column) for column in range(below)),
            f"b{name}_{row}" if bias else None,
        )
        for row in range(above)
    )


def _named(name: str, bias: bool) -> str:
    return name if bias else f"{name}, no bias"
