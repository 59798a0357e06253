"""A whole small project, commands called in this process, and faults of files made to order."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from regime_lib import (
    cli,
    cli_claims,
    cli_compare,
    cli_doctor,
    cli_evidence,
    cli_firm,
    cli_pdf,
    cli_teach,
    sweeps,
)
from regime_lib.companion.book.catalogue import load_entry
from regime_lib.companion.book.project import Project
from regime_lib.companion.publish import site
from regime_lib.companion.running import doctor
from regime_lib.companion.running.execution import ChapterRun, RunPlan, execute, plan_run
from regime_lib.storage import write_text
from regime_lib.sweeps.engine import sweep
from tests.companion.tiny import make_project, tiny_cells
from tests.instrument.traces import decaying

COMMANDS = (cli, cli_claims, cli_compare, cli_doctor, cli_evidence, cli_firm, cli_pdf, cli_teach)

FIRM = ("firm", "10", "--blocks", "1", "--publish")
SWEEP = ("sweep", "10", "--grid", "steps=100 seed=1", "--publish")
REPORT = ("report", "tracked", "-o", "tracked.html")
EVIDENCE = ("evidence", "10", "-o", "_build/evidence/10_tiny")

#: A page of the book, and what the renderer reads.
PAGES = {
    "_config.yml": "title: Tiny\n",
    "_toc.yml": "format: jb-book\nroot: book/index\n",
    "book/index.md": "# Tiny\n\nThe ratio is *θ*.\n",
    "book/deep/page.md": "# Deep\n",
    "book/references.bib": "@misc{one,\n  author = {One, A.},\n  year = {2020},\n}\n",
}


def make_whole_project(root: Path) -> Project:
    """Make a project with pages, one chapter that was run, and a copy of that run."""
    cells = tiny_cells(figure=True)
    for cell in cells:  # a module of its own: others of the name may be loaded in this process
        cell["source"] = cell["source"].replace("tiny_measure", "faulty_measure")
    cells[1]["source"] += "\nseed: int = 0  # the first of the seeds [0..1000000]"
    project = make_project(root, cells)
    (project.notebooks / "tiny_measure.py").rename(project.notebooks / "faulty_measure.py")
    for name, text in PAGES.items():
        (project.root / name).parent.mkdir(parents=True, exist_ok=True)
        (project.root / name).write_text(text, encoding="utf-8")
    (run,) = execute(project, [plan_run(project, load_entry(project, "10_tiny"))])
    assert run.status == "ran", run.error
    shutil.copytree(project.executed, project.build / "kept")
    return project


def make_everything(project: Project, patch: pytest.MonkeyPatch) -> Project:
    """Let every command leave something to read."""
    in_this_process(project, patch)
    compare = ("compare", "10", "-o", "receipt.json")
    decaying(3.0, 9.0, 20).save(project.root / "tracked")
    for command in (("accept",), compare, FIRM, SWEEP, EVIDENCE, ("run", "10"), ("accept",)):
        said = call(*command)
        assert said.code == 0, (command, said.err)
    return project


@dataclass
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str


def call(*arguments: str) -> Said:
    """Call the command in this process; what it raises is raised here."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = cli._run(arguments)
    return Said(code, out.getvalue(), err.getvalue())


def in_this_process(project: Project, patch: pytest.MonkeyPatch) -> None:
    """Let commands find the project; run chapters and points here, and render in an instant."""
    for module in COMMANDS:
        patch.setattr(module, "find_project", lambda: project)
    patch.setenv("REGIME_ROOT", str(project.root))  # where points of a sweep look
    patch.chdir(project.root)
    patch.syspath_prepend(str(project.notebooks))
    for module in (cli, cli_evidence, site):
        patch.setattr(module, "execute", _execute_by_copying)
    patch.setattr(site, "_render", _render_at_once)
    patch.setattr(sweeps, "sweep", _sweep_here)
    patch.setattr(doctor, "_run", lambda command: None)
    patch.setattr(doctor, "_installed", lambda name: "2.0")
    patch.setattr(doctor, "font_found", lambda: doctor.python_found((3, 11, 0)))


