"""Made-up tables of runs to the end, with known answers."""

from __future__ import annotations

from itertools import product

import pandas as pd
import pytest

from regime_lib.chapters.three_times.late.refinement import EPOCH
from regime_lib.chapters.three_times.late.tables import WHOLE, Tables
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
def tables() -> Tables:
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
                    "test_loss": max(1 - step / 500, 0) + (step / END) ** 2 / 4,
                    "test_accuracy": step / END,
                    "path": float(step),
                    "weight_from_end": float(END - step),
                    "settled_samples": 0.25 if step < END else 1.0,
                    "net_256": 0.1,
                    "flips_256": 0.3,
                }
            )
        for step in (1, EPOCH, END):
            value = 0.3 if step == EPOCH else 0.0 if step == 1 else 0.4
            series.append(own | {"quantity": "pattern_from_start", "step": step, "value": value})
    found = {"specifications": asked, "looks": looks, "series": series}
    return {name: pd.DataFrame(rows) for name, rows in found.items()}
