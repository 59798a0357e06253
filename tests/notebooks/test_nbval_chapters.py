"""nbval as `make test` calls it: passes a chapter that is faithful, fails one that is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from regime_lib.companion.catalogue import load_entry
from regime_lib.companion.execution import execute, plan_run
from regime_lib.companion.project import Project
from tests.companion.tiny import make_project, tiny_cells

ROOT = Path(__file__).resolve().parents[2]
STORY = "import time\nprint(object())\nprint(f'{time.perf_counter():.0f} s')\nprint(p.steps)"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_project(tmp_path_factory.mktemp("nbval") / "project", tiny_cells(STORY))
    (run,) = execute(project, [plan_run(project, load_entry(project, "10_tiny"))])
    shutil.copyfile(run.plan.target, project.notebooks / "10_tiny.ipynb")
    return project


def nbval(project: Project, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.notebooks.nbval_guard", "--nbval"]
    command += ["--nbval-current-env", "-n", "1", "--dist", "loadfile", "--nbval-sanitize-with"]
    command += ["tests/notebooks/nbval_sanitize.cfg", str(folder)]
    environment = {**os.environ, "REGIME_ROOT": str(project.root)}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_addresses_and_durations_may_differ_and_two_cells_are_compared(project: Project) -> None:
    done = nbval(project, project.notebooks)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nbval compared 2 cells in 1 notebooks" in done.stdout


def test_a_verdict_that_differs_fails(project: Project, tmp_path: Path) -> None:
    text = (project.notebooks / "10_tiny.ipynb").read_text()
    assert "rc-tiny-ratio : reproduced" in text
    changed = text.replace("rc-tiny-ratio : reproduced", "rc-tiny-ratio : partly")
    (tmp_path / "10_tiny.ipynb").write_text(changed)
    done = nbval(project, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed" in done.stdout
