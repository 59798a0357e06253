"""What the integrations share: one tracker, one optimiser step at a time, on rank zero."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.probe import ProbeLike
from regime_lib.instrument.tracking.trace import Trace
from regime_lib.instrument.tracking.tracker import RegimeTracker
from regime_lib.integrations.loggers import Log
from regime_lib.integrations.ranks import gather, is_first_rank


class Loop:
    """Follows a training whose loop belongs to somebody else.

    Parameters
    ----------
    probe : tensor, tuple, dict or callable
        As for `RegimeTracker`.
    loggers : sequence of object
        Where scalars go while training runs, see `loggers.Log`.
    log_every : int
        Optimiser steps between two times that scalars are sent.
    report : path, optional
        Where the page on the run is written at the end.
    every_rank : bool
        Each process looks, at a part of the probe of its own, and the first one merges what they
        saw when training ends; by default the first one looks alone. Scalars that are sent before
        are those of the first part.
    **options
        Of `RegimeTracker`.
    """

    def __init__(
        self,
        probe: ProbeLike,
        *,
        loggers: Sequence[Any] = (),
        log_every: int = 50,
        report: str | Path | None = None,
        every_rank: bool = False,
        **options: Any,
    ) -> None:
        self._probe, self._options, self._report = probe, options, report
        self._logs, self._every = [Log(logger) for logger in loggers], log_every
        self._steps, self._every_rank = 0, every_rank
        self._tracker: RegimeTracker | None = None
        self._merged: Trace | None = None

    @property
    def tracker(self) -> RegimeTracker:
        """The tracker; known once training has begun, on the rank that looks."""
        if self._tracker is None:
            raise RegimeError(
                "there is no tracker: training has not begun, or another rank than the first "
                "asked; read the trace on rank 0 after the fit"
            )
        return self._tracker

    @property
    def trace(self) -> Trace:
        """What was measured so far; by all ranks, once they have been merged."""
        return self.tracker.trace if self._merged is None else self._merged

    def start(self, model: nn.Module) -> None:
        """Look for the first time, on the first rank or on every one."""
        if is_first_rank() or self._every_rank:
            self._steps, self._merged = 0, None
            self._tracker = RegimeTracker(model, self._probe, **self._options).start()

    def step(self, steps: int) -> None:
        """Look again if there was an optimiser step: `steps` is how many there were in all."""
        if self._tracker is None or steps <= self._steps:
            return
        self._steps = steps
        self._tracker.update()
        if self._logs and steps % self._every == 0 and is_first_rank():
            for log in self._logs:
                log.update(self._tracker)

    def stop(self, failed: bool = False) -> None:
        """Finish the trace, send the rest of the scalars and write the page.

        Parameters
        ----------
        failed : bool
            Whether an error ends the training of this process: others are then not waited for.
        """
        if self._tracker is None or self._tracker.stopped:
            return
        self._tracker.stop()
        if self._every_rank and not failed:
            self._merged = gather(self._tracker.trace)
        if not is_first_rank():
            return
        trace = self.trace
        for log in self._logs:
            log.send(trace)
        if self._report is not None:
            trace.report(self._report)
