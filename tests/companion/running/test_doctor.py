"""`regime doctor` finds what is broken, says so in a sentence with the remedy, and exits so."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from regime_lib import cli_doctor
from regime_lib.companion.book.project import Project
from regime_lib.companion.figures import typeface
from regime_lib.companion.running import doctor
from regime_lib.companion.running.doctor import Finding, State
from tests.companion.tiny import make_project
from tests.test_cli import Said

Capture = pytest.CaptureFixture[str]
LOCK = "# what make installs\nnumpy==2.1\npytest==8.2\nPy_Yaml==6.0\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project")


def judged(findings: list[Finding]) -> list[tuple[State, str]]:
    return [(finding.state, finding.says) for finding in findings]


@pytest.mark.parametrize(
    ("version", "state"),
    [((3, 10, 14), State.WRONG), ((3, 11, 0), State.FINE), ((3, 14, 1), State.FINE)],
)
def test_an_old_python_is_wrong(version: tuple[int, ...], state: State) -> None:
    found = doctor.python_found(version)
    assert found.state is state
    assert ".".join(map(str, version)) in found.says


@pytest.mark.parametrize(
    ("installed", "expected"),
    [
        ({"numpy": "2.1", "pytest": "8.2", "py-yaml": "6.0"}, [(State.FINE, "All 3 packages")]),
        ({"numpy": "2.1+cpu", "pytest": "8.2", "py-yaml": "6.0"}, [(State.FINE, "All 3")]),
        ({"pytest": "8.2", "py-yaml": "6.0"}, [(State.WRONG, "Chapters need numpy, not")]),
        ({"numpy": "2.1", "py-yaml": "6.0"}, [(State.MIND, "Tests and tools need pytest, not")]),
        (
            {"numpy": "2.0", "pytest": "8.2", "py-yaml": "6.0"},
            [(State.MIND, "Not the locked version: numpy 2.0 instead of 2.1; numbers may differ")],
        ),
        (
            {"pytest": "8.3"},
            [
                (State.WRONG, "Chapters need numpy, py-yaml, not installed; run: make setup"),
                (State.MIND, "Not the locked version: pytest 8.3"),
            ],
        ),
    ],
)
def test_packages_are_held_against_the_lock(
    installed: dict[str, str], expected: list[tuple[State, str]], tmp_path: Path
) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(LOCK, encoding="utf-8")
    needed = frozenset({"numpy", "py-yaml"})
    found = judged(list(doctor.packages_found(lock, installed.get, needed)))
    assert [state for state, _ in found] == [state for state, _ in expected]
    for (_, says), (_, begins) in zip(found, expected, strict=True):
        assert says.startswith(begins)


def test_a_missing_lock_is_said(tmp_path: Path) -> None:
    (found,) = doctor.packages_found(tmp_path / "requirements.lock", {}.get, frozenset())
    assert found.state is State.MIND


def test_what_chapters_need_is_what_the_library_declares() -> None:
    needed = doctor._needed()
    assert {"numpy", "torch", "jupyter-book", "click"} <= needed
    assert "ruff" not in needed


def test_threads() -> None:
    (one,) = doctor.threads_found({"OMP_NUM_THREADS": "1"})
    (unset,) = doctor.threads_found({})
    assert one.state is unset.state is State.FINE
    (four,) = doctor.threads_found({"OMP_NUM_THREADS": "4", "MKL_NUM_THREADS": "1"})
    assert four.state is State.MIND
    assert "export OMP_NUM_THREADS=1" in four.says


def test_data(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert doctor.data_found(None).state is State.FINE
    assert doctor.data_found(str(tmp_path)).state is State.FINE
    for bad in ("file", "gone"):
        found = doctor.data_found(str(tmp_path / bad))
        assert found.state is State.WRONG
        assert "unset REGIME_DATA" in found.says


def test_a_folder_is_tried_without_being_made(tmp_path: Path) -> None:
    found = doctor.folder_found("cache", tmp_path / "not" / "yet")
    assert found.state is State.FINE
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refused)
    found = doctor.folder_found("cache", tmp_path)
    assert found.state is State.WRONG
    assert "Permission denied" in found.says
    assert "REGIME_CACHE" in found.says


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("usage", (), {"free": 10**9})
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    found = doctor.folder_found("build", tmp_path)
    assert found.state is State.MIND
    assert "0.9 GiB free" in found.says


def test_a_missing_font_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.font_found().state is State.FINE
    monkeypatch.setattr(typeface, "SECOND", "No Such Font At All")
    assert doctor.font_found().state is State.WRONG


def test_a_browser_is_looked_for_as_the_tests_do(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert doctor.browser_found(project).state is State.FINE  # nothing there needs one
    script = project.root / ".ci" / "browser"
    script.parent.mkdir()
    monkeypatch.delenv("REGIME_CHROMIUM", raising=False)
    script.write_text('[ "$1" = --find ] && echo /found/chromium\n', encoding="utf-8")
    assert "/found/chromium" in doctor.browser_found(project).says
    script.write_text("exit 1\n", encoding="utf-8")
    assert doctor.browser_found(project).state is State.MIND
    monkeypatch.setenv("REGIME_CHROMIUM", "/gone")
    assert doctor.browser_found(project).state is State.WRONG


def test_git(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.root.parent))
    assert "not under version control" in doctor.git_found(project).says
    run = ["git", "-C", str(project.root), "-c", "user.name=x", "-c", "user.email=x@x"]
    subprocess.run([*run, "init", "-q"], check=True)
    subprocess.run([*run, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    assert doctor.git_found(project).state is State.FINE
    monkeypatch.setenv("PATH", str(project.root))
    assert "git is not installed" in doctor.git_found(project).says


def test_every_line_is_one_sentence_with_a_remedy_where_one_is_needed(project: Project) -> None:
    for found in doctor.examine(project, {"cache": project.root}):
        assert found.says[0].isupper() or found.says.startswith(("/", "OMP", "MKL", "OPEN"))
        assert "\n" not in found.says
        if found.state is not State.FINE:
            assert any(word in found.says for word in ("run: ", "install", "clone", "restore"))


@pytest.mark.parametrize(
    ("states", "code"),
    [([State.FINE, State.MIND], 0), ([State.FINE, State.WRONG], 1)],
)
def test_the_command_exits_with_1_if_something_is_wrong(
    states: list[State], code: int, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = [Finding(f"topic {i}", state, "It is so.") for i, state in enumerate(states)]
    monkeypatch.setattr(cli_doctor, "examine", lambda *_: findings)
    said = Said(capsys, "doctor")
    assert said.code == code
    assert [line.split()[0] for line in said.out.splitlines()] == [str(s) for s in states]
    said = Said(capsys, "doctor", "--json")
    assert said.code == code
    assert said.json() == {
        "wrong": bool(code),
        "findings": [one.as_dict() for one in findings],
    }


def test_no_project_is_a_finding(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGIME_ROOT", "/nowhere")
    said = Said(capsys, "doctor")
    assert said.code == 1
    assert said.out.startswith("wrong  project  REGIME_ROOT names /nowhere")


def test_this_environment_is_examined_in_a_process_of_its_own() -> None:
    command = [sys.executable, "-m", "regime_lib", "doctor"]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "3"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode in (0, 1), done.stderr
    assert "export OPENBLAS_NUM_THREADS=1" in done.stdout
    assert "Traceback" not in done.stderr
