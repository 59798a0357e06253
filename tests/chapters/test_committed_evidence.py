"""The committed evidence is of the grid as it is written today, and counts what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from regime_lib.chapters.three_times.grid import grid
from regime_lib.chapters.three_times.specifications import SETTING
from regime_lib.companion.book.project import Project
from regime_lib.companion.publish.evidence import Evidence, published_evidence
from regime_lib.instrument.settling.candidates import DEFINITIONS

CHAPTER = "23_three_times_earlier"

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def committed() -> Evidence:
    return published_evidence(CHAPTER, Project(ROOT))


def test_every_run_is_one_of_the_grid(committed: Evidence) -> None:
    asked = {
        (s.dataset, s.architecture, s.optimizer, s.schedule, s.batch_size is None, s.seed)
        for s in grid()
    }
    runs = committed.tables["runs"]
    done = list(
        zip(*(runs[c] for c in SETTING[:-1]), runs["batch"] == "full", runs["seed"], strict=True)
    )
    assert len(done) == len(set(done)) == committed.manifest["runs_done"]
    assert set(done) <= asked
    assert committed.manifest["runs_asked"] == len(list(grid()))


def test_every_run_is_there_under_every_definition(committed: Evidence) -> None:
    table = committed.tables["specifications"]
    assert set(table["definition"]) == set(DEFINITIONS)
    keys = [*SETTING, "seed", "network", "size", "definition"]
    assert not table.duplicated(keys).any()
    assert len(table) % committed.manifest["runs_done"] == 0


def test_a_ratio_is_that_of_its_two_times(committed: Evidence) -> None:
    table = committed.tables["specifications"].astype({"ratio": float})
    known = table["censored"] != "both"
    assert known.equals(table["ratio"].notna())
    expected = table["weight_time"] / np.maximum(table["pattern_time"], 1)
    assert table.loc[known, "ratio"].to_numpy() == pytest.approx(expected[known], rel=1e-5)


def test_the_folder_is_small_enough_to_commit() -> None:
    folder = ROOT / "book" / "evidence" / CHAPTER
    assert sum(path.stat().st_size for path in folder.iterdir()) < 3_000_000
