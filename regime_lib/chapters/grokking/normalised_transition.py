"""Batch-normalised networks observed after every step while they seem to generalise late."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np

from regime_lib.chapters.grokking.first_passage import Curves
from regime_lib.chapters.grokking.run import BASINS, SAMPLE_DRAWS, WEIGHT_DRAWS, layer_slopes
from regime_lib.chapters.grokking.running_statistics import StatisticsRun, follow_statistics
from regime_lib.instrument.modes.basins import sample_basins, weight_basins
from regime_lib.instrument.tracking.tracker import RegimeTracker
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.models.batchnorm_mlp import BatchNormMLPEnsemble
from regime_lib.lab.training.config import TrainingConfig

_EVERY = 4  # steps from one measurement of basins to the next


def follow_closely(
    model: BatchNormMLPEnsemble, data: Dataset, config: TrainingConfig, momentum: float
) -> tuple[StatisticsRun, dict[str, Curves]]:
    """Train a copy of an ensemble and measure it after every step, with true statistics.

    Parameters
    ----------
    model : BatchNormMLPEnsemble
        The networks.
    data : Dataset
        What they are trained on; patterns are those of its test set.
    config : TrainingConfig
        How to train.
    momentum : float
        Of the lagging running statistics.

    Returns
    -------
    StatisticsRun, dict of str to array of shape (steps, members)
        The second has slopes of the first and the last layer, norm, basins (every fourth step, NaN
        between), flips (NaN at the first) and accuracies under the test set's own and under
        lagging statistics.
    """
    learnt = data.train_inputs, data.train_labels
    members, trackers, rows = model.members, list[RegimeTracker](), list[dict[str, np.ndarray]]()
    with ExitStack() as attached:

        def observe(now: BatchNormMLPEnsemble) -> None:
            if trackers:
                trackers[0].update()
            else:
                tracker = RegimeTracker(now, data.test_inputs, members=members)
                trackers.append(attached.enter_context(tracker))
            slopes = layer_slopes(now, *learnt)
            squares = [p.detach().square().flatten(1).sum(1) for p in now.parameters()]
            row = {
                "first slope": slopes[0],
                "last slope": slopes[-1],
                "norm": sum(squares[1:], squares[0]).sqrt().numpy(),
            }
            for space, basins, draws in (
                ("sample", sample_basins, SAMPLE_DRAWS),
                ("weight", weight_basins, WEIGHT_DRAWS),
            ):
                row[f"{space} basin"] = np.full(members, np.nan)
                if len(rows) % _EVERY == 0:
                    found = basins(now, *learnt, draws=draws, members=members, **BASINS)
                    row[f"{space} basin"] = found.amplitude[:, 0]
            rows.append(row)

        steps = range(1, config.steps + 1)
        run = follow_statistics(model, data, config, (momentum,), steps, observe)
    flips = trackers[0].trace.array("pattern_change")[1]
    seen = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    seen["flips"] = np.vstack([np.full(members, np.nan), flips])
    return run, seen | {"own batch": run.batch_accuracy, "lagging": run.test_accuracy[:, 0]}
