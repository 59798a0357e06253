"""The claims about costs that the page's own runs and the committed ones share, by their endings.

One function judges both: what differs is the tables, and the ending of the claims' names.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from regime_lib.chapters.freeze_patterns.costs import (
    LIMITS,
    by_seed,
    costs,
    difference,
    free_from,
    free_over_seeds,
    frozen_at,
    over_seeds,
    ratio_over_seeds,
)
from regime_lib.chapters.freeze_patterns.experiment import EARLY, HALF
from regime_lib.chapters.freeze_patterns.prediction import (
    LIMIT,
    USUAL,
    correlation,
    ranking,
)
from regime_lib.estimate import Estimate


@dataclass(frozen=True, eq=False)
class Frozen:
    """What freezing cost in some runs."""

    claims: dict[str, Estimate]
    numbers: dict[str, float | int | str]
    table: pd.DataFrame
    """Every branch with its costs: see `costs`."""
    ranking: pd.DataFrame
    """How well every definition predicts: see `prediction.ranking`."""
    free: pd.DataFrame
    """From which share of the training freezing costs less than each limit, run by run."""
    series: pd.DataFrame
    """The change of the patterns at some steps."""


def frozen(tables: dict[str, pd.DataFrame], prefix: str, suffix: str, seed: int) -> Frozen:
    """Judge tables of branches and of times.

    Parameters
    ----------
    tables : dict of str to DataFrame
        ``branches``, ``times`` and ``series`` of `experiment`.
    prefix : str
        Of the names of numbers that the prose quotes.
    suffix : str
        Of the claims' names: "-digits", or nothing.
    seed : int
        Of the intervals' resampling.
    """
    table = costs(tables["branches"])
    times = tables["times"]
    free = pd.concat([free_from(table, one).assign(limit=one) for one in LIMITS])
    usual = free[free["limit"] == LIMIT]
    early = frozen_at(table, EARLY)
    stressed = early.assign(
        excess=early["noisy_cost"] - early["clean_cost"], attacked=early["attacked_cost"]
    )
    thawed = frozen_at(table, EARLY, "until half")
    claims = {
        "start": over_seeds(frozen_at(table, 0.0), "cost", seed),
        "half": over_seeds(frozen_at(table, HALF), "cost", seed),
        "fit": ratio_over_seeds(frozen_at(table, 0.0), "loss_ratio", seed),
        "settles": free_over_seeds(usual, seed),
        "predicts": correlation(times, usual, USUAL, seed),
        "inputs": difference(table, "first layer", "last layer", seed),
        "quiet": difference(table, "quiet half", "restless half", seed),
        "thaw": over_seeds(thawed, "cost", seed),
        "noise": over_seeds(stressed, "excess", seed),
        "attack": over_seeds(stressed, "attacked", seed),
        "new": difference(table, "new data, frozen", "new data, live", seed),
    }
    return Frozen(
        {f"tb-freeze-{name}{suffix}": found for name, found in claims.items()},
        _numbers(table, free, prefix),
        table,
        ranking(times, table, seed),
        free,
        tables["series"],
    )


def _numbers(table: pd.DataFrame, free: pd.DataFrame, prefix: str) -> dict[str, float | int | str]:
    never = table[table["what"] == "never"]
    early = frozen_at(table, EARLY)
    found: dict[str, float | int | str] = {
        f"{prefix}-accuracy": float(never["test_accuracy"].mean()),
        f"{prefix}-runs": len(never),
        f"{prefix}-settings": len(never.drop_duplicates(["dataset", "optimizer", "schedule"])),
        f"{prefix}-seeds": int(never["seed"].nunique()),
        f"{prefix}-steps": int(never["steps"].max()),
        f"{prefix}-early": float(early["cost"].mean()),
        f"{prefix}-early-loss": float(early["loss_ratio"].median()),
    }
    for limit, rows in free.groupby("limit"):
        name = f"{prefix}-free-{limit:g}".replace(".", "")
        found[name] = float(rows["share"].median())
        found[f"{name}-late"] = int(rows["late"].sum())
    for what in ("first layer", "last layer", "quiet half", "restless half", "until half"):
        rows = frozen_at(table, EARLY, what)
        if len(rows):
            found[f"{prefix}-{what.replace(' ', '-')}"] = float(by_seed(rows, "cost").mean())
    for what in ("frozen", "live"):
        rows = table[table["what"] == f"new data, {what}"]
        if len(rows):
            found[f"{prefix}-new-{what}"] = float(rows["test_accuracy"].mean())
    return found
