"""`step_angle`: how much the direction of the weights turns from one step to the next."""

import numpy as np
from jaxtyping import Bool

from regime_lib.instrument.tracking.directions import DirectionBlock
from regime_lib.instrument.tracking.quantities.base import DirectionQuantity, Values


class StepAngle(DirectionQuantity):
    r"""Angle between two successive steps, :math:`\angle(\theta_t-\theta_{t-1},
    \theta_{t-1}-\theta_{t-2})`.

    Zero on a straight way, 90 where steps have nothing to do with each other, 180 where each takes
    the last one back. Only where three observations follow each other; NaN where a step is zero.
    """

    name, unit = "step_angle", "degrees"

    def at(self, block: DirectionBlock) -> Bool[np.ndarray, " observations"]:
        """Tell where the step before is known."""
        return ~np.isnan(block.before).all(axis=(1, 2))

    def values(self, block: DirectionBlock) -> Values:
        """Take the arc of the cosine."""
        return np.degrees(np.arccos(block.cosine(block.turned, block.step, block.before)))
