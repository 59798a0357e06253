"""Checks of the exercises of the chapter on frozen patterns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float

from regime_lib.chapters.checking import checks, hint

Array = Float[np.ndarray, "..."]


@checks
def masked(
    solution: Callable[[Array, Bool[np.ndarray, "samples units"], Array, Array], Array],
) -> None:
    """Check the output of a network with one hidden layer and given gates."""
    random = np.random.default_rng(0)
    x, w, v = random.normal(size=(6, 3)), random.normal(size=(3, 5)), random.normal(size=(5, 2))
    gates = random.random((6, 5)) < 0.5
    found = np.asarray(solution(x, gates, w, v))
    if found.shape != (6, 2):
        hint("Return one row for each sample and one column for each output.")
    if np.allclose(found, np.maximum(x @ w, 0) @ v):
        hint("That is the network that decides for itself; here the gates are given.")
    if not np.allclose(found, ((x @ w) * gates) @ v):
        hint("A unit whose gate is open hands on what it has, also if that is negative.")
    if not np.allclose(solution(x, gates, 2 * w, 3 * v), 6 * found):
        hint("With given gates the output is linear in each of the two matrices.")


@checks
def paths(solution: Callable[[int, int, int], tuple[int, int]]) -> None:
    """Check the numbers of parameters of a head and of its path form."""
    for d, h, c in ((64, 16, 10), (784, 128, 10), (3, 1, 2)):
        factors, free = solution(d, h, c)
        if factors != (d + 1) * h + (h + 1) * c:
            hint("The head has a matrix and a bias in each of its two layers.")
        if free == d * h * c:
            hint("Biases begin paths, too: one at each hidden unit, and one at each output.")
        if free != ((d + 1) * h + 1) * c:
            hint("Each output has a path from every input, or bias, through every hidden unit.")


@checks
def free_step(solution: Callable[[Array, Array, float], float]) -> None:
    """Check the first share from which freezing costs less than a limit."""
    shares = np.array([0.0, 0.1, 0.25, 0.5])
    if solution(shares, np.array([2.0, 0.4, 0.1, 0.0]), 0.5) != 0.1:
        hint("With costs 2, 0.4, 0.1 and 0 freezing is free (below 0.5) from 0.1 on.")
    if solution(shares, np.array([2.0, 0.4, 0.7, 0.0]), 0.5) != 0.5:
        hint("0.4 at one share does not count if a later share costs 0.7: all later ones must too.")
    if solution(shares, np.array([0.1, 0.2, 0.3, 0.0]), 0.5) != 0.0:
        hint("Where freezing costs little from the start on, the share is 0.")
    if solution(shares, np.array([2.0, 2.0, 2.0, 1.0]), 0.5) != 1.0:
        hint("Where it is free at none of them, it is free at the end, which freezes nothing: 1.")


@checks
def saving(solution: Callable[[float, float], float]) -> None:
    """Check the most that can be gained where only a share of the time is spared."""
    if np.isclose(solution(0.1, 0.0), 10):
        hint("The spared share is 0.1; what is left is 0.9 of the time.")
    if not np.isclose(solution(0.1, 0.0), 1 / 0.9):
        hint("If a tenth of the time is spared for nothing in return, 0.9 of it is left.")
    if not np.isclose(solution(0.0, 0.5), 1 / 1.5):
        hint("What is paid, such as unpacking stored bits, is added to what is left.")
    if not np.isclose(solution(0.48, 0.0), 1 / 0.52):
        hint("The speed-up is the old time over the new one.")
