"""Committed runs without each of their seeds, against means taken by hand."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from regime_lib.companion.book.catalogue import load_entry
from regime_lib.companion.book.project import Project
from regime_lib.companion.publish import without_a_seed
from regime_lib.companion.publish.without_a_seed import seeds_of, without, without_each_seed
from regime_lib.estimate import number

VALUES = {0: 2.0, 1: 3.0, 2: 7.0}
TABLES = {
    "runs": pd.DataFrame({"seed": list(VALUES), "value": list(VALUES.values())}),
    "rounds": pd.DataFrame({"round": [0, 1], "value": [1.0, 2.0]}),
}


def test_a_seed_leaves_every_table_that_has_seeds() -> None:
    assert seeds_of(TABLES) == [0, 1, 2]
    left = without(TABLES, 1)
    assert left["runs"]["seed"].tolist() == [0, 2]
    assert left["rounds"] is TABLES["rounds"]


@dataclass(frozen=True)
class SimpleClaims:
    claims: dict[str, Any]


def ratio(_: Any, tables: dict[str, pd.DataFrame]) -> Any:
    runs = tables["runs"]
    return SimpleClaims({"rc-tiny-ratio": number(float(np.mean(runs["value"])), n=len(runs))})


def one_seed_only(_: Any, tables: dict[str, pd.DataFrame]) -> Any:
    first = tables["runs"]["value"].iloc[0]
    return SimpleClaims({"rc-tiny-steps": number(float(first), n=1, unit="steps")})


@pytest.fixture
def judging(monkeypatch: pytest.MonkeyPatch) -> None:
    module = SimpleNamespace(COMMITTED={"10_tiny": (ratio, one_seed_only)})
    monkeypatch.setattr(without_a_seed, "measure_module", lambda *_: module)
    monkeypatch.setattr(without_a_seed, "block_values", lambda *_: {})
    monkeypatch.setattr(without_a_seed, "settings_of", lambda *_: None)
    monkeypatch.setattr(
        without_a_seed, "published_evidence", lambda *_: SimpleNamespace(tables=TABLES)
    )


@pytest.mark.usefixtures("judging")
def test_each_seed_is_left_out_once_where_there_are_three(executed: Project) -> None:
    found = without_each_seed(executed, load_entry(executed, "10_tiny"))
    rows = {row["seed"]: row for row in found.pop("10_tiny")}
    assert not found
    assert {row["claim"] for row in rows.values()} == {"rc-tiny-ratio"}  # the other has one seed
    for seed, row in rows.items():
        others = [value for other, value in VALUES.items() if other != seed]
        assert row["value"] == pytest.approx(np.mean(others))
        assert row["n"] == 2


def some_and_all(_: Any, tables: dict[str, pd.DataFrame]) -> Any:
    every = tables["runs"]
    some = every.loc[every["seed"] < 3, "value"]
    return SimpleClaims(
        {
            "rc-tiny-ratio": number(float(some.mean()), n=len(some)),
            "rc-tiny-steps": number(float(every["value"].mean()), n=len(every), unit="steps"),
        }
    )


@pytest.mark.usefixtures("judging")
def test_only_seeds_of_a_claims_own_runs_are_left_out(
    executed: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = SimpleNamespace(COMMITTED={"10_tiny": (some_and_all,)})
    monkeypatch.setattr(without_a_seed, "measure_module", lambda *_: module)
    runs = pd.DataFrame({"seed": range(5), "value": [2.0, 3.0, 7.0, 4.0, 5.0]})
    monkeypatch.setattr(
        without_a_seed, "published_evidence", lambda *_: SimpleNamespace(tables={"runs": runs})
    )
    (rows,) = without_each_seed(executed, load_entry(executed, "10_tiny")).values()
    assert [row["seed"] for row in rows if row["claim"] == "rc-tiny-ratio"] == [0, 1, 2]
