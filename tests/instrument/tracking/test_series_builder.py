"""Names and normalisation of the series."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from regime_lib.instrument import RegimeTracker
from tests.instrument.cases import ConvNet, images, vectors


def test_layers_are_summed_over_units_not_averaged_over_layers() -> None:
    """A layer of 30 units of which all flip, and one of 10 of which none does: 3/4."""

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide, self.narrow = nn.Parameter(torch.ones(30)), nn.Parameter(torch.ones(10))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(x * self.wide).sum(1) + torch.relu(x * self.narrow).sum(1)

    model = Two()
    with RegimeTracker(model, torch.ones(5, 1)) as tracker:
        with torch.no_grad():
            model.wide.neg_()
        tracker.update()
    trace = tracker.trace
    assert trace.array("pattern_change")[1].tolist() == [[0.75]]
    assert trace.array("pattern_change", "relu")[1].tolist() == [[1.0]]
    assert trace.array("pattern_change", "relu#2")[1].tolist() == [[0.0]]
    assert trace.array("always_on")[1].tolist() == [[1.0], [0.25]]
    assert trace.array("dead")[1].tolist() == [[0.0], [0.75]]


def test_winners_are_a_layer_of_their_own_and_not_in_the_sum() -> None:
    torch.manual_seed(0)
    model = ConvNet()
    with RegimeTracker(model, images()) as tracker:
        with torch.no_grad():
            model.features[0].weight.neg_()
        tracker.update()
    trace = tracker.trace
    rectifier, whole = (trace.array("pattern_change", layer)[1] for layer in ("features.2", "all"))
    assert np.array_equal(rectifier, whole)
    assert trace.array("pattern_change", "features.3")[1] != whole


def test_weights_are_named_by_module_and_patterns_by_layer() -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 4), nn.ReLU()))
    with RegimeTracker(model, vectors()) as tracker:
        tracker.update()
    layers = {series.quantity: series.layers for series in tracker.trace.all_series}
    assert layers["weight_change"] == ("all", "0", "2.0")
    assert layers["pattern_change"] == ("all", "1", "2.1")


def test_squares_of_modules_sum_to_the_square_of_the_whole() -> None:
    torch.manual_seed(0)
    model = ConvNet()
    with RegimeTracker(model, images()) as tracker:
        with torch.no_grad():
            for p in model.parameters():
                p.add_(torch.randn_like(p))
        tracker.update()
    for series in tracker.trace.all_series:
        if series.quantity in ("weight_norm", "weight_change", "weight_from_start"):
            assert np.allclose(series.values[:, 0] ** 2, (series.values[:, 1:] ** 2).sum(axis=1))


def test_a_relative_change_of_weights_that_are_zero_is_nan_without_a_warning() -> None:
    class Zeros(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(6))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(x * self.weight)

    with RegimeTracker(Zeros(), vectors()) as tracker:
        tracker.update()
    assert np.isnan(tracker.trace.array("weight_change_rel")[1]).all()
