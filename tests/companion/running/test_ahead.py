"""What a second process measured ahead is what the notebook finds; and it ends with its block."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from regime_lib.companion.book.catalogue import load_entry
from regime_lib.companion.book.notebooks import read_notebook
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.ledger import measurements_in
from regime_lib.companion.running.ahead import measure_backwards, measuring_ahead
from regime_lib.companion.running.execution import execute, plan_run
from regime_lib.companion.running.measuring import VARIABLE
from tests.companion.tiny import make_project

CHAPTER = "10_tiny"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    project = make_project(tmp_path / "project")
    monkeypatch.setenv("REGIME_ROOT", str(project.root))
    monkeypatch.setenv(VARIABLE, "reuse")
    monkeypatch.setenv("TINY_CALLS", str(tmp_path / "calls"))
    return project


def wait_for(told: Callable[[], bool], seconds: float = 60) -> bool:
    until = time.monotonic() + seconds
    while not told() and time.monotonic() < until:
        time.sleep(0.05)
    return told()


def the_child() -> psutil.Process:
    found = [one for one in psutil.Process().children() if CHAPTER in one.cmdline()]
    assert len(found) == 1
    return found[0]


def test_the_notebook_finds_what_was_measured_ahead(project: Project, tmp_path: Path) -> None:
    path = project.notebooks / "tiny_measure.py"
    path.write_text(path.read_text() + "\n\nPARTS = (times,)\n")
    kept = project.measurements / CHAPTER
    with measuring_ahead(CHAPTER, {"steps": 400}):
        child = the_child()
        assert wait_for(lambda: kept.is_dir() and any(kept.glob("times-*.npz")))
    assert not child.is_running()
    entry = load_entry(project, CHAPTER)
    (run,) = execute(project, [plan_run(project, entry, {"steps": "400"})], 1)
    assert run.status == "ran", run.error
    notebook = read_notebook(project.executed / f"{CHAPTER}.ipynb")
    assert measurements_in(notebook, "here")["rc-tiny-ratio"].value == 5.0
    assert (tmp_path / "calls").read_text() == "called "  # ahead, and not once more


def test_parts_that_share_their_runs_are_left_to_the_notebook(project: Project) -> None:
    path = project.notebooks / "tiny_measure.py"
    content = path.read_text()
    for ahead, measured in (("PARTS = (times,)", ["times"]), ("PARTS = (times,)\nAHEAD = ()", [])):
        path.write_text(f"{content}\n\n{ahead}\n")
        sys.modules.pop("tiny_measure", None)
        assert measure_backwards(CHAPTER, {"steps": 400}) == measured


def test_it_does_not_outlast_its_block(project: Project) -> None:
    path = project.notebooks / "tiny_core.py"
    path.write_text("import time\n\ntime.sleep(600)\n")
    path = project.notebooks / "tiny_measure.py"
    path.write_text(path.read_text() + "\n\nPARTS = (times,)\n")
    with measuring_ahead(CHAPTER, {}):
        child = the_child()
        assert child.is_running()
    assert not child.is_running()
