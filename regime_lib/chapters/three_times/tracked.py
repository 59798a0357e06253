"""One tracked run: train a network, and watch its patterns and weights and those of its average.

The exponential moving average of the weights is a second network, tracked like the first: it shows
the drift that remains when the noise of minibatches is averaged out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from regime_lib.chapters.three_times.configs import RunConfig
from regime_lib.chapters.three_times.tasks import task_of
from regime_lib.instrument.tracking.trace import Trace
from regime_lib.instrument.tracking.tracker import RegimeTracker
from regime_lib.lab.training.loop import descend

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

    steps: Int[np.ndarray, " observations"]
    values: Float[np.ndarray, " observations"]


@dataclass(frozen=True, eq=False)
class TrackedRun:
    """What one run left behind."""

    config: RunConfig
    series: dict[tuple[str, str], TrackedSeries]  # by network and quantity
    accuracy: float  # share of the test set that the trained network gets right
    start_accuracy: float  # the same before training

    @property
    def flips_per_net_flip(self) -> float:
        """Bits that flipped in all, for each bit that is not as it was at the start."""
        changes = self.series["iterate", "pattern_change"].values.sum()
        net = self.series["iterate", "pattern_from_start"].values[-1]
        return float(changes / net) if net > 0 else float("nan")


def tracked_run(config: RunConfig, networks: Sequence[str] = NETWORKS) -> TrackedRun:
    """Train one network and track it, and its average too if that is among `networks`."""
    task, training = task_of(config), config.training
    model = task.network(config)
    start = task.accuracy(model)
    optimizer = training.make_optimizer(model.parameters())
    steps = descend(model, optimizer, training, task.batches(config), range(config.steps))
    averaged: dict[str, Any] = {"ema": config.decay, "ema_every": config.average_every}
    options = averaged if "average" in networks else {}
    with RegimeTracker(model, task.probe, snapshots=_SNAPSHOTS, **options) as tracker:
        for _ in steps:
            tracker.update()
    traces = {"iterate": tracker.trace}
    if options:
        traces["average"] = tracker.ema_trace
    series = {
        (network, quantity): _of(trace, quantity)
        for network, trace in traces.items()
        for quantity in QUANTITIES
    }
    return TrackedRun(config, series, task.accuracy(model), start)


def _of(trace: Trace, quantity: str) -> TrackedSeries:
    steps, values = trace.array(quantity)
    return TrackedSeries(steps, values[:, 0])
