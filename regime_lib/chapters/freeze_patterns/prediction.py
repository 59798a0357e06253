"""Which definition of settling tells from which step on freezing is free.

Each definition names a step of every run; freezing, tried at some steps, names another by its
consequence. A definition is good if it puts runs in the same order, and calibrated if freezing at
its step is free.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy import stats

from regime_lib.chapters.freeze_patterns.costs import SETTING, free_from
from regime_lib.estimate import Estimate, no_number, over_runs
from regime_lib.instrument.settling.candidates import DEFINITIONS

#: The definition under which this book states single ratios.
USUAL = "peak@0.1"
#: The cost, in points, below which freezing counts as free.
LIMIT = 0.5
_RUN = [*SETTING, "seed"]


def correlation(
    times: pd.DataFrame, free: pd.DataFrame, definition: str, seed: int, of: str = "pattern"
) -> Estimate:
    """Return the rank correlation of a definition's times with the shares that `free_from` found.

    All settings of a seed are in or out together. A time that a run does not show ranks by its
    bound, which is the run's length: after all others.
    """
    joined = paired(times, free, definition, of)
    groups = [group[["time", "share"]].to_numpy(float) for _, group in joined.groupby("seed")]
    settings = len(joined[list(SETTING)].drop_duplicates())
    over = f"{len(groups)} seeds of {settings} settings"
    if not groups:
        return no_number(over)

    def statistic(picks: np.ndarray) -> float:
        return _rank_correlation(np.concatenate([groups[int(i)] for i in picks]))

    return over_runs(statistic, len(groups), over=over, seed=seed)


def paired(
    times: pd.DataFrame, free: pd.DataFrame, definition: str, of: str = "pattern"
) -> pd.DataFrame:
    """Return a definition's time of every run, as a share of the run, beside what freezing says."""
    own = times.astype(dict.fromkeys((*SETTING, "definition", "of"), str))
    own = own[(own["definition"] == definition) & (own["of"] == of)]
    own = own.assign(time=own["time"] / own["steps"])
    return own.merge(free, on=_RUN, validate="one_to_one")


def ranking(
    times: pd.DataFrame, table: pd.DataFrame, seed: int, of: str = "pattern"
) -> pd.DataFrame:
    """Return how well every definition predicts, the best first.

    Columns: `correlation` with its ends `low` and `high`; `free`, the share of runs in which
    freezing at the first step tried from the definition's time on is free; `excess`, the median
    over runs of the definition's time over the share from which freezing is free, of runs where
    that is not the start; and `censored`, the share of runs in which the definition has no time.
    """
    free = free_from(table, LIMIT)
    rows = []
    for definition in DEFINITIONS:
        found = correlation(times, free, definition, seed, of)
        joined = paired(times, free, definition, of)
        later = joined[joined["share"] > 0]
        rows.append(
            {
                "definition": definition,
                "correlation": np.nan if found.value is None else found.value,
                "low": np.nan if found.low is None else found.low,
                "high": np.nan if found.high is None else found.high,
                "free": float((joined["time"] > joined["after"]).mean()),
                "excess": float((later["time"] / later["share"]).median()),
                "censored": float(joined["censored"].mean()),
            }
        )
    ordered = pd.DataFrame(rows).sort_values("correlation", ascending=False, kind="stable")
    return ordered.reset_index(drop=True)


def _rank_correlation(pairs: Float[np.ndarray, "runs 2"]) -> float:
    """Return Spearman's correlation; NaN where one of the two does not vary.

    Bootstraps ask for it ten thousand times; `scipy.stats.spearmanr` takes three times as long.
    """
    if len(pairs) < 3 or (np.ptp(pairs, axis=0) == 0).any():
        return float("nan")
    one, other = stats.rankdata(pairs, axis=0).T
    one, other = one - one.mean(), other - other.mean()
    return float(one @ other / np.sqrt((one @ one) * (other @ other)))
