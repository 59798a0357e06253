"""Which features of networks that are trained on one input switch on or off, for which inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from regime_lib.simulators.training_response.networks import make_networks, trained_inputs
from regime_lib.simulators.training_response.one_point import OnePoint
from regime_lib.simulators.training_response.response import log_spaced
from regime_lib.simulators.training_response.setup import Setup


@dataclass(frozen=True)
class Flips:
    """Patterns of several networks at some epochs, over all inputs and features."""

    epochs: Int[np.ndarray, " times"]  # the first is 0
    from_start: Float[np.ndarray, "times seeds"]  # share of pairs that are not as at the start
    since_last: Float[np.ndarray, "times seeds"]  # the same against the epoch before in this list
    moved: Float[np.ndarray, "times seeds"]  # norm of how far all parameters moved since that


def count_flips(
    setup: Setup,
    seeds: Sequence[int] | range,
    *,
    rate: float,
    epochs: int | Sequence[int],
    observations: int = 33,
) -> Flips:
    """Train on one input each and compare patterns: at log-spaced epochs up to one, or at some."""
    start = make_networks(setup, seeds)
    run = OnePoint(start, trained_inputs(setup, seeds), rate)
    times = np.append(0, log_spaced(epochs, observations)) if isinstance(epochs, int) else epochs
    times = np.asarray(times, dtype=np.int64)
    inputs = setup.all_inputs()
    first = last = start.patterns(inputs)
    before = start
    from_start, since_last, moved = [], [], []
    for gap in np.diff(times, prepend=0):
        for _ in range(int(gap)):
            run.step()
        now = run.networks()
        pattern = now.patterns(inputs)
        from_start.append((pattern != first).mean(axis=(1, 2)))
        since_last.append((pattern != last).mean(axis=(1, 2)))
        squares = ((now.weights - before.weights) ** 2).sum(axis=(0, 2))
        squares += ((now.readout - before.readout) ** 2).sum(axis=1)
        moved.append(np.sqrt(squares + (now.offset - before.offset) ** 2))
        last, before = pattern, now
    return Flips(times, np.array(from_start), np.array(since_last), np.array(moved))
