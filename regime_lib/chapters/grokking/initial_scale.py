"""Networks of smaller and larger initial scale at their memorisation: which phase, and how late.

Source: arXiv 2501.02436, version 5, through our notes (claim 13): who starts in the second phase,
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
from regime_lib.estimate import Estimate, no_number, over_runs, run_range
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.training.checkpoints import CheckpointedRun


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
        return self.slopes[:, -1] - self.slopes[:, 0] > self.margin

    @property
    def frame(self) -> pd.DataFrame:
        """The networks as a table, one a row."""
        columns = {"seed": self.seed, "scale": self.scale, "memorised": self.memorised}
        columns["delay"] = self.delay
        columns |= {f"slope {n}": slope for n, slope in enumerate(self.slopes.T, start=1)}
        return pd.DataFrame({**columns, "second phase": self.second_phase})

    def delay_ratio(self, seed: int) -> Estimate:
        """Return the mean delay in the second phase over that of the others, over seeds.

        Networks that do not generalise are left out. A seed comes with all of its scales.

        Parameters
        ----------
        seed : int
            Of the choices of seeds.

        Returns
        -------
        Estimate
            No number if a group is empty or the others are never late. Where that is so of single
            seeds, the interval is the range of the others; of fewer than two there is no number.
        """
        seeds = np.unique(self.seed[np.isfinite(self.delay)])
        over = f"{len(seeds)} seeds"
        if not len(seeds):
            return no_number(over)
        found = over_runs(lambda pick: self._ratio(seeds[pick]), len(seeds), over=over, seed=seed)
        if found.value is None or found.low is not None:
            return found
        single = np.array([self._ratio(seeds[[k]]) for k in range(len(seeds))])
        single, value = single[np.isfinite(single)], found.value
        if len(single) < 2:
            return no_number(over)
        return run_range(single, over=f"{len(single)} of {over}", statistic=lambda _: value)

    def _ratio(self, some: Int[np.ndarray, " draws"]) -> float:
        """Return the ratio of mean delays for some seeds, each as often as it is drawn."""
        weight = np.array([np.count_nonzero(some == seed) for seed in self.seed])
        known = np.isfinite(self.delay) & (weight > 0)
        groups = (known & self.second_phase, known & ~self.second_phase)
        if not all(group.any() for group in groups):
            return float("nan")
        late, other = (np.average(self.delay[g], weights=weight[g]) for g in groups)
        return float(late / other) if other > 0 else float("nan")


def compare_initial_scales(
    runs: Mapping[float, CheckpointedRun], data: Dataset, *, margin: float = 0.1
) -> InitScales:
    """Gather the networks of several runs that have memorised.

    Parameters
    ----------
    runs : mapping from scale to CheckpointedRun
        The same seeds with initial parameters of several sizes.
    data : Dataset
        What all were trained on.
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
                slopes[check] = layer_slopes(model, data.train_inputs, data.train_labels)
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
