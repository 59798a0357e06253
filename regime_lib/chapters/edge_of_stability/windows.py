"""Windows of runs sorted by their sharpness, how many of them show signs, and how well signs date.

The sharpness is what a Hessian says, the signs are what the patterns say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from regime_lib.chapters.bounded import median_between
from regime_lib.chapters.edge_of_stability.runs import Watched
from regime_lib.chapters.edge_of_stability.settings import Settings
from regime_lib.estimate import Estimate, no_number, over_runs
from regime_lib.instrument.tracking.edge_of_stability import MARGIN

#: The sharpness, over the threshold, at which one direction's ratio has the margin: r / (1 + r).
RIM = MARGIN / (1 + MARGIN)
_FEWEST = 5  # runs below which a median has no interval


@dataclass(frozen=True, eq=False)
class Kinds:
    """Which windows of which runs lie where."""

    below: Bool[np.ndarray, "windows runs"]
    """The mean sharpness is under the rim."""
    rim: Bool[np.ndarray, "windows runs"]
    """It is not, and yet the window is not deep."""
    deep: Bool[np.ndarray, "windows runs"]
    """It is at the threshold or over it, and was there at least a window before."""

    @property
    def close(self) -> Bool[np.ndarray, "windows runs"]:
        """All but those below."""
        return self.rim | self.deep


def kinds(runs: Watched) -> Kinds:
    """Sort the windows of some runs by their sharpness."""
    since = runs.signs.starts[:, None] - runs.reached
    deep = (runs.level >= 1) & (since >= runs.signs.window)
    below = (runs.level < RIM) & ~deep
    return Kinds(below, ~below & ~deep, deep)


def share_with_signs(runs: Sequence[Watched], kind: str, settings: Settings) -> Estimate:
    """Return the share of the windows of one kind that show signs, over all settings together.

    The interval is over seeds: windows of a run, and settings of a seed, are taken together. Seeds
    without such a window are left out.

    Parameters
    ----------
    runs : sequence of Watched
        One or several settings of the same seeds.
    kind : str
        An attribute of `Kinds`.
    settings : Settings
        Of the chapter.
    """
    chosen = [getattr(kinds(one), kind) for one in runs]
    windows = np.sum([own.sum(axis=0) for own in chosen], axis=0)
    signs = np.sum(
        [(own & one.signs.signs).sum(axis=0) for own, one in zip(chosen, runs, strict=True)], axis=0
    )
    there = windows > 0
    n = int(there.sum())
    over = f"{n} seeds"
    if not n:
        return no_number(over)
    windows, signs = windows[there], signs[there]
    return over_runs(
        lambda picks: signs[picks].sum() / windows[picks].sum(), n, over=over, seed=settings.seed
    )


def count(runs: Sequence[Watched], kind: str) -> int:
    """Return how many windows of a kind there are."""
    return int(sum(getattr(kinds(one), kind).sum() for one in runs))


def most(shares: Mapping[str, Estimate]) -> Estimate:
    """Return the largest of some shares; no number if there is none."""
    known = [one for one in shares.values() if one.value is not None]
    return max(known, key=lambda one: one.value or 0.0, default=no_number())


def date_errors(
    runs: Watched,
) -> tuple[Float[np.ndarray, " dated"], Float[np.ndarray, " dated"]]:
    """Return how many steps signs come after the sharpness has reached the threshold.

    Only runs that reach it are dated. A run without signs is censored by its end: its error is at
    least the rest of the run.

    Returns
    -------
    least, most : array
        What each error is at least and at most: the same, or infinite where it is censored.
    """
    reached = np.isfinite(runs.reached)
    onset, start = runs.signs.onset[reached], runs.reached[reached]
    least = np.where(np.isfinite(onset), onset, runs.signs.stops[-1]) - start
    return least, np.where(np.isfinite(onset), onset - start, np.inf)


def date_error(runs: Mapping[str, Watched]) -> Estimate:
    """Return the median error of the date, of the setting where it is largest either way.

    Settings in which fewer than five runs reach the threshold are left out.
    """
    found: dict[str, Estimate] = {}
    sizes: dict[str, float] = {}
    for name, own in runs.items():
        least, upper = date_errors(own)
        if len(least) >= _FEWEST:
            found[name] = median_between(least, upper, f"{len(least)} seeds: {name}", "steps")
            sizes[name] = abs(float(np.median(least)))
    if not found:
        return no_number(unit="steps")
    return found[max(sizes, key=lambda name: sizes[name])]
