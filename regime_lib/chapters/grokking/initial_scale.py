"""Networks at their memorisation: which of them are in the second phase, and which are late.

Source: arXiv 2501.02436, version 5: who starts in the second phase,
with slopes higher in deeper layers, does not generalise late. The margin is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from regime_lib.chapters.grokking.first_passage import moments
from regime_lib.chapters.grokking.run import layer_slopes
from regime_lib.estimate import Estimate, no_number, proportion
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.data.stack import Stack
from regime_lib.lab.training.checkpoints import CheckpointedRun

MARGIN = 0.1  # of slopes, by which one layer must be steeper than another


@dataclass(frozen=True, eq=False)
class InitScales:
    """Networks that have memorised, one an entry."""

    seed: Int[np.ndarray, " networks"]
    scale: Float[np.ndarray, " networks"]
    """Of the initial parameters, over the usual ones."""
    memorised: Float[np.ndarray, " networks"]
    """Step of memorisation."""
    delay: Float[np.ndarray, " networks"]
    """Steps from there until it generalises; NaN if it does not within the run."""
    slopes: Float[np.ndarray, "networks layers"]
    """At the first check from memorisation on."""
    margin: float

    @property
    def second_phase(self) -> Bool[np.ndarray, " networks"]:
        """Whether the slope of the last layer exceeds that of the first by the margin."""
        return in_second_phase(self.slopes, self.margin)

    @property
    def late(self) -> Bool[np.ndarray, " networks"]:
        """Whether it generalises after memorisation, or not within the run."""
        return ~(self.delay == 0)

    @property
    def frame(self) -> pd.DataFrame:
        """The networks as a table, one a row."""
        columns = {"seed": self.seed, "scale": self.scale, "memorised": self.memorised}
        columns["delay"] = self.delay
        columns |= {f"slope {n}": slope for n, slope in enumerate(self.slopes.T, start=1)}
        return pd.DataFrame({**columns, "second phase": self.second_phase})


def in_second_phase(
    slopes: Float[np.ndarray, "networks layers"], margin: float = MARGIN
) -> Bool[np.ndarray, " networks"]:
    """Return whose last layer is steeper than its first, by more than the margin."""
    return slopes[:, -1] - slopes[:, 0] > margin


def share_late(kinds: Mapping[str, Bool[np.ndarray, " networks"]]) -> Estimate:
    """Return the share of late networks, of the kind that it is worse for; no number of none."""
    found = [
        proportion(int(late.sum()), len(late), over=f"{len(late)} {kind} in the second phase")
        for kind, late in kinds.items()
        if len(late)
    ]
    if not found:
        return no_number("0 networks in the second phase")
    return max(found, key=lambda one: (one.value, one.high))


def compare_initial_scales(
    runs: Mapping[float, CheckpointedRun], data: Dataset | Stack, *, margin: float = MARGIN
) -> InitScales:
    """Gather the networks of several runs that have memorised.

    Parameters
    ----------
    runs : mapping from scale to CheckpointedRun
        The same seeds with initial parameters of several sizes.
    data : Dataset or Stack
        What the networks of each run were trained on.
    margin : float
        By how much the last layer's slope must exceed the first's in the second phase.
    """
    rows = []
    for scale, run in runs.items():
        times = moments(run.steps, run.train_accuracy, run.test_accuracy)
        slopes: dict[int, Float[np.ndarray, "layers members"]] = {}
        for k in np.flatnonzero(np.isfinite(times.memorised)):
            check = int(np.searchsorted(run.steps, times.memorised[k]))
            if check not in slopes:
                model = run.model_at(check)
                slopes[check] = layer_slopes(model, data)
            rows.append(
                (run.seeds[k], scale, times.memorised[k], times.delay[k], slopes[check][:, k])
            )
    names, scales, memorised, delays, found = zip(*rows, strict=True) if rows else [()] * 5
    return InitScales(
        np.array(names, dtype=np.int64),
        np.array(scales, dtype=float),
        np.array(memorised, dtype=float),
        np.array(delays, dtype=float),
        np.array(found, dtype=float) if rows else np.empty((0, 0)),
        margin,
    )
