"""`always_on`: units that are linear on every input."""

from regime_lib.instrument.tracking.blocks import PatternBlock
from regime_lib.instrument.tracking.quantities.base import PatternQuantity, Values


class AlwaysOn(PatternQuantity):
    """Share of units that are on, and not clipped from above, on every sample."""

    name = "always_on"

    def values(self, block: PatternBlock) -> Values:
        """Divide counts of units by the units there are."""
        return block.coverage.shares(block.constant[1])
