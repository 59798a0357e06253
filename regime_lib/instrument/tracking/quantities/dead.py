"""`dead`: units that are off whatever the input."""

from regime_lib.instrument.tracking.blocks import PatternBlock
from regime_lib.instrument.tracking.quantities.base import PatternQuantity, Values


class Dead(PatternQuantity):
    """Share of units that are off on every sample, below the lower threshold if they have two."""

    name = "dead"

    def values(self, block: PatternBlock) -> Values:
        """Divide counts of units by the units there are."""
        return block.coverage.shares(block.constant[0])
