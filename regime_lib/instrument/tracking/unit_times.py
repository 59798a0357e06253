"""When each single unit flipped for the last time on any input of the probe."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Int

from regime_lib.instrument.capture.coverage import Coverage
from regime_lib.instrument.tracking.blocks import PatternBlock

UnitTimes = tuple[Int[np.ndarray, "members _units"], ...]
"""Of every layer, the step of each unit's last flip; 0 of a unit that never flipped."""


class UnitMeter:
    """Follows the units of every layer, one block of observations after the other."""

    def __init__(self, coverage: Coverage) -> None:
        sizes = [(coverage.members, layer.units) for layer in coverage.layers]
        self.times: UnitTimes = tuple(np.zeros(size, np.int64) for size in sizes)

    def write(self, block: PatternBlock) -> None:
        """Note the units that differ from the observation before on some sample."""
        for times, stored in zip(self.times, block.stored, strict=True):
            changed = stored.flipped(len(block.steps))
            for step, flipped in zip(block.steps, changed, strict=True):
                times[flipped] = step

    def state(self) -> dict[str, Any]:
        """Return what a later process goes on from."""
        return {"times": list(self.times)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        for mine, saved in zip(self.times, state["times"], strict=True):
            np.copyto(mine, saved)
