"""`oui_batch`: the indicator as its authors redefined it in 2026, unit by unit.

github.com/AlbertoFdezHdez/OUIDecay, `code/oui/core.py`. For units that are on with probability p it
gives 2 min(p, 1 - p), where the form of 2025 (`oui`) gives 4 p (1 - p) (ours): the band of values
that was called good for one of them does not carry over to the other.
"""

from __future__ import annotations

import numpy as np

from regime_lib.instrument.capture.operators import Kind
from regime_lib.instrument.tracking.blocks import PatternBlock
from regime_lib.instrument.tracking.quantities.base import PatternQuantity, Values


class OUIBatch(PatternQuantity):
    r"""Samples on the rarer side of each unit, :math:`\min(s_j, B - s_j)/\lfloor B/2\rfloor`.

    With :math:`s_j` of the :math:`B` probe samples above the first threshold of unit :math:`j`,
    averaged over units and then over layers. Max-pools have none: NaN.
    """

    name, asked_by = "oui_batch", "oui_batch"

    def values(self, block: PatternBlock) -> Values:
        """Count the samples that switch each unit on."""
        layers, half = block.coverage.layers, max(1, block.samples // 2)
        own = np.full((len(block.steps), len(layers), block.coverage.members), np.nan)
        has = [layer.kind is not Kind.WINNER for layer in layers]
        for number in np.flatnonzero(has):
            on = block.bits(int(number)).sum(axis=2)
            own[:, number] = np.minimum(on, block.samples - on).mean(axis=2) / half
        mean = own[:, has].sum(axis=1) / (sum(has) or np.nan)
        return np.concatenate([mean[:, None], own], axis=1)
