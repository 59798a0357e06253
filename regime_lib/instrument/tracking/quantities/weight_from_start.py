"""`weight_from_start`: how far weights are from where they began."""

import numpy as np
from jaxtyping import Bool

from regime_lib.instrument.tracking.blocks import WeightBlock
from regime_lib.instrument.tracking.quantities.base import Values, WeightQuantity


class WeightFromStart(WeightQuantity):
    r"""Distance to the first weights, :math:`\|\theta_t - \theta_0\|_2`.

    At every observation, or at every eighth of a network of more than 131,072 parameters.
    """

    name = "weight_from_start"

    def at(self, block: WeightBlock) -> Bool[np.ndarray, " observations"]:
        """Tell where it was measured."""
        return block.norms.far

    def values(self, block: WeightBlock) -> Values:
        """Sum squares over parameters."""
        return block.norm(block.norms.travelled)