def _execute_by_copying(project: Project, plans: Sequence[RunPlan], jobs: int | None) -> Any:
    for plan in plans:
        if plan.stale:
            text = (project.build / "kept" / plan.entry.path.name).read_text(encoding="utf-8")
            if plan.key.parameters["profile"] == "paper":
                text = text.replace('"profile": "quick"', '"profile": "paper"')
            executed = json.loads(text)
            executed["metadata"]["regime"] = plan.key.as_metadata()
            write_text(plan.target, json.dumps(executed, indent=1))
    return tuple(ChapterRun(plan, "ran" if plan.stale else "up to date") for plan in plans)


def _render_at_once(project: Project, root: Path, output: Path) -> Path:
    html = output / "_build" / "html"
    html.mkdir(parents=True)
    (html / "index.html").write_text("<p>The book", encoding="utf-8")
    return html


def _sweep_here(run: Any, points: Any, **options: Any) -> Any:
    del options["jobs"]
    with ThreadPoolExecutor(1) as here:
        return sweep(run, points, **{**options, "executor": here, "progress": False})


# --- files that are read, and writes that fail --------------------------------------------------

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_REMOVES = frozenset({"os.remove", "os.rmdir"})
_MOVES = _REMOVES | {"os.rename", "os.chmod"}  # these need no room
_GROWS = frozenset({"os.mkdir", "os.link", "os.symlink"})


@dataclass
class Watch:
    """Sees which files below `root` are read; asks `fail` before each change of one."""

    root: Path
    fail: Callable[[str, str], None] = lambda name, event: None
    read: set[Path] = field(default_factory=set)

    def see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not isinstance(arguments[0], str | Path):
            return
        path = Path(os.path.abspath(arguments[0]))  # noqa: PTH100  # resolve() would be seen, too
        if not path.is_relative_to(self.root) or "__pycache__" in path.parts:
            return
        if event == "open" and not (arguments[2] & _WRITES):
            self.read.add(path)
        else:
            self.fail(str(path), event)


_watching: list[Watch] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and (event == "open" or event in _MOVES or event in _GROWS):
        watch = _watching.pop()  # what it does itself is nobody's business
        try:
            watch.see(event, arguments)
        finally:
            _watching.append(watch)


sys.addaudithook(_audit)


@contextmanager
def watched(watch: Watch) -> Iterator[Watch]:
    """See what is opened, made, moved and removed in the block."""
    write_parquet, sync = pd.DataFrame.to_parquet, os.fsync

    def to_parquet(table: pd.DataFrame, place: Any, **options: Any) -> Any:
        if isinstance(place, Path):  # it is not Python that opens the file
            watch.fail(str(place), "open")
        return write_parquet(table, place, **options)

    def fsync(file: int) -> None:
        watch.fail("a file", "open")
        sync(file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pd.DataFrame, "to_parquet", to_parquet)
        patch.setattr(os, "fsync", fsync)
        _watching.append(watch)
        try:
            yield watch
        finally:
            _watching.remove(watch)


@dataclass
class Fault:
    """Fails the write with a number, counted from 0; counts them all."""

    kind: str  # "full": it and all that need room after it; "once": it alone; "read-only": all
    number: int
    seen: int = 0
    struck: int = 0

    def __call__(self, name: str, event: str) -> None:
        needs_no_room = event in _MOVES and self.kind == "full"
        tidies = event in _REMOVES and self.kind == "once"  # what stays is only in the way
        if needs_no_room or tidies:
            return
        here, self.seen = self.seen, self.seen + 1
        if here == self.number or (here > self.number and self.kind != "once"):
            self.struck += 1
            code = {"full": errno.ENOSPC, "once": errno.EIO, "read-only": errno.EROFS}[self.kind]
            raise OSError(code, os.strerror(code), name)
