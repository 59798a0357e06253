"""Activation flips of the ageing toy: which features switch on or off, for which strings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from regime_lib.simulators.training_response.networks import make_networks, trained_strings
from regime_lib.simulators.training_response.one_point import OnePoint
from regime_lib.simulators.training_response.response import log_spaced
from regime_lib.simulators.training_response.setup import Setup


@dataclass(frozen=True)
class Flips:
    """Patterns of several networks at some epochs, over all strings and features.

    Attributes
    ----------
    epochs : array, shape (times,)
        Epochs, the first being 0.
    from_start : array, shape (times, seeds)
        Share of pairs of string and feature that are not as they were at the start.
    since_last : array, shape (times, seeds)
        The same against the epoch before in this list; 0 at epoch 0.
    moved : array, shape (times, seeds)
        Norm of the difference of all parameters from the epoch before in this list.
    """

    epochs: Int[np.ndarray, " times"]
    from_start: Float[np.ndarray, "times seeds"]
    since_last: Float[np.ndarray, "times seeds"]
    moved: Float[np.ndarray, "times seeds"]


def count_flips(
    toy: Setup,
    seeds: Sequence[int] | range,
    *,
    rate: float,
    epochs: int | Sequence[int],
    looks: int = 33,
) -> Flips:
    """Train on one string each and compare the patterns of some epochs.

    Parameters
    ----------
    toy, seeds, rate
        As in `age`.
    epochs : int or sequence of int
        The last epoch (log-spaced ones are compared), or the epochs themselves, increasing from 0.
    looks : int
        About how many log-spaced epochs are compared.
    """
    start = make_networks(toy, seeds)
    run = OnePoint(start, trained_strings(toy, seeds), rate)
    times = np.append(0, log_spaced(epochs, looks)) if isinstance(epochs, int) else epochs
    times = np.asarray(times, dtype=np.int64)
    strings = toy.strings()
    first = last = start.patterns(strings)
    before = start
    from_start, since_last, moved = [], [], []
    for gap in np.diff(times, prepend=0):
        for _ in range(int(gap)):
            run.step()
        now = run.networks()
        pattern = now.patterns(strings)
        from_start.append((pattern != first).mean(axis=(1, 2)))
        since_last.append((pattern != last).mean(axis=(1, 2)))
        squares = ((now.weights - before.weights) ** 2).sum(axis=(0, 2))
        squares += ((now.readout - before.readout) ** 2).sum(axis=1)
        moved.append(np.sqrt(squares + (now.offset - before.offset) ** 2))
        last, before = pattern, now
    return Flips(times, np.array(from_start), np.array(since_last), np.array(moved))
