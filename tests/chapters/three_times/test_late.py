"""What is read off the runs to the end, on made-up tables with known answers."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from regime_lib.chapters.three_times import late
from regime_lib.chapters.three_times.late import WHOLE
from regime_lib.instrument.settling.candidates import DEFINITIONS

END = 1000
SETTINGS = list(product(("sgd", "momentum", "adamw"), ("constant", "cosine"), range(3)))


def named(optimizer: str, schedule: str, seed: int) -> dict[str, object]:
    return {
        "part": WHOLE,
        "dataset": "mnist",
        "architecture": "mlp",
        "optimizer": optimizer,
        "schedule": schedule,
        "batch": "mini",
        "seed": seed,
        "activation": "relu",
    }


@pytest.fixture
def tables() -> late.Tables:
    """Ratios of 2 at the end and of 5 before; patterns settle at step 400 of 1,000.

    Under AdamW and a constant rate the weights never settle. The loss falls from 10 to 0 linearly,
    the weights go one unit of path a step.
    """
    asked, looks, series = [], [], []
    for run in SETTINGS:
        own = named(*run)
        endless = own["optimizer"] == "adamw" and own["schedule"] == "constant"
        for horizon, definition in product((100, END), DEFINITIONS):
            ratio = 2.0 if horizon == END else 5.0
            at = 0.4 * horizon
            asked.append(
                own
                | {
                    "horizon": horizon,
                    "skipped": 0,
                    "window": 51,
                    "size": "absolute",
                    "definition": definition,
                    "pattern_time": at,
                    "weight_time": at * ratio,
                    "ratio": ratio,
                    "censored": "weights" if endless else "",
                }
            )
        for step in range(0, END + 1, 100):
            looks.append(
                own
                | {
                    "step": step,
                    "train_loss": 10 * (1 - step / END) + 1,
                    "test_accuracy": step / END,
                    "path": float(step),
                    "weight_from_end": float(END - step),
                    "settled_samples": 0.25 if step < END else 1.0,
                    "net_256": 0.1,
                    "flips_256": 0.3,
                }
            )
        for step in (1, late._EPOCH, END):
            value = 0.3 if step == late._EPOCH else 0.0 if step == 1 else 0.4
            series.append(own | {"quantity": "pattern_from_start", "step": step, "value": value})
    found = {"specifications": asked, "looks": looks, "series": series}
    return {name: pd.DataFrame(rows) for name, rows in found.items()}


def test_the_headline_is_the_median_of_what_is_known(tables: late.Tables) -> None:
    found = late.headline(tables)
    assert found.claims["rc-three-times-cosine"].value == pytest.approx(2)
    assert not found.claims["rc-three-times-warm-up"].known  # no such run
    assert found.claims["rc-late-mlp"].value == pytest.approx(2)
    assert found.claims["rc-three-times"].low == pytest.approx(2)
    assert not found.claims["rc-mean-speedup"].known  # one setting has no upper limit
    assert found.numbers["late-constant-lower"] == len(DEFINITIONS)


def test_a_median_has_no_value_if_most_settings_have_no_upper_limit(tables: late.Tables) -> None:
    rows = tables["specifications"]
    open_ = rows["optimizer"].isin(["adamw", "momentum"])
    rows.loc[open_, ["censored", "ratio"]] = "both", np.nan
    found = late.headline(tables)
    assert not found.claims["rc-three-times"].known
    assert not found.claims["rc-late-mlp"].known


def test_horizons_tell_shorter_runs_from_longer_ones(tables: late.Tables) -> None:
    found = late.horizons(tables)
    medians = found.counts.set_index(["schedule", "horizon"])["median"]
    assert medians["cosine", 100] == pytest.approx(5)
    assert medians["cosine", END] == pytest.approx(2)
    assert found.counts["open"].max() == 0
    assert found.numbers[f"{WHOLE}-horizon-cosine"] == "100"
    bounds = found.counts.set_index(["schedule", "horizon"])["bounded"]
    assert bounds["constant", END] == pytest.approx(1 / 3)


def test_what_is_left_is_counted_from_the_settling_time(tables: late.Tables) -> None:
    found = late.refinement(tables)
    for name in ("sgd", "momentum", "adamw"):
        assert found.claims[f"rc-late-path-{name}"].value == pytest.approx(0.6)
        assert found.claims[f"rc-late-loss-{name}"].value == pytest.approx(0.6)
    assert found.claims["rc-late-inputs"].value == pytest.approx(0.25)
    assert found.claims["rc-early-change"].value == pytest.approx(0.75)
    assert found.numbers["settled-runs"] == "9 of 9"
    assert found.by_part["accuracy_gain"].to_numpy() == pytest.approx(60)


def test_patterns_that_never_settle_leave_no_path_and_an_open_loss(tables: late.Tables) -> None:
    rows = tables["specifications"]
    rows.loc[rows["optimizer"] == "sgd", "censored"] = "both"
    found = late.refinement(tables)
    assert found.claims["rc-late-path-sgd"].value == 0
    loss = found.claims["rc-late-loss-sgd"]
    assert (loss.low, loss.high) == (0, 1)
    assert found.numbers["settled-runs"] == "6 of 9"
