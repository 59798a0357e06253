"""nbgrader itself takes an assignment: it hands out what we hand out, and grades 0 and all."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.test_cli import Said

# Not among the project's packages; in an environment of its own: python -m venv nbg, then
# nbg/bin/pip install nbgrader, and REGIME_NBGRADER=nbg/bin/nbgrader.
NBGRADER = os.environ.get("REGIME_NBGRADER") or shutil.which("nbgrader")
NAME = "20_tracking_mlp"
#: What nbgrader itself writes beside what we say of a cell.
ADDED = ("checksum", "cell_type")

pytestmark = pytest.mark.skipif(
    NBGRADER is None, reason="nbgrader is not installed; name its command in REGIME_NBGRADER"
)


def run(course: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kernel = course / "jupyter" / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel.write_text(json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"}))
    environment = os.environ | {
        "JUPYTER_PATH": str(course / "jupyter"),
        "JUPYTER_CONFIG_DIR": str(course / "config"),
        "IPYTHONDIR": str(course / "ipython"),
        "PATH": f"{Path(str(NBGRADER)).absolute().parent}{os.pathsep}{os.environ['PATH']}",
    }
    return subprocess.run(
        [str(NBGRADER), *arguments, f"--course-dir={course}"],
        cwd=course, env=environment, capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip


def graded_cells(path: Path) -> list[tuple[str, dict[str, Any]]]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    found = [(cell["source"], cell["metadata"]["nbgrader"]) for cell in cells
             if "nbgrader" in cell["metadata"]]  # fmt: skip
    return [
        ("".join(source), {key: value for key, value in told.items() if key not in ADDED})
        for source, told in found
    ]


def test_nbgrader_hands_out_and_grades_what_we_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    course, ours = tmp_path / "course", tmp_path / "ours"
    assert Said(
        capsys, "teach", "instructor", "20", "--format", "nbgrader", "-o", str(course)
    ).code == 0  # fmt: skip
    assert Said(
        capsys, "teach", "student", "20", "--format", "nbgrader", "-o", str(ours)
    ).code == 0  # fmt: skip
    done = run(course, "generate_assignment", NAME, "--create")
    assert done.returncode == 0, done.stderr
    file = Path("release") / NAME / f"{NAME}.ipynb"
    theirs, mine = graded_cells(course / file), graded_cells(ours / file)
    assert [told for _, told in theirs] == [told for _, told in mine]
    for (source, told), (own, _) in zip(theirs, mine, strict=True):
        assert told["solution"] or source == own
    assert "SOLUTION" not in (course / file).read_text(encoding="utf-8")
    hand_in(course, "empty", ours / file)
    hand_in(course, "right", course / "source" / NAME / f"{NAME}.ipynb")
    done = run(course, "autograde", NAME, "--create")
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(course / "gradebook.db") as book:
        scores = dict(
            book.execute(
                "select s.student_id, sum(g.auto_score) from grade g "
                "join submitted_notebook n on g.notebook_id = n.id "
                "join submitted_assignment s on n.assignment_id = s.id group by s.student_id"
            )
        )
    book.close()
    assert scores == {"empty": 0, "right": 4}


def hand_in(course: Path, student: str, notebook: Path) -> None:
    target = course / "submitted" / student / NAME / f"{NAME}.ipynb"
    target.parent.mkdir(parents=True)
    shutil.copy(notebook, target)
