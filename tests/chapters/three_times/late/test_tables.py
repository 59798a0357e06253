"""What has been run is counted against the whole grid, and what has no run is named."""

from __future__ import annotations

import pandas as pd

from regime_lib.chapters.three_times.late import grid
from regime_lib.chapters.three_times.late.tables import EVALUATION, Tables, coverage

LOSSES = {"train_loss": 0.1, "train_accuracy": 0.9, "test_accuracy": 0.8}


def tables_with(*parts: str) -> Tables:
    rows = [
        {"part": part, "steps": 9360, "epochs": 20, "epoch_below": below, "seconds": 1800.0,
         "dataset": "mnist", "architecture": "mlp", "optimizer": "sgd", "schedule": "constant",
         "batch": "mini", "activation": "relu", "seed": seed,
         "evaluation": evaluation, **LOSSES}
        for part in parts
        for seed, below, evaluation in ((0, 0, EVALUATION - 1), (1, 12, EVALUATION))
    ]  # fmt: skip
    return {"runs": pd.DataFrame(rows)}


def test_runs_are_counted_against_the_grid() -> None:
    numbers = coverage(tables_with("mnist-mlp", "sst2")).numbers
    assert numbers["late-runs"] == 4
    by_hand = 45 + 30 + 18 + 18 + 18 + 30 + 9 + 18 + 18 + 18 + 9  # in the order of the grid
    assert numbers["late-planned"] == by_hand
    assert numbers["late-below"] == "2 of 4"
    assert numbers["late-hours"] == 2.0
    assert numbers["late-unjudged"] == "2 of 4"


def test_what_has_no_run_is_named() -> None:
    some = [part for part in grid.PARTS if part not in ("sst2", "cifar10-resnet")]
    unbegun = coverage(tables_with(*some)).numbers["late-unbegun"]
    assert unbegun == "not one of SST-2 and CIFAR-10 (JPEG copy) residual CNN"
    assert coverage(tables_with(*grid.PARTS)).numbers["late-unbegun"] == "some of every network"
