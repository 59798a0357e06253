"""What is kept is listed with its size, and kept below a cap; what a killed run left is found."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from regime_lib import cli_cache
from regime_lib.cli_cache import keep_below
from regime_lib.companion.book.project import Project
from regime_lib.companion.running.scratch import (
    abandoned_folders,
    remove_oldest,
    scratch_folder,
    size_of,
)
from tests.companion.tiny import make_project
from tests.test_cli import Said

Capture = pytest.CaptureFixture[str]

LEFT_BEHIND = """
import os, signal
from regime_lib.companion.running.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "half").write_text("half")
    print(folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project, with a cache and a folder of temporary files that are nobody else's."""
    made = make_project(tmp_path / "project")
    for name in ("cache", "tmp"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("REGIME_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr(cli_cache, "find_project", lambda: made)
    return made


def aged(path: Path, size: int, days: float) -> Path:
    """Make a file that was last used some days ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    os.utime(path, (time.time() - days * 86_400,) * 2)
    return path


def leave_behind() -> Path:
    """Let a process be killed while it holds a temporary folder."""
    done = subprocess.run(
        [sys.executable, "-c", LEFT_BEHIND], capture_output=True, text=True, check=False, timeout=60
    )
    return Path(done.stdout.strip())


def test_a_folder_is_gone_after_the_block_and_held_within(project: Project) -> None:
    with scratch_folder() as folder:
        assert folder.is_dir()
        assert abandoned_folders() == []
    assert not folder.exists()


def test_what_a_killed_run_left_is_listed_and_removed(project: Project, capsys: Capture) -> None:
    folder = leave_behind()
    assert (folder / "half").read_text() == "half"
    with scratch_folder() as held:
        assert abandoned_folders() == [folder]
        said = Said(capsys, "cache")
        assert f"left behind by a killed run: {folder}; " in said.out
        said = Said(capsys, "cache", "--prune")
        assert held.is_dir()
    assert said.out.endswith("1 removed\n")
    assert not folder.exists()


def test_an_old_folder_without_a_lock_is_given_up_and_a_young_one_is_not(project: Project) -> None:
    old, young = (Path(tempfile.mkdtemp(prefix="regime-")) for _ in range(2))
    os.utime(old, (time.time() - 2 * 86_400,) * 2)
    assert abandoned_folders() == [old]
    assert young.is_dir()


def test_the_oldest_files_go_first_and_what_was_just_used_stays(tmp_path: Path) -> None:
    old, older, young = (
        aged(tmp_path / name, 100, days) for name, days in (("a/old", 3), ("older", 9), ("new", 0))
    )
    assert size_of(tmp_path) == 300
    assert remove_oldest(tmp_path, 300) == []
    assert remove_oldest(tmp_path, 250) == [older]
    assert remove_oldest(tmp_path, 0) == [old]
    assert young.exists()


def test_the_cap_is_for_what_can_be_downloaded_or_trained_again(
    project: Project, capsys: Capture, tmp_path: Path
) -> None:
    checkpoint = aged(tmp_path / "cache" / "grokking" / "step.pt", 3000, 9)
    result = aged(project.build / "sweeps" / "10_tiny" / "results" / "x.json", 500, 99)
    told = {one["what"]: one["bytes"] for one in Said(capsys, "cache", "--json").json()["kept"]}
    assert told["data sets and checkpoints"] == 3000
    assert told["sweeps"] == 500
    assert keep_below() == []  # far below the cap that holds by default
    removed = Said(capsys, "cache", "--prune", "--cap", "0", "--json").json()["removed"]
    assert removed == [str(checkpoint)]
    assert result.exists()


def test_the_list_says_where_things_are(project: Project, capsys: Capture, tmp_path: Path) -> None:
    said = Said(capsys, "cache")
    assert said.code == 0
    assert f"GiB of at most 20 GiB  {tmp_path / 'cache'}" in said.out
    assert str(project.measurements) in said.out
