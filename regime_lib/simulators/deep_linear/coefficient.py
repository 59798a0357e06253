"""Local learning coefficients of deep linear networks: the exact values, and Langevin chains.

Near a minimum the volume of weights with a loss below ε shrinks like ε^λ; λ is half the number of
weights if none of them is free, and less the more are. For deep linear networks it is known (Aoyagi
and Watanabe, Neural Networks 18, 2005, for two layers; Aoyagi, Neural Networks 172, 2024, for any
number). Sampling from exp(-b L), held near the minimum, estimates it as b times the mean excess
loss (Lau and others, arXiv 2308.12108).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import ceil

import numpy as np
from jaxtyping import Float

from regime_lib.errors import RegimeError
from regime_lib.simulators.deep_linear import innermost
from regime_lib.simulators.deep_linear.problem import Layers, Matrix


def exact_coefficient(sizes: Sequence[int], rank: int) -> float:
    """Return λ where a network has learnt a target of some rank, at its most singular minimum.

    Parameters
    ----------
    sizes : sequence of int
        d_0, …, d_h.
    rank : int
        Rank of the target, at most the number of units of the narrowest layer.
    """
    if not 0 <= rank <= min(sizes):
        raise RegimeError(
            f"the rank is {rank} for layers of {tuple(sizes)} units; expected 0 to {min(sizes)}"
        )
    spare = sorted(size - rank for size in sizes)
    # the narrowest layers that count: as many as keep their sum, shared out, above the largest
    count = max(k for k in range(2, len(spare) + 1) if sum(spare[:k]) >= (k - 1) * spare[k - 1])
    chosen, links = spare[:count], count - 1
    total = sum(chosen)
    left_over = total - (ceil(total / links) - 1) * links
    pairs = (total**2 - sum(one**2 for one in chosen)) / 2
    return (
        (rank * (sizes[0] + sizes[-1]) - rank**2) / 2
        + left_over * (links - left_over) / (4 * links)
        - (links - 1) * total**2 / (4 * links)
        + pairs / 2
    )


def langevin_coefficient(
    layers: Layers,
    targets: Float[np.ndarray, "networks outputs inputs"],
    random: np.random.Generator,
    *,
    samples: int = 10_000,
    pull: float = 1.0,
    chains: int = 32,
    batch: int = 32,
    burn_in: int = 5_000,
    steps: int = 15_000,
    pace: float = 0.1,
) -> Float[np.ndarray, "networks chains"]:
    """Estimate λ at minima by stochastic gradient Langevin dynamics, white inputs.

    Parameters
    ----------
    layers : tuple of array
        The minima: networks of the same sizes, in the layers' first axis.
    targets : array, shape (networks, outputs, inputs)
        What each network computes there.
    random : numpy.random.Generator
        Where batches and noise come from.
    samples : int
        n of the inverse temperature b = n / ln n.
    pull : float
        Strength of the spring that holds a chain near its minimum.
    chains, batch : int
        Chains of each network, and inputs a step of each: at least as many as a network has.
    burn_in, steps : int
        Steps that are left out, and those over which the loss is averaged.
    pace : float
        Step size times the largest curvature of what is sampled (of a target of norm one, if zero).

    Returns
    -------
    array, shape (networks, chains)
        The estimate of each chain.
    """
    heat, depth, units = samples / np.log(samples), len(layers), layers[0].shape[-1]
    if batch < units:
        raise RegimeError(f"a batch holds {batch} inputs; give at least {units}, one a unit")
    norms = np.linalg.norm(targets, 2, axis=(1, 2))
    strongest = np.where(norms > 0, norms, 1.0)
    step = np.repeat(pace / (heat * depth * strongest ** (2 - 2 / depth) + pull), chains)
    noise, push = np.sqrt(step), 0.5 * heat * step
    back = 0.5 * pull * step
    begin = innermost.runs_last(tuple(np.repeat(layer, chains, axis=0) for layer in layers))
    (goals,) = innermost.runs_last((np.repeat(targets, chains, axis=0),))
    now, total = begin, np.zeros(len(step))
    for number in range(burn_in + steps):
        moments = _moments(units, batch, len(step), random)
        moves = innermost.velocity(now, partial(_pull, goals, moments))
        now = tuple(
            layer + push * move + back * (home - layer) + noise * random.standard_normal(home.shape)
            for layer, move, home in zip(now, moves, begin, strict=True)
        )
        if number >= burn_in:
            total += _losses(now, goals)
    return (heat * (total / steps - _losses(begin, goals))).reshape(len(targets), chains)


def _pull(goals: Matrix, moments: Matrix, network: Matrix) -> Matrix:
    return innermost.multiply(goals - network, moments)


def _losses(layers: innermost.Matrices, goals: Matrix) -> Float[np.ndarray, " runs"]:
    losses: Float[np.ndarray, " runs"] = 0.5 * ((goals - innermost.product(layers)) ** 2).sum(
        axis=(0, 1)
    )
    return losses


def _moments(
    units: int, batch: int, runs: int, random: np.random.Generator
) -> Float[np.ndarray, "units units runs"]:
    """Draw the second moments of batches of white inputs, without drawing the inputs.

    They follow Wishart's law, and have the factor that Bartlett found: triangular, with normal
    numbers below the diagonal and the roots of χ² variables on it.
    """
    factor = np.zeros((units, units, runs))
    for row in range(units):
        factor[row, :row] = random.standard_normal((row, runs))
        factor[row, row] = np.sqrt(random.chisquare(batch - row, runs))
    return innermost.multiply(factor, factor.swapaxes(0, 1)) / batch
