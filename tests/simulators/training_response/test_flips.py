"""Counted flips are those of the full networks, and each feature flips at most twice per input."""

from __future__ import annotations

import numpy as np
import pytest

from regime_lib.simulators.training_response.flips import count_flips
from regime_lib.simulators.training_response.hyperbolic import HyperbolicFlow
from regime_lib.simulators.training_response.networks import make_networks, trained_inputs
from regime_lib.simulators.training_response.one_point import OnePoint
from regime_lib.simulators.training_response.setup import Setup


def test_flips_by_comparing_full_networks() -> None:
    setup, seeds = Setup(bits=4, features=20), range(3)
    found = count_flips(setup, seeds, rate=0.1, epochs=[0, 2, 5, 6])
    start = make_networks(setup, seeds)
    run = OnePoint(start, trained_inputs(setup, seeds), 0.1)
    states = [run.networks()]
    for _ in range(6):
        run.step()
        states.append(run.networks())
    inputs, last = setup.all_inputs(), 0
    for place, epoch in enumerate([0, 2, 5, 6]):
        now, before = states[epoch], states[last]
        changed = now.patterns(inputs) != start.patterns(inputs)
        assert found.from_start[place] == pytest.approx(changed.mean(axis=(1, 2)))
        since = now.patterns(inputs) != before.patterns(inputs)
        assert found.since_last[place] == pytest.approx(since.mean(axis=(1, 2)))
        moved = [
            np.sqrt(
                ((now.weights[:, s] - before.weights[:, s]) ** 2).sum()
                + ((now.readout[s] - before.readout[s]) ** 2).sum()
                + (now.offset[s] - before.offset[s]) ** 2
            )
            for s in range(3)
        ]
        assert found.moved[place] == pytest.approx(moved)
        last = epoch


def test_in_the_flow_a_feature_flips_at_most_twice_a_string() -> None:
    setup, seeds = Setup(), range(6)
    flow = HyperbolicFlow(make_networks(setup, seeds), trained_inputs(setup, seeds), 0.03)
    flips, last = 0, flow.start.patterns(setup.all_inputs())
    for theta in np.arange(0.01, 3, 0.01):
        now = flow.networks(np.full(6, theta)).patterns(setup.all_inputs())
        flips, last = flips + (now != last), now
    assert (flips == 1).any()
    assert flips.max() <= 2


def test_a_number_of_epochs_means_log_spaced_ones() -> None:
    found = count_flips(Setup(bits=3, features=4), [0], rate=0.1, epochs=100, observations=5)
    assert found.epochs[0] == 0
    assert found.epochs[-1] == 100
