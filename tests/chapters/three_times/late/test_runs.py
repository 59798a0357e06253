"""Runs to the end are computed once, whether they lie in a sweep's folder or are published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from regime_lib.chapters.three_times.late import grid
from regime_lib.chapters.three_times.late import runs as late_runs
from regime_lib.companion.book.project import Project
from regime_lib.companion.publish.evidence import published_evidence
from regime_lib.errors import RegimeError
from regime_lib.instrument.settling.candidates import DEFINITIONS

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Make the grid two short runs on the digits."""
    cell = {"dataset": "digits", "architecture": "mlp", "steps": 150, "hidden": 8, "probe_size": 16}
    parts = {"digits": grid.GridPart(cell, {"constant": ("sgd", "adamw")}, 1)}
    monkeypatch.setattr(grid, "PARTS", parts)
    monkeypatch.setattr(late_runs, "PARTS", parts)
    monkeypatch.setattr(grid, "HORIZONS", (30,))
    return cell


def test_what_is_published_is_not_computed_again(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late_runs.compute(tmp_path / "one", ["digits"], jobs=1)
    tables, facts = late_runs.collect(tmp_path / "one")
    assert facts["parts"] == {"digits": {"asked": 2, "done": 2}}
    first = {name: own[own["optimizer"] == "sgd"] for name, own in tables.items()}

    asked: list[Any] = []
    monkeypatch.setattr(
        late_runs, "sweep", lambda run, points, **_: asked.extend(p["optimizer"] for p in points)
    )
    late_runs.compute(tmp_path / "two", ["digits"], first)
    assert asked == ["adamw"]
    again, facts = late_runs.collect(tmp_path / "two", first)
    assert facts["parts"] == {"digits": {"asked": 2, "done": 1}}
    merged, _ = late_runs.collect(tmp_path / "one", first)
    for name in late_runs.TABLES:
        same = {"check_dtype": False, "check_categorical": False}
        pd.testing.assert_frame_equal(merged[name], tables[name], **same)
        assert len(again[name]) == len(first[name])


def test_runs_that_the_grid_does_not_name_any_more_are_left_out(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late_runs.compute(tmp_path / "one", ["digits"], jobs=1)
    tables, _ = late_runs.collect(tmp_path / "one")
    smaller = {"digits": grid.GridPart(tiny, {"constant": ("sgd",)}, 1)}
    monkeypatch.setattr(grid, "PARTS", smaller)
    monkeypatch.setattr(late_runs, "PARTS", smaller)
    for root, published in ((tmp_path / "one", None), (tmp_path / "none", tables)):
        found, facts = late_runs.collect(root, published)
        assert facts["parts"] == {"digits": {"asked": 1, "done": 1}}
        assert all(set(found[name]["optimizer"]) == {"sgd"} for name in late_runs.TABLES)


def test_an_unknown_part_is_named() -> None:
    with pytest.raises(RegimeError, match="there is no part 'mnits'; expected all, or some of"):
        late_runs.checked(["mnits"])


def test_the_committed_runs_are_of_the_grid() -> None:
    evidence = published_evidence(late_runs.EVIDENCE, Project(ROOT))
    runs = evidence.tables["runs"]
    for part, counts in evidence.manifest["parts"].items():
        own = runs[runs["part"] == part]
        done = {tuple(r) for r in own[["seed", "schedule", "optimizer"]].to_numpy().tolist()}
        asked = {(p["seed"], p["schedule"], p["optimizer"]) for p in grid.points(part)}
        assert len(done) == len(own) == counts["done"]
        assert done <= asked
        assert counts["asked"] == len(asked)
        assert own.groupby(["schedule", "optimizer"], observed=True).size().min() >= 3
    found = evidence.tables["specifications"]
    usual = (found["skipped"] == 0) & (found["window"] == 51) & (found["size"] == "absolute")
    last = found["horizon"] == found.groupby("part", observed=True)["horizon"].transform("max")
    assert (usual & last).sum() == len(runs) * len(DEFINITIONS)
    folder = ROOT / "book" / "evidence" / late_runs.EVIDENCE
    assert sum(path.stat().st_size for path in folder.iterdir()) < 6_000_000
