"""What quantities are computed from: blocks of observations, counted when a quantity asks.

A small network is observed many times before anything is counted, which spreads the cost of calling
NumPy. What two quantities share, such as the flips of every layer, is counted once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int

from regime_lib.instrument.capture.coverage import Coverage
from regime_lib.instrument.tracking.flip_law import FlipStatistics
from regime_lib.instrument.tracking.norms import Norms
from regime_lib.instrument.tracking.packed_bits import PackedBits, Pairs


@dataclass(frozen=True, eq=False, repr=False)
class Block:
    """Consecutive observations of one run."""

    steps: Int[np.ndarray, " observations"]
    follows: Bool[np.ndarray, " observations"]
    """Whether the observation before was made one step before."""


@dataclass(frozen=True, eq=False, repr=False)
class PatternBlock(Block):
    """Patterns on the probe, or on training samples."""

    coverage: Coverage
    samples: int
    stored: Sequence[PackedBits]
    """Of every layer, packed: slot 0 is the observation before the block."""
    first: Sequence[PackedBits]
    """Of every layer, the first patterns of all, in slot 0."""
    flip_statistics: tuple[tuple[FlipStatistics, ...], ...] = ()
    """By observation and layer, if pre-activations are kept."""
    lag: float | None = None
    """Mean number of steps since the samples' last visit, if parts of a training set are passed."""

    @cached_property
    def flips(self) -> tuple[Int[np.ndarray, "observations members samples"], ...]:
        """Units of every layer that differ from the observation before."""
        return tuple(store.changed(len(self.steps)) for store in self.stored)

    @cached_property
    def constant(self) -> tuple[Float[np.ndarray, "observations layers members"], ...]:
        """Units that are off, and units that are on, on every sample; NaN for pooling windows."""
        found = [store.constant(len(self.steps)) for store in self.stored]
        return tuple(np.stack([layer[k] for layer in found], axis=1).astype(float) for k in (0, 1))

    def from_start(self) -> Int[np.ndarray, "observations layers members"]:
        """Count the units that differ from the first patterns."""
        pairs, n = zip(self.stored, self.first, strict=True), len(self.steps)
        return np.stack([a.from_first(b, n).sum(axis=2) for a, b in pairs], axis=1)

    def between(self, pairs: Pairs) -> Int[np.ndarray, "observations layers members pairs"]:
        """Count the units that differ between the two samples of each pair."""
        return np.stack([store.between(pairs, len(self.steps)) for store in self.stored], axis=1)

    def bits(self, layer: int) -> Bool[np.ndarray, "observations members samples units"]:
        """Unpack which units of a layer are on; a unit with two thresholds is on above the first.

        Of a max-pool's windows these are the winners' codes.
        """
        return self.stored[layer].unpacked()[1 : len(self.steps) + 1]


@dataclass(frozen=True, eq=False, repr=False)
class WeightBlock(Block):
    """Squared norms of parameters, and which of them make up a module."""

    norms: Norms
    sums: Float[np.ndarray, "modules_and_all parameters"]

    def norm(
        self, squares: Float[np.ndarray, "observations parameters members"]
    ) -> Float[np.ndarray, "observations modules_and_all members"]:
        """Return norms over all parameters, and over those of each module."""
        return np.sqrt(self.sums @ squares)

    @cached_property
    def size(self) -> Float[np.ndarray, "observations modules_and_all members"]:
        """The norm of the weights."""
        return self.norm(self.norms.size)

    @cached_property
    def change(self) -> Float[np.ndarray, "observations modules_and_all members"]:
        """The norm of the difference to the observation before."""
        return self.norm(self.norms.update)


@dataclass(frozen=True, eq=False, repr=False)
class EndBlock(Block):
    """Earlier states, compared with the last one once that is known."""

    coverage: Coverage
    sums: Float[np.ndarray, "modules_and_all parameters"]
    flips: Int[np.ndarray, "observations layers members"] | None
    """Units that differ, summed over samples; None where no probe is run."""
    squares: Float[np.ndarray, "observations parameters members"]
    """Squared distances of the parameters."""
    last_flips: tuple[Int[np.ndarray, "members _units"], ...] | None = None
    """Of every layer, the step of each unit's last flip, if that is followed."""
