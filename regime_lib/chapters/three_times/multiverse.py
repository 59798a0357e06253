"""The multiverse of a claim: all specifications at once, with intervals over seeds.

A specification is one way of asking the question: a definition, a setting, a network. Its ratio is
the median over seeds. Seeds are resampled within each setting, the same for all definitions of that
setting, because these share their runs. (Specification curves: Simonsohn, Simmons, Nelson 2020.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from regime_lib.chapters.three_times.specifications import SETTING
from regime_lib.errors import RegimeError
from regime_lib.estimate import Estimate, median, no_number, over_runs

#: What tells one specification from another.
CHOICES = (*SETTING, "network", "size", "definition")


@dataclass(frozen=True)
class ShareAbove:
    """How many specifications have a ratio above a level, and how many cannot say."""

    level: float
    exact: Estimate  # share of the specifications that are not censored
    surely: float  # share of all specifications that are above, counting those whose lower bound is
    perhaps: float  # share of all specifications whose censored ratio leaves it open


@dataclass(frozen=True, eq=False)
class Multiverse:
    """Specifications, one per row, and their ratio in every seed."""

    # the choices, `ratio` (median over seeds), `low`, `high` (as of `estimate.median`: below five
    # seeds, the smallest and the largest), `bound` and `seeds`. `bound` is as in `RegimeChange`:
    # exact, partial, lower, upper, mixed or undetermined.
    table: pd.DataFrame
    ratios: Float[np.ndarray, "specifications seeds"]  # NaN: neither settles, or no run

    def __len__(self) -> int:
        return len(self.table)

    def only(self, **choices: object) -> Multiverse:
        """Return the specifications with these choices; a tuple or list means any of them."""
        kept = chosen(self.table, **choices)
        if not kept.any():
            raise RegimeError(f"no specification with {choices} is left; ask for less")
        return self._rows(kept)

    @property
    def exact(self) -> Multiverse:
        """The specifications that no run leaves censored; there may be none."""
        return self._rows((self.table["bound"] == "exact").to_numpy())

    def estimate(self, statistic: Callable[[Float[np.ndarray, " known"]], float]) -> Estimate:
        """Return a statistic of the known ratios, such as `numpy.median`, with its interval.

        That is of `estimate.over_runs`, where settings are as they are: a resample draws each run
        anew from the runs of its setting.
        """
        if not len(self):
            return no_number("0 runs")
        setting = self.table.groupby(list(SETTING), sort=False).ngroup().to_numpy()
        known = pd.DataFrame(np.isfinite(self.ratios)).groupby(setting).any().to_numpy()
        runs = np.argwhere(known)  # setting and seed
        n, seeds = len(runs), known.sum(axis=1)[runs[:, 0]]
        first = np.searchsorted(runs[:, 0], runs[:, 0])
        order = np.argsort(self.ratios, axis=1)  # NaN come last
        ordered = np.take_along_axis(self.ratios, order, axis=1)

        def of(picks: Int[np.ndarray, " picks"]) -> float:
            if len(picks) == n:  # a resample; a run alone, or all but one, stay what they are
                picks = first + picks % seeds
            times = np.zeros(known.shape, dtype=int)
            np.add.at(times, tuple(runs[picks].T), 1)
            found = _medians(ordered, np.take_along_axis(times[setting], order, axis=1))
            return statistic(found[np.isfinite(found)])

        settings = f"{len(known)} setting{'s' if len(known) > 1 else ''}"
        return over_runs(of, n, over=f"the seeds in {n} runs of {settings}", seed=0)

    def share_above(self, level: float) -> ShareAbove:
        """Return how many specifications have a ratio above a level."""
        ratio, bound = self.table["ratio"].to_numpy(), self.table["bound"]
        above = bound.isin(["exact", "lower"]).to_numpy() & (ratio > level)
        below = bound.isin(["exact", "upper"]).to_numpy() & (ratio <= level)
        exact = self.exact.estimate(lambda known: float((known > level).mean()))
        perhaps = 1 - (above | below).mean()
        return ShareAbove(level, exact, float(above.mean()), float(perhaps))

    def _rows(self, kept: Bool[np.ndarray, " specifications"]) -> Multiverse:
        return Multiverse(self.table[kept].reset_index(drop=True), self.ratios[kept])


def multiverse(rows: pd.DataFrame) -> Multiverse:
    """Gather what `specifications` found, over seeds."""
    if rows.empty:
        raise RegimeError("there are no specifications; pass the table of at least one run")
    rows = rows.astype(dict.fromkeys(CHOICES, str))
    wide = rows.pivot(  # noqa: PD010  (nothing is aggregated: a double is an error)
        index=list(CHOICES), columns="seed", values=["ratio", "censored"]
    )
    table = rows[list(CHOICES)].drop_duplicates(ignore_index=True)  # in the order of the runs
    wide = wide.loc[pd.MultiIndex.from_frame(table)]
    ratios = wide["ratio"].to_numpy(dtype=float)
    censored = wide["censored"].to_numpy()
    ends = np.array([_ends(row) for row in ratios])
    table = table.assign(
        ratio=_medians(np.sort(ratios, axis=1), np.ones(ratios.shape, dtype=int)),
        low=ends[:, 0],
        high=ends[:, 1],
        bound=[_bound(row) for row in censored],
        seeds=[sum(isinstance(kind, str) for kind in row) for row in censored],
    )
    return Multiverse(table, ratios)


def chosen(table: pd.DataFrame, **choices: object) -> Bool[np.ndarray, " rows"]:
    """Return which rows have these choices; a tuple or list means any of them."""
    kept = np.ones(len(table), dtype=bool)
    for name, wanted in choices.items():
        if name not in table:
            raise RegimeError(f"there is no choice {name!r}; there are {', '.join(table)}")
        values = wanted if isinstance(wanted, tuple | list) else [wanted]
        kept &= table[name].isin(values).to_numpy()
    return kept


def _medians(
    ordered: Float[np.ndarray, "rows seeds"], times: Int[np.ndarray, "rows seeds"]
) -> Float[np.ndarray, " rows"]:
    """Return the median of each row of rising numbers, each taken some times; NaN do not count."""
    reached = np.where(np.isfinite(ordered), times, 0).cumsum(axis=1)
    n = reached[:, -1:]
    middle = [(reached > rank).argmax(axis=1) for rank in ((n - 1) // 2, n // 2)]
    rows = np.arange(len(ordered))
    both = (ordered[rows, middle[0]] + ordered[rows, middle[1]]) / 2
    return np.where(n[:, 0] > 0, both, np.nan)


def _ends(ratios: Float[np.ndarray, " seeds"]) -> Float[np.ndarray, "2"]:
    """Return the interval of the median over the seeds that have a ratio."""
    known = ratios[np.isfinite(ratios)]
    if known.size < 2:
        return np.full(2, known[0] if known.size else np.nan)
    found = median(known, over="seeds")
    return np.array([found.low, found.high], dtype=float)


def _bound(censored: np.ndarray) -> str:
    """Say what the median ratio is worth, from which series were censored in each run."""
    kinds = [kind for kind in censored if isinstance(kind, str)]
    both = kinds.count("both")
    if 2 * both > len(kinds):
        return "undetermined"
    patterns, weights = "patterns" in kinds, "weights" in kinds
    if patterns or weights:
        return "mixed" if patterns and weights else "upper" if patterns else "lower"
    return "partial" if both else "exact"
