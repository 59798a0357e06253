"""Headlines of runs to the end count what censoring leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from regime_lib.chapters.three_times.late import headlines
from regime_lib.chapters.three_times.late.networks import LatePart
from tests.chapters.bare import bare


def test_runs_are_counted_by_what_settles_first() -> None:
    times = pd.DataFrame(
        {
            "pattern_time": [10.0, 50.0, 10.0, 20.0, 90.0, 90.0],
            "weight_time": [30.0, 40.0, 90.0, 90.0, 30.0, 90.0],
            "censored": ["", "", "weights", "weights", "patterns", "both"],
        }
    )
    parts = {"mnist": bare(LatePart, times=times)}
    assert headlines.settling_times(parts) == (
        "Patterns settle first in 3 of 6 runs, weights in 2; in 1 neither does before the end."
    )


def test_pairs_are_counted_where_their_limits_tell() -> None:
    pairs = pd.DataFrame({"least": [1.2, 0.2, 0.5, 0.0], "most": [1.2, 0.9, 2.0, np.inf]})
    said = headlines.both_activations(pairs)
    assert said.startswith("The ratio is larger with GELU in 1 of 4 pairs of runs, smaller in 1;")


def test_the_setting_in_which_both_changes_differ_most_is_named(monkeypatch: Any) -> None:
    falls = {"sgd": (0.1, 0.1), "adamw": (0.01, 0.8)}
    monkeypatch.setattr(headlines, "late_falls", lambda _, name, __: falls[name])
    part: Any = bare(LatePart, tables=None)
    monkeypatch.setattr(LatePart, "settings", [("constant", "sgd"), ("constant", "adamw")])
    said = headlines.changes(part)
    assert said.startswith("Both changes differ most with AdamW, constant")
    assert "0.01 and weights at 0.80" in said
