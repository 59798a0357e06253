"""Checks of the exercises of the chapter on tracking the convolutional network."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Int

from regime_lib.chapters.checking import checks, hint
from regime_lib.instrument.tracking.quantities.oui import draw_pairs

Life = Bool[np.ndarray, "steps bits"]
Counts = Int[np.ndarray, "steps samples"]
Patterns = Bool[np.ndarray, "samples units"]
Pairs = Int[np.ndarray, "2 pairs"]


@checks
def unseen_changes(solution: Callable[[Counts, int], float]) -> None:
    """Check a function that returns in which share of the steps a small probe sees no change."""
    flips = np.array([[0, 0, 2], [0, 1, 0], [3, 0, 0], [0, 0, 0]])
    if solution(flips, 3) != 0.25:
        hint(
            "With the whole probe only the last step of [[0,0,2],[0,1,0],[3,0,0],[0,0,0]] shows no "
            "flip: a share of 1/4."
        )
    if solution(flips, 1) != 0.75:
        hint("A probe of one image is the first column: three of the four steps show no flip.")
    random = np.random.default_rng(0)
    large = random.poisson(0.02, (500, 64))
    shares = [solution(large, n) for n in (1, 8, 64)]
    truth = [float((large[:, :n].sum(axis=1) == 0).mean()) for n in (1, 8, 64)]
    if not np.allclose(shares, truth):
        hint("Count a step as unseen if none of the first n images shows a flip.")


@checks
def flips_per_net_flip(solution: Callable[[Life], float]) -> None:
    """Check a function that counts flips for every bit that finally differs."""
    once = np.array([[False, True], [False, True], [True, True]])
    if solution(once) != 1:
        hint("A single bit that flips once and stays: one flip for one net flip, a ratio of 1.")
    blinking = np.array([[0, 0], [1, 0], [0, 0], [1, 1]], dtype=bool)
    found = solution(blinking)
    if found != 2:
        hint(
            "The first bit flips three times, the second once, and both differ in the end: 4 / 2 = "
            f"2, and your function says {found:.3g}."
        )
    random = np.random.default_rng(1)
    for _ in range(20):
        life = random.random((12, 30)) < 0.5
        flips = sum(int((a != b).sum()) for a, b in pairwise(life))
        net = int((life[0] != life[-1]).sum())
        if not np.isclose(solution(life), flips / net):
            hint("Divide all flips by the bits in which the first and the last pattern differ.")


@checks
def indicator(solution: Callable[[Patterns, Pairs], float]) -> None:
    """Check a function that computes the overfitting-underfitting indicator of one layer."""
    opposite = np.array([[True] * 6, [False] * 6])
    pair = np.array([[0], [1]])
    if solution(opposite, pair) != 1:
        hint(
            "Two opposite patterns differ in all 6 units; cut off at 3 and divided by 3 that is 1."
        )
    third = opposite.copy()
    third[1, :4] = True
    found = solution(third, pair)
    if not np.isclose(found, 2 / 3):
        hint(
            f"Two patterns that differ in 2 of 6 units have 2 / 3, your function says {found:.3g}: "
            "divide by half of the units."
        )
    odd = np.array([[True] * 5, [False] * 2 + [True] * 3])
    if solution(odd, pair) != 1:
        hint("Half of 5 units counts as 2: round down, then 2 differing units give 1.")
    random = np.random.default_rng(2)
    patterns = random.random((20, 33)) < 0.3
    pairs = draw_pairs(20, 15, 0)
    cut = [min(int((patterns[a] != patterns[b]).sum()), 16) / 16 for a, b in pairs.T]
    if not np.isclose(solution(patterns, pairs), np.mean(cut)):
        hint("Cut off each pair before you take the mean over pairs.")
