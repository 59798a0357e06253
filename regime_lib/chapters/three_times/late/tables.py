"""The committed tables of the runs to the end, and what every part reads of them.

Whatever parts and seeds are there are judged; what is missing is counted. Unless said otherwise,
networks are rectified.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from regime_lib.chapters.part import Numbers
from regime_lib.chapters.three_times.configs import NAMES, OPTIMIZERS, SCHEDULES
from regime_lib.chapters.three_times.late.grid import PARTS, points
from regime_lib.chapters.three_times.multiverse import chosen
from regime_lib.chapters.three_times.specifications import SETTING
from regime_lib.estimate import Estimate, median, no_number

Tables = dict[str, pd.DataFrame]
#: What names a run in every table.
RUN = (*SETTING, "activation", "seed")
#: What names a run of rectified networks.
ONE = (*SETTING, "seed")
#: How a definition is asked, unless its own choices are varied.
ASKED = {"skipped": 0, "window": 51, "size": "absolute"}
#: The part whose runs learn the training set by heart: what is said of the end is judged on them.
WHOLE = "mnist-mlp"
#: Share of a run after which it is late.
LATE = 0.5


@dataclass(frozen=True)
class Coverage:
    """What has been run."""

    numbers: Numbers
    table: pd.DataFrame  # a row per part: runs, losses, accuracies; medians over runs
    seeds: pd.DataFrame  # a row per part: under every schedule, how many seeds each optimiser has


def at_end(tables: Tables, **choices: object) -> pd.DataFrame:
    """Return the specifications of whole rectified runs, as `specifications` would give them."""
    found = tables["specifications"]
    last = found["horizon"] == found.groupby("part", observed=True)["horizon"].transform("max")
    kept = last & chosen(found, **ASKED, **{"activation": "relu", **choices})
    return found[kept].assign(network="iterate").drop(columns=["activation"])


def coverage(tables: Tables) -> Coverage:
    """Say which runs are there, and how far they learned."""
    runs = tables["runs"]
    parts = runs.groupby("part", observed=True, sort=False)
    numbers = ["steps", "epochs", "train_loss", "train_accuracy", "test_accuracy"]
    table = parts[numbers].median().assign(runs=parts.size())
    low = runs["epoch_below"] > 0
    return Coverage(
        {
            "late-runs": len(runs),
            "late-planned": sum(len(list(points(part))) for part in PARTS),
            "late-settings": runs.groupby([*SETTING, "activation"], observed=True).ngroups,
            "late-hours": float(runs["seconds"].sum()) / 3600,
            "late-below": f"{int(low.sum())} of {len(runs)}",
            "late-steps": f"{int(runs['steps'].min()):,} to {int(runs['steps'].max()):,}",
        },
        table[["runs", *numbers]].reset_index(),
        _seeds(runs),
    )


def _seeds(runs: pd.DataFrame) -> pd.DataFrame:
    """Return how many seeds each optimiser has: a row per part, a column per schedule."""
    counts = runs.groupby(["part", "schedule", "optimizer"], observed=True)["seed"].nunique()
    found: dict[str, dict[str, str]] = {}
    for part in dict.fromkeys(runs["part"]):
        for schedule in SCHEDULES:
            own = [(NAMES[o], counts.get((part, schedule, o), 0)) for o in OPTIMIZERS]
            said = ", ".join(f"{name} {count}" for name, count in own if count)
            found.setdefault(str(part), {})[schedule] = said or "–"
    table = pd.DataFrame.from_dict(found, orient="index")
    return table.rename_axis("part").reset_index()


def median_of(values: pd.Series, rows: pd.DataFrame) -> Estimate:
    """Return the median over runs of what is known, with its interval."""
    known = values.dropna()
    return (
        median(known, over=over_settings(rows.loc[known.index]))
        if len(known)
        else no_number("no run")
    )


def over_settings(rows: pd.DataFrame) -> str:
    """Say over how many runs of how many settings a number is."""
    settings = rows.groupby(list(SETTING), observed=True).ngroups
    return f"{len(rows)} runs of {settings} setting{'s' if settings > 1 else ''}"


def limit(value: float) -> str:
    """Return a ratio in words; an endless one has no limit."""
    return f"{value:.2f}" if np.isfinite(value) else "without limit"
