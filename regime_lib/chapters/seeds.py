"""A statistic of the runs of several seeds, with its bootstrap interval over the seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import SupportsFloat

import numpy as np
from jaxtyping import Int

from regime_lib.errors import RegimeError
from regime_lib.lab.seeding import generator

_RESAMPLES = 1000


def over_seeds(
    statistic: Callable[[Int[np.ndarray, " n"]], SupportsFloat], n: int, seed: int
) -> tuple[float, tuple[float, float]]:
    """Evaluate a statistic on all seeds, and bootstrap its interval over the choice of seeds.

    Parameters
    ----------
    statistic : callable
        Takes the numbers of the chosen runs, from 0 to `n` - 1, some of them more than once, and
        returns one number.
    n : int
        Runs.
    seed : int
        Of the choices: the stream ``"bootstrap"`` of `generator`.

    Returns
    -------
    value, (low, high)
        The statistic of all runs, and the 95 % interval over 1000 resamples; it always holds the
        value. Where a resample has no finite statistic, the interval has none either.

    Raises
    ------
    RegimeError
        If there are no runs.
    """
    if n < 1:
        raise RegimeError(f"a statistic of {n} runs was asked for; expected at least 1 run")
    value = float(statistic(np.arange(n)))
    picks = generator(seed, "bootstrap").integers(n, size=(_RESAMPLES, n))
    spread = [float(statistic(pick)) for pick in picks]
    if not np.isfinite([value, *spread]).all():
        return value, (float("nan"), float("nan"))
    low, high = np.percentile([*spread, value], [2.5, 97.5])
    return value, (min(float(low), value), max(float(high), value))
