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
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from regime_lib.chapters.three_times.specifications import SETTING
from regime_lib.errors import RegimeError

_RESAMPLES = 1000
_CHOICES = (*SETTING, "network", "size", "definition")


@dataclass(frozen=True)
class Estimate:
    """A statistic of many specifications, with its 95 % bootstrap interval over seeds."""

    value: float
    low: float
    high: float
    n: int
    """Specifications that it is taken over."""


@dataclass(frozen=True)
class CensoringShare:
    """How many specifications have a ratio above a level, and how many cannot say."""

    level: float
    above: Estimate
    """Share of the specifications that are not censored."""
    surely: float
    """Share of all specifications that are above, counting those whose lower bound is."""
    perhaps: float
    """Share of all specifications whose censored ratio leaves it open."""


@dataclass(frozen=True, eq=False)
class Multiverse:
    """Specifications, one a row, and what resampling their seeds makes of their ratios."""

    table: pd.DataFrame
    """The choices, `ratio` (median over seeds), `low`, `high` (95 % bootstrap), `bound`, `seeds`.

    `bound` is as in `RegimeChange`: exact, partial, lower, upper, mixed or undetermined.
    """
    resampled: Float[np.ndarray, "specifications resamples"]

    def __len__(self) -> int:
        return len(self.table)

    def only(self, **choices: object) -> Multiverse:
        """Return the specifications with these choices; a tuple or list means any of them.

        Raises
        ------
        RegimeError
            If there is no such column, or nothing is left.
        """
        kept = np.ones(len(self.table), dtype=bool)
        for name, wanted in choices.items():
            if name not in self.table:
                raise RegimeError(f"there is no choice {name!r}; there are {', '.join(self.table)}")
            values = wanted if isinstance(wanted, tuple | list) else [wanted]
            kept &= self.table[name].isin(values).to_numpy()
        return self._rows(kept, f"with {choices}")

    @property
    def exact(self) -> Multiverse:
        """The specifications that no run leaves censored."""
        return self._rows((self.table["bound"] == "exact").to_numpy(), "that are not censored")

    def estimate(self, statistic: Callable[..., NDArray]) -> Estimate:
        """Return a statistic over specifications, such as `numpy.median`.

        Parameters
        ----------
        statistic : callable
            Takes an array and ``axis=0``.
        """
        ratios = self.table["ratio"].to_numpy()
        value = float(statistic(ratios, axis=0))
        low, high = np.nanpercentile(statistic(self.resampled, axis=0), [2.5, 97.5])
        return Estimate(value, min(float(low), value), max(float(high), value), len(ratios))

    def share_above(self, level: float) -> CensoringShare:
        """Return how many specifications have a ratio above a level."""
        ratio, bound = self.table["ratio"].to_numpy(), self.table["bound"]
        exact = (bound == "exact").to_numpy()
        above = exact & (ratio > level)
        above |= (bound == "lower").to_numpy() & (ratio > level)
        below = exact & (ratio <= level)
        below |= (bound == "upper").to_numpy() & (ratio <= level)
        shares = self.exact.estimate(lambda values, axis: (values > level).mean(axis=axis))
        n = len(ratio)
        return CensoringShare(
            level, shares, float(above.mean()), float((n - (above | below).sum()) / n)
        )

    def _rows(self, kept: Bool[np.ndarray, " specifications"], which: str) -> Multiverse:
        if not kept.any():
            raise RegimeError(f"no specification {which} is left; ask for less")
        return Multiverse(self.table[kept].reset_index(drop=True), self.resampled[kept])


def multiverse(rows: pd.DataFrame, *, seed: int = 0, resamples: int = _RESAMPLES) -> Multiverse:
    """Gather what `specifications` found, over seeds.

    Parameters
    ----------
    rows : DataFrame
        Of `specifications`, for any number of settings and seeds.
    seed : int
        Of the bootstrap.
    resamples : int
        Draws of seeds.

    Raises
    ------
    RegimeError
        If there are no rows.
    """
    if rows.empty:
        raise RegimeError("there are no specifications; pass the table of at least one run")
    random = np.random.default_rng(seed)
    tables, drawn = [], []
    for setting, own in rows.groupby(list(SETTING), sort=False, observed=True):
        wide = own.pivot(  # noqa: PD010  (nothing is aggregated: a double is an error)
            index=["network", "size", "definition"], columns="seed"
        )
        ratios = wide["ratio"].to_numpy(dtype=float)
        picks = random.integers(ratios.shape[1], size=(resamples, ratios.shape[1]))
        resampled = _median(ratios[:, picks])
        table = pd.DataFrame(list(wide.index), columns=["network", "size", "definition"])
        for name, value in zip(SETTING, setting, strict=True):
            table[name] = value
        low, high = _interval(resampled)
        table = table.assign(
            ratio=_median(ratios),
            low=low,
            high=high,
            bound=[_bound(row) for row in wide["censored"].to_numpy()],
            seeds=ratios.shape[1],
        )
        tables.append(table)
        drawn.append(resampled)
    columns = [*_CHOICES, "ratio", "low", "high", "bound", "seeds"]
    return Multiverse(pd.concat(tables, ignore_index=True)[columns], np.concatenate(drawn))


def _median(ratios: NDArray) -> NDArray:
    """Return the median over the last axis of the numbers there are; NaN if there are none."""
    nothing = np.isnan(ratios).all(axis=-1)
    return np.where(nothing, np.nan, np.nanmedian(np.where(nothing[..., None], 0, ratios), axis=-1))


def _interval(resampled: NDArray) -> tuple[NDArray, NDArray]:
    ordered = np.sort(resampled, axis=1)  # NaN come last
    known = np.isfinite(ordered).sum(axis=1)
    at = [
        np.clip((share * known).astype(int), 0, np.maximum(known - 1, 0))
        for share in (0.025, 0.975)
    ]
    rows = np.arange(len(ordered))
    return ordered[rows, at[0]], ordered[rows, at[1]]


def _bound(censored: NDArray) -> str:
    """Say what the median ratio is worth, from which series were censored in each run."""
    kinds = [kind for kind in censored if isinstance(kind, str)]
    both = kinds.count("both")
    if 2 * both > len(kinds):
        return "undetermined"
    patterns, weights = "patterns" in kinds, "weights" in kinds
    if patterns or weights:
        return "mixed" if patterns and weights else "upper" if patterns else "lower"
    return "partial" if both else "exact"
