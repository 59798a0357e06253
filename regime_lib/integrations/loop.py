"""What the doors to trainers share: one tracker, one optimiser step at a time, on rank zero."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import distributed, nn

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.probe import ProbeLike
from regime_lib.instrument.tracking.trace import Trace
from regime_lib.instrument.tracking.tracker import RegimeTracker
from regime_lib.integrations.loggers import Log


def is_first_rank() -> bool:
    """Whether this process is alone, or the first of its group: the one that looks."""
    ready = distributed.is_available() and distributed.is_initialized()
    return not ready or distributed.get_rank() == 0


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
        **options: Any,
    ) -> None:
        self._probe, self._options, self._report = probe, options, report
        self._logs, self._every = [Log(logger) for logger in loggers], log_every
        self._steps = 0
        self._tracker: RegimeTracker | None = None

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
        """What was measured so far."""
        return self.tracker.trace

    def start(self, model: nn.Module) -> None:
        """Look for the first time, on the first rank."""
        if is_first_rank():
            self._steps = 0
            self._tracker = RegimeTracker(model, self._probe, **self._options).start()

    def step(self, steps: int) -> None:
        """Look again if there was an optimiser step: `steps` is how many there were in all."""
        if self._tracker is None or steps <= self._steps:
            return
        self._steps = steps
        self._tracker.update()
        if self._logs and steps % self._every == 0:
            for log in self._logs:
                log.update(self._tracker)

    def stop(self) -> None:
        """Finish the trace, send the rest of the scalars and write the page."""
        if self._tracker is None or self._tracker.stopped:
            return
        self._tracker.stop()
        trace = self._tracker.trace
        for log in self._logs:
            log.send(trace)
        if self._report is not None:
            trace.report(self._report)
