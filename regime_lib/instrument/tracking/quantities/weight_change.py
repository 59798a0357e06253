"""`weight_change`: how far weights move in one step."""

from regime_lib.instrument.tracking.blocks import WeightBlock
from regime_lib.instrument.tracking.quantities.base import Values, WeightQuantity


class WeightChange(WeightQuantity):
    r"""Norm of the last step's update, :math:`\|\theta_t - \theta_{t-1}\|_2`."""

    name, of_step = "weight_change", True

    def values(self, block: WeightBlock) -> Values:
        """Sum squares over parameters."""
        return block.change
