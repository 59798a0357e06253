"""A chapter as a function measures what its executed notebook measures."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from regime_lib.companion.book.catalogue import load_entry
from regime_lib.companion.book.notebooks import read_notebook
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.ledger import COLUMNS, measurements_in
from regime_lib.companion.running.sweep_chapter import (
    chapter_function,
    check_points,
    dependencies,
    run_point,
)
from regime_lib.estimate import number
from tests.companion.refusals import refused
from tests.companion.tiny import make_project, tiny_cells


def test_it_finds_what_the_executed_notebook_holds(executed_once: Project) -> None:
    rows = run_point(executed_once, "10_tiny", {})
    path = executed_once.executed / "10_tiny.ipynb"
    held = measurements_in(read_notebook(path), "here").values()
    assert [row["claim"] for row in rows] == [m.id for m in held]
    for row, m in zip(rows, held, strict=True):
        assert tuple(row) == COLUMNS
        assert [row[key] for key in COLUMNS[1:]] == [
            str(m.verdict) if key == "verdict" else getattr(m, key) for key in COLUMNS[1:]
        ]


def test_parameters_change_what_is_measured(executed_once: Project) -> None:
    (ratio, steps) = run_point(executed_once, "10_tiny", {"steps": 80, "profile": "paper"})
    assert (ratio["value"], ratio["n"], steps["value"]) == (1.0, 16, 80)
    assert ratio["verdict"] == "not reproduced"


def test_a_chapter_that_gives_no_module_cannot_be_swept(tmp_path: Path) -> None:
    cells = tiny_cells()
    cells[2]["source"] = cells[2]["source"].replace(", tiny_measure)", ")")
    project = make_project(tmp_path / "project", cells)
    with refused("10_tiny", "no module that measures", "open_chapter"):
        run_point(project, "10_tiny", {})


def test_what_it_measures_must_be_the_chapters_claims(
    executed: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tiny_measure

    found = tiny_measure.times
    stray = {"mp-later": number(4)}
    monkeypatch.setattr(tiny_measure, "times", lambda s: replace(found(s), claims=stray))
    with refused("tiny_measure", "mp-later", "no claim of 10_tiny"):
        run_point(executed, "10_tiny", {})


def test_the_function_travels_to_other_processes(executed_once: Project) -> None:
    run = pickle.loads(pickle.dumps(chapter_function(executed_once, "10_tiny", {"steps": 160})))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REGIME_ROOT", "unset")  # to be put back afterwards
        assert run({"rate": 0.5})[0]["value"] == 2.0


@pytest.mark.parametrize(
    ("given", "grid", "words"),
    [
        ({}, [{"stepz": 20}], ["'stepz'", "steps"]),
        ({}, [{"steps": 20}, {"steps": 5}], ["steps", "10"]),
        ({}, [{"steps": "many"}], ["steps", "many"]),
        ({"steps": 20}, [{"steps": 30}], ["'steps'", "give it once"]),
    ],
)
def test_a_grid_that_does_not_fit_is_refused_before_anything_runs(
    executed_once: Project, given: dict[str, int], grid: list[dict[str, object]], words: list[str]
) -> None:
    with refused(*words):
        check_points(load_entry(executed_once, "10_tiny"), given, grid)


def test_points_are_read_as_the_declared_types(executed_once: Project) -> None:
    grid = [{"rate": 1, "dataset": "a", "n_seeds": None}]
    (point,) = check_points(load_entry(executed_once, "10_tiny"), {"steps": "30"}, grid)
    assert point == {"rate": 1.0, "dataset": "a", "n_seeds": None}
    assert type(point["rate"]) is float


def test_results_depend_on_code_claims_lock_and_data(
    executed: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def now(points: list[dict[str, object]] = []) -> dict[str, object]:  # noqa: B006
        entry = load_entry(executed, "10_tiny")
        return dependencies(executed, entry, {"steps": "30"}, points)  # type: ignore[arg-type]

    first = now()
    assert first["given"] == {"steps": 30}
    assert now() == first
    core = executed.notebooks / "tiny_core.py"
    core.write_text(core.read_text().replace("ANSWER = 42", "ANSWER = 43"))
    second = now()
    assert {k for k in first if first[k] != second[k]} == {"library"}
    executed.lock_file.write_text("numpy==2.1\n")
    assert {k for k in first if second[k] != now()[k]} == {"lock"}
    (tmp_path / "data" / "mnist").mkdir(parents=True)
    (tmp_path / "data" / "mnist" / "images").write_bytes(b"1")
    monkeypatch.setenv("REGIME_DATA", str(tmp_path / "data"))
    assert now()["data"] == first["data"]
    assert now([{"dataset": "mnist"}])["data"] != first["data"]
