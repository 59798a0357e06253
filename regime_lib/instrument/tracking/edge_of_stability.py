"""The edge of stability, seen in the patterns: bits that flip with period two, without a Hessian.

Gradient descent of rate η is stable along a direction of curvature λ while λ < 2 / η. Beyond it the
weights jump from side to side of the valley, and full-batch training of neural networks stays at
this edge for long (Cohen et al., arXiv 2103.00065). Bits of the pattern then flip in one step and
flip back in the next. So let the **two-step ratio** be the flips of two single steps over the bits
that differ between the two ends, summed over the pairs of steps of a window.

What to expect of it: let the weights move along one direction, on a quadratic of curvature λ, and
let s = η λ. A step multiplies the distance from the bottom by 1 - s, so that to first order the
ratio is one for s <= 1, and s / (2 - s) for s from 1 to 2: three at three quarters of the
threshold, four at four fifths, infinite at the threshold. Steps of independent noise in all
directions, with no curvature at all, give √2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Float, Int

from regime_lib.errors import RegimeError
from regime_lib.estimate import Estimate, median, no_number, number, over_runs
from regime_lib.instrument.capture.coverage import ALL, Coverage
from regime_lib.instrument.settling.recorded import Recorded
from regime_lib.instrument.tracking.net_flips import flips_per_net_flip

#: Steps of a window: few enough to date an onset, and 25 pairs.
WINDOW = 50
#: The two-step ratio from which on a window shows signs of the edge: that of one direction whose
#: curvature is four fifths of the threshold.
MARGIN = 4.0
#: Fewer flips in a window than these say nothing.
FEWEST = 20

#: What silence, or a sign, does not tell.
BLIND_SPOTS = (
    "it lags: the oscillation has to grow from rounding errors before it flips bits, so that signs "
    "come tens of steps after the sharpness has reached the threshold",
    "signs can be early, too: on a small sample of MNIST more than one window in ten showed some "
    "below four fifths of the threshold",
    "between four fifths of the threshold and the threshold itself there may be signs or none",
    "minibatch noise drowns the period of two: without signs, such a run may be at its edge",
    "momentum damps the oscillation: its ratio at the edge is smaller than that of plain descent",
    "whatever else alternates from step to step, such as two batches in turn, looks the same",
    f"a window with fewer than {FEWEST} flips is left open",
)


class Watched(Recorded, Protocol):
    """One run as `regime_lib.Trace` holds it, with what was seen of the model."""

    @property
    def coverage(self) -> Coverage:
        """The layers, their units, and the samples of the probe."""


@dataclass(frozen=True, eq=False)
class EdgeOfStability:
    """Signs of the edge of stability in the patterns of a run, window by window."""

    starts: Int[np.ndarray, " windows"]
    """Steps after which the windows begin."""
    stops: Int[np.ndarray, " windows"]
    """Steps with which they end."""
    ratio: Float[np.ndarray, "windows members"]
    """The two-step ratio, at least 1; NaN where too few bits flip, infinite where all flip back."""
    margin: float
    """The ratio from which on a window shows signs."""
    estimate: Estimate
    """The ratio of the last window: of one network with an interval over the pairs of its steps,
    which are not independent; of several, their median."""

    @property
    def signs(self) -> Bool[np.ndarray, "windows members"]:
        """Which windows show signs of the edge: their ratio has reached the margin."""
        return self.ratio >= self.margin

    @property
    def open(self) -> Bool[np.ndarray, "windows members"]:
        """Which windows say nothing, because too few bits flip in them."""
        return np.isnan(self.ratio)

    @property
    def onset(self) -> Float[np.ndarray, " members"]:
        """The last step of the first window with signs; infinite where no window has any.

        Signs that a run does not show may come after it: such an onset is censored by its end.
        """
        first = self.stops[np.argmax(self.signs, axis=0)].astype(float)
        return np.where(self.signs.any(axis=0), first, np.inf)

    @property
    def window(self) -> int:
        """Steps of a window."""
        return int(self.stops[0] - self.starts[0])

    @property
    def blind_spots(self) -> tuple[str, ...]:
        """What silence, or a sign, does not tell."""
        return BLIND_SPOTS

    def stretches(self, member: int = 0) -> list[tuple[int, int]]:
        """Return the stretches of windows with signs: after which steps, up to which ones."""
        return list(_stretches(self.starts, self.stops, self.signs[:, member]))

    def __str__(self) -> str:
        last = f"in the last {self.window} steps"
        if self.ratio.shape[1] > 1:
            share = f"{int(self.signs[-1].sum())} of {self.ratio.shape[1]} networks"
            return (
                f"signs of the edge of stability in {share} {last} "
                f"(median two-step ratio {self._ratio()}; margin {self.margin:g})"
            )
        found = self.stretches()
        if self.signs[-1, 0]:
            return (
                f"signs of the edge of stability since step {found[-1][0]}: two-step ratio "
                f"{self._ratio()} {last}, margin {self.margin:g}"
            )
        before = f"; earlier signs, last in steps {found[-1][0]} to {found[-1][1]}" if found else ""
        return (
            f"no signs of the edge of stability: two-step ratio {self._ratio()} {last}, "
            f"margin {self.margin:g}{before}"
        )

    def __repr__(self) -> str:
        return f"EdgeOfStability({self})"

    def _ratio(self) -> str:
        if self.estimate.value is not None:
            return str(self.estimate)
        several = self.ratio.shape[1] > 1
        return "of no number" if several or not np.isinf(self.ratio[-1, 0]) else "without bound"


def edge_of_stability(
    trace: Watched, window: int = WINDOW, margin: float = MARGIN, layer: str = ALL
) -> EdgeOfStability:
    """Look for the edge of stability in the flips of a run.

    Parameters
    ----------
    trace : Trace
        Of a tracker made with ``window=2`` that observed every step.
    window : int
        Steps over which flips are summed, an even number: longer ones are surer and date later.
    margin : float
        Two-step ratio from which on a window shows signs of the edge, above 1.
    layer : str
        Name of a layer, or "all".

    Returns
    -------
    EdgeOfStability
        Ratio and signs, window by window from the first step on; steps after the last whole window
        are left out. `EdgeOfStability.blind_spots` says what it does not tell.

    Raises
    ------
    RegimeError
        If the trace holds no windows of two steps, is shorter than one window, or missed a step.
    """
    if isinstance(window, bool) or not isinstance(window, int) or window < 4 or window % 2:
        raise RegimeError(f"window is {window!r}; expected an even number of steps, 4 or more")
    if not margin > 1:
        raise RegimeError(f"margin is {margin!r}; expected a ratio above 1, such as {MARGIN:g}")
    if "pattern_net_change" not in trace.quantities:
        raise RegimeError(
            "the trace holds no windows of two steps, so that bits that flip back cannot be told: "
            "make the tracker with window=2"
        )
    pairs = flips_per_net_flip(trace, "window", layer)
    if np.any(pairs.stops - pairs.starts != 2):
        raise RegimeError(
            f"the windows of the trace are {int(pairs.stops[0] - pairs.starts[0])} steps long; the "
            "edge of stability shows over two: make the tracker with window=2"
        )
    each, whole = window // 2, len(pairs.stops) // (window // 2)
    if not whole:
        raise RegimeError(
            f"the trace holds {2 * len(pairs.stops)} steps, less than one window of {window}; "
            "train longer or make the window shorter"
        )
    rows = slice(0, whole * each)
    members = pairs.flips.shape[1]
    flips, net = (part[rows].reshape(whole, each, members) for part in (pairs.flips, pairs.net))
    seen = flips.sum(axis=1) * _bits(trace.coverage, layer) > FEWEST - 0.5
    ratio = np.full((whole, members), np.inf)
    np.divide(flips.sum(axis=1), net.sum(axis=1), out=ratio, where=net.sum(axis=1) > 0)
    ratio = np.where(seen, ratio, np.nan)
    last = _last(flips[-1], net[-1], ratio[-1], window)
    starts, stops = pairs.starts[rows][::each], pairs.stops[rows][each - 1 :: each]
    return EdgeOfStability(starts, stops, ratio, float(margin), last)


def _last(
    flips: Float[np.ndarray, "pairs members"],
    net: Float[np.ndarray, "pairs members"],
    ratio: Float[np.ndarray, " members"],
    window: int,
) -> Estimate:
    """Return the ratio of the last window; no number where too few bits flip, or all flip back."""
    n, members = flips.shape
    if not np.isfinite(ratio).all():
        return no_number(f"{window} steps")
    if members > 1:
        return median(ratio, over=f"{members} networks")
    over = f"{n} pairs of steps"

    def pooled(picks: Int[np.ndarray, " picked"]) -> float:
        differing = net[picks].sum()
        return float(flips[picks].sum() / differing) if differing else np.inf

    found = over_runs(pooled, n, over=over, seed=0)
    return found if found.low is not None else number(ratio[0], n=n, over=over)


def _bits(coverage: Coverage, layer: str) -> int:
    """Return how many bits a pattern of a layer, or of all that are counted, has."""
    counted = dict(zip(coverage.layers, coverage.counted, strict=True))
    units = sum(
        one.units
        for one, all_of_them in counted.items()
        if layer == one.name or (layer == ALL and all_of_them)
    )
    return units * coverage.samples


def _stretches(
    starts: Int[np.ndarray, " windows"],
    stops: Int[np.ndarray, " windows"],
    signs: Bool[np.ndarray, " windows"],
) -> Iterator[tuple[int, int]]:
    place = 0
    for sign, same in groupby(signs.tolist()):
        count = len(list(same))
        if sign:
            yield int(starts[place]), int(stops[place + count - 1])
        place += count
