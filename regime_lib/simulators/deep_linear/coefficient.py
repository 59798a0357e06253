"""Local learning coefficients of deep linear networks: the exact values, and Langevin chains.

Near a minimum the volume of weights with a loss below ε shrinks like ε^λ; λ is half the number of
weights if none of them is free, and less the more are. For deep linear networks it is known (Aoyagi
and Watanabe, Neural Networks 18, 2005, for two layers; Aoyagi, Neural Networks 172, 2024, for any
number). Sampling from exp(-b L), held near the minimum, estimates it as b times the mean excess
loss (Lau and others, arXiv 2308.12108).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from jaxtyping import Float

from regime_lib.errors import RegimeError
from regime_lib.simulators.deep_linear.problem import (
    Layers,
    LinearTask,
    Matrix,
    product,
    velocity,
)


@dataclass(frozen=True, eq=False)
class _Batch(LinearTask):
    """A task seen through the second moments of a batch of inputs, one for each chain."""

    moments: Matrix | float = 1.0

    def pull(self, network: Matrix) -> Matrix:
        return self.residual(network) @ self.moments


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
    task: LinearTask,
    random: np.random.Generator,
    *,
    samples: int = 10_000,
    pull: float = 1.0,
    chains: int = 32,
    batch: int = 32,
    burn_in: int = 5_000,
    steps: int = 15_000,
    pace: float = 0.1,
) -> Float[np.ndarray, " chains"]:
    """Estimate λ at a minimum by stochastic gradient Langevin dynamics, white inputs.

    Parameters
    ----------
    layers : tuple of array
        The minimum: one network.
    task : LinearTask
        White inputs, and the target that the network computes there.
    random : numpy.random.Generator
        Where batches and noise come from.
    samples : int
        n of the inverse temperature b = n / ln n.
    pull : float
        Strength of the spring that holds a chain near the minimum.
    chains, batch : int
        Chains that run side by side, and inputs a step of each.
    burn_in, steps : int
        Steps that are left out, and those over which the loss is averaged.
    pace : float
        Step size times the largest curvature of what is sampled (of a target of norm one, if zero).

    Returns
    -------
    array, shape (chains,)
        The estimate of each chain.
    """
    heat = samples / np.log(samples)
    depth, strongest = len(layers), float(np.linalg.norm(task.target, 2)) or 1.0
    step = pace / (heat * depth * strongest ** (2 - 2 / depth) + pull)
    begin = tuple(np.repeat(layer[None], chains, axis=0) for layer in layers)
    now, total = begin, np.zeros(chains)
    for number in range(burn_in + steps):
        inputs = random.standard_normal((chains, layers[0].shape[1], batch))
        moves = velocity(now, _Batch(task.target, moments=inputs @ inputs.mT / batch))
        now = tuple(
            layer
            + 0.5 * step * (heat * move + pull * (home - layer))
            + np.sqrt(step) * random.standard_normal(layer.shape)
            for layer, move, home in zip(now, moves, begin, strict=True)
        )
        if number >= burn_in:
            total += task.loss(product(now))
    return heat * (total / steps - task.loss(product(layers)))
