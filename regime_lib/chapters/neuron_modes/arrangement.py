"""How the weight vectors of a layer lie: towards class means, in few directions, in clusters.

Source: arXiv 2501.02436, version 3, speaks of the collective behaviour of weight vectors in the two
modes; the three measures are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from regime_lib.lab.seeding import generator

_LEAST = 5  # units of a group whose arrangement is compared
_DRAWS = 20  # groups of one size are drawn so often

Weights = Float[np.ndarray, "units features"]


def class_directions(
    inputs: Float[np.ndarray, "samples features"], labels: Int[np.ndarray, " samples"]
) -> Float[np.ndarray, "classes features"]:
    """Return the mean of each class that occurs, minus the mean of all samples, at length one."""
    means = np.stack([inputs[labels == k].mean(axis=0) for k in np.unique(labels)])
    return _unit(means - inputs.mean(axis=0))


def alignment(
    weights: Weights, directions: Float[np.ndarray, "classes features"]
) -> Float[np.ndarray, " units"]:
    """Return the cosine of each weight vector with the class direction nearest to it, or its line.

    Signs do not count: a unit that speaks against a class lines up with it as well.
    """
    return np.abs(_unit(weights) @ directions.T).max(axis=1)


def participation(weights: Weights) -> float:
    """Return in how many directions the weight vectors lie, all taken at length one.

    That is the participation ratio of the eigenvalues of their Gram matrix: 1 if all lie on one
    line, their number if they are orthogonal.
    """
    unit = _unit(weights)
    return float(len(unit) ** 2 / np.square(unit @ unit.T).sum())


def closeness(weights: Weights) -> float:
    """Return the mean over weight vectors of the largest cosine, in size, with another one."""
    unit = _unit(weights)
    cosines = np.abs(unit @ unit.T)
    np.fill_diagonal(cosines, 0)
    return float(cosines.max(axis=1).mean())


@dataclass(frozen=True)
class Arrangement:
    """How a group of units lies; NaN for a group of fewer than five."""

    alignment: float
    participation: float
    closeness: float


def arrangements(
    weights: Weights,
    directions: Float[np.ndarray, "classes features"],
    groups: dict[str, Bool[np.ndarray, " units"]],
    seed: int,
) -> dict[str, Arrangement]:
    """Measure how groups of units lie, drawing as many of each as the smallest group has.

    Participation and closeness depend on the number of vectors; so both are means over random draws
    of one size.

    Parameters
    ----------
    weights : array, shape (units, features)
        Of a layer.
    directions : array, shape (classes, features)
        As from `class_directions`.
    groups : dict of arrays, shape (units,)
        Which units belong to each.
    seed : int
        Of the draws: the stream ``"groups"`` of `generator`.
    """
    size = min(int(chosen.sum()) for chosen in groups.values())
    if size < _LEAST:
        return {name: Arrangement(np.nan, np.nan, np.nan) for name in groups}
    random, along, found = generator(seed, "groups"), alignment(weights, directions), {}
    for name, chosen in groups.items():
        members = np.flatnonzero(chosen)
        draws = [weights[random.choice(members, size, replace=False)] for _ in range(_DRAWS)]
        found[name] = Arrangement(
            float(along[members].mean()),
            float(np.mean([participation(some) for some in draws])),
            float(np.mean([closeness(some) for some in draws])),
        )
    return found


def _unit(vectors: Float[np.ndarray, "rows features"]) -> Float[np.ndarray, "rows features"]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, 1)
