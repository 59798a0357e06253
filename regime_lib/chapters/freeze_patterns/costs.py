"""What freezing costs, read off tables of branches: run by run, in points of test accuracy.

Seeds are what intervals are over: a seed's number is its mean over settings, so that many settings
do not pass for many runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from regime_lib.errors import RegimeError
from regime_lib.estimate import Estimate, mean

#: What tells one setting from another.
SETTING = ("dataset", "architecture", "optimizer", "schedule")
#: Costs that are asked for, in points.
LIMITS = (0.1, 0.5, 1.0)
POINTS = "points"
_RUN = [*SETTING, "seed"]


def costs(branches: pd.DataFrame) -> pd.DataFrame:
    """Add what every branch costs, against the unfrozen run of the same setting and seed.

    New columns: `share` (of the training, when it was frozen), `cost`, `noisy_cost` and
    `attacked_cost` (points of accuracy, with `clean_cost` on the same part of the test set), and
    `loss_ratio` (of training losses).
    """
    table = branches.astype(dict.fromkeys(SETTING, str))
    never = table[table["what"] == "never"].set_index(_RUN)
    if never.index.has_duplicates or never.empty:
        raise RegimeError("a table of branches needs one unfrozen run for each setting and seed")
    own = never.loc[pd.MultiIndex.from_frame(table[_RUN])]
    found = table.assign(share=table["step"] / table["steps"])
    for name in ("test", "clean", "noisy", "attacked"):
        measured = f"{name}_accuracy"
        if measured in table:
            lost = own[measured].to_numpy(dtype=float) - table[measured].to_numpy(dtype=float)
            found["cost" if name == "test" else f"{name}_cost"] = 100 * lost
    ratio = table["train_loss"].to_numpy(dtype=float) / own["train_loss"].to_numpy(dtype=float)
    return found.assign(loss_ratio=ratio)


def frozen_at(table: pd.DataFrame, share: float, what: str = "all") -> pd.DataFrame:
    """Return the branches that were frozen after a share of the training."""
    near = np.isclose(table["share"], share, atol=0.5 / table["steps"])
    return table[near & (table["what"] == what)]


def by_seed(rows: pd.DataFrame, value: str) -> Float[np.ndarray, " seeds"]:
    """Return each seed's mean over its settings; only seeds that have all of them count."""
    table = rows.pivot_table(value, "seed", list(SETTING), observed=True)
    return table.dropna().mean(axis=1).to_numpy(dtype=float)


def over_seeds(rows: pd.DataFrame, value: str, seed: int, unit: str = POINTS) -> Estimate:
    """Return the mean over seeds of each seed's mean over settings, with its interval."""
    values = by_seed(rows, value)
    return mean(values, over=_words(rows, len(values)), seed=seed, unit=unit)


def difference(
    table: pd.DataFrame, one: str, other: str, seed: int, value: str = "cost"
) -> Estimate:
    """Return what one kind of branch costs more than another, seed by seed."""
    rows = table[table["what"].isin([one, other])]
    sign = np.where(rows["what"] == one, 1.0, -1.0)
    both = rows.assign(signed=sign * rows[value].to_numpy(dtype=float))
    paired = both.groupby(_RUN, observed=True)["signed"].sum().reset_index()
    return over_seeds(paired, "signed", seed)


def ratio_over_seeds(rows: pd.DataFrame, value: str, seed: int) -> Estimate:
    """Return the mean over seeds of each seed's geometric mean over settings."""
    logs = by_seed(rows.assign(log=np.log(rows[value].to_numpy(dtype=float))), "log")
    return mean(np.exp(logs), over=_words(rows, len(logs)), seed=seed)


def free_from(branches: pd.DataFrame, limit: float) -> pd.DataFrame:
    """Return, run by run, the share of training from which freezing costs less than a limit.

    It is the first share that was tried at which, and at all later ones, the cost is below the
    limit in points. What is free at none of them is free at the end, which is freezing nothing:
    the share is then 1, and `late` says so. In truth it lies between the share before it,
    `after`, and itself.
    """
    rows = branches[branches["what"] == "all"]

    def one(run: pd.DataFrame) -> pd.Series:
        ordered = run.sort_values("share")
        shares = np.append(ordered["share"].to_numpy(dtype=float), 1.0)
        free = np.append(ordered["cost"].to_numpy(dtype=float) < limit, True)
        first = len(free) - int(np.argmin(free[::-1])) if not free.all() else 0
        after = shares[first - 1] if first else 0.0
        return pd.Series(
            {"share": shares[first], "after": after, "late": bool(first == len(shares) - 1)}
        )

    kept = rows[[*_RUN, "share", "cost"]]
    found = kept.groupby(_RUN, observed=True)[["share", "cost"]].apply(one)
    return found.reset_index().astype({"share": float, "after": float, "late": bool})


def free_over_seeds(free: pd.DataFrame, seed: int) -> Estimate:
    """Return the median over settings of the share from which freezing is free, over seeds."""
    medians = free.groupby("seed")["share"].median().to_numpy(dtype=float)
    settings = len(free[list(SETTING)].drop_duplicates())
    over = f"{len(medians)} seeds of {settings} settings"
    return mean(medians, over=over, seed=seed)


def curve(
    table: pd.DataFrame, value: str, choose: Callable[[pd.DataFrame], pd.Series] | None = None
) -> tuple[Float[np.ndarray, " shares"], Float[np.ndarray, "shares runs"]]:
    """Return the shares at which runs were frozen whole, and a value of each run there."""
    rows = table[table["what"] == "all"]
    if choose is not None:
        rows = rows[choose(rows)]
    found = rows.assign(share=rows["share"].round(4)).pivot_table(
        value, "share", _RUN, observed=True
    )
    return found.index.to_numpy(dtype=float), found.to_numpy(dtype=float)


def settings_of(table: pd.DataFrame) -> Sequence[tuple[str, ...]]:
    """Return the settings of a table, in their order in it."""
    return list(dict.fromkeys(map(tuple, table[list(SETTING)].astype(str).to_numpy())))


def _words(rows: pd.DataFrame, seeds: int) -> str:
    settings = len(rows[list(SETTING)].drop_duplicates())
    return f"{seeds} seeds" + (f" of {settings} settings" if settings > 1 else "")
