"""The committed tables of the runs to the end, and what every part reads of them.

Whatever parts and seeds are there are judged; what is missing is counted. Unless said otherwise,
networks are rectified.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from regime_lib.chapters.part import Numbers
from regime_lib.chapters.three_times.configs import NAMES
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
#: How the series of a run are evaluated, kept with it. The first way took every fitted decay and
#: did not keep how much of the series it explains; the second refuses those that explain little.
EVALUATION = 2
#: Share of a run after which it is late.
LATE = 0.5


@dataclass(frozen=True)
class Coverage:
    """What has been run."""

    numbers: Numbers
    table: pd.DataFrame  # a row per part: runs, losses, accuracies; medians over runs


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
    unbegun = [name for name in PARTS if name not in set(runs["part"])]
    return Coverage(
        {
            "late-runs": len(runs),
            "late-planned": sum(len(list(points(part))) for part in PARTS),
            "late-unbegun": _unbegun(unbegun),
            "late-settings": runs.groupby([*SETTING, "activation"], observed=True).ngroups,
            "late-hours": float(runs["seconds"].sum()) / 3600,
            "late-unjudged": f"{len(older_runs(runs))} of {len(runs)}",
            "late-below": f"{int(low.sum())} of {len(runs)}",
            "late-steps": f"{int(runs['steps'].min()):,} to {int(runs['steps'].max()):,}",
        },
        table[["runs", *numbers]].reset_index(),
    )


def older_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that were evaluated in an older way: what their fits explain is not known."""
    return runs[runs["evaluation"] < EVALUATION]


def _unbegun(parts: Sequence[str]) -> str:
    """Say in running text of which parts of the grid there is no run."""
    missing = " and ".join(map(names_of, parts))
    return f"not one of {missing}" if missing else "some of every network"


def names_of(part: str) -> str:
    """Return how figures call a part."""
    return " ".join(NAMES.get(word, word) for word in part.rsplit("-", 1))


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
