"""Running the probe and comparing its patterns with the previous and the first ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Int
from numpy.typing import NDArray
from torch import nn

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.discovery import Discovery
from regime_lib.instrument.capture.isolation import (
    ExecutionState,
    IsolatedEvaluation,
    Precision,
    RandomState,
    noting_side_effects,
)
from regime_lib.instrument.capture.layout import Layout
from regime_lib.instrument.capture.modes import watch
from regime_lib.instrument.capture.plan import CallPlan
from regime_lib.instrument.capture.probe import Probe
from regime_lib.instrument.tracking.flip_law import FlipStatistics, flip_statistics
from regime_lib.instrument.tracking.packed_bits import Pairs
from regime_lib.instrument.tracking.pattern_buffer import Observations, PatternBuffer
from regime_lib.instrument.tracking.recorder import Recorder

_GROUP_BYTES = 8 << 20  # activations above this are returned to the system after every pass
_TOLERATED = 1e-3  # share of bits that rounding may flip between one pass and several


def discover(
    model: nn.Module,
    probe: Probe,
    layout: Layout,
    *,
    samples: int | None,
    smooth: bool,
    keep: frozenset[str] | None,
) -> tuple[CallPlan, ExecutionState]:
    """Look at a model for the first time, without disturbing it.

    Returns
    -------
    CallPlan
        The calls with patterns.
    ExecutionState
        What later looks must be given, and what they must put back.
    """
    noise, precision = RandomState.capture(python=True), Precision.capture()
    found = Discovery(model, layout, probe.samples or samples, smooth)
    with (
        IsolatedEvaluation(model, ExecutionState(noise, precision)),
        noting_side_effects(model) as touched,
        found.naming(),
        watch(found, dispatch=True, every_operator=True),
    ):
        probe.run(model)
        after = RandomState.capture(python=True)
    if noise.same_python(after):  # reading these generators costs more than a small layer
        noise = replace(noise, python=None)
    return found.plan(keep), ExecutionState(noise, precision, tuple(touched))


class PatternMeter:
    """Runs the probe, look after look, and compares many looks at a time.

    Parameters
    ----------
    model : nn.Module
        The network itself, without wrappers.
    probe : Probe
        The inputs.
    plan, given : CallPlan, ExecutionState
        What `discover` found.
    layout : Layout
        How activations are read.
    group : int, optional
        Samples a forward pass. By default as many as keep the largest activation in reach of the
        allocator's reuse (8 MiB), unless the network's samples influence each other.
    preactivations : bool
        Whether to keep the pre-activations, for the flip law.
    pairs : array of int, shape (2, pairs), optional
        Samples to compare with each other at every look.
    """

    def __init__(
        self,
        model: nn.Module,
        probe: Probe,
        plan: CallPlan,
        given: ExecutionState,
        layout: Layout,
        *,
        group: int | None,
        preactivations: bool,
        pairs: Pairs | None = None,
    ) -> None:
        self._model, self._probe, self._plan = model, probe, plan
        self._undisturbed = IsolatedEvaluation(model, given)
        self._samples = plan.coverage.samples
        self._recorder = Recorder(plan, layout, keep_values=preactivations)
        self._ring = PatternBuffer(self._recorder, self._samples, plan.coverage.counted, pairs)
        self._law: list[tuple[FlipStatistics, ...]] | None = [] if preactivations else None
        if preactivations:
            self._before, self._now = (self._recorder.room_for_values(self._samples) for _ in "ab")
        self._groups: list[tuple[slice, slice | None]] = [(slice(0, self._samples), None)]
        self._settle_groups(group)
        self._run(0)
        self._ring.start()
        self._swap_values()

    @property
    def full(self) -> bool:
        """Whether the looks must be taken before the next one."""
        return self._ring.full

    def look(self) -> None:
        """Run the probe once; its patterns are forgotten unless `keep` follows."""
        self._run(self._ring.filled + 1)

    def keep(self) -> None:
        """Keep the patterns of the last look."""
        if self._law is not None:
            self._law.append(tuple(map(flip_statistics, self._before, self._now)))
            self._swap_values()
        self._ring.filled += 1

    def take(self) -> Observations:
        """Compare the looks since the last call, and forget all but the last."""
        law = () if self._law is None else tuple(self._law)
        if self._law is not None:
            self._law = []
        return self._ring.take(law)

    def first_look(self) -> Observations:
        """Return what can be said of the first look: nothing changed yet."""
        return self._ring.unchanged()

    def snapshot(self, into: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """Copy the last patterns, packed; into an earlier copy that is no longer wanted, if any."""
        return self._ring.last(into)

    def distance_to_last(self, snapshot: NDArray[np.uint8]) -> Int[np.ndarray, "layers members"]:
        """Count the units in which an earlier snapshot differs from the last patterns."""
        return self._ring.distance_to_last(snapshot)

    def _swap_values(self) -> None:
        if self._law is not None:
            self._before, self._now = self._now, self._before

    def _run(self, slot: int) -> None:
        if self._law is not None:
            self._recorder.values = self._now
        with self._undisturbed:
            for rows, part in self._groups:
                self._recorder.begin(self._ring.shelves, slot, rows)
                with watch(self._recorder, dispatch=self._plan.dispatch):
                    self._probe.run(self._model, part)
                self._recorder.end()

    def _settle_groups(self, group: int | None) -> None:
        """Split the probe into groups where that is cheaper and changes nothing."""
        automatic = group is None
        if group is None:
            largest = max(site.layer.units * site.itemsize for site in self._plan.sites)
            group = max(1, _GROUP_BYTES // (largest * self._plan.coverage.members))
        if group >= self._samples:
            return
        if not self._probe.divisible:
            if automatic:
                return
            raise RegimeError(
                "group needs a probe of tensors that all have the same number of samples along the "
                "batch axis; leave it out to run the probe at once"
            )
        at_once = self._groups
        borders = range(0, self._samples, group)
        parts = [slice(start, min(start + group, self._samples)) for start in borders]
        self._run(0)
        self._groups = [(rows, rows) for rows in parts]
        self._run(1)
        differing = sum(int(shelf.changed(1).sum()) for shelf in self._ring.shelves)
        units = self._plan.coverage.units + self._plan.coverage.winners
        total = self._samples * units * self._plan.coverage.members
        if differing > _TOLERATED * total:
            if not automatic:
                raise RegimeError(
                    f"running the probe in groups of {group} changes {differing} of its bits: the "
                    "model's samples influence each other; leave group out to run them at once"
                )
            self._groups = at_once
