"""`still`: on how many inputs nothing has flipped for a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from regime_lib.instrument.capture.coverage import Coverage
from regime_lib.instrument.tracking.blocks import PatternBlock
from regime_lib.instrument.tracking.quantities.base import PatternQuantity, Values


@dataclass(eq=False, repr=False)
class Still(PatternQuantity):
    """Share of samples whose whole pattern stood still for N observations, this one included.

    The linear map that the network is on such an input has not changed its pieces since then.
    """

    still: int = 1
    name, asked_by, merged = "still", "still", "mean"

    def begin(self, options: Any, coverage: Coverage) -> Still:
        """Return one that remembers since when each sample stands still."""
        return Still(options.still)

    def __post_init__(self) -> None:
        self._run: Any = 0

    def values(self, block: PatternBlock) -> Values:
        """Lengthen the runs of samples without a flip, and end the others."""
        pairs = zip(block.flips, block.coverage.counted, strict=True)
        flips = np.asarray(sum(flips for flips, counted in pairs if counted))
        shares = np.empty(flips.shape[:2])
        for at, changed in enumerate(flips > 0):
            self._run = np.where(changed, 0, self._run + 1)
            shares[at] = (self._run >= self.still).mean(axis=1)
        return shares
