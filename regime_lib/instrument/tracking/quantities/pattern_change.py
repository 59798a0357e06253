"""`pattern_change`: how many bits flip in one step."""

import numpy as np
from jaxtyping import Float

from regime_lib.instrument.tracking.blocks import PatternBlock
from regime_lib.instrument.tracking.quantities.base import PatternQuantity, Values

_PARTS = 32  # parts of the probe whose flips are kept apart


class PatternChange(PatternQuantity):
    r"""Share of bits that flipped in the last step, :math:`H(S_t, S_{t-1})`.

    The normalised Hamming distance, over :math:`N` units and :math:`P` samples, is
    :math:`H(S, S') = \frac{1}{PN} \sum_{p,i} |S - S'|_{pi}`.
    """

    name, of_step, merged = "pattern_change", True, "mean"

    def values(self, block: PatternBlock) -> Values:
        """Sum flips over samples."""
        flips = np.stack([layer.sum(axis=2) for layer in block.flips], axis=1)
        return block.coverage.shares(flips, block.samples)

    def by_part(self, block: PatternBlock) -> Float[np.ndarray, "steps members parts"]:
        """Return the same over all layers, by part of the probe: samples are dealt round robin."""
        coverage, samples = block.coverage, block.samples
        pairs = zip(block.flips, coverage.counted, strict=True)
        by_sample = np.asarray(sum(flips for flips, counted in pairs if counted))[block.follows]
        parts = min(_PARTS, samples)
        # a row per hand of the deal, the last one filled up: one sum for all parts
        hands = -(-samples // parts)
        dealt = np.zeros((*by_sample.shape[:2], hands * parts), by_sample.dtype)
        dealt[:, :, :samples] = by_sample
        flips = dealt.reshape(*by_sample.shape[:2], hands, parts).sum(axis=2)
        size = np.bincount(np.arange(samples) % parts)
        units = np.array([layer.units for layer in coverage.layers], dtype=float)
        return flips / size / units[coverage.counted].sum()
