"""The command says what it did in words or JSON, and every mistake in one sentence."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from regime_lib import cli, cli_evidence
from regime_lib.chapters.three_times import long_runs
from regime_lib.cli import main
from regime_lib.companion.book.project import Project
from tests.companion.tiny import make_project, tiny_cells


@pytest.fixture(scope="module")
def project_once(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Run one chapter through the command, for all tests that only look at it."""
    project = make_project(tmp_path_factory.mktemp("cli") / "project", tiny_cells(figure=True))
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for module in (cli, cli_evidence):
            patch.setattr(module, "find_project", lambda: project)
        with pytest.raises(SystemExit) as end:
            main(["run", "10", "--json"])
    assert end.value.code == 0
    (run,) = json.loads(out.getvalue())
    assert (run["chapter"], run["status"], run["error"]) == ("10_tiny", "ran", None)
    assert run["path"] == "_build/notebooks/10_tiny.ipynb"
    assert "10_tiny" in err.getvalue()  # the progress bar
    assert "10/10" in err.getvalue()
    return project


@pytest.fixture
def project(project_once: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a copy of the project, and work in it."""
    root = (tmp_path / "project").resolve()
    shutil.copytree(project_once.root, root)
    copy = Project(root, root / "library")
    for module in (cli, cli_evidence):
        monkeypatch.setattr(module, "find_project", lambda: copy)
    monkeypatch.chdir(root)
    return copy


class Said:
    """What a call of the command left behind."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> None:
        with pytest.raises(SystemExit) as end:
            main(arguments)
        captured = capsys.readouterr()
        self.code = end.value.code
        self.out, self.err = captured.out, captured.err

    def json(self) -> Any:
        return json.loads(self.out)


def test_list_names_chapters_parameters_and_verdicts(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    said = Said(capsys, "list")
    assert said.code == 0
    for words in (
        "10_tiny  A tiny chapter",
        "2 claims: 1 reproduced, 1 checked",
        "-p steps: int = 200  how long to watch [steps, 10..1000]",
        "-p n_seeds: int | None = None",
    ):
        assert words in said.out
    (chapter,) = Said(capsys, "list", "--json").json()
    assert chapter["chapter"] == "10_tiny"
    assert chapter["claims"] == 2
    assert chapter["verdicts"] == {"reproduced": 1, "checked": 1}
    assert chapter["parameters"][1] == {
        "name": "steps",
        "type": "int",
        "default": 200,
        "help": "how long to watch",
        "unit": "steps",
        "range": "10..1000",
    }


def test_what_is_up_to_date_is_told_so(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    said = Said(capsys, "run", "tiny")
    assert said.out == "10_tiny: up to date, _build/notebooks/10_tiny.ipynb\n"
    assert said.err == ""


def test_why_explains_and_runs_nothing(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Said(capsys, "run", "all", "--why").out == "10_tiny: up to date\n"
    said = Said(capsys, "run", "10", "--why", "-p", "steps", "80", "--profile", "paper")
    assert said.out == '10_tiny: parameter profile: "quick" → "paper"; parameter steps: 200 → 80\n'
    elsewhere = Said(capsys, "run", "10", "--why", "--json", "-o", "elsewhere").json()
    assert elsewhere == [{"chapter": "10_tiny", "stale": True, "reasons": ["never run"]}]
    project.lock_file.write_text("numpy==2.1\n")
    assert Said(capsys, "run", "10", "--why").out == "10_tiny: requirements.lock changed\n"
    assert not (project.root / "elsewhere").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "tinny"], ["no chapter 'tinny'", "did you mean 10_tiny"]),
        (["run"], ["CHAPTER"]),
        (["run", "10", "-p", "stepz", "80"], ["'stepz'", "did you mean 'steps'"]),
        (["run", "10", "-p", "steps", "many"], ["'steps'", "whole number", "'many'"]),
        (["run", "10", "-p", "steps", "-4"], ["'steps'", "10..1000"]),
        (["run", "10", "-p", "steps"], ["-p"]),
        (["run", "10", "--profile", "full"], ["'profile'", "quick, paper"]),
        (["run", "10", "--profile", "quick", "-p", "profile", "paper"], ["'profile' is set twice"]),
        (["run", "10", "-j", "0"], ["-j"]),
        (["run", "10", "--wy"], ["--wy", "--why"]),
        (["rum"], ["rum", "run"]),
        (["claims", "--jason"], ["--jason", "--json"]),
    ],
)
def test_wrong_arguments_are_answered_in_one_sentence(
    project: Project,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: list[str],
) -> None:
    said = Said(capsys, *arguments)
    assert said.code == 2
    assert said.out == ""
    assert said.err.startswith("regime: ")
    assert said.err.count("\n") == 1
    assert all(word in said.err for word in words), said.err


