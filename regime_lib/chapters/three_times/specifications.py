"""Every definition of a convergence time applied to a run: a row per specification.

A ratio is the time of the weights over the time of the patterns. Where a run does not show one of
the two times, the row says which: a ratio is then a bound, or nothing if both are missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from regime_lib.chapters.three_times.tracked import NETWORKS, TrackedRun
from regime_lib.instrument.settling.candidates import DEFINITIONS, WINDOW, settling_time
from regime_lib.instrument.settling.definitions import Definition

#: The definition under which this book states single ratios.
USUAL = "peak@0.1"
#: How a weight update is measured: its norm, or that over the norm of the weights.
SIZES = ("absolute", "relative")
#: What tells one setting from another, apart from the seed.
SETTING = ("dataset", "architecture", "optimizer", "schedule", "batch")
# which series never settles, from whether the patterns' and the weights' time is censored
_CENSORED = {
    (False, False): "",
    (True, False): "patterns",
    (False, True): "weights",
    (True, True): "both",
}
_FEWEST = 10  # observations that a time scale needs


def specifications(
    runs: TrackedRun | Iterable[TrackedRun],
    definitions: Sequence[str] = DEFINITIONS,
    networks: Sequence[str] = NETWORKS,
) -> pd.DataFrame:
    """Apply every definition to every run, to the network as trained and to its average.

    The columns tell the run (those of `SETTING`, and `seed`), the `network` (iterate or average),
    the `size` of the update (absolute or relative), `definition`, `pattern_time`, `weight_time`
    (steps, or a lower bound), `ratio` (NaN if neither series settles) and `censored` (which of the
    two never settles: "", patterns, weights or both).
    """
    some = [runs] if isinstance(runs, TrackedRun) else runs
    return pd.DataFrame([row for run in some for row in _of_run(run, definitions, networks)])


def slope(run: TrackedRun, network: str = "iterate") -> float:
    """Return the exponent of pattern change against weight change, step by step.

    Least squares of the logarithms, over the steps in which something flips; NaN if those are
    fewer than ten. Proportional series have slope one.
    """
    x = run.series[network, "weight_change"].values
    y = run.series[network, "pattern_change"].values
    flips = (x > 0) & (y > 0)
    if flips.sum() < _FEWEST or np.ptp(np.log(x[flips])) == 0:
        return float("nan")
    return float(np.polyfit(np.log(x[flips]), np.log(y[flips]), 1)[0])


def times_of(
    series: Mapping[str, tuple[np.ndarray, np.ndarray]],
    definitions: Sequence[str] = DEFINITIONS,
    window: int = WINDOW,
) -> Iterator[dict[str, object]]:
    """Yield what every definition says of one run: see `specifications` for the columns.

    Parameters
    ----------
    series : mapping
        Steps and values of the quantities that the definitions need, such as "pattern_change".
    definitions : sequence of str
        See `candidates.DEFINITIONS`.
    window : int
        Steps of the trailing mean.
    """
    for text in definitions:
        quantity = Definition.parse(text).quantity
        patterns, open_p = settling_time(*series[f"pattern_{quantity}"], text, window)
        for size in SIZES if quantity == "change" else SIZES[:1]:
            suffix = "_rel" if size == "relative" else ""
            weights, open_w = settling_time(*series[f"weight_{quantity}{suffix}"], text, window)
            yield {
                "size": size,
                "definition": text,
                "pattern_time": patterns,
                "weight_time": weights,
                "ratio": np.nan if open_p and open_w else weights / max(patterns, 1.0),
                "censored": _CENSORED[open_p, open_w],
            }


def _of_run(
    run: TrackedRun, definitions: Sequence[str], networks: Sequence[str]
) -> Iterator[dict[str, object]]:
    for network in networks:
        own = {
            name: (found.steps, found.values)
            for (whose, name), found in run.series.items()
            if whose == network
        }
        for row in times_of(own, definitions):
            yield {**run.config.choices, "network": network, **row}
