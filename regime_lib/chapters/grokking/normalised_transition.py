"""Batch-normalised networks observed after every step while they seem to generalise late."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np

from regime_lib.chapters.grokking.first_passage import Curves
from regime_lib.chapters.grokking.run import basins_of, layer_slopes
from regime_lib.chapters.grokking.running_statistics import StatisticsRun, follow_statistics
from regime_lib.instrument.tracking.tracker import RegimeTracker
from regime_lib.lab.data.stack import Stack
from regime_lib.lab.models.batchnorm_mlp import BatchNormMLPEnsemble
from regime_lib.lab.training.config import TrainingConfig

_EVERY = 8  # steps from one measurement of slopes and basins to the next


def follow_closely(
    model: BatchNormMLPEnsemble, data: Stack, config: TrainingConfig, momentum: float
) -> tuple[StatisticsRun, dict[str, Curves]]:
    """Train a copy of an ensemble and measure it after every step, with true statistics.

    Parameters
    ----------
    model : BatchNormMLPEnsemble
        The networks.
    data : Stack
        What each is trained on; its patterns are those of its own test set.
    config : TrainingConfig
        How to train.
    momentum : float
        Of the lagging running statistics.

    Returns
    -------
    StatisticsRun, dict of str to array of shape (steps, members)
        The second has slopes of the first and the last layer and basins (every eighth step, NaN
        between), norm, flips (NaN at the first) and accuracies under the test set's own and under
        lagging statistics.
    """
    members, trackers, rows = model.members, list[RegimeTracker](), list[dict[str, np.ndarray]]()
    with ExitStack() as attached:

        def observe(now: BatchNormMLPEnsemble) -> None:
            if trackers:
                trackers[0].update()
            else:
                tracker = RegimeTracker(now, data.test_inputs, members=members, batch_axis=1)
                trackers.append(attached.enter_context(tracker))
            squares = [p.detach().square().flatten(1).sum(1) for p in now.parameters()]
            unknown = np.full(members, np.nan)
            row = {
                "first slope": unknown,
                "last slope": unknown,
                "norm": sum(squares[1:], squares[0]).sqrt().numpy(),
                "sample basin": unknown,
                "weight basin": unknown,
            }
            if len(rows) % _EVERY == 0:
                slopes = layer_slopes(now, data)
                row["first slope"], row["last slope"] = slopes[0], slopes[-1]
                row["sample basin"], row["weight basin"] = basins_of(now, data)
            rows.append(row)

        steps = range(1, config.steps + 1)
        run = follow_statistics(model, data, config, (momentum,), steps, observe)
    flips = trackers[0].trace.array("pattern_change")[1]
    seen = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    seen["flips"] = np.vstack([np.full(members, np.nan), flips])
    return run, seen | {"own batch": run.batch_accuracy, "lagging": run.test_accuracy[:, 0]}
