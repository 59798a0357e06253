"""The patterns of the last observations of the same samples, compared many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import nn

from regime_lib.instrument.capture.coverage import Coverage
from regime_lib.instrument.tracking.blocks import Block, PatternBlock
from regime_lib.instrument.tracking.flip_law import FlipStatistics
from regime_lib.instrument.tracking.packed_bits import TogetherPacked
from regime_lib.instrument.tracking.recorder import Recorder

_BYTES = 2 << 20  # patterns of a small network are compared many observations at a time
_MOST_OBSERVATIONS = 64


class PatternBuffer:
    """Packed patterns of every layer: slot 0 is the observation before, the next are filled."""

    def __init__(self, recorder: Recorder, coverage: Coverage, samples: int) -> None:
        self._recorder, self._coverage, self._samples = recorder, coverage, samples
        self.first = recorder.packed_bits(1, samples)
        size = sum(bits.data.nbytes for bits in self.first)
        self.capacity = max(1, min(_MOST_OBSERVATIONS, _BYTES // size))
        self.stored = recorder.packed_bits(1 + self.capacity, samples)
        self._together: TogetherPacked | None = None
        if TogetherPacked.suits(self.stored):
            self._together = TogetherPacked(self.stored)
        self.filled = 0
        self.statistics: list[tuple[FlipStatistics, ...]] = []
        """By filled slot and layer, if pre-activations are kept."""

    @property
    def full(self) -> bool:
        """Whether the observations must be written before the next one."""
        return self.filled == self.capacity

    def pack(self, slot: int) -> None:
        """Finish a pass over all samples, which was recorded into this slot."""
        if self._together is not None:
            self._together.pack(slot)

    def start(self) -> None:
        """Make slot 0 the first pattern."""
        for first, bits in zip(self.first, self.stored, strict=True):
            first.data[0] = bits.data[0]
        self.filled = 0

    def block(
        self, steps: Int[np.ndarray, " observations"], follows: Bool[np.ndarray, " observations"]
    ) -> PatternBlock:
        """Return the observations since `restart`, to be counted before the next `restart`."""
        of = (self._coverage, self._samples, self.stored, self.first)
        return PatternBlock(steps, follows, *of, tuple(self.statistics))

    def restart(self) -> None:
        """Forget all observations but the last."""
        for bits in self.stored:
            bits.restart(self.filled)
        self.filled, self.statistics = 0, []

    def state(self) -> dict[str, Any]:
        """Return what a later process goes on from; no observation may be waiting."""
        pairs = {"last": self.stored, "first": self.first}
        return {name: [bits.data[0] for bits in held] for name, held in pairs.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        for held, saved in ((self.stored, state["last"]), (self.first, state["first"])):
            for bits, one in zip(held, saved, strict=True):
                whole = isinstance(bits.data, np.ndarray)
                bits.data[0] = one if whole else torch.from_numpy(one)
        self.filled, self.statistics = 0, []

    def unchanged(self, step: int) -> PatternBlock:
        """Return an observation at a step that finds the first patterns again."""
        pair = self._recorder.packed_bits(2, self._samples)
        for bits, first in zip(pair, self.first, strict=True):
            bits.data[:] = first.data
        at, never = np.array([step]), np.array([False])
        return PatternBlock(at, never, self._coverage, self._samples, pair, self.first)

    def snapshot(self, into: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """Copy the last patterns, packed; into an earlier copy that is no longer wanted, if any."""
        return np.concatenate([bits.octets(self.filled) for bits in self.stored], out=into)

    def distance_to_last(self, snapshot: NDArray[np.uint8]) -> Int[np.ndarray, "layers members"]:
        """Count the units in which an earlier copy differs from the last patterns."""
        ends = np.cumsum([bits.data[0].nbytes for bits in self.stored])
        parts = zip(self.stored, np.split(snapshot, ends[:-1]), strict=True)
        return np.array([bits.distance(self.filled, part).sum(axis=1) for bits, part in parts])


@dataclass(frozen=True, eq=False, repr=False)
class StateBlock(Block):
    """One observation, with all that can be seen at that moment: slow, but general."""

    coverage: Coverage
    model: nn.Module
    """The network itself, to be read only."""
    patterns: PatternBuffer | None
    """The last patterns; None where no probe is run."""
    preactivations: Sequence[Float[np.ndarray, "members samples _units"]] = ()
    """Of every layer, relative to its threshold, if the tracker keeps them."""
