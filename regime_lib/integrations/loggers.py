"""Scalars of a run in the loggers that people use, by what each of them can do.

No logger is imported: a TensorBoard writer has `add_scalar`, a run of W&B or trackio `log`, and the
module or client of MLflow `log_metric`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from regime_lib.errors import RegimeError
from regime_lib.instrument.tracking.trace import Trace
from regime_lib.instrument.tracking.tracker import RegimeTracker

QUANTITIES = ("pattern_change", "weight_change_rel", "dead", "always_on")
"""What is logged by default, over all layers."""

Send = Callable[[str, float, int], None]


class Log:
    """Sends what a tracker has measured since the last time to a logger.

    Parameters
    ----------
    logger : object
        A `SummaryWriter`, a run of W&B or trackio (or their module), or the module `mlflow`.
    quantities : iterable of str
        Names of the quantities, each over all layers.
    prefix : str
        Before every name.

    Raises
    ------
    RegimeError
        If the object has no way to take a scalar.
    """

    def __init__(
        self, logger: Any, quantities: Iterable[str] = QUANTITIES, prefix: str = "regime/"
    ) -> None:
        self._send, self._logger = sender(logger), logger
        self._quantities, self._prefix = tuple(quantities), prefix
        self._sent = dict.fromkeys(self._quantities, -1)

    def update(self, tracker: RegimeTracker) -> None:
        """Send the observations that are new."""
        self.send(tracker.trace)

    def send(self, trace: Trace) -> None:
        """Send the observations of a trace that are new, averaged over members."""
        for quantity in self._quantities:
            if quantity not in trace.quantities:
                continue
            steps, values = trace.array(quantity)
            for at in np.flatnonzero(steps > self._sent[quantity]):
                self._send(f"{self._prefix}{quantity}", float(values[at].mean()), int(steps[at]))
            self._sent[quantity] = int(steps[-1])

    def finish(self, trace: Trace, file: str | Path) -> Path:
        """Send the rest, write the report, and hand it over where the logger takes files."""
        self.send(trace)
        path = trace.report(file)
        if hasattr(self._logger, "log_artifact") and hasattr(self._logger, "log_metric"):
            self._logger.log_artifact(str(path))
        elif hasattr(self._logger, "add_text"):
            self._logger.add_text("regime/verdict", str(trace.regime_change()))
        return path


def sender(logger: Any) -> Send:
    """Return a function that sends one scalar to a logger.

    Raises
    ------
    RegimeError
        If the object has no way to take a scalar.
    """
    if hasattr(logger, "add_scalar"):  # TensorBoard
        return lambda name, value, step: logger.add_scalar(name, value, step)
    if hasattr(logger, "log_metric"):  # MLflow
        return lambda name, value, step: logger.log_metric(name, value, step=step)
    if hasattr(logger, "log_metrics"):  # loggers of Lightning
        return lambda name, value, step: logger.log_metrics({name: value}, step=step)
    if hasattr(logger, "log"):  # W&B, trackio
        # their own step counts calls, and may not go back: ours goes along as a number
        return lambda name, value, step: logger.log({name: value, "regime/step": step})
    raise RegimeError(
        f"a {type(logger).__name__} has neither add_scalar, log_metric, log_metrics nor log; pass "
        "a SummaryWriter, the module mlflow, or a run of W&B or trackio"
    )
