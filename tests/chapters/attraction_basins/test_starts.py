"""A start that does not shrink with width: its bounds, and networks trained from it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from regime_lib.chapters.attraction_basins.scans import ScanPlan, trained_scan
from regime_lib.chapters.attraction_basins.starts import (
    claims_of_starts,
    fixed_start_scan,
    start_like,
)
from regime_lib.lab.models.mlp import MLPEnsemble
from regime_lib.lab.training.config import TrainingConfig
from tests.chapters.small_data import small_stack
from tests.sentences import refusal

SEEDS = (4, 11)
PLAN = ScanPlan(
    data=small_stack(SEEDS),
    seeds=SEEDS,
    config=TrainingConfig(optimizer="adam", lr=0.02, steps=40, batch_size=9),
    probe_size=61,
    draws=3,
)


def test_hidden_layers_start_within_the_bound_of_the_narrowest() -> None:
    usual, found = (MLPEnsemble((50, 64, 64, 10), SEEDS) for _ in range(2))
    start_like(found, 4)
    for name, parameter in found.named_parameters():
        factor = 1.0 if name.startswith("hidden1") else 4.0
        assert torch.allclose(parameter, factor * usual.get_parameter(name))
        if factor > 1:
            assert 0.4 < float(parameter.detach().abs().max()) <= 0.5  # one over the root of four


def test_the_narrowest_networks_are_those_of_the_usual_start() -> None:
    found = fixed_start_scan(PLAN, (4, 16))
    usual = trained_scan(PLAN, "width", (4, 16), depth=2).scan.accuracy
    assert (found.accuracy[0] == usual[0]).all()
    assert found.values == (4, 16)
    assert found.weight_basin.shape == (2, 2)


def test_claims_compare_the_first_and_the_last_width() -> None:
    usual = np.array([[0.5, 0.6], [0, 0], [0.7, 0.7]])
    fixed, basin = np.array([[0.5, 0.6], [0.4, 0.6]]), np.array([[1.0, 3.0], [2.0, 4.0]])
    found = claims_of_starts(usual, fixed, basin, 0)
    assert found["nd-width-helps"].value == pytest.approx(15)
    assert found["nd-width-start"].value == pytest.approx(-5)
    assert found["nd-width-start-basin"].value == pytest.approx(1.5)


def test_no_width_below_one() -> None:
    assert "at least one unit" in refusal(
        "width", lambda: start_like(MLPEnsemble((3, 4, 4, 2), SEEDS), 0)
    )
