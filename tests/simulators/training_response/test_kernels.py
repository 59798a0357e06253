"""Closed kernels: known values, and the end of a very long flow."""

from __future__ import annotations

import numpy as np
import pytest

from regime_lib.simulators.training_response.hyperbolic import HyperbolicFlow
from regime_lib.simulators.training_response.kernels import arc_cosine, limit_kernel
from regime_lib.simulators.training_response.networks import (
    distances,
    make_networks,
    trained_inputs,
)
from regime_lib.simulators.training_response.response import by_distance
from regime_lib.simulators.training_response.setup import Setup
from tests.companion.refusals import refused


def test_arc_cosine_at_the_ends_and_in_the_middle() -> None:
    kernel = arc_cosine(8)
    assert kernel[[0, 4, 8]] == pytest.approx([1, 1 / np.pi, 0], abs=1e-15)


def test_an_old_network_has_the_oldest_kernel() -> None:
    setup, seeds = Setup(features=64), range(4)
    flow = HyperbolicFlow(make_networks(setup, seeds), trained_inputs(setup, seeds), 0.03)
    networks = flow.networks(np.full(4, 9.0))
    kernel = by_distance(
        networks.tangent_kernel(setup.all_inputs(), flow.trained),
        distances(setup.all_inputs(), flow.trained),
    )
    assert np.allclose(kernel / kernel[:, :1], limit_kernel(8), atol=2e-3)


def test_a_string_needs_a_bit() -> None:
    with refused("at least one bit"):
        arc_cosine(0)
