"""What has been run is counted against the whole grid, setting by setting."""

from __future__ import annotations

import pandas as pd

from regime_lib.chapters.three_times.late import grid
from regime_lib.chapters.three_times.late.tables import Tables, coverage

LOSSES = {"train_loss": 0.1, "train_accuracy": 0.9, "test_accuracy": 0.8}


def tables_with(*parts: str) -> Tables:
    rows = [
        {"part": part, "steps": 9360, "epochs": 20, "epoch_below": below, "seconds": 1800.0,
         "dataset": "mnist", "architecture": "mlp", "optimizer": "sgd", "schedule": "constant",
         "batch": "mini", "activation": "relu", "seed": seed, **LOSSES}
        for part in parts
        for seed, below in ((0, 0), (1, 12))
    ]  # fmt: skip
    return {"runs": pd.DataFrame(rows)}


def test_runs_are_counted_against_the_grid() -> None:
    numbers = coverage(tables_with("mnist-mlp", "sst2")).numbers
    assert numbers["late-runs"] == 4
    by_hand = 45 + 30 + 18 + 12 + 18 + 30 + 9 + 12 + 12 + 3 + 3  # in the order of the grid
    assert numbers["late-planned"] == by_hand
    assert numbers["late-below"] == "2 of 4"
    assert numbers["late-hours"] == 2.0


def test_seeds_of_every_setting_are_counted() -> None:
    runs = tables_with("mnist-mlp", "sst2")["runs"]
    more = runs.assign(optimizer="adamw", schedule=["constant", "constant", "cosine", "warm-up"])
    seeds = coverage({"runs": pd.concat([more, runs, runs])}).seeds.set_index("part")
    assert list(seeds.columns) == ["constant", "cosine", "warm-up"]
    assert seeds.loc["mnist-mlp"].tolist() == ["SGD 2, AdamW 2", "–", "–"]
    assert seeds.loc["sst2"].tolist() == ["SGD 2", "AdamW 1", "AdamW 1"]


def test_no_setting_of_the_grid_has_fewer_than_three_seeds_and_the_mlp_has_five() -> None:
    for part in grid.PARTS:
        fewest = 5 if grid.PARTS[part].cell["architecture"] == "mlp" else 3
        asked = pd.DataFrame(grid.points(part)).groupby(["schedule", "optimizer"])["seed"].nunique()
        assert (asked >= fewest).all()
