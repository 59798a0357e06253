"""`weight_norm`: how large the weights are."""

from regime_lib.instrument.tracking.blocks import WeightBlock
from regime_lib.instrument.tracking.quantities.base import Values, WeightQuantity


class WeightNorm(WeightQuantity):
    r"""Norm of the weights, :math:`\|\theta_t\|_2`."""

    name = "weight_norm"

    def values(self, block: WeightBlock) -> Values:
        """Sum squares over parameters."""
        return block.size
