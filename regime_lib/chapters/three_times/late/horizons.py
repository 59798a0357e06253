"""What shorter runs would have said: the length of training as an axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from regime_lib.chapters.part import Numbers
from regime_lib.chapters.three_times.configs import SCHEDULES
from regime_lib.chapters.three_times.late.tables import ASKED, WHOLE, Tables, limit
from regime_lib.chapters.three_times.limits import limits_of, product_limit_median
from regime_lib.chapters.three_times.multiverse import chosen


@dataclass(frozen=True)
class Horizons:
    """What shorter runs would have said."""

    numbers: Numbers
    # a row per schedule and horizon: shares of all runs and definitions with a ratio (`exact`), a
    # bound (`bounded`) or nothing (`open`), and the product-limit `median` of the ratios
    counts: pd.DataFrame
    # product-limit median over runs: columns schedule, optimizer, horizon, definition, ratio
    ratios: pd.DataFrame


def horizons(tables: Tables, part: str = WHOLE) -> Horizons:
    """Read off from whole runs of one part what shorter ones would have said."""
    found = tables["specifications"]
    found = found[chosen(found, **ASKED, part=part)]
    least, most = limits_of(found["ratio"], found["censored"])
    found = found.assign(least=least, most=most)
    counts = found.groupby(["schedule", "horizon"], observed=True).apply(_counted).reset_index()
    keys = ["schedule", "optimizer", "horizon", "definition"]
    ratios = found.groupby(keys, observed=True).apply(_middle).rename("ratio").reset_index()
    numbers: Numbers = {}
    for schedule in SCHEDULES:
        own = counts[counts["schedule"] == schedule].sort_values("horizon")
        if own.empty:
            continue
        telling = own[own["open"] <= 0.5]
        numbers[f"{part}-horizon-{schedule}"] = (
            f"{int(telling['horizon'].iloc[0]):,}" if len(telling) else "more than any run has"
        )
        for name, at in (("short", 1200), ("end", None)):
            row = own[own["horizon"] == at] if at else own.tail(1)
            if len(row):
                numbers[f"{part}-horizon-{schedule}-{name}"] = f"{float(row['open'].iloc[0]):.0%}"
                numbers[f"{part}-horizon-{schedule}-{name}-exact"] = (
                    f"{float(row['exact'].iloc[0]):.0%}"
                )
                numbers[f"{part}-horizon-{schedule}-{name}-median"] = limit(row["median"].iloc[0])
    return Horizons(numbers, counts, ratios)


def _counted(own: pd.DataFrame) -> pd.Series:
    exact = own["least"] == own["most"]
    nothing = (own["least"] == 0) & np.isinf(own["most"])
    return pd.Series(
        {
            "exact": exact.mean(),
            "bounded": (~exact & ~nothing).mean(),
            "open": nothing.mean(),
            "median": product_limit_median(own["least"].to_numpy(), own["most"].to_numpy()),
        }
    )


def _middle(own: pd.DataFrame) -> float:
    """Return the median ratio of some runs, if at least half of them say something."""
    nothing = (own["least"] == 0) & np.isinf(own["most"])
    if nothing.mean() > 0.5:
        return float("nan")
    found = product_limit_median(own["least"].to_numpy(), own["most"].to_numpy())
    return found if np.isfinite(found) else float("nan")
