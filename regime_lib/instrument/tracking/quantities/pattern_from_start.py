"""`pattern_from_start`: how far patterns are from where they began."""

from regime_lib.instrument.tracking.blocks import PatternBlock
from regime_lib.instrument.tracking.quantities.base import PatternQuantity, Values


class PatternFromStart(PatternQuantity):
    """Hamming distance to the first pattern, :math:`H(S_t, S_0)`."""

    name, merged = "pattern_from_start", "mean"

    def values(self, block: PatternBlock) -> Values:
        """Compare with the first patterns."""
        return block.coverage.shares(block.from_start(), block.samples)
