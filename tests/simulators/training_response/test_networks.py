"""Networks compute what PyTorch computes, seed by seed, whatever the choices."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from regime_lib.simulators.training_response.networks import (
    distances,
    make_networks,
    symmetric_networks,
    trained_inputs,
)
from regime_lib.simulators.training_response.setup import Setup
from tests.companion.refusals import refused
from tests.simulators.training_response.oracles import torch_logit, torch_loss, torch_parts

SETUPS = [
    Setup(activation=a, loss=loss, coding=coding, init=init, bits=4, features=10)
    for a, loss, coding, init in itertools.product(
        ("relu", "elu"), ("cross-entropy", "squared"), ("signs", "bits"), ("gaussian", "uniform")
    )
] + [Setup(activation=a, bits=4, features=10) for a in ("tanh", "gelu")]  # type: ignore[arg-type]


@pytest.mark.parametrize("setup", SETUPS, ids=str)
def test_logits_and_tangent_kernel_are_those_of_autograd(setup: Setup) -> None:
    networks, trained = make_networks(setup, range(3)), trained_inputs(setup, range(3))
    inputs = setup.all_inputs()
    logits, kernel = networks.logits(inputs), networks.tangent_kernel(inputs, trained)
    for seed in range(3):
        parts = torch_parts(networks, seed)
        gradients = []
        for x in (*inputs, trained[seed]):
            z = torch_logit(setup, parts, torch.tensor(x))
            gradients.append(torch.cat([g.ravel() for g in torch.autograd.grad(z, parts)]))
            if len(gradients) <= len(inputs):
                assert logits[seed, len(gradients) - 1] == pytest.approx(z.item(), abs=1e-13)
        stacked = torch.stack(gradients).numpy()
        assert np.allclose(kernel[seed], stacked[:-1] @ stacked[-1], rtol=1e-11)


@pytest.mark.parametrize("loss", ["cross-entropy", "squared"])
@pytest.mark.parametrize("target", [1.0, 0.0, 0.3])
def test_errors_are_minus_the_derivative_of_the_loss(loss: str, target: float) -> None:
    setup = Setup(loss=loss)  # type: ignore[arg-type]
    z = torch.linspace(-6, 6, 25, dtype=torch.float64, requires_grad=True)
    total = torch_loss(setup, z, torch.full_like(z, target)).sum()
    (gradient,) = torch.autograd.grad(total, z)
    assert np.allclose(setup.error(z.detach().numpy(), target), -gradient.numpy(), atol=1e-14)


def test_errors_do_not_cancel_far_out() -> None:
    found = Setup().error(np.array([50.0, 300.0]), 1.0)
    assert np.allclose(found, np.exp([-50.0, -300.0]), rtol=1e-12)


def test_pairs_of_features_cancel_and_keep_the_size_of_the_kernel() -> None:
    setup, seeds = Setup(features=512), range(6)
    inputs, trained = setup.all_inputs(), trained_inputs(setup, seeds)
    paired, plain = symmetric_networks(setup, seeds), make_networks(setup, seeds)
    assert np.abs(paired.logits(inputs)).max() < 1e-13
    sizes = [np.median(one.tangent_kernel(inputs, trained).max(axis=1)) for one in (paired, plain)]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.15)
    large = symmetric_networks(setup, seeds, 3.0).tangent_kernel(inputs, trained)
    assert large - 1 == pytest.approx(9 * (paired.tangent_kernel(inputs, trained) - 1))
    with refused("even number", "7"):
        symmetric_networks(Setup(features=7), seeds)


def test_a_network_depends_on_its_own_seed_alone() -> None:
    together, alone = make_networks(Setup(), [3, 8, 5]), make_networks(Setup(), [8])
    assert np.array_equal(together.weights[:, 1], alone.weights[:, 0])
    assert np.array_equal(together.readout[1], alone.readout[0])
    trained = trained_inputs(Setup(), [3, 8, 5])
    assert np.array_equal(trained[1], trained_inputs(Setup(), [8])[0])


@pytest.mark.parametrize(
    ("init", "below", "above"),
    [("gaussian", 1 / 8, 1 / 128), ("he", 2 / 8, 1 / 128), ("uniform", 1 / 24, 1 / 384)],
)
def test_initial_weights_have_the_stated_variance(init: str, below: float, above: float) -> None:
    networks = make_networks(Setup(init=init), range(60))  # type: ignore[arg-type]
    assert networks.weights[:-1].var() == pytest.approx(below, rel=0.03)
    assert networks.readout.var() == pytest.approx(above, rel=0.06)
    assert (networks.weights[-1] == 0).all() == (init != "uniform")


def test_strings_and_distances_by_hand() -> None:
    assert Setup(bits=2).all_inputs().tolist() == [[-1, -1], [-1, 1], [1, -1], [1, 1]]
    assert Setup(bits=2, coding="bits").all_inputs().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    inputs = Setup(bits=2).all_inputs()
    assert distances(inputs, inputs[1:2]).tolist() == [[1, 0, 2, 1]]


def test_patterns_are_positive_preactivations() -> None:
    networks = make_networks(Setup(bits=3, features=5), range(2))
    inputs = Setup(bits=3).all_inputs()
    for seed, pattern in enumerate(networks.patterns(inputs)):
        padded = np.column_stack([inputs, np.ones(len(inputs))])
        assert np.array_equal(pattern, padded @ networks.weights[:, seed] > 0)


def test_choices_that_do_not_exist_are_refused() -> None:
    with refused("'sine'", "relu, elu"):
        Setup(activation="sine")  # type: ignore[arg-type]
    with refused("between 1 and 16", "40"):
        Setup(bits=40)
    with refused("at least 1"):
        Setup(features=0)
    with refused("seeds", "-1"):
        make_networks(Setup(), [-1])
