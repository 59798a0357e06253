"""Each write of each command fails in turn: all of it has happened or nothing, and it says so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from regime_lib.companion.book.project import Project
from tests.companion.faults import (
    EVIDENCE,
    FIRM,
    REPORT,
    SWEEP,
    Fault,
    Watch,
    call,
    in_this_process,
    watched,
)
from tests.instrument.traces import decaying

COMMANDS = {
    "run": ("run", "10"),
    "sweep": SWEEP,
    "accept": ("accept",),
    "book": ("book",),
    "evidence": EVIDENCE,
    "compare": ("compare", "10", "-o", "receipt.json"),
    "report": REPORT,
    "firm": FIRM,
}

#: Of the many pages that a book is made of, one in so many fails.
STRIDES = {"book": 11}

#: What a command needs to have happened before.
BEFORE = {"compare": ("accept",)}


@pytest.fixture
def fresh(whole_once: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Return a project that has been run and nothing else, to work on in this process."""
    root = tmp_path / "project"
    shutil.copytree(whole_once.root, root)
    project = Project(root.resolve(), root.resolve() / "library")
    in_this_process(project, monkeypatch)
    return project


def committed(project: Project) -> dict[str, bytes]:
    """Return what a reader would commit: every file outside the folder of builds."""
    files = [path for path in project.root.rglob("*") if path.is_file()]
    outside = [p for p in files if project.build not in p.parents and "__pycache__" not in p.parts]
    return {project.show(path): path.read_bytes() for path in outside}


def leftovers(project: Project) -> list[str]:
    """Return temporary files and unfinished folders, which no command may leave."""
    found = [*project.root.rglob(".*.tmp"), *project.root.rglob(".*.old")]
    return [project.show(path) for path in [*found, *project.build.glob(".render-*")]]


def take_back(project: Project, before: Path) -> None:
    """Take the project back to where it was before a command; the folder itself stays."""
    for path in project.root.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copytree(before, project.root, dirs_exist_ok=True)


def faults(kind: str, stride: int) -> Iterator[Fault]:
    """Yield a fault of each write in turn, or of some, until a command makes fewer."""
    for number in range(0, 1 if kind == "read-only" else 500, stride):
        fault = Fault(kind, number)
        yield fault
        if not fault.struck:
            return


# A write that fails alone is for the commands that would have to take others back.
FAULTS = [
    *((name, kind) for name in COMMANDS for kind in ("full", "read-only")),
    *((name, "once") for name in ("accept", "evidence", "book")),
]


@pytest.mark.parametrize(("name", "kind"), FAULTS)
def test_all_of_a_command_happens_or_nothing(
    fresh: Project, tmp_path: Path, name: str, kind: str
) -> None:
    if name in BEFORE:
        assert call(*BEFORE[name]).code == 0
    if name == "report":
        decaying(3.0, 9.0, 20).save(fresh.root / "tracked")
    if name == "run":
        (fresh.executed / "10_tiny.ipynb").unlink()
    shutil.copytree(fresh.root, again := tmp_path / "again")
    before = committed(fresh)
    assert call(*COMMANDS[name]).code == 0
    changes = {path for path, content in committed(fresh).items() if before.get(path) != content}
    assert changes or name in ("run", "book")
    struck = 0
    for fault in faults(kind, STRIDES.get(name, 1)):
        take_back(fresh, again)
        with watched(Watch(fresh.root, fault)):
            said = call(*COMMANDS[name])
        after = committed(fresh)
        changed = {path for path, content in after.items() if before.get(path) != content}
        where = f"{fault}: {said}, changed {sorted(changed)}"
        assert before.keys() <= after.keys(), where
        assert changed in (set(), changes), where
        if fault.struck:
            struck += 1
            assert said.code == 0 or (not changed and said.err.startswith("regime: ")), where
            assert said.err.count("\n") == (said.code != 0), where
        if kind != "read-only":  # nothing can be removed there either
            assert not leftovers(fresh), where
        assert call(*COMMANDS[name]).code == 0, where  # there is room again
        assert {
            path for path, now in committed(fresh).items() if before.get(path) != now
        } == changes
    assert struck > 0