def test_help_is_given_with_and_without_asking(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = Said(capsys, "--help")
    assert asked.code == 0
    assert all(name in asked.out for name in ("list", "run", "claims", "book", "accept"))
    assert "Usage" in Said(capsys).err


def test_a_failing_chapter_fails_the_command(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", tiny_cells("raise KeyError('steps')"))
    done = subprocess.run(
        [sys.executable, "-m", "regime_lib", "run", "10", "--json"],
        cwd=project.root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    (run,) = json.loads(done.stdout)
    assert (run["status"], run["path"]) == ("failed", None)
    last = done.stderr.rstrip().splitlines()[-1]
    assert last.startswith("regime: chapter 10_tiny failed in code cell 3 (KeyError: 'steps')")
    assert "Traceback" not in done.stderr
    assert not (project.executed / "10_tiny.ipynb").exists()


def test_accept_says_what_it_wrote(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    said = Said(capsys, "accept")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("accepted 10_tiny: ")
    assert project.reference_file.is_file()


def test_a_sweep_runs_says_what_is_left_and_is_published(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = ("--grid", "steps=100,200 rate=linspace(0,1,2)", "-j", "1")
    said = Said(capsys, "sweep", "tiny", *grid, "-p", "n_seeds", "8", "--publish", "--json")
    assert said.code == 0
    found = said.json()
    assert (found["done"], found["failed"], found["missing"], found["computed"]) == (4, 0, 0, 4)
    table = pd.read_parquet(Path(found["place"]) / "table.parquet")
    assert table["claim"].tolist() == ["rc-tiny-ratio", "rc-tiny-steps"] * 4
    assert table["value"].tolist()[::2] == [1.25, 1.25, 2.5, 2.5]
    assert set(table["n"]) == {8}
    assert (project.root / "book" / "sweeps" / "10_tiny.parquet").is_file()
    said = Said(capsys, "sweep", "tiny", *grid, "-p", "n_seeds", "8")
    assert said.out.startswith("10_tiny: 4 done, 0 failed, 0 missing (0 computed now)")
    said = Said(capsys, "sweep", "--status", found["place"])
    assert said.out == f"{found['place']}: 4 done, 0 failed, 0 missing\n"


def test_a_sweep_with_a_failing_point_says_which(
    project: Project,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "tiny_measure", raising=False)
    path = project.notebooks / "tiny_measure.py"
    path.write_text(path.read_text().replace("tiny_core.called()", "1 / (settings.steps - 100)"))
    said = Said(capsys, "sweep", "10", "--grid", "steps=100,200", "-j", "1", "-o", str(tmp_path))
    assert said.code == 1
    assert "1 done, 1 failed" in said.out
    last = said.err.rstrip().splitlines()[-1]
    assert last.startswith("regime: steps=100: ZeroDivisionError: division by zero")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sweep",), "needs a chapter and --grid"),
        (("sweep", "10"), "--grid"),
        (("sweep", "10", "--grid", "stepz=1"), "'stepz'"),
        (("sweep", "10", "--grid", "steps"), "cannot be read"),
        (("sweep", "10", "--grid", "steps=100", "-p", "steps", "20"), "give it once"),
        (("sweep", "10", "--status", "x"), "--status takes a folder only"),
        (("sweep", "--status", "nowhere"), "no sweep"),
        (("sweep", "10", "--grid", "steps=100", "-j", "1", "--scheduler", "tcp://a:1"), "give one"),
        (("sweep", "10", "--grid", "steps=100", "-o", "nosuch://a"), "nosuch"),
    ],
)
def test_sweeps_that_make_no_sense_are_refused(
    project: Project, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    said = Said(capsys, *arguments)
    assert said.code == 2
    assert words in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("as_grid", [True, False])  # as a grid of runs, as one long run
def test_evidence_is_collected_from_what_is_finished(
    project: Project,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    as_grid: bool,
) -> None:
    if as_grid:
        monkeypatch.setattr(cli_evidence, "_beside", lambda entry, name: long_runs)
    said = Said(capsys, "evidence", "10", "--collect")
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert "holds no finished run" in said.err
    assert not (project.root / "book" / "evidence").exists()


def test_networks_of_a_chapter_without_them_are_refused(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    said = Said(capsys, "evidence", "10", "--networks")
    assert said.code == 2
    assert "10_tiny has no such networks" in said.err


def test_a_chapter_without_short_runs_is_refused_many(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    said = Said(capsys, "evidence", "10", "--many")
    assert said.code == 2
    assert "10_tiny has no short runs; leave out --many" in said.err


def test_a_chapter_at_one_scale_has_no_evidence(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regime_lib.cli_evidence.has_paper_profile", lambda entry: False)
    said = Said(capsys, "evidence", "10")
    assert said.code == 2
    assert "10_tiny has no profile; it runs at one scale only" in said.err


def test_a_chapter_is_run_at_the_papers_scale_and_shown(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    said = Said(capsys, "evidence", "10")
    assert said.code == 0, said.err
    assert "10_tiny: 2 claims at larger scale, book/evidence/10_tiny" in said.out
    said = Said(capsys, "claims", "--json")
    (ratio,) = (claim for claim in json.loads(said.out) if claim["id"] == "rc-tiny-ratio")
    assert ratio["paper_scale"]["n"] == 16  # the profile's number of seeds
    assert "at larger scale: " in Said(capsys, "claims").out


def test_the_book_needs_its_settings(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    said = Said(capsys, "book")
    assert said.code == 1
    assert said.err.startswith("regime: _config.yml is missing; ")


def test_a_reader_who_closes_the_pipe_sees_no_traceback(project: Project) -> None:
    done = subprocess.run(
        f"{sys.executable} -m regime_lib claims --json | head -1",
        cwd=project.root, shell=True, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("[\n", "")
