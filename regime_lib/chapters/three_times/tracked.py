"""One tracked run: train a network, and watch its patterns and weights and those of its average.

A plain function of a setting, so that a sweep can call it anywhere. The exponential moving average
of the weights is a second network, tracked like the first: it shows the drift that remains when
the noise of minibatches is averaged out (our notes on arXiv 2602.08333, pilot A.0, 4).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from regime_lib.chapters.three_times.settings import Setting
from regime_lib.chapters.three_times.tasks import loss, task_of
from regime_lib.errors import RegimeError
from regime_lib.instrument.tracking.averages import WeightAverage
from regime_lib.instrument.tracking.trace import Trace
from regime_lib.instrument.tracking.tracker import RegimeTracker

#: The two networks that are tracked: as trained, and the average of its weights.
NETWORKS = ("iterate", "average")
#: What is kept of a trace, for the whole network.
QUANTITIES = (
    "pattern_change",
    "weight_change",
    "weight_change_rel",
    "pattern_from_start",
    "weight_from_start",
    "pattern_from_end",
    "weight_from_end",
)
_SNAPSHOTS = 200  # states kept for the distances to the end


@dataclass(frozen=True, eq=False)
class TrackedSeries:
    """One quantity of one network over training."""

    steps: Int[np.ndarray, " looks"]
    values: Float[np.ndarray, " looks"]


@dataclass(frozen=True, eq=False)
class TrackedRun:
    """What one run left behind."""

    setting: Setting
    series: Mapping[tuple[str, str], TrackedSeries]
    """By network and quantity."""
    accuracy: float
    """Share of the test set that the trained network gets right."""
    start_accuracy: float
    """The same before training."""

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Tidy table: columns network, quantity, step, value."""
        parts = [
            pd.DataFrame(
                {"network": network, "quantity": quantity, "step": s.steps, "value": s.values}
            )
            for (network, quantity), s in self.series.items()
        ]
        return pd.concat(parts, ignore_index=True)

    @property
    def flips_per_net_flip(self) -> float:
        """Bits that flipped in all, for each bit that is not as it was at the start."""
        changes = self.series["iterate", "pattern_change"].values.sum()
        net = self.series["iterate", "pattern_from_start"].values[-1]
        return float(changes / net) if net > 0 else float("nan")

    def rows(self) -> list[dict[str, Any]]:
        """Return the run as rows of numbers and texts, a series a row, for a sweep's store."""
        found = {"accuracy": self.accuracy, "start_accuracy": self.start_accuracy}
        return [
            {
                "network": network,
                "quantity": quantity,
                "steps": _packed(s.steps.astype("<i4")),
                "values": _packed(s.values.astype("<f4")),
                **found,
            }
            for (network, quantity), s in self.series.items()
        ]

    @classmethod
    def of_rows(cls, setting: Setting, rows: Sequence[Mapping[str, Any]]) -> TrackedRun:
        """Read what `rows` wrote (values to seven digits).

        Raises
        ------
        RegimeError
            If there are no rows.
        """
        if not rows:
            raise RegimeError("the run has no rows; compute it first")
        series = {
            (row["network"], row["quantity"]): TrackedSeries(
                _unpacked(row["steps"], "<i4").astype(np.int64),
                _unpacked(row["values"], "<f4").astype(np.float64),
            )
            for row in rows
        }
        return cls(setting, series, rows[0]["accuracy"], rows[0]["start_accuracy"])


def tracked_run(setting: Setting) -> TrackedRun:
    """Train one network and track it and its average.

    Parameters
    ----------
    setting : Setting
        What to train, and how to watch it.

    Returns
    -------
    TrackedRun
        Series of the whole network: changes per step, and distances to both ends.

    Raises
    ------
    RegimeError
        If the data are missing, or the training diverges.
    """
    task = task_of(setting)
    model, recipe = task.network(setting), setting.recipe
    start = task.accuracy(model)
    average = WeightAverage(model, setting.decay)  # starts where training does
    optimizer = recipe.make_optimizer(model.parameters())
    batches = task.batches(setting)
    every = setting.average_every
    own = RegimeTracker(model, task.probe, snapshots=_SNAPSHOTS)
    smooth = RegimeTracker(
        average.model,
        task.probe,
        schedule=lambda step: step % every == 0,
        snapshots=_SNAPSHOTS,
    )
    with own as tracker, smooth as averaged:
        for step in range(setting.steps):
            inputs, targets = next(batches)
            value = loss(model(inputs), targets)
            optimizer.zero_grad()
            value.backward()
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate(step)
            optimizer.step()
            average.update()
            tracker.update()
            averaged.update()
    traces = dict(zip(NETWORKS, (own.trace, smooth.trace), strict=True))
    series = {
        (network, quantity): _of(trace, quantity)
        for network, trace in traces.items()
        for quantity in QUANTITIES
    }
    return TrackedRun(setting, series, task.accuracy(model), start)


def _of(trace: Trace, quantity: str) -> TrackedSeries:
    steps, values = trace.array(quantity)
    return TrackedSeries(steps, values[:, 0])


def _packed(values: np.ndarray) -> str:
    return base64.b64encode(values.tobytes()).decode("ascii")


def _unpacked(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind)
