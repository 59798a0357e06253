"""`pattern_from_end`: how far patterns are from where they end."""

from regime_lib.instrument.tracking.blocks import EndBlock
from regime_lib.instrument.tracking.quantities.base import EndQuantity, Values


class PatternFromEnd(EndQuantity):
    """Hamming distance to the last pattern, :math:`H(S_t, S_T)`, at the steps with a snapshot."""

    name, merged = "pattern_from_end", "mean"

    def values(self, block: EndBlock) -> Values | None:
        """Compare snapshots with the last patterns."""
        if block.flips is None:
            return None
        return block.coverage.shares(block.flips, block.coverage.samples)
