"""Checks of the exercises of the chapter on attraction basins."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from regime_lib.chapters.checking import checks, hint

Accuracy = Callable[[float], float]
Weights = Float[np.ndarray, "outputs inputs"]
Input = Float[np.ndarray, " inputs"]


@checks
def half_level(solution: Callable[[Accuracy, float, float], float | None]) -> None:
    """Check a function that finds where an accuracy falls through one half."""
    for root in (0.013, 0.4, 7.0, 88.0):
        calls: list[float] = []

        def accuracy(level: float, root: float = root, calls: list[float] = calls) -> float:
            calls.append(level)
            return 1 / (1 + (level / root) ** 3)

        found = solution(accuracy, 1e-2, 1e2)
        if found is None:
            hint(f"The fall at {root} lies between the ends; you return None.")
        if len(calls) > 30:
            hint(f"You asked for {len(calls)} accuracies; halving the interval needs at most 30.")
        if not abs(math.log(float(found) / root)) < 0.0101:
            hint(
                f"The fall is at {root}, you found {found}: halve the interval in the logarithm of "
                "the level until its ends are one per cent apart."
            )
    for constant in (0.2, 0.9):

        def flat(level: float, constant: float = constant) -> float:
            return constant

        if solution(flat, 1e-2, 1e2) is not None:
            hint(f"An accuracy of {constant} everywhere has no fall between the ends: return None.")


@checks
def linear_basin(solution: Callable[[float, float, float], float]) -> None:
    """Check the noise at which a linear classifier of two classes falls to a level."""
    random = np.random.default_rng(0)
    noise = random.standard_normal((50_000, 3))
    weights = np.array([1.0, -2.0, 0.5])
    norm = float(np.linalg.norm(weights))
    for margin, level in ((1.0, 0.75), (3.0, 0.9), (0.4, 0.6)):
        found = float(solution(margin, norm, level))
        if not (np.isfinite(found) and found > 0):
            hint(f"At a level of {level} it is a positive number.")
        right = float((margin + found * (noise @ weights) > 0).mean())
        if not abs(right - level) < 0.01:
            hint(
                f"With your noise of {found:.3g} a simulation is right in {right:.3f} of draws and "
                f"not in {level}. The noisy margin is Gaussian; its deviation is the amplitude "
                "times the norm of the weights."
            )
    for level in (0.5, 0.3):
        if not math.isinf(solution(1.0, norm, level)):
            hint(
                f"Noise is as often for as against: the accuracy never falls to {level}, so the "
                "basin is infinite."
            )


@checks
def output_noise(solution: Callable[[Weights, Input, float], float]) -> None:
    """Check the deviation of an output of a layer whose weights are disturbed."""
    random = np.random.default_rng(1)
    for inputs in (20, 80, 320):
        bound = 1 / np.sqrt(inputs)
        weights = random.uniform(-bound, bound, (8, inputs))
        x = random.standard_normal(inputs)
        g = 0.7
        noise = g * weights.std() * random.standard_normal((8_000, inputs))
        truth = float((noise @ x).std())
        found = float(solution(weights, x, g))
        if not abs(found / truth - 1) < 0.05:
            hint(
                f"With {inputs} inputs a simulation gives {truth:.3f}, your function {found:.3f}. "
                "Variances of independent terms add: each weight's noise is multiplied by its "
                "input."
            )
