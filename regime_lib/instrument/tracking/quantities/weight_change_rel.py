"""`weight_change_rel`: how far weights move in one step, for their size."""

import numpy as np

from regime_lib.instrument.tracking.blocks import WeightBlock
from regime_lib.instrument.tracking.quantities.base import Values, WeightQuantity


class WeightChangeRel(WeightQuantity):
    r"""Norm of the last update over that of the weights; NaN where these are zero.

    :math:`\|\theta_t - \theta_{t-1}\|_2 / \|\theta_t\|_2`.
    """

    name, unit, of_step = "weight_change_rel", "share", True

    def values(self, block: WeightBlock) -> Values:
        """Divide where there is something to divide by."""
        change, size = block.change, block.size
        return np.divide(change, size, out=np.full_like(change, np.nan), where=size > 0)
