"""Checks of the exercises of the chapter on the edge of stability."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float

from regime_lib.chapters.checking import checks, hint

Patterns = Bool[np.ndarray, "steps bits"]
Matrix = Float[np.ndarray, "n n"]
Vector = Float[np.ndarray, " n"]


@checks
def two_step_ratio(solution: Callable[[Patterns], float]) -> None:
    """Check a function that returns flips of single steps over flips of pairs of steps."""
    drift = np.arange(5)[:, None] > np.arange(6)[None, :]
    if not np.isclose(solution(drift), 1.0):
        hint("Bits that flip once and for good have a ratio of 1.")
    blinking = np.zeros((5, 4), bool)
    blinking[1::2, :3] = True  # back and forth
    blinking[2:, 3] = True  # once
    if not np.isclose(solution(blinking), 13.0):
        hint(
            "Three bits that flip back and forth in four steps, and one that flips once: 13 flips, "
            "and one bit that differs between the ends of its pair of steps. Sum over pairs before "
            "you divide, and let pairs not overlap."
        )
    random = np.random.default_rng(0).random((41, 50)) < 0.5
    flips = (random[1:] != random[:-1]).sum()
    if not np.isclose(solution(random), flips / (random[2::2] != random[:-2:2]).sum()):
        hint("Take the pairs of steps 0 to 2, 2 to 4, and so on; count the flips of all steps.")


@checks
def ratio_of_sharpness(solution: Callable[[float], float]) -> None:
    """Check the ratio that a direction on a quadratic has, by sharpness over threshold."""
    for share in (0.1, 0.4, 0.5, 0.6, 0.75, 0.8, 0.9, 0.99):
        units = np.linspace(-2, 2, 400_001)
        places = (1 - 2 * share) ** np.arange(3)
        on = units[:, None] < places
        flips = (on[:, 1] != on[:, 0]).sum() + (on[:, 2] != on[:, 1]).sum()
        counted = flips / (on[:, 2] != on[:, 0]).sum()
        found = solution(share)
        if not np.isclose(found, counted, rtol=1e-2):
            jumps = "jumps over the bottom" if share > 0.5 else "stays on its side of the bottom"
            hint(
                f"At {share:g} of the threshold the weight {jumps}, and counted units give "
                f"{counted:.2f}; your function says {found:.2f}. A step multiplies the distance by "
                "1 - s, where s is twice the share."
            )


@checks
def largest_eigenvalue(solution: Callable[[Callable[[Vector], Vector], int], float]) -> None:
    """Check a function that finds the largest eigenvalue from products with the matrix alone."""
    random = np.random.default_rng(1)
    for spectrum in ((5.0, 3.0, 1.0, 0.1), (2.0, 1.9, 0.5, 0.2), (1.0, 0.5, -0.3, -3.0)):
        basis, _ = np.linalg.qr(random.standard_normal((4, 4)))
        matrix = basis @ np.diag(spectrum) @ basis.T
        calls = [0]

        def multiply(vector: Vector, matrix: Matrix = matrix, calls: list[int] = calls) -> Vector:
            calls[0] += 1
            return np.asarray(matrix @ vector)

        found = solution(multiply, 4)
        if calls[0] == 0:
            hint("Call multiply: the matrix itself is not given.")
        if calls[0] > 1000:
            hint(f"{calls[0]} products are many: a thousand must do.")
        if np.isclose(found, min(spectrum), rtol=1e-3) and min(spectrum) < 0:
            hint(
                "With curvatures of -3 and 1 your function finds the one that is largest in "
                "size. Asked for is the largest: shift the matrix, or use Lanczos."
            )
        if not np.isclose(found, max(spectrum), rtol=1e-3):
            hint(f"A matrix with the eigenvalues {spectrum} gave {found:.4f}.")


@checks
def momentum_threshold(solution: Callable[[float, float], float]) -> None:
    """Check the curvature up to which heavy-ball momentum is stable."""
    for rate, beta in ((0.1, 0.0), (0.1, 0.9), (2.0, 0.5)):
        found = solution(rate, beta)
        for share, stable in ((0.98, True), (1.02, False)):
            place, before = 1.0, 1.0
            for _ in range(3000):
                step = beta * (place - before) - rate * share * found * place
                place, before = place + step, place
                if not abs(place) < 1e6:
                    break
            if (abs(place) < 1e3) is not stable:
                word = "dies out" if abs(place) < 1e3 else "grows without bound"
                hint(
                    f"With rate {rate:g} and momentum {beta:g}, at {share:g} of your threshold "
                    f"{found:.3g}, the oscillation {word}. At the threshold the weight jumps from "
                    "x to -x: put that into the rule."
                )
