"""Margins, norms and what else is measured of a network, against slow second implementations."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from regime_lib.chapters.attraction_basins.rivals import (
    measured_networks,
    normalised_margin,
    weight_norm,
)
from regime_lib.lab.models.mlp import MLP, MLPEnsemble
from tests.chapters.small_data import small_stack

SEEDS = (4, 11)
DATA = small_stack(SEEDS)


def test_the_margin_is_that_of_a_loop_over_samples() -> None:
    net, own = MLP((6, 8, 3), 1), DATA.member(0)
    margins = []
    with torch.no_grad():
        for x, label in zip(own.train_inputs, own.train_labels.tolist(), strict=True):
            logits = net(x).tolist()
            margins.append(logits[label] - max(logits[:label] + logits[label + 1 :]))
    product = 1.0
    for layer in (net.get_submodule("hidden1"), net.get_submodule("output")):
        product *= np.linalg.svd(layer.weight.detach().numpy(), compute_uv=False)[0]
    found = normalised_margin(net, own.train_inputs, own.train_labels)
    assert found == pytest.approx(np.quantile(margins, 0.1) / product, rel=1e-4)


def test_a_margin_does_not_change_when_a_layer_is_scaled() -> None:
    """Rectifiers pass a factor on, so that logits and the product of norms grow alike."""
    net, own = MLP((6, 8, 3), 1), DATA.member(0)
    with torch.no_grad():
        net.get_parameter("hidden1.bias").zero_()
        net.get_parameter("output.bias").zero_()
        before = normalised_margin(net, own.train_inputs, own.train_labels)
        net.get_parameter("hidden1.weight").mul_(3)
    assert normalised_margin(net, own.train_inputs, own.train_labels) == pytest.approx(before)


def test_the_norm_is_that_of_all_weights_and_no_biases() -> None:
    net = MLP((6, 8, 3), 1)
    layers = (net.get_parameter(f"{name}.weight").detach() for name in ("hidden1", "output"))
    squares = [float((weight**2).sum()) for weight in layers]
    assert weight_norm(net) == pytest.approx(sum(squares) ** 0.5)


def test_every_member_has_all_numbers_and_its_own() -> None:
    rows = measured_networks(MLPEnsemble((6, 8, 8, 3), SEEDS), DATA)
    assert len(rows) == 2
    for row in rows:
        assert not np.isnan(list(row.values())).any()
        assert row["sharpness"] > 0
    assert rows[0]["norm"] != rows[1]["norm"]
