"""Batch-normalised networks that look late: delays by momentum, and changes of phase.

Source: arXiv 2501.02436, version 5: late generalisation in deep
normalised networks is said to need both lagging statistics and a change of phase.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from regime_lib.chapters.grokking.first_passage import Moments, moments
from regime_lib.chapters.grokking.running_statistics import StatisticsRun
from regime_lib.errors import RegimeError
from regime_lib.estimate import Estimate, no_number, proportion


@dataclass(frozen=True)
class LateRuns:
    """Of how many networks change their phase, and how many others are late all the same."""

    runs: int
    changed: int
    late: int
    """Networks that are late among those that do not change their phase."""

    @property
    def share(self) -> Estimate:
        """Late over all that do not change their phase; no number if all change it."""
        unchanged = self.runs - self.changed
        over = f"{unchanged} networks"
        return proportion(self.late, unchanged, over=over) if unchanged else no_number(over)


def moments_under(run: StatisticsRun, momentum: float) -> Moments:
    """Return when each network has memorised, and when it generalises under one momentum.

    Raises
    ------
    RegimeError
        If the run was not evaluated under this momentum.
    """
    if momentum not in run.momenta:
        raise RegimeError(
            f"the run was not evaluated under the momentum {momentum}; it was under "
            f"{', '.join(str(each) for each in run.momenta)}"
        )
    which = run.momenta.index(momentum)
    return moments(run.steps, run.train_accuracy, run.test_accuracy[:, which])


def delays_under_all(run: StatisticsRun) -> Float[np.ndarray, "momenta members"]:
    """Return the steps from memorisation to generalisation, 0 if none, under every momentum."""
    return np.stack([moments_under(run, momentum).delay for momentum in run.momenta])


def changes_phase(
    slopes: Float[np.ndarray, "checks layers members"], *, margin: float = 0.1
) -> Bool[np.ndarray, " members"]:
    """Return which networks once have steeper early layers, and at the end steeper late ones.

    The lower half of the layers is compared with the upper half, by the mean slope.

    Parameters
    ----------
    slopes : array, shape (checks, layers, members)
        Slopes of the rank distributions.
    margin : float
        By how much one half must be steeper than the other.

    Raises
    ------
    RegimeError
        If there are fewer than two layers.
    """
    slopes = np.asarray(slopes)
    half = slopes.shape[1] // 2
    if half < 1:
        raise RegimeError("a network of one layer has no halves; expected at least 2 layers")
    lead = slopes[:, :half].mean(axis=1) - slopes[:, -half:].mean(axis=1)
    return (lead > margin).any(axis=0) & (lead[-1] < -margin)


def late_without_change(
    runs: Iterable[tuple[StatisticsRun, Float[np.ndarray, "checks layers _"]]],
    momentum: float,
) -> LateRuns:
    """Count networks that are late under a momentum although their phase does not change.

    Parameters
    ----------
    runs : iterable of (StatisticsRun, array of shape (checks, layers, members))
        Each with the slopes of all layers.
    momentum : float
        Of the running statistics.

    Raises
    ------
    RegimeError
        If there are no runs, or one was not evaluated under this momentum.
    """
    pairs = [(changes_phase(slopes), moments_under(run, momentum).late) for run, slopes in runs]
    if not pairs:
        raise RegimeError("there is no run to count; give at least one")
    changed, late = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return LateRuns(len(changed), int(changed.sum()), int((late & ~changed).sum()))
