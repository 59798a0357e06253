"""`oui`: the overfitting-underfitting indicator, how differently two samples switch the units.

arXiv 2504.17160 and the authors' code (github.com/AlbertoFdezHdez/OUI, `on_batch_OUI`), in its
form of 2025. Training that goes well is said to keep it between 0.6 and 0.8. It
compares *two samples at one time*; pattern change compares *one sample at two times*.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Int

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.coverage import Coverage
from regime_lib.instrument.capture.operators import Kind
from regime_lib.instrument.tracking.blocks import PatternBlock
from regime_lib.instrument.tracking.quantities.base import PatternQuantity, Values


@dataclass(eq=False, repr=False)
class OUI(PatternQuantity):
    """Share of units in which two samples differ, cut off at a half and doubled.

    Averaged over random pairs of samples, drawn once, and then over layers: 1 if patterns differ as
    chance would make them. Max-pools, which are no activations, and single units have none: NaN.
    """

    pairs: Int[np.ndarray, "2 pairs"] = field(default_factory=lambda: np.zeros((2, 0), int))
    name, asked_by = "oui", "oui"

    def begin(self, options: Any, coverage: Coverage) -> OUI:
        """Return one with the pairs of a run."""
        return OUI(draw_pairs(coverage.samples, options.oui, options.oui_seed))

    def values(self, block: PatternBlock) -> Values:
        """Compare the samples of each pair, layer by layer."""
        between = block.between(self.pairs)
        own = np.full(between.shape[:3], np.nan)
        has = [layer.units > 1 and layer.kind is not Kind.WINNER for layer in block.coverage.layers]
        for number in np.flatnonzero(has):
            half = block.coverage.layers[number].units // 2
            own[:, number] = np.minimum(between[:, number], half).mean(axis=2) / half
        mean = own[:, has].sum(axis=1) / (sum(has) or np.nan)
        return np.concatenate([mean[:, None], own], axis=1)


def draw_pairs(samples: int, number: int, seed: int) -> Int[np.ndarray, "2 pairs"]:
    """Draw pairs of different samples, no pair twice; all pairs there are if there are fewer.

    Raises
    ------
    RegimeError
        If there are fewer than two samples.
    """
    if samples < 2:
        raise RegimeError(
            f"OUI compares two samples, but the probe holds {samples}; pass at least two"
        )
    there = samples * (samples - 1) // 2
    codes = np.random.default_rng(seed).choice(there, min(number, there), replace=False)
    # pair number c is (j, i) with j < i and c = i (i - 1) / 2 + j
    larger = ((1 + np.sqrt(1 + 8 * codes)) // 2).astype(np.int64)
    larger -= larger * (larger - 1) // 2 > codes  # where the root was rounded up
    return np.stack([codes - larger * (larger - 1) // 2, larger])
