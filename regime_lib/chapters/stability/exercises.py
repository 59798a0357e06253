"""Checks of the exercises of the chapter on why a regime is stable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise, product

import numpy as np
from jaxtyping import Float

from regime_lib.chapters.checking import checks, hint

Weights = Float[np.ndarray, "_ _"]
Vector = Float[np.ndarray, " _"]


@checks
def first_layer_radius(solution: Callable[[Weights, Vector, Vector], float]) -> None:
    """Check a function that returns the largest safe movement of one layer's parameters."""
    random = np.random.default_rng(0)
    for units, inputs in ((1, 1), (3, 2), (20, 8)):
        weight, bias = random.standard_normal((units, inputs)), random.standard_normal(units)
        x = random.standard_normal(inputs)
        found = solution(weight, bias, x)
        z = weight @ x + bias
        if not (np.isfinite(found) and found > 0):
            hint(f"Return a positive number; for z = {np.round(z[:3], 2)} you return {found}.")
        if _flips(weight, bias, x, 0.999 * found):
            hint(f"A movement just below your radius already flips a unit. {_cause(z, x, found)}")
        if not _flips(weight, bias, x, 1.001 * found):
            hint(
                "No movement just above your radius flips any unit: it could be larger. The unit "
                "that is nearest to its own limit decides."
            )


@checks
def dead_pairs(solution: Callable[[Sequence[int]], int]) -> None:
    """Check a function that counts the pre-activations that vanish without biases."""
    for sizes in ((2, 3, 2), (2, 2, 2, 2), (2, 3, 3, 2), (1, 2, 1, 3, 2)):
        truth = _counted(sizes)
        found = solution(sizes)
        if found == 0 and truth != 0:
            hint("Some vanish: a unit whose whole layer below is off receives nothing.")
        if found != truth:
            hint(
                f"For sizes {sizes} a count of all patterns finds {truth}, your function {found}. "
                "A layer passes nothing on as soon as any hidden layer below it is off altogether."
            )


@checks
def first_flip(solution: Callable[[Vector, Vector], float]) -> None:
    """Check a function that returns where on a segment the first unit flips."""
    random = np.random.default_rng(1)
    if not np.isinf(solution(np.array([1.0, -2.0]), np.array([3.0, -0.5]))):
        hint("Where no sign changes, nothing flips: return np.inf.")
    for _ in range(20):
        before, after = random.standard_normal(6), random.standard_normal(6)
        after[0] = -before[0]
        found = solution(before, after)
        if not 0 < found < 1:
            hint(f"The first flip lies between 0 and 1; you return {found}.")
        for share, same in ((found - 1e-9, True), (found + 1e-9, False)):
            at = before + share * (after - before)
            if bool(((at > 0) == (before > 0)).all()) != same:
                wrong = "a unit has flipped already" if same else "no unit has flipped yet"
                hint(
                    f"At {found:.3f} of the way {wrong}. Each pre-activation moves on a straight "
                    "line from before to after: find where each crosses zero, and take the "
                    "earliest."
                )


@checks
def local_map(
    solution: Callable[[Sequence[Weights], Sequence[Vector], Vector], tuple[Weights, Vector]],
) -> None:
    """Check a function that returns the affine map of a network around an input."""
    random = np.random.default_rng(2)
    for sizes in ((2, 3, 1), (4, 8, 8, 3), (3, 6, 6, 6, 2)):
        weights = [random.standard_normal((b, a)) for a, b in pairwise(sizes)]
        biases = [random.standard_normal(b) for b in sizes[1:]]
        x = random.standard_normal(sizes[0])
        slope, shift = solution(weights, biases, x)
        if not (np.shape(slope) == (sizes[-1], sizes[0]) and np.shape(shift) == (sizes[-1],)):
            hint(f"Return a matrix of shape {(sizes[-1], sizes[0])} and a vector of {sizes[-1]}.")
        if not np.allclose(slope @ x + shift, _run(weights, biases, x)):
            hint(
                "At the input itself your map differs from the network. Multiply the weights, but "
                "set the rows of units that are off to zero, biases as well."
            )
        near = x + 1e-6 * random.standard_normal(sizes[0])
        if not np.allclose(slope @ near + shift, _run(weights, biases, near), rtol=0, atol=1e-9):
            hint(
                "At the input it is right, a little beside it is not: the slope is missing, or the "
                "last layer was rectified."
            )


def _cause(z: Vector, x: Vector, found: float) -> str:
    """Name the mistake that leads to a radius that is too large."""
    sizes = np.abs(x)
    if np.isclose(found, np.abs(z).min() / sizes.sum()):
        return "Every unit has a bias, which moves too."
    for norm, name in ((sizes.max(), "largest entry"), (np.linalg.norm(x), "Euclidean norm")):
        if np.isclose(found, np.abs(z).min() / (norm + 1)):
            return f"All weights move at once, so the sum of |x| counts, not its {name}."
    return (
        f"The unit nearest to its limit has |z| = {np.abs(z).min():.3g}, and by moving all of its "
        "parameters by one it moves by the sum of |x| and one more for the bias."
    )


def _flips(weight: Weights, bias: Vector, x: Vector, size: float) -> bool:
    """Move every unit's own parameters by the worst signs."""
    z = weight @ x + bias
    moved = z - np.sign(z) * size * (np.abs(x).sum() + 1)
    return bool((np.sign(moved) != np.sign(z)).any())


def _counted(sizes: Sequence[int]) -> int:
    total = 0
    for layer, units in enumerate(sizes[1:], start=1):
        hidden = sizes[1:layer]
        for bits in product((0, 1), repeat=sum(hidden)):
            borders = np.cumsum([0, *hidden])
            dead = any(not any(bits[a:b]) for a, b in pairwise(borders))
            total += units * dead
    return total


def _run(weights: Sequence[Weights], biases: Sequence[Vector], x: Vector) -> Vector:
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        x = np.maximum(weight @ x + bias, 0)
    return weights[-1] @ x + biases[-1]
