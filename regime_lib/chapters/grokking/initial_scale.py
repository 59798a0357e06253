"""Networks from smaller and larger starts at their memorisation: which phase, and how late.

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
from regime_lib.chapters.grokking.measure import layer_slopes
from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.training.checkpoints import CheckpointedRun

_RESAMPLES = 500


@dataclass(frozen=True, eq=False)
class InitScales:
    """Networks that have memorised, one an entry."""

    seed: Int[np.ndarray, " networks"]
    scale: Float[np.ndarray, " networks"]
    """Of the start, over the usual one."""
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

    def delay_ratio(self, seed: int) -> tuple[float, tuple[float, float]]:
        """Return the mean delay in the second phase over that of the others, and its interval.

        Networks that do not generalise are left out. Seeds are resampled, each with all of its
        starts.

        Parameters
        ----------
        seed : int
            Of the resampling.

        Returns
        -------
        value, (low, high)
            With the 95 % interval, which always holds the value. NaN if a group is empty, or the
            others are never late, in all seeds or in more than a twentieth of the resamples.
        """
        seeds = np.unique(self.seed)
        value = self._ratio(seeds)
        draws = np.random.default_rng(seed).choice(seeds, (_RESAMPLES, len(seeds)))
        ratios = np.array([self._ratio(some) for some in draws])
        if not np.isfinite(value) or np.isfinite(ratios).mean() <= 0.95:
            return float("nan"), (float("nan"), float("nan"))
        low, high = np.nanpercentile([*ratios, value], [2.5, 97.5])
        return value, (min(float(low), value), max(float(high), value))

    def _ratio(self, some: Int[np.ndarray, " draws"]) -> float:
        """Return the ratio of mean delays for some seeds, each as often as it is drawn."""
        weight = np.array([np.count_nonzero(some == seed) for seed in self.seed])
        known = np.isfinite(self.delay) & (weight > 0)
        groups = (known & self.second_phase, known & ~self.second_phase)
        if not all(group.any() for group in groups):
            return float("nan")
        late, other = (np.average(self.delay[g], weights=weight[g]) for g in groups)
        return float(late / other) if other > 0 else float("nan")


def compare_starts(
    runs: Mapping[float, CheckpointedRun], data: Dataset, *, margin: float = 0.1
) -> InitScales:
    """Gather the networks of several runs that have memorised.

    Parameters
    ----------
    runs : mapping from scale to CheckpointedRun
        The same seeds from starts of several sizes.
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
