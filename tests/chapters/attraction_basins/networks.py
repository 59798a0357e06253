"""Made-up tables of networks at one loss, for the tests of what is read from them."""

from __future__ import annotations

import numpy as np
import pandas as pd

SETTINGS, RUNS = 30, 2


def made_up(seed: int = 0) -> pd.DataFrame:
    """Return networks whose accuracy follows the sample basin, and nothing else that is measured.

    Of the families the sample basin doubles over the rates, and the weight basin stays.
    """
    random = np.random.default_rng(seed)
    rows = []
    for dataset in ("mnist", "digits"):
        for setting in range(SETTINGS):
            choice = {
                "width": int(random.choice([16, 32])),
                "depth": int(random.choice([1, 2, 3])),
                "lr": float(random.uniform(0.01, 0.1)),
                "batch_size": int(random.choice([16, 32])),
                "weight_decay": float(random.choice([0.0, 1e-3])),
            }
            for run in range(RUNS):
                basin = float(random.uniform(1, 3))
                rows.append(
                    {
                        **choice, **_rest(random), "dataset": dataset, "family": "hundred",
                        "setting": setting, "run": run, "sample_basin": basin,
                        "test_accuracy": 0.8 + 0.05 * basin,
                    }
                )  # fmt: skip
        for family, varied, values in (
            ("rate", "lr", (0.01, 0.1)),
            ("batch", "batch_size", (8, 64)),
        ):
            for setting, value in enumerate(values):
                rows += [
                    {
                        "width": 64, "depth": 2, "lr": 0.1, "batch_size": 64, "weight_decay": 0.0,
                        **_rest(random), "dataset": dataset, "family": family, "setting": setting,
                        "run": run, varied: value, "sample_basin": (1 + setting) * (1 + 0.01 * run),
                        "weight_basin": 1 + 0.01 * run, "test_accuracy": 0.9 + 0.01 * setting,
                    }
                    for run in range(12)
                ]  # fmt: skip
    return pd.DataFrame(rows)


def _rest(random: np.random.Generator) -> dict[str, float]:
    names = ("weight_basin", "margin", "norm", "sharpness", "first_slope", "last_slope")
    drawn = {name: float(random.uniform(1, 2)) for name in names}
    return {**drawn, "steps": 100.0, "loss": float(random.uniform(0.04, 0.05))}
