"""ReLU networks in exact rational arithmetic: patterns, and radii that are proven, not rounded.

Floating-point numbers are rational, so that a trained network is one as well. The bound on how far
pre-activations move is the one of `regime_lib.certify`, written a second time and independently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from regime_lib.errors import RegimeError
from regime_lib.simulators.exact.rational import exact

Exact = npt.NDArray[np.object_]
Pattern = tuple[tuple[bool, ...], ...]


@dataclass(frozen=True, eq=False)
class ExactNetwork:
    """A fully connected ReLU network with rational weights; only its hidden layers."""

    weights: tuple[Exact, ...]  # of every hidden layer, of shapes (units, units below)
    biases: tuple[Exact, ...]  # of shapes (units,)

    @classmethod
    def of(cls, weights: Sequence[npt.ArrayLike], biases: Sequence[npt.ArrayLike]) -> ExactNetwork:
        """Take over floating-point or rational parameters without any rounding."""
        rows = tuple(exact(weight) for weight in weights)
        shifts = tuple(exact(bias) for bias in biases)
        widths = [weight.shape[0] for weight in rows]
        if (
            not rows
            or [len(bias) for bias in shifts] != widths
            or [weight.shape[1] for weight in rows[1:]] != widths[:-1]
        ):
            raise RegimeError(
                "the shapes of weights and biases do not fit; expected (units, units below) and "
                "(units,) for every hidden layer"
            )
        return cls(rows, shifts)

    @property
    def parameters(self) -> int:
        """Number of weights and biases."""
        return sum(w.size + b.size for w, b in zip(self.weights, self.biases, strict=True))

    def preactivations(self, x: npt.ArrayLike) -> list[Exact]:
        """Return every layer's pre-activations, exactly."""
        activation, found = exact(x), []
        for weight, bias in zip(self.weights, self.biases, strict=True):
            found.append(weight @ activation + bias)
            activation = _passed(found[-1], found[-1])
        return found

    def pattern(self, x: npt.ArrayLike) -> Pattern:
        """Return which units are on."""
        return tuple(tuple(bool(z > 0) for z in layer) for layer in self.preactivations(x))

    def keeps(self, x: npt.ArrayLike, delta: Fraction) -> bool:
        """Prove, or fail to prove, that no movement up to `delta` changes the pattern of `x`."""
        activation = exact(x)
        moved = activation * 0
        for weight, z in zip(self.weights, self.preactivations(x), strict=True):
            own = delta * (sum(abs(activation)) + sum(moved) + 1)
            reach = abs(weight) @ moved + own
            if not all(reach < abs(z)):
                return False
            moved = _passed(z, reach)
            activation = _passed(z, z)
        return True

    def radius(self, x: npt.ArrayLike, bits: int = 30) -> Fraction:
        """Return the largest movement that `keeps` proves, from below, by halving a bracket."""
        margin = Fraction(min(abs(z) for layer in self.preactivations(x) for z in layer))
        if margin == 0:
            return Fraction(0)
        high = margin
        while not self.keeps(x, high / 2):
            high /= 2
        low = high / 2
        for _ in range(bits):
            middle = (low + high) / 2
            low, high = (middle, high) if self.keeps(x, middle) else (low, middle)
        return low

    def moved(self, direction: Sequence[npt.ArrayLike], size: Fraction) -> ExactNetwork:
        """Return the network with `size` times a direction added: weights and biases in turn."""
        steps = [size * exact(part) for part in direction]
        return ExactNetwork(
            tuple(w + s for w, s in zip(self.weights, steps[0::2], strict=True)),
            tuple(b + s for b, s in zip(self.biases, steps[1::2], strict=True)),
        )

    def worst_direction(self, x: npt.ArrayLike, layer: int, unit: int) -> list[Exact]:
        """Return the signs of all parameters that push one pre-activation towards zero fastest.

        These are the signs of its gradient, from the chain rule on the pattern of `x`.
        """
        z = self.preactivations(x)
        inputs = [exact(x), *(_passed(v, v) for v in z[:-1])]
        slope = np.array([Fraction(k == unit) for k in range(len(z[layer]))], dtype=object)
        parts: dict[int, tuple[Exact, Exact]] = {}
        for at in range(layer, -1, -1):
            parts[at] = (np.outer(slope, inputs[at]), slope)
            if at:
                slope = _passed(z[at - 1], slope @ self.weights[at])
        towards = -np.sign(z[layer])[unit]
        found: list[Exact] = []
        for at, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            parts_here = parts.get(at, (weight * 0, bias * 0))
            found += [towards * np.sign(part) for part in parts_here]
        return found


def _passed(z: Exact, values: Exact) -> Exact:
    """Return the values where the unit is on, 0 elsewhere."""
    return np.where(z > 0, values, values * 0)
