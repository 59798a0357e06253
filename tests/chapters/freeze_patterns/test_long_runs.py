"""The committed runs are of the grid as it is written today; what is missing is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from regime_lib.chapters.freeze_patterns import long_runs
from regime_lib.chapters.freeze_patterns.cases import Case
from regime_lib.chapters.freeze_patterns.costs import settings_of
from regime_lib.companion.book.project import Project
from regime_lib.companion.publish.evidence import Evidence, published_evidence
from tests.companion.refusals import refused

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def committed() -> Evidence:
    return published_evidence("24_freeze_patterns", Project(ROOT))


def test_every_point_is_asked_for_once_and_can_be_made() -> None:
    points = [tuple(sorted(point.items())) for point in long_runs.points()]
    assert len(points) == len(set(points))
    for point in long_runs.points():
        if point["kind"] == "freezing":
            choices = {name: value for name, value in point.items() if name != "kind"}
            assert Case(**choices).choices == choices


def test_every_run_is_one_of_the_grid(committed: Evidence) -> None:
    asked = {
        (p["dataset"], p["architecture"], p["optimizer"], p["schedule"])
        for p in long_runs.points()
        if p["kind"] == "freezing"
    }
    done = settings_of(committed.tables["branches"])
    assert set(done) <= asked
    manifest = committed.manifest
    assert manifest["runs_asked"] == len(list(long_runs.points()))
    assert manifest["runs_done"] == len(done) + bool(len(committed.tables["speed"]))
    assert manifest["version"] == long_runs.VERSION


def test_every_setting_has_all_of_its_seeds_and_definitions(committed: Evidence) -> None:
    runs = committed.tables["branches"].drop_duplicates(
        ["dataset", "architecture", "optimizer", "schedule", "seed"]
    )
    assert len(committed.tables["times"]) == 2 * 16 * len(runs)


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with refused("no finished run"):
        long_runs.collect(str(tmp_path / "nothing"))
