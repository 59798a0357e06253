"""Running the probe: the first time to find what has a pattern, later to keep the patterns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import nn

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.discovery import Discovery
from regime_lib.instrument.capture.isolation import (
    ExecutionState,
    IsolatedEvaluation,
    Precision,
    RandomState,
)
from regime_lib.instrument.capture.modes import intercept_calls
from regime_lib.instrument.capture.plan import CallPlan
from regime_lib.instrument.capture.probe import Probe
from regime_lib.instrument.capture.replica import Postponing
from regime_lib.instrument.tracking.flip_law import flip_statistics
from regime_lib.instrument.tracking.options import Options
from regime_lib.instrument.tracking.pattern_buffer import PatternBuffer
from regime_lib.instrument.tracking.recorder import Recorder

_GROUP_BYTES = 8 << 20  # activations above this are returned to the system after every pass
_OF_TORCH = (RuntimeError, TypeError, IndexError)  # what PyTorch raises in a forward pass
_TOLERATED = 1e-3  # share of bits that rounding may flip between one pass and several


def discover(model: nn.Module, probe: Probe, options: Options) -> tuple[CallPlan, ExecutionState]:
    """Find the calls with patterns, and what later observations must be given and put back."""
    noise, precision = RandomState.capture(python=True), Precision.capture()
    found = Discovery(model, options.layout, probe, options.samples, options.smooth)
    isolated = IsolatedEvaluation(model, ExecutionState(noise, precision))
    try:
        with (
            isolated,
            found.following(),
            intercept_calls(found, dispatch=True, every_operator=True),
        ):
            try:
                found.on_output(probe.first_run(model))
            except _OF_TORCH as error:
                raise _explained(error, "for the first time") from error
            after = RandomState.capture(python=True)
    finally:
        for generator, state in found.generators.values():
            generator.set_state(state)
    if noise.same_python(after):  # reading these generators costs more than a small layer
        noise = noise._replace(python=None)
    generators = tuple(generator for generator, _ in found.generators.values())
    written = tuple(isolated.held.written)
    return found.plan(options.keep), ExecutionState(noise, precision, written, generators)


def _explained(error: Exception, when: str) -> RegimeError:
    """Say what an error of the model's own forward pass means for the one who tracks it."""
    what = str(error).split("\n")[0][:200]
    return RegimeError(
        f"the model does not run on the probe {when} ({type(error).__name__}: {what}); pass inputs "
        "on which it runs in evaluation mode, or leave out what cannot be observed"
    )


