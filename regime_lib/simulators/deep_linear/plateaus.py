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
    """The plateaus of one run.

    Attributes
    ----------
    times : array, shape (plateaus,)
        When the gradient is smallest, the start included.
    losses : array, shape (plateaus,)
        The loss at these times.
    speeds : array, shape (plateaus,)
        The gradient's norm at these times.
    """

    times: Float[np.ndarray, " plateaus"]
    losses: Float[np.ndarray, " plateaus"]
    speeds: Float[np.ndarray, " plateaus"]


@dataclass(frozen=True, eq=False)
class Match:
    """Plateaus against the critical values that a run should visit.

    Attributes
    ----------
    nearest : array, shape (plateaus,)
        Which of the given values lies nearest to each plateau.
    distances : array, shape (plateaus,)
        Relative distance of each plateau from that value.
    missed : tuple of float
        Given values to which no plateau is nearest.
    worst : float
        The largest relative distance; one, the distance of no plateau at all, if a value is missed.
    """

    nearest: Int[np.ndarray, " plateaus"]
    distances: Float[np.ndarray, " plateaus"]
    missed: tuple[float, ...]
    worst: float


def find_plateaus(
    times: Float[np.ndarray, " _"],
    losses: Float[np.ndarray, " _"],
    speeds: Float[np.ndarray, " _"],
    *,
    prominence: float = PROMINENCE,
    floor: float = 1e-3,
) -> Plateaus:
    """Find where a run lingers: the start, and every prominent minimum of the gradient's norm.

    Parameters
    ----------
    times, losses, speeds : array, shape (times,)
        A run, sampled densely enough to show its plateaus.
    prominence : float
        By which factor the gradient must rise on both sides.
    floor : float
        Plateaus below this share of the first loss are the end of the run and left out.

    Raises
    ------
    RegimeError
        If the arrays differ in length, or a number in them is not finite.
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
    """Match plateaus with the positive critical values that a run should visit.

    Raises
    ------
    RegimeError
        If a value is not positive: a relative distance from zero means nothing.
    """
    if len(values) == 0 or not (values > 0).all():
        raise RegimeError("expected positive critical values; leave out the minimum if it is zero")
    gaps = abs(plateaus.losses[:, None] / values - 1)
    nearest = gaps.argmin(axis=1)
    distances = gaps.min(axis=1)
    missed = tuple(float(v) for k, v in enumerate(values) if k not in nearest)
    worst = 1.0 if missed else float(distances.max())
    return Match(nearest, distances, missed, worst)
