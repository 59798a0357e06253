"""The rotation by one angle equals the gradient flow of all weights, integrated numerically."""

from __future__ import annotations

import numpy as np
import pytest

from regime_lib.simulators.training_response.hyperbolic import HyperbolicFlow
from regime_lib.simulators.training_response.networks import make_networks, trained_inputs
from regime_lib.simulators.training_response.one_point import OnePoint
from regime_lib.simulators.training_response.setup import Setup
from tests.companion.refusals import refused
from tests.simulators.training_response.oracles import flow_of_all_weights


def make_flow(rate: float = 0.05, **choices: object) -> HyperbolicFlow:
    setup = Setup(**({"bits": 5, "features": 14} | choices))  # type: ignore[arg-type]
    return HyperbolicFlow(make_networks(setup, range(3)), trained_inputs(setup, range(3)), rate)


@pytest.mark.parametrize("loss", ["cross-entropy", "squared"])
@pytest.mark.parametrize("init", ["gaussian", "uniform"])
@pytest.mark.parametrize("coding", ["signs", "bits"])
def test_it_is_the_gradient_flow_of_all_weights(loss: str, init: str, coding: str) -> None:
    flow = make_flow(loss=loss, init=init, coding=coding)
    times = np.array([0.0, 3.0, 30.0, 300.0])
    ours = flow.logit(flow.angle_at(times))
    for seed in range(3):
        theirs = flow_of_all_weights(flow.start, seed, flow.trained[seed], flow.rate, times)
        assert np.allclose(ours[:, seed], theirs, atol=2e-6)


def test_deaths_happen_in_the_worlds_that_were_compared() -> None:
    switch_off = make_flow().switch_off
    assert (np.isfinite(switch_off) & (switch_off > 0)).any()


def test_its_networks_have_its_logits() -> None:
    flow = make_flow()
    theta = flow.angle_at(np.array([50.0]))[0]
    networks = flow.networks(theta)
    own = [networks.logits(flow.trained)[seed, seed] for seed in range(3)]
    assert np.allclose(own, flow.logit(theta[None])[0], rtol=1e-12)


def test_gradient_descent_tends_to_it_in_first_order_of_the_rate() -> None:
    errors = []
    for rate in (0.02, 0.01, 0.005):
        flow = make_flow(rate, bits=8, features=128)
        run = OnePoint(flow.start, flow.trained, rate)
        for _ in range(round(0.4 / rate)):
            run.step()
        exact = flow.logit(flow.angle_at(np.array([0.4 / rate])))[0]
        errors.append(np.abs(run.logits - exact).max())
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.15)
    assert errors[1] / errors[2] == pytest.approx(2, rel=0.15)


def test_late_it_grows_like_half_the_logarithm_of_the_logarithm() -> None:
    flow = make_flow(bits=8, features=128)
    times = np.array([1e30, 1e60, 1e120])
    steps = np.diff(flow.angle_at(times), axis=0)
    assert np.allclose(steps, np.log(2) / 2, atol=0.02)


def test_it_is_refused_where_it_is_not_exact() -> None:
    with refused("ReLU"):
        make_flow(activation="elu")
    with refused("negative"):
        make_flow().angle_at(np.array([-1.0]))
    with refused("rate"):
        make_flow(rate=0.0)
