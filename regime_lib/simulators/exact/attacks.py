"""Attacks on proven radii in exact arithmetic: no flip can be blamed on rounding."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from regime_lib.simulators.exact.networks import Exact, ExactNetwork

_BELOW = Fraction(9999, 10000)
_HALVINGS = 10


@dataclass(frozen=True)
class ExactAttacks:
    """What attacks on one input of an exact network achieved."""

    attempts: int  # attacks at 0.9999 of the radius
    flips: int  # how many of them changed the pattern
    ratio: float  # radius over the smallest movement found to change the pattern; 0 if none was


def attack_exactly(
    net: ExactNetwork,
    x: npt.ArrayLike,
    radius: Fraction,
    random: np.random.Generator,
    n_random: int = 20,
) -> ExactAttacks:
    """Attack a proven radius in random directions and against every unit."""
    before = net.pattern(x)
    parts = [part for pair in zip(net.weights, net.biases, strict=True) for part in pair]
    chance: list[list[Exact]] = [
        [(random.integers(2, size=p.shape) * 2 - 1).astype(object) for p in parts]
        for _ in range(n_random)
    ]
    aimed = [
        net.worst_direction(x, layer, unit)
        for layer, biases in enumerate(net.biases)
        for unit in range(len(biases))
    ]

    def flipped(direction: list[Exact], size: Fraction) -> bool:
        return net.moved(direction, size).pattern(x) != before

    flips = sum(flipped(direction, radius * _BELOW) for direction in chance + aimed)
    smallest = Fraction(0)
    for direction in aimed:
        high = smallest or 64 * radius
        if not flipped(direction, high):
            continue
        low = radius
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (low, middle) if flipped(direction, middle) else (middle, high)
        smallest = high
    return ExactAttacks(
        len(chance) + len(aimed), flips, float(radius / smallest) if smallest else 0.0
    )
