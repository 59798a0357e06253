"""The parameters of chapter 50, and what all of its parts take from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from regime_lib.simulators.deep_linear.problem import LinearTask

Array = Float[np.ndarray, "..."]
#: Units of each layer of the network that several parts take.
WIDE = (3, 4, 4, 3)
#: What chains of numbers learn.
ONE = LinearTask.diagonal([1.0])


@dataclass(frozen=True)
class Settings:
    """The parameters of the chapter."""

    n_starts: int  # random initialisations of claims that count
    n_seeds: int  # runs behind every band
    width: int  # units of each hidden layer of networks that learn from small weights
    deepest: int  # deepest chains that are all classified
    sigma_1: float  # singular values of the target, the largest first
    sigma_2: float
    sigma_3: float
    initial_scale: float  # standard deviation of the small initial weights at depth three
    seed: int

    @property
    def sigma(self) -> tuple[float, float, float]:
        """The singular values of the target."""
        return self.sigma_1, self.sigma_2, self.sigma_3

    @property
    def task(self) -> LinearTask:
        """White inputs and a diagonal target."""
        return LinearTask.diagonal(self.sigma)

    @property
    def scales(self) -> dict[int, float]:
        """Standard deviation of the small initial weights, by depth."""
        return {
            1: self.initial_scale,
            2: max(self.initial_scale**3, 1e-6),
            3: self.initial_scale,
        }

    def sizes(self, depth: int) -> tuple[int, ...]:
        """Return the units of each layer of a network that learns from small weights."""
        ends = len(self.sigma)
        return (ends, *[self.width] * (depth - 1), ends)

    def generator(self, section: int) -> np.random.Generator:
        """Return the random numbers of one section, whatever the others drew."""
        return np.random.default_rng([self.seed, section])


def farthest_from_one(ratios: Float[np.ndarray, " ratios"]) -> float:
    """Return the ratio that differs most from one."""
    return float(ratios[abs(ratios - 1).argmax()])
