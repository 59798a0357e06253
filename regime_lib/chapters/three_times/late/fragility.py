"""How far a ratio moves when a definition of settling is read a little differently.

Four readings beside the usual one, of the same runs: the first 10 or 100 steps left out, and the
trailing mean of half and of twice the width. A definition whose ratio depends on one of them does
not measure the run. Where a ratio has only limits, so has its movement.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from regime_lib.chapters.three_times.censored import at_the_end, run_columns, usual
from regime_lib.chapters.three_times.limits import limits_of

#: The other readings: steps left out at the start, and steps of the trailing mean.
READINGS = {
    "without 10 steps": (10, 51),
    "without 100 steps": (100, 51),
    "half the window": (0, 25),
    "twice the window": (0, 102),
}
#: A run moves if its ratio does by more than this factor, either way.
MOVES = 1.5
#: A definition is fragile if this share of the runs moves, under the reading that moves each most.
SHARE = 0.5
_CELL = ["definition", "optimizer", "schedule"]


def fragility(specifications: pd.DataFrame) -> pd.DataFrame:
    """Return how each definition stands the other readings, by optimiser and schedule.

    Returns
    -------
    DataFrame
        A row per definition, optimiser and schedule: `runs`; `least` and `most`, between which the
        median over runs of their largest movement lies (a factor, 1 or more); `reading`, which of
        `READINGS` moves most runs, or moves them furthest, if any surely does; `surely` and
        `perhaps`, the shares of runs that move by more than `MOVES`, and that may; and `verdict`:
        fragile, robust, or open where limits leave it so.
    """
    moved = movements(specifications)
    keys = [*run_columns(moved), "definition"]
    largest = moved.groupby(keys, observed=True, sort=False)[["least", "most"]].max().reset_index()
    rows = []
    for cell, own in largest.groupby(_CELL, observed=True, sort=False):
        surely, perhaps = (float((own[end] > MOVES).mean()) for end in ("least", "most"))
        steady = "open" if perhaps >= SHARE else "robust"
        rows.append(
            {
                **dict(zip(_CELL, cell, strict=True)),
                "runs": len(own),
                "least": float(own["least"].median()),
                "most": float(np.median(own["most"])),
                "reading": _strongest(moved, cell) if surely else "",
                "surely": surely,
                "perhaps": perhaps,
                "verdict": "fragile" if surely >= SHARE else steady,
            }
        )
    return pd.DataFrame(rows)


def movements(specifications: pd.DataFrame) -> pd.DataFrame:
    """Return by which factor every other reading moves the ratio of every run.

    The factor is the larger ratio over the smaller one. `least` and `most` are its limits.
    """
    table = at_the_end(specifications[specifications["size"] == "absolute"])
    keys = [*run_columns(table), "definition"]
    low, high = limits_of(table["ratio"], table["censored"])
    known = table.assign(low=low, high=high).set_index(keys)
    before = usual(known.reset_index()).set_index(keys)
    before = before[["low", "high"]].set_axis(["low_before", "high_before"], axis=1)
    found = []
    for name, (skipped, window) in READINGS.items():
        own = known[(known["skipped"] == skipped) & (known["window"] == window)]
        both = own[["low", "high"]].join(before).reset_index()
        # logarithm of the new ratio over the old one, at least and at most
        with np.errstate(divide="ignore"):
            down = np.log(both["low"]) - np.log(both["high_before"])
            up = np.log(both["high"]) - np.log(both["low_before"])
        least = np.exp(np.maximum(0.0, np.maximum(down, -up)))
        most = np.exp(np.maximum(np.abs(down), np.abs(up)))
        found.append(both[keys].assign(reading=name, least=least, most=most))
    return pd.concat(found, ignore_index=True)


def _strongest(moved: pd.DataFrame, cell: tuple[str, ...]) -> str:
    own = moved[(moved[_CELL] == list(cell)).all(axis=1)]
    found = own.groupby("reading", sort=False)["least"]
    order = pd.DataFrame({"share": found.agg(lambda some: (some > MOVES).mean()),
                          "factor": found.median()})  # fmt: skip
    return str(order.sort_values(["share", "factor"], ascending=False, kind="stable").index[0])
