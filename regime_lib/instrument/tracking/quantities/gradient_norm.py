"""`gradient_norm`: how long the gradient is that a step was made with."""

import numpy as np

from regime_lib.instrument.tracking.directions import DirectionBlock
from regime_lib.instrument.tracking.quantities.base import DirectionQuantity, Values


class GradientNorm(DirectionQuantity):
    r"""Norm of the gradient that the parameters hold after the step, :math:`\|g_t\|_2`.

    As the optimiser left it: after clipping and averaging over processes. Parameters without one
    count as zero; NaN where none has one, as after ``zero_grad()``.
    """

    name, unit = "gradient_norm", "loss per weight"

    def values(self, block: DirectionBlock) -> Values:
        """Sum squares over parameters."""
        return np.sqrt(block.sums @ block.gradient)
