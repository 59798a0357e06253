"""One tracked run of one network: its meters, series and snapshots from entering to leaving."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from numpy.typing import NDArray
from torch import nn

from regime_lib.errors import RegimeError, RegimeWarning
from regime_lib.instrument.capture.coverage import Coverage
from regime_lib.instrument.capture.plan import CUSTOM, HIGHER
from regime_lib.instrument.capture.probe import Probe
from regime_lib.instrument.tracking.batches import BatchMeter
from regime_lib.instrument.tracking.blocks import EndBlock, WeightBlock
from regime_lib.instrument.tracking.directions import DirectionBlock, DirectionMeter
from regime_lib.instrument.tracking.norms import Rows
from regime_lib.instrument.tracking.options import Options
from regime_lib.instrument.tracking.pattern_buffer import PatternBuffer, StateBlock
from regime_lib.instrument.tracking.patterns import PatternMeter, discover
from regime_lib.instrument.tracking.quantities.base import EndQuantity, StateQuantity
from regime_lib.instrument.tracking.series_builder import SeriesBuilder
from regime_lib.instrument.tracking.snapshots import Snapshots
from regime_lib.instrument.tracking.trace import Trace
from regime_lib.instrument.tracking.unit_times import UnitMeter, UnitTimes
from regime_lib.instrument.tracking.weights import WeightMeter

_SNAPSHOT_BYTES = 256 << 20
_SNAPSHOT_EVERY_STEP = 256 << 10  # larger states are copied at every second, third, ... time only
_MOST_STRIDE = 16

_Snapshot = tuple[NDArray[np.uint8] | None, NDArray]


class Session:
    """Everything that one run of a tracker holds of one network."""

    def __init__(self, model: nn.Module, probe: Probe, options: Options) -> None:
        self._model, self._probe = model, probe
        self._weights = WeightMeter(model, options.members)
        plan, state = discover(model, probe, options)
        self.coverage: Coverage = plan.coverage
        _warn_of_custom_operators(plan.coverage)
        quantities = [one.begin(options, plan.coverage) for one in options.chosen()]
        self._series = SeriesBuilder(plan.coverage, self._weights.names, quantities)
        self._has_states = any(isinstance(one, StateQuantity) for one in quantities)
        self._directions: DirectionMeter | None = None
        if any(one.source is DirectionBlock for one in quantities):
            self._directions = DirectionMeter(model, options.members, self._series.sums)
        self._units = UnitMeter(plan.coverage) if options.unit_times else None
        self._weights_seen: list[tuple[int, bool]] = []
        self._patterns_seen: list[tuple[int, bool]] = []
        self._last_step = 0
        self._last_watched: int | None = None
        self._patterns: PatternMeter | None = None
        self.batches: BatchMeter | None = None
        if not self._weights.stage():
            raise RegimeError(
                f"{self._weights.not_finite()} before the first step; start from finite parameters"
            )
        self._weights.store.keep()
        self._weights_seen.append((0, False))
        self._write_weights()
        if options.batches is not None:
            self.batches = BatchMeter(plan, options.layout, options.batches)
        elif any(one.rows == "layers" for one in quantities):
            self._patterns = PatternMeter(model, probe, plan, state, options)
            self._series.write(self._patterns.buffer.unchanged(0))
        self._snapshots: Snapshots[_Snapshot] | None = None
        if any(isinstance(one, EndQuantity) for one in quantities):
            self._snapshots = self._room_for_snapshots(options.snapshots)
            self._snapshots.offer(0, self._take_snapshot)
        self._write_state(0, follows=False)
        store = self._weights.store
        # of a small network all parameters of the last steps are there
        self._rows = store if isinstance(store, Rows) and not self._has_states else None

    def observe(self, step: int) -> None:
        """Observe weights and patterns after a step; an observation that fails leaves nothing."""
        patterns = self._patterns
        unchanged = patterns is not None and patterns.unchanged()
        if not unchanged or (self._rows is not None and self._rows.rows_full):
            self._look_back()
        self._write_if_full()
        if not self._weights.stage(same_objects=unchanged):
            raise RegimeError(
                f"{self._weights.not_finite()} after step {step}; the trace ends at step "
                f"{self._last_step}: lower the learning rate or clip the gradients"
            )
        seen = step, self._last_step == step - 1
        waits = False
        if patterns is not None:
            self._probe.check_unchanged(step)
            waits = self._rows is not None and patterns.may_wait(unchanged)
            if not waits:
                self._look_back()
                patterns.observe(step)
        self._weights.store.keep()
        self._weights_seen.append(seen)
        if self._directions is not None:
            self._series.write(self._directions.observe(*seen))
        if patterns is not None:
            if not waits:
                patterns.keep()
            self._patterns_seen.append(seen)
        self._last_step = step
        if self._snapshots is not None and not waits:
            self._snapshots.offer(step, self._take_snapshot)
        if self._has_states:
            self._write_state(*seen)

    def _write_if_full(self) -> None:
        """Make room before an observation: one that is interrupted here can be made again."""
        if self._weights.store.full:
            self._write_weights()
        if self._patterns is not None and self._patterns.buffer.full:
            self._write_patterns(self._patterns.buffer)

    def _look_back(self) -> None:
        """Make up for the looks that wait: those of the last rows of the weights."""
        patterns, rows = self._patterns, self._rows
        if patterns is None or rows is None:
            return
        waiting = len(self._patterns_seen) - patterns.buffer.filled
        if waiting <= 0:
            return
        with patterns.looking_back() as look:
            for row in rows.last_rows(waiting):
                step, _ = self._patterns_seen[patterns.buffer.filled]
                look(step, row)
                patterns.keep()  # an interruption finds this look made, or still waiting
                if self._snapshots is not None:
                    self._snapshots.offer(step, partial(self._take_snapshot, row))
                if patterns.buffer.full:
                    self._write_patterns(patterns.buffer)

    @contextmanager
    def watched(self, index: Int[np.ndarray, " batch"] | None, step: int) -> Iterator[None]:
        """Take the patterns of the forward pass in this block, if it succeeds."""
        assert self.batches is not None
        with self.batches.recording(index, step):
            yield
        if index is None:
            self._note_full_batch(self.batches.full_batches, step)
        else:
            self._last_watched = step
            self._series.write(self.batches.block(index, step))

    def check_not_watched(self, step: int) -> None:
        """Refuse a second watched forward pass between two optimiser steps."""
        if self._last_watched == step:
            raise RegimeError(
                f"watch() was entered twice after step {step}; watch one forward pass per "
                "optimiser step, or leave out batches= and give a probe"
            )

    def state(self) -> dict[str, Any]:
        """Return what a later process goes on from, of tensors and plain values."""
        if self.batches is not None:
            raise RegimeError(
                "a tracker that watches batches cannot be saved; give it a probe to save it"
            )
        self._look_back()
        self._write_weights()
        if self._patterns is not None:
            self._write_patterns(self._patterns.buffer)
        return as_tensors(
            {
                "layers": [layer.name for layer in self.coverage.layers],
                "last step": self._last_step,
                "series": self._series.state(),
                "weights": self._weights.store.state(),
                "patterns": self._patterns and self._patterns.state(),
                "snapshots": self._snapshots and self._snapshots.state(),
                "directions": self._directions and self._directions.state(),
                "units": self._units and self._units.state(),
            }
        )

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned in another process."""
        state = as_arrays(state)
        if state["layers"] != [layer.name for layer in self.coverage.layers]:
            raise RegimeError(
                "the state was saved of a tracker of other layers; make the tracker with the same "
                "model, probe and options as the one that was saved"
            )
        self._last_step = state["last step"]
        self._series.restore(state["series"])
        self._weights.store.restore(state["weights"])
        for own, saved in (
            (self._patterns, state["patterns"]),
            (self._snapshots, state["snapshots"]),
            (self._directions, state["directions"]),
            (self._units, state["units"]),
        ):
            if own is not None:
                own.restore(saved)

    def trace(self) -> Trace:
        """Return the trace of all observations so far."""
        self._look_back()
        self._write_weights()
        if self._patterns is not None:
            self._write_patterns(self._patterns.buffer)
        elif self.batches is not None and self._patterns_seen:
            self._write_patterns(self.batches.full_batches)
        return self._series.trace(self._ends(), self._last_flips)

    @property
    def _last_flips(self) -> UnitTimes | None:
        return None if self._units is None else self._units.times

    def _note_full_batch(self, buffer: PatternBuffer, step: int) -> None:
        """Keep the patterns of a forward pass over the whole training set."""
        last, self._last_watched = self._last_watched, step
        if last is None:
            buffer.start()
            self._series.write(buffer.unchanged(step))
            return
        buffer.filled += 1
        self._patterns_seen.append((step, last == step - 1))
        if buffer.full:
            self._write_patterns(buffer)

    def _write_weights(self) -> None:
        if self._weights_seen:
            steps, follows = _unzip(self._weights_seen)
            norms = self._weights.store.take()  # if that is interrupted, it can be done again
            self._weights_seen = []
            self._series.write(WeightBlock(steps, follows, norms, self._series.sums))

    def _write_patterns(self, buffer: PatternBuffer) -> None:
        if made := self._patterns_seen[: buffer.filled]:
            block = buffer.block(*_unzip(made))
            self._patterns_seen = self._patterns_seen[buffer.filled :]  # the others wait
            try:
                self._series.write(block)
                if self._units is not None:
                    self._units.write(block)
            finally:
                buffer.restart()

    def _write_state(self, step: int, follows: bool) -> None:
        at, meter = (np.array([step]), np.array([follows])), self._patterns
        patterns, values = (None, ()) if meter is None else (meter.buffer, meter.preactivations)
        self._series.write(StateBlock(*at, self.coverage, self._model, patterns, values))

    def _ends(self) -> EndBlock | None:
        if self._snapshots is None:
            return None
        steps, kept = np.array(self._snapshots.steps), self._snapshots.items
        flips = None
        if self._patterns is not None:
            distance = self._patterns.buffer.distance_to_last
            flips = np.array([distance(patterns) for patterns, _ in kept if patterns is not None])
        squares = np.array([self._weights.squared_distance_to_last(weights) for _, weights in kept])
        never = np.zeros(len(steps), bool)
        sums, last = self._series.sums, self._last_flips
        return EndBlock(steps, never, self.coverage, sums, flips, squares, last)

    def _take_snapshot(self, row: NDArray | None = None) -> _Snapshot:
        assert self._snapshots is not None
        spare = self._snapshots.spare
        return self._copy(*spare.pop(), row) if spare else self._copy(row=row)

    def _copy(
        self,
        patterns: NDArray[np.uint8] | None = None,
        weights: NDArray | None = None,
        row: NDArray | None = None,
    ) -> _Snapshot:
        """Copy the last patterns and weights, into the room of an earlier copy if there is one.

        The weights that belong to the patterns may be given.
        """
        if self._patterns is not None:
            patterns = self._patterns.buffer.snapshot(patterns)
        if row is None:
            return patterns, self._weights.snapshot(weights)
        weights = np.empty_like(row) if weights is None else weights
        np.copyto(weights, row)
        return patterns, weights

    def _room_for_snapshots(self, most: int) -> Snapshots[_Snapshot]:
        patterns, weights = self._copy()
        size = weights.nbytes + (0 if patterns is None else patterns.nbytes)
        stride = min(_MOST_STRIDE, max(1, size // _SNAPSHOT_EVERY_STEP))
        return Snapshots(min(most, _SNAPSHOT_BYTES // max(1, size)), stride)


def as_tensors(value: Any) -> Any:
    """Turn arrays into tensors, so that `torch.load` reads them with weights_only=True."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy())
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, dict):
        return {name: as_tensors(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(as_tensors(part) for part in value)
    return value.item() if isinstance(value, np.generic) else value


def as_arrays(value: Any) -> Any:
    """Turn tensors into arrays again."""
    if isinstance(value, torch.Tensor):
        return value.cpu().numpy().copy()
    if isinstance(value, dict):
        return {name: as_arrays(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(as_arrays(part) for part in value)
    return value


def _unzip(seen: list[tuple[int, bool]]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    return np.array([step for step, _ in seen]), np.array([follows for _, follows in seen])


def _warn_of_custom_operators(coverage: Coverage) -> None:
    for item in coverage.unseen:
        if item.what.startswith((CUSTOM, HIGHER)):
            warnings.warn(
                f"{item}: if it contains a rectifier, that one is not tracked",
                RegimeWarning,
                stacklevel=4,  # the line of the `with` statement
            )
