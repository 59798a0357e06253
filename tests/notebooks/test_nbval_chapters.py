"""nbval as `make test` calls it: passes a chapter that is faithful, fails one that is not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from regime_lib.companion.book.catalogue import load_entry
from regime_lib.companion.book.notebooks import read_notebook, source_of
from regime_lib.companion.book.project import Project
from regime_lib.companion.running.execution import execute, plan_run
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


def test_addresses_and_durations_may_differ_and_the_run_is_kept(project: Project) -> None:
    target = project.executed / "10_tiny.ipynb"
    by_regime = read_notebook(target)
    target.unlink()
    done = nbval(project, project.notebooks, "--keep-runs")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nbval compared 2 cells in 1 notebooks" in done.stdout

    as_nbval_found_it = Project(project.root)
    entry = load_entry(as_nbval_found_it, "10_tiny")
    assert not plan_run(as_nbval_found_it, entry).stale
    by_nbval = read_notebook(target)
    assert by_nbval["metadata"].pop("regime")
    assert by_regime["metadata"].pop("regime")
    assert by_nbval["metadata"] == by_regime["metadata"]
    differ = [
        source_of(one)
        for one, other in zip(by_nbval["cells"], by_regime["cells"], strict=True)
        if one != other
    ]
    assert [source for source in differ if "provenance" not in source] == [STORY]


def test_a_verdict_that_differs_fails_and_is_not_kept(project: Project) -> None:
    text = (project.notebooks / "10_tiny.ipynb").read_text()
    assert "rc-tiny-ratio : reproduced" in text
    changed = text.replace("rc-tiny-ratio : reproduced", "rc-tiny-ratio : partly")
    kept = (project.executed / "10_tiny.ipynb").read_bytes()
    (project.notebooks / "10_tiny.ipynb").write_text(changed)
    try:
        done = nbval(project, project.notebooks, "--keep-runs")
    finally:
        (project.notebooks / "10_tiny.ipynb").write_text(text)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed" in done.stdout
    assert kept == (project.executed / "10_tiny.ipynb").read_bytes()
