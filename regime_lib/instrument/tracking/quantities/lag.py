"""`lag`: how long ago the samples of a batch were seen last."""

import numpy as np

from regime_lib.instrument.tracking.blocks import PatternBlock
from regime_lib.instrument.tracking.quantities.base import PatternQuantity, Values


class Lag(PatternQuantity):
    """Mean number of steps since the last visit of the samples that patterns are compared on.

    Only where a tracker made with ``batches=N`` watches parts of the training set.
    """

    name, unit, of_step = "lag", "steps", True

    def values(self, block: PatternBlock) -> Values | None:
        """Repeat the lag of the batch for every member."""
        return None if block.lag is None else np.full((1, block.coverage.members), block.lag)
