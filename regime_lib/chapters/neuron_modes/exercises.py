"""Checks of the exercises of the chapter on neuron modes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, pairwise

import numpy as np
from jaxtyping import Float

from regime_lib.chapters.checking import checks, hint

Values = Float[np.ndarray, " samples"]
Matrices = list[np.ndarray]


@checks
def agreement(solution: Callable[[Values, Values], float]) -> None:
    """Check a function that returns the share of concordant pairs of samples."""
    h = np.array([0.3, -1.0, 2.0, 0.9])
    if not np.isclose(solution(h, np.tanh(h)), 1):
        hint("A monotone activation keeps every pair: 1.")
    if not np.isclose(solution(h, -h), 0):
        hint("An order turned round keeps no pair: 0.")
    if not np.isclose(solution(np.array([-2.0, -1.0, 1.0]), np.array([0.0, 0.0, 1.0])), 5 / 6):
        hint("A ReLU ties -2 and -1: that pair counts one half, so that three pairs give 2.5 of 3.")
    if not np.isclose(solution(np.array([1.0, 1.0, 2.0]), np.array([0.0, 1.0, 3.0])), 1):
        hint("Two samples with equal pre-activations have no order to keep; leave that pair out.")
    random = np.random.default_rng(0)
    for _ in range(20):
        before, after = random.integers(-3, 4, (2, 12)).astype(float)
        pairs = [
            (b - a, d - c)
            for (a, c), (b, d) in combinations(zip(before, after, strict=True), 2)
            if a != b
        ]
        truth = np.mean([0.5 if y == 0 else float(x * y > 0) for x, y in pairs])
        if not np.isclose(solution(before, after), truth):
            hint("On sequences with ties your function disagrees with a loop over pairs.")


@checks
def fold(solution: Callable[[Values], tuple[Values, Values]]) -> None:
    """Check two monotone neurons whose sum is not monotone."""
    h = np.linspace(-3, 3, 601)
    one, two = (np.asarray(part, dtype=float) for part in solution(h))
    if not one.shape == two.shape == h.shape:
        hint("Return two arrays, an output for each input each.")
    for part in (one, two):
        if not (np.abs(part).max() <= 1 and np.ptp(part) > 0):
            hint("Each neuron is a single tanh of a line: its outputs lie between -1 and 1.")
    if not (np.diff(one) >= 0).all():
        hint("The first neuron must rise everywhere: choose a > 0.")
    if not (np.diff(two) <= 0).all():
        hint("The second neuron must fall everywhere: choose c < 0.")
    for part in (one, two):
        line = np.arctanh(np.clip(part, -1 + 1e-9, 1 - 1e-9))
        middle = np.abs(part) < 0.999
        if not np.allclose(np.diff(line[middle], n=2), 0, atol=1e-6):
            hint("A neuron is tanh of a straight line; yours bends before the tanh.")
    steps = np.diff(one + two)
    if not (steps.max() > 1e-3 and steps.min() < -1e-3):
        hint(
            "The sum is still monotone: let one neuron rise on the left and the other fall on the "
            "right."
        )


@checks
def linear_map(solution: Callable[[Matrices, Matrices, Matrices], np.ndarray]) -> None:
    """Check the product of weights and batch-normalisation factors above the first layer."""
    random = np.random.default_rng(1)
    for sizes in ((3, 5, 2), (4, 6, 5, 3), (2, 3, 4, 3, 2)):
        weights = [random.standard_normal((b, a)) for a, b in pairwise(sizes)]
        gammas = [random.uniform(0.5, 2, len(w)) for w in weights[:-1]]
        sigmas = [random.uniform(0.5, 2, len(w)) for w in weights[:-1]]
        found = np.asarray(solution(weights, gammas, sigmas))
        shape = (sizes[-1], sizes[1])
        if found.shape != shape:
            hint(
                f"For layers {sizes} the map goes from {sizes[1]} units to {sizes[-1]} logits, so "
                f"M has shape {shape}; yours has {found.shape}."
            )
        x = random.standard_normal(sizes[1])
        bare, scaled = x, x
        for number in range(1, len(weights)):
            bare, scaled = weights[number] @ bare, weights[number] @ scaled
            if number < len(gammas):
                scaled = gammas[number] / sigmas[number] * scaled
        if len(weights) > 2 and np.allclose(found @ x, bare):
            hint("You left out batch normalisation: its factor gamma / sigma belongs to the map.")
        if not np.allclose(found @ x, scaled):
            hint(
                "Sent through the layers one by one, a vector ends elsewhere. Each factor follows "
                "its own weights, and that of the first layer lies below the map."
            )


@checks
def steepest(solution: Callable[[float], float]) -> None:
    """Check the slope of the rank density if every class stood at the very top."""
    bins = 20_000
    q = (np.arange(bins) + 0.5) / bins
    for share in (0.5, 0.1, 0.25):
        density = np.where(q > 1 - share, 1 / share, 0.0)
        truth = float(np.polyfit(q, density, 1)[0])
        found = float(solution(share))
        if not abs(found - truth) < 0.01 * abs(truth) + 1e-3:
            hint(
                f"For a share of {share} a fit of the density gives {truth:.3f}, your function "
                f"says {found:.3f}. The slope is 12 times the covariance of q and the density."
            )
