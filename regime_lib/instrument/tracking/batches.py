"""Patterns of training samples, taken from the training's own forward passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.layout import Layout
from regime_lib.instrument.capture.modes import watch
from regime_lib.instrument.capture.plan import CallPlan
from regime_lib.instrument.tracking.packed_bits import Shelf
from regime_lib.instrument.tracking.pattern_buffer import Observations, PatternBuffer, compare
from regime_lib.instrument.tracking.recorder import Recorder

_MIXED = (
    "watch() was called with sample numbers and without; pass the numbers of every batch, or leave "
    "them out if every batch is the whole training set"
)
_WRONG_SIZE = (
    "watch one forward pass over exactly the samples whose numbers were given, or over the whole "
    "training set if none were"
)


class BatchMeter:
    """Compares each training sample with its own last visit.

    Full-batch training so gives the change per step at no extra forward pass, and minibatch
    training the change per epoch.

    Parameters
    ----------
    plan : CallPlan
        The calls with patterns, found on one batch.
    layout : Layout
        How activations are read.
    samples : int
        Training samples in all.
    """

    def __init__(self, plan: CallPlan, layout: Layout, samples: int) -> None:
        self._plan, self._samples = plan, samples
        self._recorder = Recorder(plan, layout, advice=_WRONG_SIZE)
        self._ring: PatternBuffer | None = None
        self._first: list[Shelf] = []
        self._last: list[Shelf] = []
        self._visited = np.full(samples, -1)
        self._room: tuple[int, list[Shelf], list[Shelf]] = (0, [], [])

    @property
    def ring(self) -> PatternBuffer:
        """The patterns of full batches.

        Raises
        ------
        RegimeError
            If the training passes parts of the training set as well.
        """
        if self._last:
            raise RegimeError(_MIXED)
        if self._ring is None:
            self._ring = PatternBuffer(self._recorder, self._samples, self._plan.coverage.counted)
            self._ring.filled = -1  # the first pass fills slot 0
        return self._ring

    def watch(self, index: Int[np.ndarray, " batch"] | None) -> BatchWatch:
        """Return a context that records one forward pass over some samples, or over all."""
        if index is None:
            ring = self.ring
            return BatchWatch(
                self._recorder, self._plan, ring.shelves, ring.filled + 1, self._samples
            )
        if self._ring is not None:
            raise RegimeError(_MIXED)
        if not self._last:
            self._first = self._recorder.shelves(1, self._samples)
            self._last = self._recorder.shelves(1, self._samples)
        shelves, _ = self._shelves_for(len(index))
        return BatchWatch(self._recorder, self._plan, shelves, 1, len(index))

    def numbers(self, index: Tensor | NDArray | Sequence[int]) -> Int[np.ndarray, " batch"]:
        """Read the caller's sample numbers.

        Raises
        ------
        RegimeError
            If they are not distinct numbers of training samples.
        """
        numbers = np.asarray(index.cpu() if isinstance(index, Tensor) else index)
        if numbers.ndim != 1 or not np.issubdtype(numbers.dtype, np.integer) or not numbers.size:
            raise RegimeError(
                "watch(index) takes the numbers of the batch's samples, a one-dimensional list of "
                f"integers; got shape {numbers.shape} of {numbers.dtype}"
            )
        if numbers.min() < 0 or numbers.max() >= self._samples:
            raise RegimeError(
                f"watch(index) got sample number {numbers.min()} to {numbers.max()}, but the "
                f"tracker was made for samples 0 to {self._samples - 1}; pass batches=N with the "
                "size of the whole training set"
            )
        if len(np.unique(numbers)) != len(numbers):
            raise RegimeError("watch(index) got a sample twice in one batch; name each sample once")
        return numbers.astype(np.int64)

    def take(self, index: Int[np.ndarray, " batch"], step: int) -> tuple[Observations, float]:
        """Compare the patterns just recorded with the samples' last visits.

        Returns
        -------
        Observations
            Of one look. Samples that were not visited before count as unchanged.
        float
            Mean number of steps since the samples' last visit; NaN if some were not visited before.
        """
        shelves, first = self._shelves_for(len(index))
        new = self._visited[index] < 0
        if new.any():  # their first and last patterns are the ones just seen
            for kept in (self._first, self._last):
                for store, shelf in zip(kept, shelves, strict=True):
                    _set(store, index[new], shelf.data[1][:, :, new])
        for store, shelf, start, origin in zip(
            self._last, shelves, first, self._first, strict=True
        ):
            shelf.data[0] = store.data[0][:, :, index]
            start.data[0] = origin.data[0][:, :, index]
        looks = compare(shelves, first, 1, self._plan.coverage.counted)
        for store, shelf in zip(self._last, shelves, strict=True):
            _set(store, index, shelf.data[1])
        lag = float("nan") if new.any() else float((step - self._visited[index]).mean())
        self._visited[index] = step
        return looks, lag

    def _shelves_for(self, samples: int) -> tuple[list[Shelf], list[Shelf]]:
        """Return room for one batch and for its first patterns; kept until the size changes."""
        if self._room[0] != samples:
            make = self._recorder.shelves
            self._room = samples, make(2, samples), make(1, samples)
        return self._room[1], self._room[2]


class BatchWatch:
    """One watched forward pass of the training itself: nothing is changed, only read."""

    def __init__(
        self, recorder: Recorder, plan: CallPlan, shelves: list[Shelf], slot: int, samples: int
    ) -> None:
        self._recorder = recorder
        self._where = (shelves, slot, slice(0, samples))
        self._modes = watch(recorder, dispatch=plan.dispatch)

    def __enter__(self) -> None:
        self._recorder.begin(*self._where)
        self._modes.__enter__()

    def __exit__(self, *failure: Any) -> None:
        self._modes.__exit__(*failure)
        if failure[0] is None:
            self._recorder.end()


def _set(store: Any, where: Any, values: Any) -> None:
    store.data[0][:, :, where] = values
