"""The table holds every point that was tried in one order, whatever the order of the work."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.testing import assert_frame_equal

from regime_lib.sweeps.store import Store, point_key
from regime_lib.sweeps.table import collect


def stored(place: Path, points: list[dict[str, object]]) -> Store:
    store = Store(place)
    store.save_plan({point_key(point, {}): point for point in points}, "1")
    for point in points:
        store.save_result(point_key(point, {}), point, [{"twice": 2 * len(str(point["x"]))}], 0.5)
    return store


POINTS: list[dict[str, object]] = [{"x": 10, "k": "b"}, {"x": 9, "k": "b"}, {"x": 9, "k": "a"}]


def test_rows_come_in_the_order_of_the_values(tmp_path: Path) -> None:
    table, _ = collect(stored(tmp_path, POINTS), {})
    assert table.to_dict("list") == {"x": [9, 9, 10], "k": ["a", "b", "b"], "twice": [2, 2, 4]}


def test_the_order_of_the_work_does_not_matter(tmp_path: Path) -> None:
    one, _ = collect(stored(tmp_path / "one", POINTS), {})
    two, _ = collect(stored(tmp_path / "two", POINTS[::-1]), {})
    assert_frame_equal(one, two)


def test_table_and_manifest_lie_on_disk(tmp_path: Path) -> None:
    store = stored(tmp_path, POINTS)
    store.save_plan({"f" * 24: {"x": 7, "k": "c"}}, "1")
    store.save_failure("f" * 24, {"x": 7, "k": "c"}, "ValueError: no")
    table, _ = collect(store, {"code": "abc"})
    assert_frame_equal(pd.read_parquet(tmp_path / "table.parquet"), table)
    assert table["error"].dropna().to_dict() == {0: "ValueError: no"}
    assert table["twice"].isna().tolist() == [True, False, False, False]
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert (manifest["points"], manifest["done"], manifest["missing"]) == (4, 3, 0)
    assert manifest["failed"] == [{"point": {"x": 7, "k": "c"}, "error": "ValueError: no"}]
    assert manifest["depends"] == {"code": "abc"}
    assert manifest["parameters"] == ["k", "x"]
    assert manifest["compute_seconds"] == 1.5
    digest = hashlib.sha256((tmp_path / "table.parquet").read_bytes()).hexdigest()
    assert manifest["sha256"] == digest


def test_mixed_and_missing_values_can_be_stored(tmp_path: Path) -> None:
    points: list[dict[str, object]] = [{"x": 1}, {"x": "a"}, {"x": None}, {"x": [1, 2]}]
    store = Store(tmp_path)
    store.save_plan({point_key(point, {}): point for point in points}, "1")
    for number, point in enumerate(points):
        rows = [{"value": float("nan") if number else 1.0}]
        store.save_result(point_key(point, {}), point, rows, 0)
    table, _ = collect(store, {})
    stored_table = pd.read_parquet(tmp_path / "table.parquet")
    assert set(stored_table["x"].dropna()) == {"1", "a", "[1, 2]"}
    assert stored_table["x"].isna().sum() == 1
    assert np.isnan(table["value"]).sum() == 3


def test_nothing_finished_is_an_empty_table(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save_plan({"a" * 24: {"x": 1}}, "1")
    assert collect(store, {})[0].empty
    assert pd.read_parquet(tmp_path / "table.parquet").empty
