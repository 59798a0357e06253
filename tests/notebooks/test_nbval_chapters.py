"""nbval as `make test` calls it: passes a chapter that is faithful, fails one that is not."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import GenericAlias
from typing import Any

import pytest

from regime_lib.companion.book.catalogue import load_entry
from regime_lib.companion.book.project import Project
from regime_lib.companion.running.execution import execute, plan_run
from regime_lib.keeping import dumps, loads
from tests.companion.tiny import make_project, tiny_cells

ROOT = Path(__file__).resolve().parents[2]
STORY = "import time\nprint(object())\nprint(f'{time.perf_counter():.0f} s')\nprint(p.steps)"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_project(tmp_path_factory.mktemp("nbval") / "project", tiny_cells(STORY))
    (run,) = execute(project, [plan_run(project, load_entry(project, "10_tiny"))])
    shutil.copyfile(run.plan.target, project.notebooks / "10_tiny.ipynb")
    return project


def nbval(project: Project, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.notebooks.nbval_guard", "--nbval"]
    command += ["--nbval-current-env", "-n", "1", "--dist", "loadfile", "--nbval-sanitize-with"]
    command += ["tests/notebooks/nbval_sanitize.cfg", *options, str(folder)]
    environment = {**os.environ, "REGIME_ROOT": str(project.root)}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_addresses_and_durations_may_differ_and_measurements_are_left(project: Project) -> None:
    shutil.rmtree(project.measurements)
    done = nbval(project, project.notebooks)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nbval compared 2 cells in 1 notebooks" in done.stdout
    assert len(list((project.measurements / "10_tiny").iterdir())) == 1


def test_a_verdict_that_differs_fails(project: Project) -> None:
    path = project.notebooks / "10_tiny.ipynb"
    text = path.read_text()
    assert "rc-tiny-ratio : reproduced" in text
    path.write_text(text.replace("rc-tiny-ratio : reproduced", "rc-tiny-ratio : partly"))
    try:
        done = nbval(project, project.notebooks)
    finally:
        path.write_text(text)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed" in done.stdout


def test_a_wrong_kept_measurement_is_not_read(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGIME_MEASUREMENTS", "reuse")  # as somebody may have set it
    assert nbval(project, project.notebooks).returncode == 0
    (kept,) = (project.measurements / "10_tiny").iterdir()
    monkeypatch.syspath_prepend(str(project.notebooks))
    times = importlib.import_module("tiny_measure").Times
    kind: Any = GenericAlias(tuple, (times, float))  # and how long it took
    right, seconds = loads(kind, kept.read_bytes())
    ratio = replace(right.claims["rc-tiny-ratio"], value=0.5, low=0.5, high=0.5)
    planted = dumps((replace(right, claims={**right.claims, "rc-tiny-ratio": ratio}), seconds))
    kept.write_bytes(planted)

    done = nbval(project, project.notebooks)
    assert done.returncode == 0, done.stdout + done.stderr  # computed, not read
    assert loads(kind, kept.read_bytes())[0] == right

    kept.write_bytes(planted)
    path = project.executed / "10_tiny.ipynb"
    path.unlink()
    execute(project, [plan_run(project, load_entry(project, "10_tiny"))])
    assert "rc-tiny-ratio : not reproduced" in path.read_text()  # the plant was a real one
