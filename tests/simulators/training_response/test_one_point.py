"""Training on one input equals training by autograd, and the records are what they say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from regime_lib.simulators.training_response.networks import (
    distances,
    make_networks,
    trained_inputs,
)
from regime_lib.simulators.training_response.one_point import (
    OnePoint,
    residuals_towards,
    train_on_one_input,
)
from regime_lib.simulators.training_response.response import by_distance, log_spaced
from regime_lib.simulators.training_response.setup import Activation, Setup
from tests.companion.refusals import refused
from tests.simulators.training_response.oracles import same, torch_descent, torch_logit


@pytest.mark.parametrize("activation", ["relu", "elu"])
@pytest.mark.parametrize("loss", ["cross-entropy", "squared"])
@pytest.mark.parametrize("coding", ["signs", "bits"])
def test_the_reduced_steps_are_gradient_descent(activation: str, loss: str, coding: str) -> None:
    setup = Setup(activation, loss, coding, "uniform", 5, 16)  # type: ignore[arg-type]
    start, trained = make_networks(setup, range(3)), trained_inputs(setup, range(3))
    run = OnePoint(start, trained, 0.1, 0.8)
    for _ in range(60):
        run.step()
    for seed in range(3):
        parts = torch_descent(start, seed, [(trained[seed], 0.8)] * 60, 0.1)
        assert same(run.networks(), seed, parts)


@pytest.mark.parametrize("activation", ["relu", "elu"])
def test_recorded_responses_are_differences_of_outputs(activation: str) -> None:
    setup = Setup(activation=activation, bits=4, features=12)  # type: ignore[arg-type]
    result = train_on_one_input(setup, range(2), rate=0.1, epochs=40, observations=8)
    start, trained = make_networks(setup, range(2)), trained_inputs(setup, range(2))
    inputs = torch.tensor(setup.all_inputs())
    for seed in range(2):
        for place, epoch in enumerate(result.epochs):
            parts = [
                torch_descent(start, seed, [(trained[seed], 1.0)] * int(n), 0.1)
                for n in (epoch - 1, epoch)
            ]
            z = [torch_logit(setup, part, inputs).detach() for part in parts]
            change = (torch.sigmoid(z[1]) - torch.sigmoid(z[0])).numpy()
            assert np.allclose(result.table("logit")[place, seed], z[1] - z[0], atol=1e-13)
            assert np.allclose(result.table("output")[place, seed], change, atol=1e-13)
            own = int((inputs.numpy() == trained[seed]).all(axis=1).argmax())
            assert result.own("output")[place, seed] == pytest.approx(change[own], rel=1e-9)
            assert result.rest[place, seed] == pytest.approx(1 - torch.sigmoid(z[0])[own].item())


def test_the_output_response_keeps_its_digits_where_outputs_round_to_one() -> None:
    result = train_on_one_input(Setup(), [0], rate=0.03, epochs=3000, observations=5)
    z, dz = result.logits[-1, 0], result.own("logit")[-1, 0]
    exact = np.exp(-z) / (1 + np.exp(-z)) - np.exp(-z - dz) / (1 + np.exp(-z - dz))
    assert result.own("output")[-1, 0] == pytest.approx(exact, rel=1e-9)


def test_a_small_step_responds_with_the_tangent_kernel() -> None:
    setup, seeds = Setup(activation="elu"), range(3)
    result = train_on_one_input(setup, seeds, rate=1e-6, epochs=1, observations=2)
    kernel = make_networks(setup, seeds).tangent_kernel(
        setup.all_inputs(), trained_inputs(setup, seeds)
    )
    error = setup.error(result.logits[0], 1.0)
    assert np.allclose(
        result.table("logit")[0], 1e-6 * error[:, None] * kernel, rtol=1e-3, atol=1e-9
    )
    assert np.allclose(result.kernel_at_trained[0], kernel.max(axis=1), rtol=1e-3)


def test_the_kernel_averages_over_each_distance() -> None:
    setup = Setup(bits=4, features=9)
    result = train_on_one_input(setup, range(2), rate=0.05, epochs=3, observations=3)
    apart = distances(setup.all_inputs(), result.trained)
    for seed in range(2):
        for d in range(5):
            slow = np.mean(
                [
                    result.table("logit")[1, seed, k] / result.own("logit")[1, seed]
                    for k in range(16)
                    if apart[seed, k] == d
                ]
            )
            assert result.kernel("logit")[1, seed, d] == pytest.approx(slow)
    assert np.allclose(result.kernel("output")[..., 0], 1)
    counts = by_distance(np.ones((2, 16)), apart)
    assert np.allclose(counts, 1)


def test_residuals_are_those_of_the_run() -> None:
    setup = Setup(loss="squared", bits=4, features=12)
    residuals, networks = residuals_towards(setup, range(2), rate=0.1, epochs=30, target=0.3)
    start, trained = make_networks(setup, range(2)), trained_inputs(setup, range(2))
    for seed in range(2):
        parts = torch_descent(start, seed, [(trained[seed], 0.3)] * 30, 0.1)
        assert same(networks, seed, parts)
        z = torch_logit(setup, torch_descent(start, seed, [], 0.1), torch.tensor(trained[seed]))
        assert residuals[0, seed] == pytest.approx(0.3 - torch.sigmoid(z).item(), abs=1e-13)


def test_epochs_are_spaced_in_the_logarithm() -> None:
    times = log_spaced(10_000, 41)
    assert times[0] == 1
    assert times[-1] == 10_000
    assert (np.diff(times) > 0).all()
    assert np.allclose(np.diff(np.log(times[-20:])), np.log(10) / 10, atol=0.01)


def test_settings_out_of_range_are_refused() -> None:
    with refused("rate", "-1"):
        train_on_one_input(Setup(), [0], rate=-1.0, epochs=3)
    with refused("target", "1.5"):
        train_on_one_input(Setup(), [0], rate=0.1, epochs=3, target=1.5)
    with refused("epochs", "0"):
        train_on_one_input(Setup(), [0], rate=0.1, epochs=0)
    with refused("'weight'", "'logit' or the 'output'"):
        train_on_one_input(Setup(), [0], rate=0.1, epochs=2).table("weight")  # type: ignore[arg-type]


@pytest.mark.parametrize("activation", ["relu", "elu", "tanh", "gelu"])
def test_features_alone_are_those_that_come_with_their_slopes(activation: Activation) -> None:
    h = np.random.default_rng(0).normal(size=(5, 7))
    setup = Setup(activation)
    np.testing.assert_array_equal(setup.features_of(h), setup.activate(h)[0])


def test_a_step_stops_where_the_median_logit_is_there() -> None:
    setup = Setup(features=16)
    seeds = range(3)

    def run() -> OnePoint:
        return OnePoint(make_networks(setup, seeds), trained_inputs(setup, seeds), 0.03)

    whole, stopped = run(), run()
    while np.median(whole.logits) < 1.0:
        whole.step()
    while np.median(z := stopped.step(until=1.0)) < 1.0:
        pass
    np.testing.assert_array_equal(z, whole.logits)
    np.testing.assert_array_equal(stopped.readout, whole.readout)
