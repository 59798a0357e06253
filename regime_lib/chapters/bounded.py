"""The median of runs of which some are known within bounds only, because their time is censored."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from regime_lib.estimate import Estimate, median, no_number

_FAR = 1e300  # stands for infinity, which is no measured value


def median_between(
    least: Float[np.ndarray, " runs"], most: Float[np.ndarray, " runs"], over: str, unit: str = "1"
) -> Estimate:
    """Return the median of runs known within bounds; no number where an end is infinite.

    The interval reaches from the low end for the least that they may be to the high end for the
    most; the number itself is the median of the runs that are known on either side.

    Parameters
    ----------
    least, most : array
        What each run is at least and at most, in `unit`; the two are the same where it is known.
    over, unit : str
        What varied, such as ``"24 seeds"``; the unit, ``"1"`` for a pure number.
    """
    least, most = np.clip(least, -_FAR, _FAR), np.clip(most, -_FAR, _FAR)
    low, high = median(least, over=over, unit=unit), median(most, over=over, unit=unit)
    if low.low in (None, -_FAR) or high.high in (None, _FAR):
        return no_number(over, unit)
    known = np.where(most < _FAR, most, least)[(least > -_FAR) | (most < _FAR)]
    value = np.clip(np.median(known), np.median(least), np.median(most))
    return replace(low, value=float(value), high=high.high)
