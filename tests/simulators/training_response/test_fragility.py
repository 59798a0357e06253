"""Fragility: brute force over bits, known networks, and autograd for the gradient."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from regime_lib.simulators.training_response.fragility import _gradient, fragility, margin
from regime_lib.simulators.training_response.networks import Networks, make_networks
from regime_lib.simulators.training_response.setup import Setup
from regime_lib.simulators.training_response.tasks import random_task
from tests.companion.refusals import refused
from tests.simulators.training_response.oracles import torch_logit, torch_parts


@pytest.mark.parametrize("coding", ["signs", "bits"])
def test_flips_by_brute_force(coding: str) -> None:
    setup, seeds = Setup(coding=coding, bits=4, features=6), range(4)  # type: ignore[arg-type]
    networks, task = make_networks(setup, seeds), random_task(setup, seeds, 7)
    found = fragility(networks, task.inputs)
    everything = [list(s) for s in setup.all_inputs()]
    for seed in seeds:

        def decide(x: list[float], seed: int = seed) -> bool:
            return bool(networks.logits(np.array([x]))[seed, 0] > 0)

        def rate(inputs: list[list[float]]) -> float:
            changes = []
            for x, bit in itertools.product(inputs, range(4)):
                other = list(x)
                other[bit] = -x[bit] if coding == "signs" else 1 - x[bit]
                changes.append(decide(x) != decide(other))
            return float(np.mean(changes))

        def bits(x: list[float]) -> int:
            apart = [
                sum(a != b for a, b in zip(x, other, strict=True))
                for other in everything
                if decide(other) != decide(x)
            ]
            return min(apart, default=5)

        own = task.inputs[seed].tolist()
        assert found.flips[seed] == pytest.approx(rate(own))
        assert found.flips_everywhere[seed] == pytest.approx(rate(everything))
        assert found.few_bits[seed] == pytest.approx(-np.mean([bits(x) for x in own]))


def first_bit() -> Networks:
    """z = φ(x_0) - φ(-x_0) = x_0: the first bit decides, at distance one."""
    weights = np.zeros((4, 1, 2))
    weights[0, 0] = [1, -1]
    return Networks(Setup(bits=3, features=2), weights, np.array([[1.0, -1.0]]), np.zeros(1))


def test_a_network_that_reads_one_bit() -> None:
    inputs = Setup(bits=3).all_inputs()[None]
    found = fragility(first_bit(), inputs, reach=0.9)
    assert found.flips == pytest.approx([1 / 3])
    assert found.flips_everywhere == pytest.approx([1 / 3])
    assert found.nearness == pytest.approx([1])
    assert found.few_bits == pytest.approx([-1])
    assert found.adversarial == pytest.approx([0])
    assert fragility(first_bit(), inputs, reach=1.1).adversarial == pytest.approx([1])


@pytest.mark.parametrize("activation", ["relu", "elu"])
def test_the_gradient_is_autograds(activation: str) -> None:
    setup, seeds = Setup(activation, bits=5, features=8), range(2)  # type: ignore[arg-type]
    networks, task = make_networks(setup, seeds), random_task(setup, seeds, 6)
    z, gradient = _gradient(networks, task.inputs)
    for seed in seeds:
        x = torch.tensor(task.inputs[seed], requires_grad=True)
        logits = torch_logit(setup, torch_parts(networks, seed), x)
        (theirs,) = torch.autograd.grad(logits.sum(), x)
        assert np.allclose(z[seed], logits.detach().numpy())
        assert np.allclose(gradient[seed], theirs.numpy())


def test_a_wider_box_never_protects() -> None:
    setup, seeds = Setup(), range(6)
    networks, task = make_networks(setup, seeds), random_task(setup, seeds, 16)
    rates = [fragility(networks, task.inputs, reach=r).adversarial for r in (1e-6, 0.2, 1.0)]
    assert (rates[0] == 0).all()
    assert (rates[1] <= rates[2]).all()


def test_a_box_needs_a_size() -> None:
    with refused("reach"):
        fragility(first_bit(), Setup(bits=3).all_inputs()[None], reach=0.0)


def test_the_margin_does_not_grow_with_the_loudness_of_a_network() -> None:
    setup, seeds = Setup(bits=4, features=6), range(3)
    networks, task = make_networks(setup, seeds), random_task(setup, seeds, 7)
    found = margin(networks, task.inputs, task.labels)
    for seed in seeds:
        everything = networks.logits(setup.all_inputs())[seed]
        own = [networks.logits(x[None])[seed, 0] for x in task.inputs[seed]]
        right = np.mean([z if one else -z for z, one in zip(own, task.labels[seed], strict=True)])
        assert found[seed] == pytest.approx(right / np.sqrt(np.mean(everything**2)))
    networks.readout[...] *= 7
    assert margin(networks, task.inputs, task.labels) == pytest.approx(found)
