"""`pattern_net_change`: how many bits differ between the ends of a window of steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from regime_lib.instrument.capture.coverage import Coverage
from regime_lib.instrument.tracking.pattern_buffer import StateBlock
from regime_lib.instrument.tracking.quantities.base import StateQuantity, Values


@dataclass(eq=False, repr=False)
class PatternNetChange(StateQuantity):
    """Hamming distance across every window of N steps, :math:`H(S_t, S_{t-N})`, at its end.

    See `regime_lib.instrument.tracking.net_flips`.
    """

    window: int = 0
    name, asked_by, merged = "pattern_net_change", "window", "mean"

    def begin(self, options: Any, coverage: Coverage) -> PatternNetChange:
        """Return one that remembers where the window of a run began."""
        return PatternNetChange(options.window)

    def __post_init__(self) -> None:
        self._start = 0
        self._pattern: NDArray[np.uint8] | None = None

    def values(self, block: StateBlock) -> Values | None:
        """Compare with the patterns at the window's start, once it has passed."""
        assert block.patterns is not None
        step = int(block.steps[0])
        if self._pattern is not None and step - self._start < self.window:
            return None
        before, self._start, self._pattern = self._pattern, step, block.patterns.snapshot()
        if before is None:
            return None
        differing = block.patterns.distance_to_last(before)[None]
        return block.coverage.shares(differing, block.coverage.samples)
