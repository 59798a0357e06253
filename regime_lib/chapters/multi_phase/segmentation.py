"""Which stretches of time a run falls into, for who knows nothing of the theory of its phases.

Three series are looked at on the logarithmic axis of time: the exponents of the loss and of the
weights' speed, and the share of the neurons that change their pattern. Each is put over its range.
The best partition into stretches of constant level is found for every number of stretches (dynamic
programming; the exact optimum, see B. Jackson et al., IEEE Signal Processing Letters 12, 2005), and
that number is taken that stays best over the widest range of penalties on a stretch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from regime_lib.simulators.two_layer.flow import Flow
from regime_lib.simulators.two_layer.phases import log_slope_at

_MOST = 9  # stretches
_PER_DECADE = 10  # windows


@dataclass(frozen=True)
class Series:
    """What a run shows in windows of time.

    Attributes
    ----------
    times : array, shape (windows + 1,)
        Their edges, at equal distances in the logarithm.
    loss, speed : array, shape (windows,)
        d log loss / d log time, and d log of the weights' speed / d log time.
    changes : array, shape (windows,)
        Changes of pattern for each neuron.
    """

    times: Float[np.ndarray, " edges"]
    loss: Float[np.ndarray, " windows"]
    speed: Float[np.ndarray, " windows"]
    changes: Float[np.ndarray, " windows"]

    @classmethod
    def of(
        cls,
        times: Float[np.ndarray, " records"],
        loss: Float[np.ndarray, " records"],
        speed: Float[np.ndarray, " records"],
        changes: Float[np.ndarray, " changes"],
        neurons: int,
    ) -> Series:
        """Sort records of a run into windows, ten to a decade."""
        edges = log_edges(times[0], times[-1])
        at = np.log(edges)
        by_loss, by_speed = (
            np.diff(np.interp(at, np.log(times), np.log(np.maximum(values, 1e-300)))) / np.diff(at)
            for values in (loss, speed)
        )
        return cls(edges, by_loss, by_speed, np.histogram(changes, edges)[0] / neurons)

    @property
    def levels(self) -> Float[np.ndarray, "windows 3"]:
        """The three series, each over its range."""
        rows = np.column_stack([self.loss, self.speed, self.changes])
        spread = np.ptp(rows, axis=0)
        found: Float[np.ndarray, "windows 3"] = rows / np.where(spread > 0, spread, 1.0)
        return found


def series_of(flow: Flow) -> Series:
    """Return the series of an exact run, from a hundredth of its first time scale to its end."""
    weights = np.linalg.norm(flow.start.weights, axis=1).mean() * math.sqrt(flow.start.m)
    edges = log_edges(1e-2 * weights / flow.problem.kappa2, flow.t_end)
    at = flow.local(edges)
    loss = flow.problem.loss(*flow.outputs_at(*at))
    speed = np.sqrt(-log_slope_at(flow, edges, *at) * loss / edges)
    changes = flow.entry_time[flow.start.m :]
    return Series.of(edges, loss, speed, changes, flow.start.m)


def log_edges(first: float, last: float) -> Float[np.ndarray, " edges"]:
    """Return the edges of windows, ten to a decade."""
    return np.geomspace(first, last, round(_PER_DECADE * np.log10(last / first)) + 1)


def stretches(series: Series) -> Int[np.ndarray, " starts"]:
    """Return at which window each stretch but the first begins."""
    costs, starts = _partitions(series.levels)
    gains = -np.diff(costs)  # of one more stretch
    ratios = gains[:-1] / np.maximum(gains[1:], 1e-12)  # from 2 stretches on
    return starts[int(np.argmax(ratios)) + 1]


def number_for(series: Series, share: float) -> int:
    """Return how many stretches leave no more than a share of the squared deviations; 0 if many."""
    costs, _ = _partitions(series.levels)
    enough = costs <= share * costs[0]
    return int(np.argmax(enough)) + 1 if enough.any() else 0


def alternates(series: Series) -> bool:
    """Return whether, in the best four stretches, patterns change, stay, change again and stay.

    A stretch is one of change if there are more changes of pattern in it than in the run's mean.
    """
    bounds = [0, *_partitions(series.levels)[1][3], len(series.changes)]
    mean = series.changes.mean()
    busy = [series.changes[a:b].mean() > mean for a, b in pairwise(bounds)]
    return busy == [True, False, True, False]


def _partitions(
    levels: Float[np.ndarray, "windows k"],
) -> tuple[Float[np.ndarray, " numbers"], list[Int[np.ndarray, " starts"]]]:
    """Return the least squared error of 1 to one more than the most stretches, and their starts."""
    n, most = len(levels), min(_MOST + 1, len(levels))
    sums = np.concatenate([np.zeros((1, levels.shape[1])), np.cumsum(levels, axis=0)])
    squares = np.append(0.0, np.cumsum((levels**2).sum(axis=1)))
    i, j = np.arange(n + 1)[:, None], np.arange(n + 1)
    within = ((sums[None] - sums[:, None]) ** 2).sum(axis=-1) / np.maximum(j - i, 1)
    cost = np.where(j > i, squares[None] - squares[:, None] - within, np.inf)
    best, back = [cost[0]], [np.zeros(n + 1, dtype=int)]
    for _ in range(1, most):
        whole = best[-1][:, None] + cost
        back.append(np.argmin(whole, axis=0))
        best.append(whole.min(axis=0))
    starts = []
    for number in range(most):
        end, found = n, []
        for k in range(number, 0, -1):
            end = int(back[k][end])
            found.append(end)
        starts.append(np.array(found[::-1], dtype=int))
    return np.array([row[n] for row in best]), starts
