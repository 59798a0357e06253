"""Checks of the exercises of the chapter on deep linear networks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from regime_lib.chapters.checking import checks, hint
from regime_lib.simulators.deep_linear.adjacency import adjacency as true_adjacency
from regime_lib.simulators.deep_linear.coefficient import exact_coefficient
from regime_lib.simulators.deep_linear.flow import gradient_descent, gradient_flow
from regime_lib.simulators.deep_linear.initialisation import balanced_init, chain, random_init
from regime_lib.simulators.deep_linear.problem import Layers, LinearTask

Square = Float[np.ndarray, "units units"]


@checks
def adjacency(solution: Callable[[Layers], Square]) -> None:
    """Check a function that writes the layers of a network into its adjacency matrix."""
    for sizes in ((1, 1), (2, 2, 2), (3, 4, 2, 3), (2, 1, 5)):
        layers = random_init(sizes, 1.0, np.random.default_rng(0))
        found = np.asarray(solution(layers), dtype=float)
        if found.shape != (sum(sizes),) * 2:
            hint(
                f"A network of sizes {sizes} has {sum(sizes)} units, so the matrix is {sum(sizes)} "
                f"× {sum(sizes)}; yours has shape {found.shape}."
            )
        truth = true_adjacency(layers)
        if np.allclose(found, truth.T) and not np.allclose(truth, truth.T):
            hint("This is the transpose: row i, column j holds the weight from unit j to unit i.")
        if not np.allclose(found, truth):
            hint("Block (i, i-1), one below the diagonal, is W_i; every other block is zero.")


@checks
def critical_losses(solution: Callable[[Sequence[float], int], Sequence[float]]) -> None:
    """Check a function that lists the critical values of a network of limited width."""
    for values, width in (((3.0, 2.0, 1.0), 3), ((4.0, 2.0, 1.0), 2), ((2.0,), 1)):
        truth = [
            0.5 * sum(v**2 for v in rest)
            for count in range(max(len(values) - width, 0), len(values) + 1)
            for rest in itertools.combinations(values, count)
        ]
        found = sorted(float(loss) for loss in solution(values, width))
        if np.isclose(found[-1], sum(v**2 for v in values)):
            hint("The loss is half the squared distance: do not forget the half.")
        if not len(found) >= len(truth):
            hint(
                f"For σ = {values} and width {width} there are {len(truth)} sets of learnt values, "
                f"you return {len(found)}: any set may be learnt, not only the largest ones."
            )
        if not (len(found) == len(truth) and np.allclose(found, sorted(truth))):
            hint(
                f"For σ = {values} and width {width} the lowest value is {min(truth):g}: a narrow "
                "layer lets no more than its width through."
            )


@checks
def half_time(solution: Callable[[float, float], float]) -> None:
    """Check a function that says when a balanced network of depth two has learnt half of σ."""
    for sigma, start in ((2.0, 0.01), (1.0, 0.001), (3.0, 0.5)):
        weight = chain(start, 2)
        layers = tuple(np.array([[w]]) for w in weight)
        times = np.linspace(0, 8, 1601)
        flow = gradient_flow(layers, LinearTask.diagonal([sigma]), times)
        truth = float(np.interp(sigma / 2, flow.products.ravel(), times))
        found = solution(sigma, start)
        if np.isclose(found, 2 * truth, rtol=1e-3):
            hint("Twice too late: both layers grow, so the rate is 2σ and not σ.")
        if not np.isclose(found, truth, rtol=1e-3):
            hint(
                f"For σ = {sigma:g} and s₀ = {start:g} a simulation reaches σ/2 at {truth:.3f}, "
                f"your formula says {found:.3f}. Solve s(t) = σ/2 in the sigmoid."
            )


@checks
def balance(solution: Callable[[Float[np.ndarray, "rows columns"]], Layers]) -> None:
    """Check a function that splits a matrix into two balanced layers."""
    random = np.random.default_rng(1)
    for shape in ((2, 2), (3, 2), (2, 4)):
        network = random.standard_normal(shape)
        first, second = solution(network)
        if not (np.shape(second @ first) == shape and np.allclose(second @ first, network)):
            hint("The product W_2 W_1 must be the given matrix; return (W_1, W_2).")
        gap = abs(first @ first.T - second.T @ second).max()
        if not gap < 1e-9:
            hint(
                f"W_1 W_1ᵀ and W_2ᵀ W_2 still differ by {gap:.2g}; give the square root of each "
                "singular value to either layer."
            )


@checks
def largest_step(solution: Callable[[int, float], float]) -> None:
    """Check a function that returns the largest stable step at a balanced minimum of a chain."""
    for depth, sigma in ((1, 1.0), (2, 1.0), (2, 3.0), (4, 2.0)):
        found = float(solution(depth, sigma))
        if not (np.isfinite(found) and found > 0):
            hint("A step size is a positive number.")
        task = LinearTask.diagonal([sigma])
        ends = []
        for share in (0.98, 1.02):
            layers = balanced_init(
                np.array([[sigma * (1 + 1e-6)]]), [1] * (depth + 1), np.random.default_rng(0)
            )
            path = gradient_descent(layers, task, share * found, 60, every=60)
            losses = path.losses
            ends.append(bool(losses[-1] < losses[0]))
        if not ends[0]:
            hint(
                f"At depth {depth}, σ = {sigma:g}, a step slightly below yours already moves away "
                "from the minimum; the limit is two over the largest curvature."
            )
        if ends[1]:
            hint(
                f"At depth {depth}, σ = {sigma:g}, a step slightly above yours still comes closer; "
                "the curvature along the chain is h σ^(2 - 2/h)."
            )


@checks
def orbits_of_chains(solution: Callable[[int], int]) -> None:
    """Check a function that counts orbits of chains that have learnt nothing."""
    for depth in (2, 3, 4, 5):
        # a chain is critical there if two of its numbers vanish at least
        alive = itertools.product((0, 1), repeat=depth)
        truth = sum(1 for pattern in alive if sum(pattern) <= depth - 2)
        found = int(solution(depth))
        if found == 2**depth - 1 and found != truth:
            hint("A chain with a single zero computes nothing, but it is not critical: it moves.")
        if found == 1 and truth > 1:
            hint(
                "Changes of basis cannot wake a weight that is zero, so that (0, 1, 0) and the "
                "origin lie apart."
            )
        if found != truth:
            hint(
                f"At depth {depth} there are {truth} sets of weights that may be alive while at "
                f"least two vanish; you count {found}."
            )


@checks
def two_layers(solution: Callable[[int, int], float]) -> None:
    """Check a function that returns the learning coefficient of two square layers."""
    for width, rank in ((1, 0), (3, 3), (3, 1), (4, 2), (3, 0), (5, 2)):
        truth = exact_coefficient((width, width, width), rank)
        found = float(solution(width, rank))
        if np.isclose(found, width**2) and not np.isclose(found, truth):
            hint("Half the number of weights is the coefficient only if all of them are bound.")
        if np.isclose(truth - found, 1 / 8):
            hint(
                f"For width {width} and rank {rank} your value is an eighth too low: 3 (d - r) is "
                "odd there, and cannot be shared out evenly between two layers."
            )
        if not np.isclose(found, truth):
            hint(
                f"For width {width} and rank {rank} it is {truth:g}, you return {found:g}. Put "
                "l = 2 into the formula, with all three layers."
            )
