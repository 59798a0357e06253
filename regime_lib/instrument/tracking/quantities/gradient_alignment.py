"""`gradient_alignment`: whether a step goes down its gradient."""

from regime_lib.instrument.tracking.directions import DirectionBlock
from regime_lib.instrument.tracking.quantities.base import DirectionQuantity, Values


class GradientAlignment(DirectionQuantity):
    r"""Cosine of the step and the negative gradient, :math:`\cos(\theta_t-\theta_{t-1}, -g_t)`.

    One for gradient descent; less with momentum, weight decay or a rate for each weight. NaN where
    one of the two is zero or not known.
    """

    name, unit, of_step = "gradient_alignment", "cosine", True

    def values(self, block: DirectionBlock) -> Values:
        """Divide products by norms."""
        return -block.cosine(block.along, block.gradient, block.step)
