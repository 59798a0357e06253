"""Units and pairs of units that change the order of what they read, and how many there are.

Source: arXiv 2501.02436, version 5: one neuron with a monotone activation keeps the order of its
local fields h(1), h(2), ...; it takes a non-monotone activation, such as exp(-h^2), or at least two
monotone neurons, such as tanh(a h + b) + tanh(-c h + d), to change it. The thresholds are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from regime_lib.errors import RegimeError

#: From which share of pairs of points on a unit, or a pair of units, folds.
LEAST_FOLD = 0.05
#: From which correlation of their fields on two units read one field.
SAME_FIELD = 0.8
_POINTS = 24  # quantiles of a field at which a sum is followed
_ROUNDING = 1e-6  # of the range of values: smaller differences are ties
_ENTRIES = 1 << 22  # numbers in one block of pairs

Activation = Callable[[np.ndarray], np.ndarray]
Fields = Float[np.ndarray, "samples units"]


def fold_depth(values: Float[np.ndarray, "*sums points"]) -> Float[np.ndarray, "*sums"]:
    """Return the share of pairs of points that are ordered as the minority of pairs is.

    The points are in the order of the field. Nothing folds where the share is zero: the values
    rise throughout, or fall. At one half as many pairs fall as rise. Ties count for neither.

    Raises
    ------
    RegimeError
        If there are fewer than two points.
    """
    points = values.shape[-1]
    if points < 2:
        raise RegimeError(f"an order needs at least two points; got {points}")
    least = _ROUNDING * np.ptp(values, axis=-1)[..., None]
    rising = np.zeros(values.shape[:-1])
    falling = np.zeros(values.shape[:-1])
    for gap in range(1, points):
        step = values[..., gap:] - values[..., :-gap]
        rising += (step > least).sum(axis=-1)
        falling += (step < -least).sum(axis=-1)
    return np.asarray(np.minimum(rising, falling) / np.maximum(rising + falling, 1))


def unit_depths(fields: Fields, activation: Activation) -> Float[np.ndarray, " units"]:
    """Return how deep each unit folds by itself, over quantiles of what it reads."""
    return fold_depth(activation(_quantiles(fields)))


@dataclass(frozen=True, eq=False)
class Partners:
    """What each unit's partners do to the order of its field."""

    bound: Bool[np.ndarray, " units"]
    """Whether another unit reads the same field."""
    depth: Float[np.ndarray, " units"]
    """The deepest fold, over partners and classes, of what the two hand on; 0 without a partner."""

    @property
    def folds(self) -> Bool[np.ndarray, " units"]:
        """Whether a partner folds the unit's field, for some class."""
        return self.depth >= LEAST_FOLD


def partners(
    fields: Fields,
    readout: Float[np.ndarray, "classes units"],
    activation: Activation,
    *,
    same_field: float = SAME_FIELD,
) -> Partners:
    """Find for each unit the partner with which it folds its field most.

    Two units are partners where their fields correlate by at least `same_field` in size. What they
    hand on to a class is then followed along the field h of the first, from its lowest quantile to
    its highest: a f(h) + b f(c + d h), where c + d h is the regression of the partner's field on h.
    With a, b the numbers of the readout this is the paper's example of two neurons that fold.

    Parameters
    ----------
    fields : array, shape (samples, units)
        Pre-activations.
    readout : array, shape (classes, units)
        What the classes get of each unit: the linear map above it.
    activation : callable
        Of all units.
    same_field : float
        The least correlation of partners.

    Raises
    ------
    RegimeError
        If there are fewer than two samples.
    """
    samples, units = fields.shape
    if samples < 2:
        raise RegimeError("a correlation of fields needs at least two samples; got one")
    mean, spread = fields.mean(axis=0), fields.std(axis=0)
    scaled = (fields - mean) / np.where(spread > 0, spread, 1)
    correlation = scaled.T @ scaled / samples
    np.fill_diagonal(correlation, 0)
    one, other = np.nonzero(np.abs(correlation) >= same_field)
    along = _quantiles(fields)
    own = activation(along)
    depth = np.zeros(units)
    block = max(1, _ENTRIES // (len(readout) * _POINTS))
    for start in range(0, len(one), block):
        i, j = one[start : start + block], other[start : start + block]
        read = mean[j] + spread[j] * correlation[i, j] * ((along[i].T - mean[i]) / spread[i])
        theirs = activation(read.T)
        total = readout[:, i, None] * own[i] + readout[:, j, None] * theirs
        np.maximum.at(depth, i, fold_depth(total).max(axis=0))
    bound = np.zeros(units, dtype=bool)
    bound[one] = True
    return Partners(bound, depth)


def _quantiles(fields: Fields) -> Float[np.ndarray, "units points"]:
    """Return evenly spaced quantiles of each unit's field, the lowest first."""
    shares = (np.arange(_POINTS) + 0.5) / _POINTS
    return np.quantile(fields, shares, axis=0).T
