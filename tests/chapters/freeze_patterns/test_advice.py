"""The table of the freeze adviser: what it holds, and that the shipped one is the evidence's."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd

from regime_lib.chapters.freeze_patterns.advice import EDGES, as_csv, cost_table, forecast
from regime_lib.chapters.freeze_patterns.costs import costs
from regime_lib.companion.book.project import Project
from regime_lib.companion.publish.evidence import published_evidence
from regime_lib.instrument.settling.freeze_advice import TABLE, cost_rows

ROOT = Path(__file__).resolve().parents[3]


def made(n: int, settings: int, low: float, high: float) -> pd.DataFrame:
    """Return branches at levels between two ends, whose costs are 0, 1, 2, ..."""
    return pd.DataFrame(
        {
            "dataset": "digits",
            "architecture": "mlp",
            "optimizer": [f"o{k % settings}" for k in range(n)],
            "schedule": "cosine",
            "what": "all",
            "step": 10,
            "level": np.linspace(low, high, n),
            "cost": np.arange(n, dtype=float),
        }
    )


def test_nine_of_ten_branches_stay_below_the_most() -> None:
    (row,) = cost_table(made(100, 4, 0.11, 0.24))
    assert (row.above, row.upto, row.branches, row.settings) == (0.1, 0.25, 100, 4)
    assert 90 <= (np.arange(100) <= row.most).sum() <= 91
    assert (row.median, row.largest) == (49.5, 99.0)


def test_a_row_needs_branches_of_several_settings() -> None:
    assert cost_table(made(19, 4, 0.11, 0.24)) == ()
    assert cost_table(made(100, 1, 0.11, 0.24)) == ()


def test_every_level_has_one_row() -> None:
    rows = cost_table(made(400, 4, 0.001, 1.0))
    assert [row.above for row in rows] == list(EDGES[:-1])
    assert [row.upto for row in rows] == list(EDGES[1:])
    assert sum(row.branches for row in rows) == 400


def test_a_setting_unlike_the_others_is_not_forecast() -> None:
    same = made(120, 4, 0.11, 0.24)
    same["cost"] = 1.0
    assert forecast(same).value == 1.0
    other = same.assign(cost=np.where(same["optimizer"] == "o0", 5.0, 1.0))
    assert forecast(other).value == 0.75


def test_the_shipped_table_is_that_of_the_evidence() -> None:
    evidence = published_evidence("24_freeze_patterns", Project(ROOT))
    rows = cost_table(costs(evidence.tables["branches"]))
    shipped = (files("regime_lib.instrument.settling") / TABLE).read_text(encoding="utf-8")
    assert shipped == as_csv(rows), "write advice.as_csv of the evidence's cost_table there"
    assert cost_rows() == rows
