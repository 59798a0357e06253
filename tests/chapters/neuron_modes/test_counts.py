"""Counts in small trained networks: Gaussian units, readouts, and moments against the networks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.linear_model import RidgeClassifier

from regime_lib.chapters.neuron_modes.counts import (
    KINDS,
    column,
    count_layers,
    count_shallow,
    layers_of,
    network,
    readouts,
)
from regime_lib.chapters.neuron_modes.folding import partners
from regime_lib.chapters.neuron_modes.gaussian import Gaussian, GaussianEnsemble
from regime_lib.chapters.neuron_modes.slopes import slope_trajectory, train_shallow
from regime_lib.instrument.modes.substitution import substitution_matrices
from regime_lib.lab.models.mlp import MLP
from tests.chapters.small_data import CLASSES, FEATURES, small_data, small_setup

SEEDS = [4, 11]
SETUP = small_setup()


def test_a_gaussian_ensemble_holds_networks_of_its_seeds_and_trains() -> None:
    ensemble = GaussianEnsemble((FEATURES, 7, CLASSES), SEEDS)
    inputs, alone = small_data().train_inputs, MLP((FEATURES, 7, CLASSES), 11)
    with torch.no_grad():
        expected = alone.output(torch.exp(-(alone.hidden1(inputs) ** 2)))
        assert torch.allclose(ensemble(inputs)[1], expected, atol=1e-6)
        assert torch.allclose(ensemble.member(1)(inputs), expected, atol=1e-6)
    trained = SETUP.trained(ensemble, SETUP.config, [0])
    assert (trained.loss[-1] < trained.loss[0]).all()
    model = trained.model
    assert isinstance(model, GaussianEnsemble)
    assert any(isinstance(module, Gaussian) for module in model.member(0).children())


def test_readouts_are_the_maps_of_the_instrument() -> None:
    net = MLP((FEATURES, 5, 6, 4, CLASSES), 3, "tanh")
    expected = substitution_matrices(net, small_data().train_inputs)
    for found, matrix in zip(readouts(net), expected, strict=True):
        assert found == pytest.approx(matrix[0].double().numpy(), abs=1e-5)


def test_units_are_counted_at_the_start_the_peak_and_the_end() -> None:
    trained = train_shallow(SETUP, 12, SEEDS)
    slopes = slope_trajectory(SETUP, trained).slope
    rows = pd.DataFrame(count_shallow(SETUP, trained, "tanh", SEEDS, slopes))
    peaks = trained.steps[slopes.argmax(axis=0)]
    assert column(rows, "step", kind="tanh", moment="peak") == pytest.approx(peaks)
    assert not column(rows, "alone", kind="tanh", moment="end").any()
    for k, (net, data) in enumerate(SETUP.alone(trained.model)):
        with torch.no_grad():
            fields = net.hidden1(data.train_inputs).double().numpy()
        found = partners(fields, net.output.weight.detach().double().numpy(), np.tanh)
        assert column(rows, "pair", kind="tanh", moment="end")[k] == found.folds.mean()
        assert column(rows, "bound", kind="tanh", moment="end")[k] == found.bound.mean()


@pytest.mark.parametrize("kind", KINDS)
def test_layers_are_read_by_ridge_regression_on_their_outputs(kind: str) -> None:
    sizes = (FEATURES, 8, 7, CLASSES)
    trained = SETUP.trained(network(kind, sizes, SEEDS), SETUP.config)
    rows = pd.DataFrame(count_layers(SETUP, trained.model, kind, SEEDS))
    for k, (net, data) in enumerate(SETUP.alone(trained.model)):
        fields = [list(layers_of(net, x))[1][1] for x in (data.train_inputs, data.test_inputs)]
        train, test = (KINDS[kind](field) for field in fields)
        spread = np.where(train.std(0) > 0, train.std(0), 1)
        reader = RidgeClassifier(alpha=10.0).fit(train / spread, data.train_labels.numpy())
        share = (reader.predict(test / spread) == data.test_labels.numpy()).mean()
        assert column(rows, "readable", kind=kind, layer=2)[k] == pytest.approx(share)
    assert len(column(rows, "readable", kind=kind, layer=0)) == 2
    assert len(column(rows, "any", kind=kind, layer=0)) == 0
