"""Noisy steps equal autograd on the same disturbed inputs; without noise nothing changes."""

from __future__ import annotations

import numpy as np
import pytest

from regime_lib.simulators.training_response.networks import (
    generator,
    make_networks,
    trained_inputs,
    with_one,
)
from regime_lib.simulators.training_response.noise import Noise, step, train_with_noise
from regime_lib.simulators.training_response.one_point import train_on_one_input
from regime_lib.simulators.training_response.setup import Setup
from tests.companion.refusals import refused
from tests.simulators.training_response.oracles import same, torch_descent


@pytest.mark.parametrize("kind", ["gaussian", "flips", "label"])
def test_noise_of_size_zero_is_no_noise(kind: str) -> None:
    setup = Setup(activation="elu", bits=4, features=12)
    noisy = train_with_noise(setup, range(3), Noise(kind, 0.0), rate=0.1, epochs=700)  # type: ignore[arg-type]
    clean = train_on_one_input(setup, range(3), rate=0.1, epochs=700)
    assert np.array_equal(noisy.epochs, clean.epochs)
    assert np.allclose(noisy.table("logit"), clean.table("logit"), rtol=1e-8, atol=1e-13)


@pytest.mark.parametrize("activation", ["relu", "elu"])
@pytest.mark.parametrize("loss", ["cross-entropy", "squared"])
def test_steps_on_changing_samples_are_gradient_descent(activation: str, loss: str) -> None:
    setup = Setup(activation, loss, bits=5, features=11)  # type: ignore[arg-type]
    start, random = make_networks(setup, range(3)), np.random.default_rng(0)
    x, y = random.normal(size=(25, 3, 5)), random.integers(2, size=(25, 3)).astype(float)
    networks = start.copy()
    for inputs, targets in zip(x, y, strict=True):
        step(networks, with_one(inputs), targets, 0.2)
    for seed in range(3):
        samples = [(x[k, seed], float(y[k, seed])) for k in range(25)]
        assert same(networks, seed, torch_descent(start, seed, samples, 0.2))


def test_a_seed_sees_its_own_noise_whatever_the_others() -> None:
    setup = Setup(bits=4, features=12)
    noise = Noise("gaussian", 0.5)
    together = train_with_noise(setup, [4, 7], noise, rate=0.1, epochs=30)
    alone = train_with_noise(setup, [7], noise, rate=0.1, epochs=30)
    assert np.allclose(together.table("logit")[:, 1], alone.table("logit")[:, 0], rtol=1e-9)


@pytest.mark.parametrize("coding", ["signs", "bits"])
def test_flips_happen_as_often_as_asked_and_stay_strings(coding: str) -> None:
    setup = Setup(coding=coding)  # type: ignore[arg-type]
    own = trained_inputs(setup, [0])[0]
    inputs, targets = Noise("flips", 0.1).draw(setup, own, 1.0, 4000, generator(0, "noise"))
    assert set(np.unique(inputs)) == set(np.unique(setup.all_inputs()))
    assert (inputs != own).mean() == pytest.approx(0.1, abs=0.01)
    assert (targets == 1).all()
    same_input, labels = Noise("label", 0.1).draw(setup, own, 1.0, 4000, generator(0, "noise"))
    assert (same_input == own).all()
    assert labels.mean() == pytest.approx(0.9, abs=0.02)


def test_noise_out_of_range_is_refused() -> None:
    with refused("'salt'", "gaussian, flips, label"):
        Noise("salt", 0.1)  # type: ignore[arg-type]
    with refused("flips", "1.5"):
        Noise("flips", 1.5)
