"""The local learning coefficient of what each plateau of the staircase has learnt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from regime_lib.chapters.deep_linear.settings import Settings, farthest_from_one
from regime_lib.chapters.part import Part
from regime_lib.estimate import Estimate, mean
from regime_lib.simulators.deep_linear.coefficient import exact_coefficient, langevin_coefficient
from regime_lib.simulators.deep_linear.critical import visited_values
from regime_lib.simulators.deep_linear.flow import FlowPath
from regime_lib.simulators.deep_linear.initialisation import random_init
from regime_lib.simulators.deep_linear.problem import Layers, LinearTask
from regime_lib.simulators.deep_linear.settle import settle

_DEPTHS = (2, 3)
_STEPS = 150  # of a chain over the chapter's `n_starts`; a third as many are left out before


@dataclass(frozen=True)
class Coefficients(Part):
    """Exact and sampled coefficients on the plateaus, and at the end, by depth."""

    exact: dict[str, list[float]]
    sampled: dict[str, list[Estimate]]


def coefficients(settings: Settings) -> Coefficients:
    """Follow one network of each depth, and run Langevin chains from each of its plateaus.

    The target is as large as one here: a smaller one has the same coefficients, and chains move
    faster in it.
    """
    sigma, random = np.array(settings.sigma) / settings.sigma_1, settings.generator(22)
    exact: dict[str, list[float]] = {}
    sampled: dict[str, list[Estimate]] = {}
    ratios = []
    for h in _DEPTHS:
        sizes = settings.sizes(h)
        start = random_init(sizes, settings.scales[h], random)
        path = settle(start, LinearTask.diagonal(sigma.tolist()), tolerance=1e-7, detail=3)
        exact[f"depth {h}"] = [exact_coefficient(sizes, rank) for rank in range(len(sigma) + 1)]
        ranks = range(len(sigma) + 1)
        plateaus = [plateau_of(path, rank) for rank in ranks]
        learnt = [np.diag(np.where(np.arange(len(sigma)) < rank, sigma, 0.0)) for rank in ranks]
        found = langevin_coefficient(
            tuple(np.stack(own) for own in zip(*plateaus, strict=True)),
            np.stack(learnt),
            random,
            chains=2 * settings.n_seeds,
            burn_in=_STEPS * settings.n_starts // 3,
            steps=_STEPS * settings.n_starts,
        )
        over = f"{found.shape[1]} chains"
        sampled[f"depth {h}"] = [mean(own, over=over, seed=settings.seed) for own in found]
        ratios += [
            mean(own / true, over=over, seed=settings.seed)
            for own, true in zip(found, exact[f"depth {h}"], strict=True)
        ]
    values = np.array([ratio.value for ratio in ratios])
    worst = ratios[int(np.flatnonzero(values == farthest_from_one(values))[0])]
    text = {
        f"coefficients-{name[-1]}": ", ".join(f"{one:g}" for one in own)
        for name, own in exact.items()
    }
    return Coefficients({"dl-coefficient": worst}, {**text}, exact, sampled)


def plateau_of(path: FlowPath, rank: int) -> Layers:
    """Return the network where it lingers with so many singular values learnt.

    That is where it is slowest while its loss is nearer to this critical value than to the others.
    """
    sigma = path.task.singular_values
    values = visited_values(sigma.tolist(), len(sigma))
    near = abs(path.losses[:, None] - values).argmin(axis=1) == rank
    slowest = int(np.where(near, path.speeds, np.inf).argmin())
    return tuple(layer[slowest] for layer in path.layers)