class PatternMeter:
    """Runs the probe, one observation after the other, and keeps the patterns of the last ones.

    In groups of samples; by default as large as keep the largest activation in reach of the
    allocator's reuse (8 MiB), unless the network's samples influence each other.
    """

    def __init__(
        self,
        model: nn.Module,
        probe: Probe,
        plan: CallPlan,
        state: ExecutionState,
        options: Options,
    ) -> None:
        self._model, self._probe, self._plan = model, probe, plan
        self._isolated = IsolatedEvaluation(model, state)
        self._samples = plan.coverage.samples
        self._recorder = Recorder(plan, options.layout, keep_values=options.preactivations)
        self._listening = intercept_calls(self._recorder, dispatch=plan.dispatch)
        self.buffer = PatternBuffer(self._recorder, plan.coverage, self._samples)
        self._keeps_values = options.preactivations
        self._before, self._now = (
            self._recorder.room_for_values(self._samples) if self._keeps_values else []
            for _ in "ab"
        )
        self._groups: list[tuple[slice, slice | None]] = [(slice(0, self._samples), None)]
        self._settle_groups(options.group)
        # a probe that is a function may read more than the network
        self._postponing: Postponing | None = None
        if not (probe.runs_itself or plan.dispatch):
            self._postponing = Postponing(model, state, self._recorder, options.members)
        self._run(0)
        self.buffer.start()
        self._swap_values()

    def unchanged(self) -> bool:
        """Whether the model is made of the objects of the last look that was made at once."""
        return self._isolated.held.unchanged()

    def may_wait(self, unchanged: bool) -> bool:
        """Tell whether the look of this moment can be made up for later; see `Postponing`."""
        postponing = self._postponing
        return postponing is not None and len(self._groups) == 1 and postponing.may_wait(unchanged)

    @contextmanager
    def looking_back(self) -> Iterator[Callable[[int, NDArray], None]]:
        """Return what makes up for the look after a step, from the parameters of that moment.

        Its patterns are forgotten unless `keep` follows.
        """
        assert self._postponing is not None
        replica = self._postponing.replica
        assert replica is not None

        def look(step: int, row: Float[np.ndarray, "members parameters"]) -> None:
            replica.load(row)
            self._recorder.at_step, self._recorder.values = step, self._now
            slot = self.buffer.filled + 1
            self._recorder.begin(self.buffer.stored, slot, self._groups[0][0])
            self._probe.run(replica.run)
            self._recorder.end()
            self.buffer.pack(slot)

        with replica.isolated:
            yield look

    def observe(self, step: int) -> None:
        """Run the probe once; its patterns are forgotten unless `keep` follows."""
        self._recorder.at_step = step
        self._run(self.buffer.filled + 1)

    def keep(self) -> None:
        """Keep the patterns of the last observation."""
        if self._keeps_values:
            self.buffer.statistics.append(tuple(map(flip_statistics, self._before, self._now)))
            self._swap_values()
        self.buffer.filled += 1

    @property
    def preactivations(self) -> Sequence[Float[np.ndarray, "members samples _units"]]:
        """Of every layer at the last observation kept; empty if they are not kept."""
        return self._before

    def state(self) -> dict[str, Any]:
        """Return what a later process goes on from; no observation may be waiting."""
        noise = self._isolated.noise
        return {
            "buffer": self.buffer.state(),
            "values": list(self._before),
            "groups": [(rows.start, rows.stop, part is None) for rows, part in self._groups],
            "noise": (noise.cpu, noise.cuda, noise.python),
            "own noise": self._isolated.held.first_noise,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.buffer.restore(state["buffer"])
        for mine, saved in zip(self._before, state["values"], strict=True):
            np.copyto(mine, saved)
        groups = [(slice(a, b), whole) for a, b, whole in state["groups"]]
        self._groups = [(rows, None if whole else rows) for rows, whole in groups]
        cpu, cuda, python = state["noise"]
        cuda = [torch.from_numpy(one) for one in cuda]
        self._isolated.noise = RandomState(torch.from_numpy(cpu), cuda, python)
        self._isolated.held.first_noise = [
            torch.from_numpy(one) if isinstance(one, np.ndarray) else one  # of a torch.Generator
            for one in state["own noise"]
        ]

    def _swap_values(self) -> None:
        self._before, self._now = self._now, self._before

    def _run(self, slot: int) -> None:
        self._recorder.values = self._now
        with self._isolated:
            for rows, part in self._groups:
                self._recorder.begin(self.buffer.stored, slot, rows)
                try:
                    with self._listening:
                        self._probe.run(self._model, part)
                except _OF_TORCH as error:
                    raise _explained(error, f"at step {self._recorder.at_step}") from error
                self._recorder.end()
        self.buffer.pack(slot)

    def _settle_groups(self, group: int | None) -> None:
        """Split the probe into groups where that is cheaper and changes nothing."""
        automatic = group is None
        if group is None:
            largest = max(site.layer.units * site.itemsize for site in self._plan.sites)
            group = max(1, _GROUP_BYTES // (largest * self._plan.coverage.members))
        if group >= self._samples:
            return
        if not self._probe.divisible(self._samples):
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
        try:
            self._run(1)
        except Exception as error:
            if not automatic:
                raise RegimeError(
                    f"the model does not run on groups of {group} samples "
                    f"({type(error).__name__}); leave group out to run them at once"
                ) from error
            self._groups = at_once
            return
        differing = sum(int(bits.changed(1).sum()) for bits in self.buffer.stored)
        units = self._plan.coverage.units + self._plan.coverage.winners
        total = self._samples * units * self._plan.coverage.members
        if differing > _TOLERATED * total:
            if not automatic:
                raise RegimeError(
                    f"running the probe in groups of {group} changes {differing} of its bits: the "
                    "model's samples influence each other; leave group out to run them at once"
                )
            self._groups = at_once
