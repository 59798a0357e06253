"""The last looks at the patterns, kept and compared, and what they found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray

from regime_lib.instrument.tracking.flip_law import FlipStatistics
from regime_lib.instrument.tracking.packed_bits import Pairs, Shelf
from regime_lib.instrument.tracking.recorder import Recorder, as_bytes, from_bytes

_SHELF_BYTES = 2 << 20  # patterns of a small network are compared many looks at a time
_MOST_LOOKS = 64


@dataclass(frozen=True)
class Observations:
    """Counts of units by look, layer and member."""

    changed: Int[np.ndarray, "looks layers members"]
    """Units that differ from the look before, summed over samples."""
    by_sample: Int[np.ndarray, "looks members samples"]
    """The same, summed over the layers that count."""
    from_start: Int[np.ndarray, "looks layers members"]
    dead: Float[np.ndarray, "looks layers members"]
    """Units that are off on every sample; NaN for pooling windows."""
    always_on: Float[np.ndarray, "looks layers members"]
    samples: int
    law: tuple[tuple[FlipStatistics, ...], ...] = ()
    """By look and layer, if pre-activations are kept."""
    between: Int[np.ndarray, "looks layers members pairs"] | None = None
    """Units that differ between the two samples of each pair, if pairs were drawn."""


class PatternBuffer:
    """The patterns of the last looks at the same samples, compared many at a time.

    Parameters
    ----------
    recorder : Recorder
        Makes the shelves and writes into them.
    samples : int
        Samples of every look.
    counted : array of bool, shape (layers,)
        Which layers enter `Observations.by_sample`.
    pairs : array of int, shape (2, pairs), optional
        Samples to compare with each other at every look.
    """

    def __init__(
        self,
        recorder: Recorder,
        samples: int,
        counted: Bool[np.ndarray, " layers"],
        pairs: Pairs | None = None,
    ):
        self._recorder, self._samples, self._counted = recorder, samples, counted
        self._pairs = pairs
        self.first = recorder.shelves(1, samples)
        size = sum(shelf.data.nbytes for shelf in self.first)
        self.capacity = max(1, min(_MOST_LOOKS, _SHELF_BYTES // size))
        self.shelves = recorder.shelves(1 + self.capacity, samples)
        self.filled = 0

    @property
    def full(self) -> bool:
        """Whether the looks must be taken before the next one."""
        return self.filled == self.capacity

    def start(self) -> None:
        """Make slot 0 the first pattern."""
        from_bytes(self.first, 0, as_bytes(self.shelves, 0))
        self.filled = 0

    def take(self, law: tuple[tuple[FlipStatistics, ...], ...] = ()) -> Observations:
        """Compare the looks since the last call, and forget all but the last."""
        looks = compare(self.shelves, self.first, self.filled, self._counted, law, self._pairs)
        for shelf in self.shelves:
            shelf.restart(self.filled)
        self.filled = 0
        return looks

    def unchanged(self) -> Observations:
        """Return a look that finds the first patterns again."""
        pair = self._recorder.shelves(2, self._samples)
        for slot in (0, 1):
            from_bytes(pair, slot, as_bytes(self.first, 0))
        return compare(pair, self.first, 1, self._counted, pairs=self._pairs)

    def last(self, into: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """Copy the last patterns, packed."""
        return as_bytes(self.shelves, self.filled, into)

    def distance_to_last(self, snapshot: NDArray[np.uint8]) -> Int[np.ndarray, "layers members"]:
        """Count the units in which an earlier copy differs from the last patterns."""
        pair = self._recorder.shelves(2, self._samples)
        from_bytes(pair, 0, snapshot)
        from_bytes(pair, 1, self.last())
        return np.array([shelf.changed(1)[0].sum(axis=1) for shelf in pair])


def compare(
    shelves: Sequence[Shelf],
    first: Sequence[Shelf],
    looks: int,
    counted: NDArray[np.bool_],
    law: tuple[tuple[FlipStatistics, ...], ...] = (),
    pairs: Pairs | None = None,
) -> Observations:
    """Compare the filled slots of all layers with the slot before each, and with the first.

    Parameters
    ----------
    shelves, first : sequence of Shelf
        Patterns of every layer; the first patterns of every layer in slot 0.
    looks : int
        Filled slots after slot 0.
    counted : array of bool, shape (layers,)
        Which layers enter `Observations.by_sample`.
    law : tuple
        Passed on.
    pairs : array of int, shape (2, pairs), optional
        Samples to compare with each other.
    """
    changed = [shelf.changed(looks) for shelf in shelves]
    away = [a.away(b, looks) for a, b in zip(shelves, first, strict=True)]  # type: ignore[arg-type]
    constant = [shelf.constant(looks) for shelf in shelves]
    by_sample = sum(c for c, counts in zip(changed, counted, strict=True) if counts)
    return Observations(
        np.stack([c.sum(axis=2) for c in changed], axis=1),
        np.asarray(by_sample),
        np.stack([c.sum(axis=2) for c in away], axis=1),
        np.stack([np.asarray(dead, dtype=float) for dead, _ in constant], axis=1),
        np.stack([np.asarray(on, dtype=float) for _, on in constant], axis=1),
        changed[0].shape[2],
        law,
        None if pairs is None else np.stack([s.between(pairs, looks) for s in shelves], axis=1),
    )
