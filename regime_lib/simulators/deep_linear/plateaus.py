"""Finding the plateaus of a loss curve, and matching them with critical values."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.signal import find_peaks

from regime_lib.errors import RegimeError

#: How many times smaller than on both sides the gradient must be on a plateau.
PROMINENCE = 2.0


@dataclass(frozen=True, eq=False)
class Plateaus:
    """The plateaus of one run."""

    times: Float[np.ndarray, " plateaus"]  # when the gradient is smallest, the start included
    losses: Float[np.ndarray, " plateaus"]
    speeds: Float[np.ndarray, " plateaus"]  # the gradient's norm


@dataclass(frozen=True, eq=False)
class Match:
    """Plateaus against the critical values that a run should visit."""

    nearest: Int[np.ndarray, " plateaus"]  # which of the given values lies nearest to each plateau
    distances: Float[np.ndarray, " plateaus"]  # relative distance of each plateau from that value
    missed: tuple[float, ...]  # given values to which no plateau is nearest
    worst: float  # the largest relative distance; one if a value is missed


def find_plateaus(
    times: Float[np.ndarray, " _"],
    losses: Float[np.ndarray, " _"],
    speeds: Float[np.ndarray, " _"],
    *,
    prominence: float = PROMINENCE,
    floor: float = 1e-3,
) -> Plateaus:
    """Find where a run lingers: the start, and every prominent minimum of the gradient's norm.

    The gradient must rise by the factor `prominence` on both sides. Plateaus below the share
    `floor` of the first loss are the end of the run and left out.
    """
    if not len(times) == len(losses) == len(speeds) or len(times) < 3:
        raise RegimeError("times, losses and speeds must be equally long, at least three entries")
    if not (np.isfinite(losses).all() and np.isfinite(speeds).all()):
        raise RegimeError("the run holds numbers that are not finite; it may have diverged")
    heights = -np.log(np.maximum(speeds, 1e-300))
    inner, _ = find_peaks(heights, prominence=np.log(prominence))
    inner = inner[losses[inner] > floor * losses[0]]
    apart = [
        k  # equally deep minima of one flat stretch count once
        for before, k in itertools.pairwise([0, *inner])
        if before == 0 or heights[before : k + 1].min() < heights[k] - np.log(prominence)
    ]
    found = np.array([0, *apart], dtype=int)
    return Plateaus(times[found], losses[found], speeds[found])


def match_plateaus(plateaus: Plateaus, values: Float[np.ndarray, " values"]) -> Match:
    """Match plateaus with the positive critical values that a run should visit."""
    if len(values) == 0 or not (values > 0).all():
        raise RegimeError("expected positive critical values; leave out the minimum if it is zero")
    gaps = abs(plateaus.losses[:, None] / values - 1)
    nearest = gaps.argmin(axis=1)
    distances = gaps.min(axis=1)
    missed = tuple(float(v) for k, v in enumerate(values) if k not in nearest)
    worst = 1.0 if missed else float(distances.max())
    return Match(nearest, distances, missed, worst)
