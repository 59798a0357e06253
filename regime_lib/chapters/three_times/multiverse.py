"""The multiverse of a claim: all specifications at once, with the limits that censoring leaves.

A specification is one way of asking the question: a definition, a setting, a network. Its ratio is
the median over seeds. Specifications of one setting share their runs, so intervals are over
settings, and never over specifications. (Specification curves: Simonsohn, Simmons, Nelson 2020.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from regime_lib.chapters.three_times.limits import Limits, limits_of
from regime_lib.chapters.three_times.specifications import SETTING
from regime_lib.errors import RegimeError
from regime_lib.estimate import Estimate, median, no_number, over_runs

#: What tells one specification from another.
CHOICES = (*SETTING, "network", "size", "definition")
#: What may be known of a ratio: itself, a limit, two, or nothing.
BOUNDS = ("exact", "lower", "upper", "between", "open")
#: How a sentence says the last of these.
UNKNOWN = "unknown"


@dataclass(frozen=True)
class ShareAbove:
    """How many specifications have a ratio above a level, and how many cannot say."""

    level: float
    surely: float  # share of all specifications whose ratio is above
    perhaps: float  # share of all specifications whose limits leave it open


@dataclass(frozen=True, eq=False)
class Multiverse:
    """Specifications, one per row, and the limits of their ratio in every seed."""

    # the choices; `least` and `most`, between which the median over seeds lies; `bound`, which of
    # these are known: exact (they are equal), lower, upper, between (both are) or open (neither);
    # `ratio`, which is that limit, the middle of two, or NaN; `low` and `high`, of the ratios of
    # the seeds as they stand (as of `estimate.median`); and the number of `seeds`
    table: pd.DataFrame
    least: Float[np.ndarray, "specifications seeds"]  # NaN: no run
    most: Float[np.ndarray, "specifications seeds"]

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
        """The specifications whose ratio is known; there may be none."""
        return self._rows(self.limits.exact)

    @property
    def limits(self) -> Limits:
        """What is known of the ratios; those of one setting belong together."""
        setting = self.table.groupby(list(SETTING), sort=False).ngroup().to_numpy()
        return Limits(self.table["least"].to_numpy(), self.table["most"].to_numpy(), setting)

    @property
    def counts(self) -> dict[str, int]:
        """How many specifications are known, have a limit, or may be anything, by `BOUNDS`."""
        kinds = self.table["bound"].value_counts()
        return {kind: int(kinds.get(kind, 0)) for kind in BOUNDS}

    @property
    def over(self) -> str:
        """What an interval is over, and what it is of."""
        found, unknown = f"{len(self)} specifications", self.counts["open"]
        if unknown:
            found += f", in {unknown} of them neither series settles"
        return f"{_settings(self)} ({found})"

    def median(self, over: str = "settings") -> Estimate:
        """Return the median ratio over all specifications, in the interval of `Limits.median`.

        It is over the choice of settings, or over that of seeds: `over` says which. The settings
        are the same for every seed.
        """
        if over == "settings":
            return self.limits.median(self.over)
        there = ~np.isnan(self.least)
        seeds = np.broadcast_to(np.arange(there.shape[1]), there.shape)[there]
        settings = self.table.groupby(list(SETTING)).ngroups
        words = f"{len(np.unique(seeds))} seeds of {settings} settings"
        return Limits(self.least[there], self.most[there], seeds).median(words)

    def estimate(self, statistic: Callable[[Float[np.ndarray, " known"]], float]) -> Estimate:
        """Return a statistic of the known ratios, with an interval over the choice of settings."""
        known = self.exact
        if not len(known):
            return no_number(self.over)
        rows, ratio = known.limits, known.table["ratio"].to_numpy()
        of = [ratio[rows.cluster == number] for number in range(rows.cluster.max() + 1)]
        return over_runs(
            lambda picks: statistic(np.concatenate([of[pick] for pick in picks])),
            len(of),
            over=_settings(known),
            seed=0,
        )

    def by_seed(self, pick: Callable[..., Float[np.ndarray, " seeds"]]) -> Estimate:
        """Return the median over seeds of the smallest (or largest) ratio of all settings.

        `pick` is `numpy.min` or `numpy.max`; only seeds with a run of every setting count.
        """
        whole = np.isfinite(self.least).all(axis=0)
        least, most = (pick(ratios[:, whole], axis=0) for ratios in (self.least, self.most))
        seeds = np.arange(whole.sum())
        return Limits(least, most, seeds).median(f"{len(seeds)} seeds of {len(self)} settings")

    @property
    def words(self) -> str:
        """The median ratio as it stands in a sentence: a number, a limit, or why there is none."""
        if self.brief != UNKNOWN:
            return self.brief
        runs, unknown = int((~np.isnan(self.least)).sum()), (self.least == 0) & np.isinf(self.most)
        return f"{UNKNOWN} (in {unknown.sum()} of {runs} runs neither series settles)"

    @property
    def brief(self) -> str:
        """The same, but not why there is none."""
        least, most = (float(np.median(self.table[end])) for end in ("least", "most"))
        if least == most:
            ends = self.table.iloc[0][["low", "high"]] if len(self) == 1 else None
            found = self.median() if ends is None else Estimate(least)
            low, high = (found.low, found.high) if ends is None else ends
            spread = "" if low is None or low == high else f" ({low:.2f} to {high:.2f})"
            return f"{least:.2f}{spread}"
        if np.isfinite(most):
            return f"{least:.2f} to {most:.2f}" if least else f"at most {most:.2f}"
        return f"at least {least:.2f}" if least else UNKNOWN

    def share_above(self, level: float) -> ShareAbove:
        """Return how many specifications have a ratio above a level."""
        surely = (self.table["least"] > level).mean()
        return ShareAbove(level, float(surely), float((self.table["most"] > level).mean() - surely))

    def _rows(self, kept: Bool[np.ndarray, " specifications"]) -> Multiverse:
        table = self.table[kept].reset_index(drop=True)
        return Multiverse(table, self.least[kept], self.most[kept])


def multiverse(rows: pd.DataFrame) -> Multiverse:
    """Gather what `specifications` found, over seeds."""
    if rows.empty:
        raise RegimeError("there are no specifications; pass the table of at least one run")
    rows = rows.astype(dict.fromkeys(CHOICES, str))
    least, most = limits_of(rows["ratio"], rows["censored"])
    wide = rows.assign(least=least, most=most).pivot(  # noqa: PD010  (a double is an error)
        index=list(CHOICES), columns="seed", values=["ratio", "least", "most"]
    )
    table = rows[list(CHOICES)].drop_duplicates(ignore_index=True)  # in the order of the runs
    wide = wide.loc[pd.MultiIndex.from_frame(table)]
    ratios, least, most = (wide[n].to_numpy(dtype=float) for n in ("ratio", "least", "most"))
    ends = np.array([_ends(row) for row in ratios])
    table = table.assign(
        low=ends[:, 0],
        high=ends[:, 1],
        least=[_median(row) for row in least],
        most=[_median(row) for row in most],
        seeds=(~np.isnan(least)).sum(axis=1),
    )
    table = table.assign(**_known(table["least"], table["most"]))
    table.loc[table["bound"] == "open", ["low", "high"]] = np.nan
    return Multiverse(table, least, most)


def chosen(table: pd.DataFrame, **choices: object) -> Bool[np.ndarray, " rows"]:
    """Return which rows have these choices; a tuple or list means any of them."""
    kept = np.ones(len(table), dtype=bool)
    for name, wanted in choices.items():
        if name not in table:
            raise RegimeError(f"there is no choice {name!r}; there are {', '.join(table)}")
        values = wanted if isinstance(wanted, tuple | list) else [wanted]
        kept &= table[name].isin(values).to_numpy()
    return kept


def _median(values: Float[np.ndarray, " seeds"]) -> float:
    """Return the median of the seeds that have a value; NaN if none has."""
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else float("nan")


def _settings(found: Multiverse) -> str:
    n = found.table.groupby(list(SETTING)).ngroups
    low, high = found.table["seeds"].min(), found.table["seeds"].max()
    seeds = f"{low}" if low == high else f"{low} to {high}"
    return f"{n} setting{'s' if n > 1 else ''} of {seeds} seed{'s' if high > 1 else ''} each"


def _ends(ratios: Float[np.ndarray, " seeds"]) -> Float[np.ndarray, "2"]:
    """Return the interval of the median over the seeds that have a ratio."""
    known = ratios[np.isfinite(ratios)]
    if known.size < 2:
        return np.full(2, known[0] if known.size else np.nan)
    found = median(known, over="seeds")
    return np.array([found.low, found.high], dtype=float)


def _known(least: pd.Series, most: pd.Series) -> dict[str, np.ndarray]:
    """Return the columns `ratio` and `bound` from the limits of the median over seeds."""
    low, high = least.to_numpy(), most.to_numpy()
    cases = [low == high, np.isfinite(high) & (low > 0), np.isfinite(high), low > 0]
    kinds = ("exact", "between", "upper", "lower")
    ratios = [low, (low + high) / 2, high, low]
    return {
        "ratio": np.select(cases, ratios, np.nan),
        "bound": np.select(cases, kinds, "open").astype(object),
    }
