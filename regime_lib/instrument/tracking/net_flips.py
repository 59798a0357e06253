"""Flips per net flip: how many bits flip for every bit that finally differs.

Over the steps of a window (a, b], let h(t) be the share of bits that flip in step t, and H(a, b)
the share that differs between the patterns at a and b. Then sum h(t) / H(a, b) is one if no bit
flips twice, and large if bits flicker: a bit that flips back and forth adds to the sum alone. By
the triangle inequality it is never below one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.coverage import ALL
from regime_lib.instrument.settling.recorded import Recorded, of_single_steps

_NET = {"window": "pattern_net_change", "start": "pattern_from_start", "end": "pattern_from_end"}


@dataclass(frozen=True, eq=False)
class NetFlips:
    """Flips and net flips of one layer, window by window."""

    starts: Int[np.ndarray, " windows"]
    """Steps after which the windows begin."""
    stops: Int[np.ndarray, " windows"]
    """Steps with which they end."""
    flips: Float[np.ndarray, "windows members"]
    """Flips in the window, as multiples of the bits there are."""
    net: Float[np.ndarray, "windows members"]
    """Bits that differ between the ends of the window, as a share of the bits there are."""

    @property
    def ratio(self) -> Float[np.ndarray, "windows members"]:
        """Flips per net flip, at least 1.

        NaN where no bit flipped, which says nothing of flicker; infinite where bits flipped and
        all of them flipped back.
        """
        return _divide(self.flips, self.net)

    @property
    def pooled(self) -> Float[np.ndarray, " members"]:
        """All flips over all net flips: the mean ratio, weighted by the windows' net flips."""
        return _divide(self.flips.sum(axis=0), self.net.sum(axis=0))

    def __repr__(self) -> str:
        ends = f"{len(self.starts)} windows over steps {self.starts.min()} to {self.stops.max()}"
        return f"NetFlips({ends}, pooled {np.round(self.pooled, 2).tolist()})"


def flips_per_net_flip(trace: Recorded, over: str = "window", layer: str = ALL) -> NetFlips:
    """Return how many bits flip for one that finally differs, window by window.

    Parameters
    ----------
    trace : Trace
        Of a tracker that observed every step of the windows.
    over : str
        ``window``: the consecutive windows of a tracker made with ``window=N``; ``start``: windows
        from the first pattern to every step; ``end``: windows from the steps with a snapshot to
        the last pattern.
    layer : str
        Name of a layer, or "all".

    Raises
    ------
    RegimeError
        If there are no such windows, a step in one of them was not observed, or patterns were
        compared with those of an earlier epoch.
    """
    if over not in _NET:
        raise RegimeError(f"there are no windows over {over!r}; write one of {', '.join(_NET)}")
    if over == "window" and _NET[over] not in trace.quantities:
        raise RegimeError(
            "the trace holds no windows: make the tracker with window=N and train for at least N "
            "steps, or ask for over='start'"
        )
    if not of_single_steps(trace):
        raise RegimeError(
            "patterns were compared with each sample's last visit, several steps ago, so that the "
            "flips in between are not known; use a probe, or watch full batches"
        )
    steps, change = trace.array("pattern_change", layer)
    at, net = trace.array(_NET[over], layer)
    starts, stops, net = _windows(over, at, net, int(steps[-1]))
    sums = np.concatenate([np.zeros((1, change.shape[1])), np.cumsum(change, axis=0)])
    first = np.searchsorted(steps, starts, side="right")
    last = np.searchsorted(steps, stops, side="right")
    unseen = last - first != stops - starts
    if unseen.any():
        where = int(np.argmax(unseen))
        raise RegimeError(
            f"only {last[where] - first[where]} of the steps after {starts[where]} and up to "
            f"{stops[where]} were observed, so that flips in between may be missed; leave out "
            "schedule= so that every step is"
        )
    return NetFlips(starts, stops, sums[last] - sums[first], net)


def _windows(
    over: str, at: NDArray[np.int64], net: NDArray[np.float64], end: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return the windows' starts, stops and net flips; empty windows are left out."""
    if over == "window":
        return np.concatenate([[0], at[:-1]]), at, net
    if over == "start":
        starts, stops = np.full_like(at, at[0]), at
    else:
        starts, stops = at, np.full_like(at, end)
    keep = stops > starts
    return starts[keep], stops[keep], net[keep]


def _divide(flips: NDArray[np.float64], net: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio = np.where(flips > 0, np.inf, np.nan)
    np.divide(flips, net, out=ratio, where=net > 0)
    return ratio
