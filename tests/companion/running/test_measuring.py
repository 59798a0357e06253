"""Kept measurements are read only by who may, only while nothing changed, and checks never do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from regime_lib.companion.book.catalogue import load_entry
from regime_lib.companion.book.notebooks import bundles_of, read_notebook
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.ledger import measurements_in
from regime_lib.companion.running.execution import execute, plan_run
from regime_lib.companion.running.measuring import claims_in
from regime_lib.companion.running.provenance import PROVENANCE_MIME
from tests.companion.refusals import refused
from tests.companion.tiny import make_project


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "calls"
    place.write_text("")
    monkeypatch.setenv("TINY_CALLS", str(place))
    return place


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project")


def run(project: Project, **parameters: str) -> float | None:
    """Run the chapter; return the ratio that it recorded."""
    entry = load_entry(project, "10_tiny")
    (run,) = execute(project, [plan_run(project, entry, parameters)])
    assert run.status == "ran", run.error
    path = project.executed / "10_tiny.ipynb"
    return measurements_in(read_notebook(path), "here")["rc-tiny-ratio"].value


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_another_sentence_measures_nothing_anew_but_other_code_does(
    project: Project, calls: Path
) -> None:
    assert run(project) == 2.5
    assert calls.read_text() == "called "
    edit(project.notebooks / "10_tiny.ipynb", "Everywhere else", "Nowhere")
    edit(project.claims_file, "[2, 8]", "[1, 8]")
    assert run(project) == 2.5
    assert calls.read_text() == "called "
    assert run(project, steps="400") == 5.0
    edit(project.notebooks / "tiny_measure.py", "(50, 80, 100)", "(50, 100, 100)")
    assert run(project) == 2.0
    assert calls.read_text() == "called " * 3


def test_the_footer_counts_the_seconds_of_kept_measurements(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINY_SECONDS", "0.5")
    kept = []
    for words in ("Everywhere else", "Nowhere"):
        edit(project.notebooks / "10_tiny.ipynb", "Everywhere else", words)
        run(project)
        (footer,) = bundles_of(read_notebook(project.executed / "10_tiny.ipynb"), PROVENANCE_MIME)
        assert footer["seconds"] >= 0.5
        kept.append(footer["kept"])
    assert kept[0] == 0
    assert kept[1] >= 0.5


def test_a_damaged_file_is_measured_again(project: Project, calls: Path) -> None:
    run(project)
    (kept,) = (project.measurements / "10_tiny").iterdir()
    kept.write_bytes(kept.read_bytes()[:50])
    edit(project.notebooks / "10_tiny.ipynb", "Everywhere else", "Nowhere")
    assert run(project) == 2.5
    assert calls.read_text() == "called " * 2


def test_two_parts_must_not_measure_one_claim(project: Project) -> None:
    import sys

    sys.path.append(str(project.notebooks))
    import tiny_measure

    sys.path.remove(str(project.notebooks))
    times = tiny_measure.times(tiny_measure.Settings(200, 0.1, 4))
    assert claims_in((times, 3)).keys() == {"rc-tiny-ratio", "rc-tiny-steps"}
    with refused("rc-tiny-ratio", "two parts"):
        claims_in((times, [times]))


def test_nothing_is_kept_by_who_is_not_told_to(
    project: Project, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from regime_lib.companion.opening import open_chapter

    monkeypatch.setenv("REGIME_ROOT", str(project.root))
    monkeypatch.syspath_prepend(str(project.notebooks))
    import tiny_measure

    names = {"profile": "quick", "steps": 200, "rate": 0.1, "n_seeds": None, "dataset": "digits"}
    for mode, called, kept in (("", 2, False), ("leave", 4, True), ("reuse", 4, True)):
        monkeypatch.setenv("REGIME_MEASUREMENTS", mode)
        for _ in range(2):
            open_chapter("10_tiny", names, tiny_measure).measure(tiny_measure.times)
        assert calls.read_text().count("called") == called
        assert project.measurements.exists() is kept
    assert os.environ["OMP_NUM_THREADS"] == "1"
