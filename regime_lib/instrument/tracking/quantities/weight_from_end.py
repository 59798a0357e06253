"""`weight_from_end`: how far weights are from where they end."""

import numpy as np

from regime_lib.instrument.tracking.blocks import EndBlock
from regime_lib.instrument.tracking.quantities.base import EndQuantity, Values


class WeightFromEnd(EndQuantity):
    r"""Distance to the last weights, :math:`\|\theta_t - \theta_T\|_2`, at steps with a snapshot.

    From an even sample of the parameters if a network has more than two million.
    """

    name, rows, unit, merged = "weight_from_end", "modules", "as weights", "same"

    def values(self, block: EndBlock) -> Values:
        """Sum squares over parameters."""
        return np.sqrt(block.sums @ block.squares)
