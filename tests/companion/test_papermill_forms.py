"""Plain papermill, in every form of giving parameters: accepted, or refused in one sentence."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import papermill
import pytest
from papermill.exceptions import PapermillExecutionError

from regime_lib.companion.book.notebooks import read_notebook
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.ledger import measurements_in
from tests.companion.tiny import make_project

WANTED = "{steps: 80, rate: 0.5}"

# What each form is given; "FILE" stands for a YAML file that holds WANTED.
FORMS = {
    "-p": ["-p", "steps", "80", "-p", "rate", "0.5"],
    "-y": ["-y", WANTED],
    "-f": ["-f", "FILE"],
    "-b": ["-b", base64.b64encode(WANTED.encode()).decode()],
}
TRAPS = {
    "an unknown name": (["-p", "stepz", "80"], "'stepz'"),
    "YAML reads 1e-3 as text": (["-y", "{rate: 1e-3}"], "rate"),
    "raw text": (["-r", "steps", "80"], "steps"),
    "out of range": (["-p", "steps", "5"], "steps"),
    "a truth value for a number": (["-p", "steps", "True"], "steps"),
    "a list for a number": (["-y", "{steps: [80]}"], "steps"),
    "an unknown profile": (["-p", "profile", "slow"], "profile"),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_project(tmp_path_factory.mktemp("papermill") / "project")


def run_papermill(
    project: Project, output: Path, arguments: list[str]
) -> subprocess.CompletedProcess[str]:
    source = str(project.notebooks / "10_tiny.ipynb")
    environment = {k: v for k, v in os.environ.items() if k != "REGIME_ROOT"}
    return subprocess.run(
        [sys.executable, "-m", "papermill", source, str(output), *arguments,
         "--no-progress-bar", "-k", "python3"],
        cwd=project.notebooks, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def steps_in(path: Path) -> float:
    return measurements_in(read_notebook(path), path.name)["rc-tiny-steps"].value


@pytest.mark.parametrize("form", FORMS, ids=FORMS)
def test_every_form_of_the_command_sets_parameters(
    project: Project, tmp_path: Path, form: str
) -> None:
    (tmp_path / "wanted.yml").write_text(WANTED)
    arguments = [str(tmp_path / "wanted.yml") if a == "FILE" else a for a in FORMS[form]]
    done = run_papermill(project, tmp_path / "out.ipynb", arguments)
    assert done.returncode == 0, done.stderr
    assert steps_in(tmp_path / "out.ipynb") == 80


def test_python_sets_parameters(project: Project, tmp_path: Path) -> None:
    papermill.execute_notebook(
        str(project.notebooks / "10_tiny.ipynb"),
        str(tmp_path / "out.ipynb"),
        parameters={"steps": 80},
        kernel_name="python3",
        cwd=str(project.notebooks),
        progress_bar=False,
    )
    assert steps_in(tmp_path / "out.ipynb") == 80


@pytest.mark.parametrize("trap", TRAPS, ids=TRAPS)
def test_traps_are_refused_by_the_first_code_cell(
    project: Project, tmp_path: Path, trap: str
) -> None:
    arguments, name = TRAPS[trap]
    done = run_papermill(project, tmp_path / "out.ipynb", arguments)
    assert done.returncode == 1
    (sentence,) = {line for line in done.stderr.splitlines() if line.startswith("RegimeError: ")}
    assert name in sentence
    assert measurements_in(read_notebook(tmp_path / "out.ipynb"), "out.ipynb") == {}


def test_python_is_refused_too(project: Project, tmp_path: Path) -> None:
    with pytest.raises(PapermillExecutionError, match="steps"):
        papermill.execute_notebook(
            str(project.notebooks / "10_tiny.ipynb"),
            str(tmp_path / "out.ipynb"),
            parameters={"steps": "80"},
            kernel_name="python3",
            cwd=str(project.notebooks),
            progress_bar=False,
        )
