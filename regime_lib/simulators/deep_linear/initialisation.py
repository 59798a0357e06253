"""Initialisations of deep linear networks: random, balanced, decoupled, aligned, delta-balanced.

Terms of arXiv 2511.10362, in our reading: *balanced* means that all Gram differences vanish
(δ-balanced: that they are δ times the identity on the modes), *aligned* that neighbouring layers
share their singular vectors, *decoupled* that each mode is a chain of numbers of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.optimize import brentq

from regime_lib.errors import RegimeError
from regime_lib.simulators.deep_linear.problem import Layers, LinearTask


def random_init(
    sizes: Sequence[int], scale: float, rng: np.random.Generator, *, runs: int | None = None
) -> Layers:
    """Draw independent Gaussian weights with standard deviation `scale`.

    Parameters
    ----------
    sizes : sequence of int
        d_0, …, d_h.
    scale : float
        Standard deviation of every weight.
    rng : numpy.random.Generator
        Where the numbers come from.
    runs : int, optional
        Size of an ensemble; one network by default.
    """
    lead = () if runs is None else (runs,)
    shapes = zip(sizes[1:], sizes[:-1], strict=True)
    return tuple(scale * rng.standard_normal((*lead, *shape)) for shape in shapes)


def balanced_init(
    network: Float[np.ndarray, "outputs inputs"], sizes: Sequence[int], rng: np.random.Generator
) -> Layers:
    """Split a given product into balanced layers, in random bases of the hidden layers.

    No hidden layer may be narrower than the rank of the product.
    """
    left, values, right = np.linalg.svd(network, full_matrices=False)
    rank = int((values > 1e-14 * max(values[0], 1e-300)).sum())
    strengths = np.tile(values[:rank] ** (1 / (len(sizes) - 1)), (len(sizes) - 1, 1))
    return _chained(left[:, :rank], right[:rank], strengths, sizes, rng)


def decoupled_init(
    task: LinearTask, sizes: Sequence[int], strengths: Float[np.ndarray, "depth modes"]
) -> Layers:
    """Give every mode of the task a chain of its own: one unit per layer, one number per layer.

    Inputs must be white. Modes beyond those of `strengths` stay at zero and are never learnt.
    """
    return _in_the_tasks_basis(task, sizes, strengths, None)


def aligned_init(
    task: LinearTask,
    sizes: Sequence[int],
    strengths: Float[np.ndarray, "depth modes"],
    rng: np.random.Generator,
) -> Layers:
    """Initialise like `decoupled_init`, seen in random orthonormal bases of the hidden layers."""
    return _in_the_tasks_basis(task, sizes, strengths, rng)


def chain(value: float, depth: int, delta: float = 0.0) -> Float[np.ndarray, " depth"]:
    """Return positive numbers with a given product and w_{i+1}² − w_i² = δ."""
    if value <= 0 or depth < 1:
        raise RegimeError(
            f"the product is {value:g} and the depth {depth}; expected both above zero"
        )
    if depth == 1 or abs(delta) < 1e-14 * value ** (2 / depth):
        return np.full(depth, value ** (1 / depth))
    if delta < 0:
        return chain(value, depth, -delta)[::-1]
    steps = delta * np.arange(depth)

    def excess(log_square: float) -> float:
        return 0.5 * float(np.log(np.exp(log_square) + steps).sum()) - float(np.log(value))

    highest = 2 * float(np.log(value)) / depth + 1e-3  # the smallest is below the balanced one
    lowest = 2 * (float(np.log(value)) - 0.5 * float(np.log(steps[1:] + np.exp(highest)).sum())) - 1
    return np.sqrt(np.exp(brentq(excess, lowest, highest, xtol=1e-13)) + steps)


def _in_the_tasks_basis(
    task: LinearTask,
    sizes: Sequence[int],
    strengths: Float[np.ndarray, "depth modes"],
    rng: np.random.Generator | None,
) -> Layers:
    if task.root is not None:
        raise RegimeError("chains stay apart only for white inputs; expected a task without root")
    if (sizes[-1], sizes[0]) != task.target.shape or len(strengths) != len(sizes) - 1:
        raise RegimeError(
            f"sizes {tuple(sizes)} and {len(strengths)} rows of strengths do not fit a target of "
            f"shape {task.target.shape}; expected (outputs, inputs) and one row a layer"
        )
    left, _, right = np.linalg.svd(task.target, full_matrices=False)
    modes = strengths.shape[1]
    return _chained(left[:, :modes], right[:modes], strengths, sizes, rng)


def _chained(
    left: Float[np.ndarray, "outputs modes"],
    right: Float[np.ndarray, "modes inputs"],
    strengths: Float[np.ndarray, "depth modes"],
    sizes: Sequence[int],
    rng: np.random.Generator | None,
) -> Layers:
    """Compose W_i = B_i diag(strengths_i) B_{i-1}ᵀ with orthonormal columns B."""
    modes = strengths.shape[1]
    if min(sizes) < modes:
        raise RegimeError(
            f"{modes} modes do not fit through a layer of {min(sizes)} units; use fewer modes or "
            "wider layers"
        )
    hidden = [_basis(size, modes, rng) for size in sizes[1:-1]]
    bases = [right.T, *hidden, left]
    return tuple(
        (above * row) @ below.T
        for below, above, row in zip(bases[:-1], bases[1:], strengths, strict=True)
    )


def _basis(
    size: int, modes: int, rng: np.random.Generator | None
) -> Float[np.ndarray, "size modes"]:
    if rng is None:
        return np.eye(size, modes)
    return np.linalg.qr(rng.standard_normal((size, modes)))[0]
