"""The first-order flip law: how many units a small step flips, from pre-activations alone.

If a pre-activation z over the probe and its change delta in one step are independent, centred and
Gaussian, the sign of z flips on a share arctan(sd(delta) / sd(z)) / pi of the samples (our
derivation, on the book's page on arXiv 2602.08333). A unit whose pre-activations have mean m has
fewer samples near zero: to first order the share falls by exp(-m^2 / (2 sd^2)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from regime_lib.instrument.shapes import shapes


@dataclass(frozen=True, eq=False)
class FlipStatistics:
    """Pre-activations of one layer before and after a step; one number per member."""

    scale: Float[np.ndarray, " members"]
    """Root mean square over units of the standard deviation over samples."""
    change: Float[np.ndarray, " members"]
    """Root mean square of the change in one step."""
    centred: Float[np.ndarray, " members"]
    """Share of flips that the law predicts if every unit's mean were zero."""
    shifted: Float[np.ndarray, " members"]
    """Share of flips that the law predicts with every unit's own mean."""

    __repr__ = shapes


def flip_law(
    scale: Float[np.ndarray, "*units"],
    change: Float[np.ndarray, "*units"],
    mean: Float[np.ndarray, "*units"] | float = 0.0,
) -> Float[np.ndarray, "*units"]:
    """Return the share of samples on which a unit's sign flips in one small step.

    Parameters
    ----------
    scale : array
        Standard deviation of the pre-activation over samples.
    change : array
        Root mean square of its change in the step.
    mean : array or float
        Mean of the pre-activation over samples.

    Returns
    -------
    array
        ``arctan(change / scale) / pi * exp(-mean**2 / (2 scale**2))``; 0 for a unit that is the
        same on every sample.

    Examples
    --------
    >>> round(float(flip_law(np.array(1.0), np.array(0.01))), 6)
    0.003183
    """
    spread = np.where(scale > 0, scale, 1.0)
    share = np.arctan2(change, spread) / np.pi * np.exp(-0.5 * (mean / spread) ** 2)
    return np.where(scale > 0, share, 0.0)


def flip_statistics(
    before: Float[np.ndarray, "members samples units"],
    after: Float[np.ndarray, "members samples units"],
) -> FlipStatistics:
    """Measure what the flip law needs, unit by unit, and average its prediction over units."""
    mean, scale = before.mean(axis=1), before.std(axis=1)
    change = np.sqrt(((after - before) ** 2).mean(axis=1))
    return FlipStatistics(
        scale=np.sqrt((scale**2).mean(axis=1)),
        change=np.sqrt((change**2).mean(axis=1)),
        centred=flip_law(scale, change).mean(axis=1),
        shifted=flip_law(scale, change, mean).mean(axis=1),
    )
