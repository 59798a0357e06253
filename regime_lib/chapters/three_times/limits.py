"""Ratios that censoring leaves between limits, and what may be said of many of them together.

A run in which the weights never settle says that its ratio is at least so much; one in which the
patterns never do, that it is at most so much; one in which neither does, nothing. To leave such
runs out would choose by the answer, so every run enters, with its limits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import SupportsFloat

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from regime_lib.estimate import Estimate, no_number, number, over_runs

_Numbers = Float[np.ndarray, " numbers"]
_Gaps = Float[np.ndarray, " gaps"]
_STEPS = 2000  # most steps towards the product-limit estimate
_CLOSE = 1e-8  # change of a share in one step at which the estimate has converged


@dataclass(frozen=True, eq=False)
class Limits:
    """Numbers from 0 on, each at least `least` and at most `most`; `most` may be infinite."""

    least: _Numbers
    most: _Numbers
    cluster: Int[np.ndarray, " numbers"]  # what belongs together is drawn together

    def __len__(self) -> int:
        return len(self.least)

    @property
    def exact(self) -> Bool[np.ndarray, " numbers"]:
        """Which numbers are known."""
        return self.least == self.most

    @property
    def open(self) -> Bool[np.ndarray, " numbers"]:
        """Which numbers may be anything."""
        return (self.least == 0) & np.isinf(self.most)

    @property
    def telling(self) -> Limits:
        """Those numbers that are known or have a limit."""
        kept = ~self.open
        return Limits(self.least[kept], self.most[kept], self.cluster[kept])

    def median(self, over: str) -> Estimate:
        """Return their median: the product-limit estimate, in an interval that assumes nothing.

        The interval holds the median wherever the numbers lie between their limits, and whichever
        clusters had been drawn. If that leaves it without an upper end, as soon as half of the
        numbers have none, there is no number.
        """
        return self._between(np.median, product_limit_median(self.least, self.most), over)

    def mean(self, over: str) -> Estimate:
        """Return their mean in such an interval; no number if a single one has no upper limit."""
        value = float((self.least.mean() + self.most.mean()) / 2)
        return self._between(np.mean, value, over)

    def product_limit(self, over: str) -> Estimate:
        """Return the median that those have which tell something, over the choice of clusters.

        This takes for granted that censoring has nothing to do with the ratio. So that every choice
        has a median, its largest lower limit counts as reached (B. Efron, 1967).
        """
        some = self.telling
        rows = some._rows

        def of(picks: Int[np.ndarray, " picks"]) -> float:
            least, most = some.least[rows(picks)], some.most[rows(picks)]
            last = np.isinf(most) & (least == least.max())
            return product_limit_median(least, np.where(last, least, most))

        return over_runs(of, len(np.unique(some.cluster)), over=over, seed=0)

    def _between(
        self, statistic: Callable[[_Numbers], SupportsFloat], value: float, over: str
    ) -> Estimate:
        if not len(self) or not np.isfinite(value):
            return no_number(over)
        n, rows = len(np.unique(self.cluster)), self._rows

        def drawn(ends: _Numbers) -> Estimate:
            return over_runs(lambda picks: statistic(ends[rows(picks)]), n, over=over, seed=0)

        low, high = drawn(self.least), drawn(self.most)
        if low.low is None or high.high is None:
            return no_number(over) if np.isinf(self.most).any() else number(value, n=n, over=over)
        ends = min(low.low, value), max(high.high, value)
        return Estimate(value, *ends, n, over, low.method)

    @property
    def _rows(self) -> Callable[[Int[np.ndarray, " picks"]], Int[np.ndarray, " rows"]]:
        """Which numbers some clusters hold."""
        order = np.argsort(self.cluster, kind="stable")
        starts = np.unique(self.cluster[order], return_index=True)[1]
        rows = np.split(order, starts[1:])
        return lambda picks: np.concatenate([rows[pick] for pick in picks])


def limits_of(ratio: pd.Series, censored: pd.Series) -> tuple[_Numbers, _Numbers]:
    """Return the limits of the ratios of runs, from which series is censored in each."""
    kind, value = censored.astype(str).to_numpy(), ratio.to_numpy(dtype=float)
    least = np.where(np.isin(kind, ("", "weights")), value, 0.0)
    return least, np.where(np.isin(kind, ("", "patterns")), value, np.inf)


def product_limit_median(least: _Numbers, most: _Numbers) -> float:
    """Return the median of the product-limit estimate; infinite, or NaN, where it has none.

    That of E. L. Kaplan and P. Meier (JASA 53, 1958) where limits are lower ones, and of B. W.
    Turnbull (JRSS B 38, 1976) where there are upper ones too: the distribution that makes the
    limits most likely. Where it lies in a gap between limits, the middle of that is returned.
    """
    # lifelines 0.30 has this estimate too (`KaplanMeierFitter.fit_interval_censoring`), but reports
    # the survival at a known number as it is just before it, so that the median of 1, 2, 10 is 10,
    # and takes over 100 times as long, which two thousand resamples do not allow
    telling = (least > 0) | np.isfinite(most)
    if not telling.any():
        return float("nan")
    least, most = least[telling], most[telling]
    low, high = _gaps(least, most)
    holds = ((least[:, None] <= low) & (high <= most[:, None])).astype(float)
    share = np.full(len(low), 1 / len(low))
    for _ in range(_STEPS):
        # each number gives its part to the gaps that it may lie in, as they share them now
        again = share * ((1 / (holds @ share)) @ holds) / len(least)
        close, share = np.abs(again - share).max() < _CLOSE, again
        if close:
            break
    middle = int((share.cumsum() >= 0.5 - 1e-4).argmax())
    return float((low[middle] + high[middle]) / 2)


def _gaps(least: _Numbers, most: _Numbers) -> tuple[_Gaps, _Gaps]:
    """Return where mass may lie: from a lower limit to the next upper one, with none between."""
    exact = least == most
    ends = np.concatenate([least, most])
    upper = np.repeat([False, True], len(least))
    # at a tie: the lower limit of a known number, its upper one, other upper ones, lower ones
    rank = np.where(upper, 1, np.where(np.tile(exact, 2), 0, 2))
    order = np.lexsort((rank, ends))
    ends, upper = ends[order], upper[order]
    found = ~upper[:-1] & upper[1:]
    low, high = ends[:-1][found], ends[1:][found]
    kept = np.r_[True, (low[1:] != low[:-1]) | (high[1:] != high[:-1])]
    return low[kept], high[kept]
