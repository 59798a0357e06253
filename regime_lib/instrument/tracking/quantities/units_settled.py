"""`units_settled`: how many units have flipped for the last time."""

from __future__ import annotations

import numpy as np

from regime_lib.instrument.tracking.blocks import EndBlock
from regime_lib.instrument.tracking.quantities.base import EndQuantity, Values


class UnitsSettled(EndQuantity):
    """Share of units that flip on no input of the probe after step t, until the end of the run.

    At the steps with a snapshot; `Trace.unit_times` holds the last flip of every unit. It is one at
    the end of any run: a unit that flipped shortly before may flip again.
    """

    name, asked_by = "units_settled", "unit_times"

    def values(self, block: EndBlock) -> Values | None:
        """Count the units whose last flip lies no later."""
        if block.last_flips is None:
            return None
        counts = [
            [(times <= step).sum(axis=1) for times in block.last_flips] for step in block.steps
        ]
        return block.coverage.shares(np.array(counts))
