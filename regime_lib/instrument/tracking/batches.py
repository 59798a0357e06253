"""Patterns of training samples, taken from the training's own forward passes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.layout import Layout
from regime_lib.instrument.capture.modes import intercept_calls
from regime_lib.instrument.capture.plan import CallPlan
from regime_lib.instrument.tracking.blocks import PatternBlock
from regime_lib.instrument.tracking.packed_bits import PackedBits
from regime_lib.instrument.tracking.pattern_buffer import PatternBuffer
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
    """

    def __init__(self, plan: CallPlan, layout: Layout, samples: int) -> None:
        self._plan, self._samples = plan, samples
        self._recorder = Recorder(plan, layout, advice=_WRONG_SIZE)
        self._listening = intercept_calls(self._recorder, dispatch=plan.dispatch)
        self._buffer: PatternBuffer | None = None
        self._first: list[PackedBits] = []
        self._last: list[PackedBits] = []
        self._visited = np.full(samples, -1)
        self._room: tuple[int, list[PackedBits], list[PackedBits]] = (0, [], [])

    @property
    def full_batches(self) -> PatternBuffer:
        """The patterns of full batches."""
        if self._last:
            raise RegimeError(_MIXED)
        if self._buffer is None:
            self._buffer = PatternBuffer(self._recorder, self._plan.coverage, self._samples)
            self._buffer.filled = -1  # the first pass fills slot 0
        return self._buffer

    @contextmanager
    def recording(self, index: Int[np.ndarray, " batch"] | None, step: int) -> Iterator[None]:
        """Record one forward pass over some samples, or over all, if it succeeds."""
        if index is None:
            buffer = self.full_batches
            where = buffer.stored, buffer.filled + 1, slice(0, self._samples)
        else:
            where = self._room_for(len(index))[0], 1, slice(0, len(index))
        self._recorder.at_step = step
        self._recorder.begin(*where)
        with self._listening:
            yield
        self._recorder.end()
        if index is None:
            self.full_batches.pack(where[1])

    def check(self, index: Int[np.ndarray, " batch"] | None) -> None:
        """Refuse full batches and parts of the training set in one run."""
        if index is None:
            _ = self.full_batches
        elif self._buffer is not None:
            raise RegimeError(_MIXED)

    def numbers(self, index: Tensor | NDArray | Sequence[int]) -> Int[np.ndarray, " batch"]:
        """Read the caller's sample numbers."""
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

    def block(self, index: Int[np.ndarray, " batch"], step: int) -> PatternBlock:
        """Compare the patterns just recorded with the samples' last visits, and keep them.

        Samples that were not visited before count as unchanged.
        """
        stored, start = self._room_for(len(index))
        new = self._visited[index] < 0
        if not self._last:
            self._first, self._last = (self._recorder.packed_bits(1, self._samples) for _ in "ab")
        for first, last, now, before in zip(self._first, self._last, stored, start, strict=True):
            if new.any():  # their first and last patterns are the ones just seen
                for kept in (first, last):
                    kept.data[0][:, :, index[new]] = now.data[1][:, :, new]
            now.data[0] = last.data[0][:, :, index]
            before.data[0] = first.data[0][:, :, index]
            last.data[0][:, :, index] = now.data[1]
        lag = float("nan") if new.any() else float((step - self._visited[index]).mean())
        self._visited[index] = step
        at, seen_before, coverage = np.array([step]), np.array([not new.any()]), self._plan.coverage
        return PatternBlock(at, seen_before, coverage, len(index), stored, start, lag=lag)

    def _room_for(self, samples: int) -> tuple[list[PackedBits], list[PackedBits]]:
        """Return room for one batch and for its first patterns; kept until the size changes."""
        if self._room[0] != samples:
            make = self._recorder.packed_bits
            self._room = samples, make(2, samples), make(1, samples)
        return self._room[1], self._room[2]
