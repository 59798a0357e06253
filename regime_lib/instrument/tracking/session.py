"""One tracked run: the meters, the journal and the snapshots between entering and leaving."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from torch import nn

from regime_lib.errors import RegimeError, RegimeWarning
from regime_lib.instrument.capture.coverage import Coverage
from regime_lib.instrument.capture.layout import Layout
from regime_lib.instrument.capture.plan import CUSTOM
from regime_lib.instrument.capture.probe import Probe
from regime_lib.instrument.tracking.batches import BatchMeter
from regime_lib.instrument.tracking.options import Options
from regime_lib.instrument.tracking.oui import draw_pairs
from regime_lib.instrument.tracking.packed_bits import Pairs
from regime_lib.instrument.tracking.pattern_buffer import PatternBuffer
from regime_lib.instrument.tracking.patterns import PatternMeter, discover
from regime_lib.instrument.tracking.series_builder import SeriesBuilder
from regime_lib.instrument.tracking.snapshots import Snapshots
from regime_lib.instrument.tracking.trace import Trace
from regime_lib.instrument.tracking.weights import WeightMeter

_SNAPSHOT_BYTES = 256 << 20
_SNAPSHOT_EVERY_STEP = 256 << 10  # larger states are copied at every second, third, ... look only
_MOST_STRIDE = 16

_Snapshot = tuple[NDArray[np.uint8] | None, NDArray]


class Session:
    """Everything that one run of a tracker holds.

    Parameters
    ----------
    model : nn.Module
        The network itself, without wrappers.
    probe : Probe
        The inputs.
    options : Options
        The choices of the tracker.

    Raises
    ------
    RegimeError
        If the model cannot be tracked (see `RegimeTracker`).
    """

    def __init__(self, model: nn.Module, probe: Probe, options: Options) -> None:
        self._probe = probe
        layout = Layout(options.members, options.batch_axis)
        self._weights = WeightMeter(model, options.members)
        plan, given = discover(
            model,
            probe,
            layout,
            samples=options.samples,
            smooth=options.smooth,
            keep=options.keep,
        )
        self.coverage: Coverage = plan.coverage
        _warn_of_custom_operators(plan.coverage)
        self._journal = SeriesBuilder(plan.coverage, self._weights.names)
        self._weight_looks: list[tuple[int, bool]] = []
        self._pattern_looks: list[tuple[int, bool]] = []
        self._last_look = 0
        self._last_watched: int | None = None
        self._patterns: PatternMeter | None = None
        self.batches: BatchMeter | None = None
        start, never = np.array([0]), np.array([False])
        if not self._weights.stage():
            raise RegimeError(
                f"{self._weights.not_finite()} before the first step; start from finite parameters"
            )
        self._weights.keep()
        self._journal.write_weights(start, self._weights.take(), never)
        if options.batches is not None:
            self.batches = BatchMeter(plan, layout, options.batches)
        else:
            self._patterns = PatternMeter(
                model,
                probe,
                plan,
                given,
                layout,
                group=options.group,
                preactivations=options.preactivations,
                pairs=_pairs(options, plan.coverage.samples),
            )
            self._journal.write_patterns(start, self._patterns.first_look(), never)
        self._snapshots = self._room_for_snapshots(options.snapshots)
        self._snapshots.offer(0, self._take_snapshot)
        self._window = options.window
        self._window_start = 0
        if self._window is not None and self._patterns is not None:
            self._window_pattern = self._patterns.snapshot()

    def look(self, step: int) -> None:
        """Look at weights and patterns after a step; a look that fails leaves nothing."""
        if not self._weights.stage():
            raise RegimeError(
                f"{self._weights.not_finite()} after step {step}; the trace ends at step "
                f"{self._last_look}: lower the learning rate or clip the gradients"
            )
        follows = self._last_look == step - 1
        if self._patterns is not None:
            self._probe.check_unchanged(step)
            self._patterns.look()
        self._weights.keep()
        self._weight_looks.append((step, follows))
        if self._patterns is not None:
            self._patterns.keep()
            self._pattern_looks.append((step, follows))
            self._end_window(self._patterns, step)
        self._last_look = step
        self._snapshots.offer(step, self._take_snapshot)
        if self._weights.full:
            self._write_weights()
        if self._patterns is not None and self._patterns.full:
            self._write_patterns(self._patterns)

    def note_full_batch(self, ring: PatternBuffer, step: int) -> None:
        """Keep the patterns of a forward pass over the whole training set."""
        first, follows = self._last_watched is None, self._last_watched == step - 1
        self._last_watched = step
        if first:
            ring.start()
            self._journal.write_patterns(np.array([step]), ring.unchanged(), np.array([False]))
            return
        ring.filled += 1
        self._pattern_looks.append((step, follows))
        if ring.full:
            self._write_patterns(ring)

    def note_minibatch(self, meter: BatchMeter, index: NDArray[np.int64], step: int) -> None:
        """Compare the patterns of a forward pass over some training samples."""
        self._last_watched = step
        looks, lag = meter.take(index, step)
        seen_before = np.array([not np.isnan(lag)])
        self._journal.write_patterns(np.array([step]), looks, seen_before, lag)

    def check_not_watched(self, step: int) -> None:
        """Refuse a second watched forward pass between two optimiser steps."""
        if self._last_watched == step:
            raise RegimeError(
                f"watch() was entered twice after step {step}; watch one forward pass per "
                "optimiser step, or leave out batches= and give a probe"
            )

    def trace(self) -> Trace:
        """Return the trace of all looks so far."""
        self._write_weights()
        source = self._patterns
        if source is not None:
            self._write_patterns(source)
        elif self.batches is not None and self._pattern_looks:
            self._write_patterns(self.batches.ring)
        kept = self._snapshots.items
        return self._journal.trace(
            self._snapshots.steps,
            [source.distance_to_last(p) for p, _ in kept if source is not None and p is not None],
            [self._weights.squared_distance_to_last(weights) for _, weights in kept],
        )

    def _end_window(self, patterns: PatternMeter, step: int) -> None:
        """Compare the patterns with those at the window's start, if it has passed."""
        if self._window is None or step - self._window_start < self._window:
            return
        self._journal.write_net(step, patterns.distance_to_last(self._window_pattern))
        self._window_start, self._window_pattern = step, patterns.snapshot()

    def _write_weights(self) -> None:
        if self._weight_looks:
            steps, follows = _unzip(self._weight_looks)
            self._journal.write_weights(steps, self._weights.take(), follows)
            self._weight_looks = []

    def _write_patterns(self, source: PatternMeter | PatternBuffer) -> None:
        if self._pattern_looks:
            steps, follows = _unzip(self._pattern_looks)
            self._journal.write_patterns(steps, source.take(), follows)
            self._pattern_looks = []

    def _take_snapshot(self) -> _Snapshot:
        spare = self._snapshots.spare
        return self._copy(*spare.pop()) if spare else self._copy()

    def _copy(
        self, patterns: NDArray[np.uint8] | None = None, weights: NDArray | None = None
    ) -> _Snapshot:
        """Copy the last patterns and weights, into the room of an earlier copy if there is one."""
        if self._patterns is not None:
            patterns = self._patterns.snapshot(patterns)
        return patterns, self._weights.snapshot(weights)

    def _room_for_snapshots(self, most: int) -> Snapshots[_Snapshot]:
        patterns, weights = self._copy()
        size = weights.nbytes + (0 if patterns is None else patterns.nbytes)
        stride = min(_MOST_STRIDE, max(1, size // _SNAPSHOT_EVERY_STEP))
        return Snapshots(min(most, _SNAPSHOT_BYTES // max(1, size)), stride)


def _pairs(options: Options, samples: int) -> Pairs | None:
    return None if options.oui is None else draw_pairs(samples, options.oui, options.oui_seed)


def _unzip(looks: list[tuple[int, bool]]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    return np.array([step for step, _ in looks]), np.array([follows for _, follows in looks])


def _warn_of_custom_operators(coverage: Coverage) -> None:
    for item in coverage.unseen:
        if item.what.startswith(CUSTOM):
            warnings.warn(
                f"{item}: if it contains a rectifier, that one is not tracked",
                RegimeWarning,
                stacklevel=4,  # the line of the `with` statement
            )
