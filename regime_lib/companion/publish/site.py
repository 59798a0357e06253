"""The rendered book: chapters run where stale, a staged tree, one strict build, one swap."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from regime_lib.companion.book.catalogue import list_chapters
from regime_lib.companion.book.notebooks import read_notebook
from regime_lib.companion.book.project import BuildFailed, Project, reading_committed
from regime_lib.companion.claims.strict_yaml import load_strictly
from regime_lib.companion.figures.drawn import figures_in
from regime_lib.companion.publish.chapter_page import chapter_page
from regime_lib.companion.publish.figure_page import write_pictures
from regime_lib.companion.publish.findings import read_findings
from regime_lib.companion.publish.generated_pages import FOLDER, write_fragments
from regime_lib.companion.publish.live.shipped import (
    kit_folder,
    lacks_kit,
    live_pages,
    still_page,
)
from regime_lib.companion.publish.predictions import question_html
from regime_lib.companion.publish.slim import slim
from regime_lib.companion.running.execution import ChapterRun, execute, plan_run, with_committed
from regime_lib.companion.running.keys import digest_of, library_digests
from regime_lib.storage import sha256_of, write_text

#: In the rendered book: what it was made from.
STAMP = ".regime-book"

_SCRATCH = ".render-"
_RENDER = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"
_COMPLAINT = re.compile(r"(?:WARNING|ERROR|SEVERE|CRITICAL):", re.MULTILINE)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Book:
    """A rendered book."""

    html: Path  # its folder
    status: str  # "rendered" or "up to date"
    runs: tuple[ChapterRun, ...]  # how the chapters came out
    live: bool  # no cell that could run in its page lacks the Python for it


def build_book(project: Project, jobs: int | None = None, *, committed: bool = False) -> Book:
    """Run the chapters that are stale, `jobs` at once, and render the book if anything changed.

    With `committed` no chapter is run whose committed outputs are still up to date.
    The rendered book is replaced only once a new one is complete and free of warnings.
    """
    from filelock import FileLock

    (project.build / "locks").mkdir(parents=True, exist_ok=True)
    with FileLock(project.build / "locks" / "book.lock"):
        plans = [plan_run(project, entry) for entry in list_chapters(project)]
        if committed:
            plans = [with_committed(plan) for plan in plans]
        runs = execute(project, plans, jobs)
        if failed := [run for run in runs if run.status == "failed"]:
            more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
            raise BuildFailed(f"{failed[0].error}{more}")
        stamp, live = _stamp(project), not lacks_kit(project)
        last = project.html / STAMP
        if last.is_file() and last.read_bytes() == stamp.encode():
            return Book(project.html, "up to date", runs, live)
        for left in project.build.glob(f"{_SCRATCH}*"):
            shutil.rmtree(left)  # of a build that was killed
        with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=project.build) as folder:
            rendered = _render(project, stage(project), Path(folder))
            slim(rendered)
            write_text(rendered / STAMP, stamp)
            _swap(rendered, project.html, Path(folder) / "replaced")
        return Book(project.html, "rendered", runs, live)


def stage(project: Project) -> Path:
    """Make a fresh tree of pages, executed chapters and generated fragments; return its root."""
    root = project.build / "stage"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for name in ("_config.yml", "_toc.yml"):
        with reading_committed(project.root / name):
            text = (project.root / name).read_text(encoding="utf-8")
            if not isinstance(load_strictly(text, name), dict):
                raise ValueError("it holds no settings by which to render the book")
        write_text(root / name, text)
    made = shutil.ignore_patterns("__pycache__", FOLDER)
    try:
        shutil.copytree(project.pages, root / "book", ignore=made)
    except shutil.Error as error:  # of many files, each with what went wrong
        _, place, words = error.args[0][0]
        told = words.partition(":")[0]
        raise BuildFailed(
            f"{place} cannot be written ({told}); the book is as it was, so make room and repeat "
            "the command"
        ) from None
    (root / "notebooks").mkdir()
    live, findings = live_pages(project), read_findings(project)
    for entry in list_chapters(project):
        notebook = read_notebook(project.executed / entry.path.name)
        for figure in figures_in(notebook):
            write_pictures(figure, root / "book" / "_static", entry.name)
        if live:
            live.enliven(notebook, entry.name)
        page = chapter_page(notebook, entry.name, question_html(entry.name, findings))
        write_text(root / "notebooks" / entry.path.name, json.dumps(page))
    for path in sorted((root / "book").glob("*.md")):
        with reading_committed(project.pages / path.name):
            text = path.read_text(encoding="utf-8")
        drawn = live.enliven_page(text, path.name) if live else still_page(text)
        if drawn != text:
            write_text(path, drawn)
    if live:
        live.write(root / "book" / "_static")
    write_fragments(project, root / "book")
    return root


def _render(project: Project, root: Path, output: Path) -> Path:
    """Build the staged tree with warnings as errors; return the folder of pages."""
    command = [sys.executable, "-c", _RENDER, "build", str(root), "--path-output", str(output)]
    done = subprocess.run(
        [*command, "-W", "-n", "--keep-going"],
        env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )
    log = _COLOUR.sub("", done.stdout).replace(f"{root}{os.sep}", "")
    write_text(project.build / "book.log", log)
    if done.returncode:
        raise BuildFailed(_complaint(log))
    return output / "_build" / "html"


def _complaint(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if _COMPLAINT.search(line)]
    if not lines:
        said = [line for line in log.splitlines() if re.search(r"\w", line)]  # no frames of boxes
        last = said[-1] if said else "no message"
        return f"the book did not render ({last.strip()}); see _build/book.log"
    count = "1 warning" if len(lines) == 1 else f"{len(lines)} warnings, first"
    return f"the book did not render: {count}: {lines[0]} (all in _build/book.log)"


def _swap(new: Path, place: Path, old: Path) -> None:
    """Put `new` in its `place`, moving what was there to `old`; undo if that fails."""
    if place.exists():
        place.rename(old)
    try:
        new.rename(place)
    except OSError:
        if old.exists():
            old.rename(place)
        raise


def _stamp(project: Project) -> str:
    """Return the digest of everything that the rendered book is made of."""
    files = [project.root / "_config.yml", project.root / "_toc.yml", project.lock_file]
    made = {"__pycache__", FOLDER}
    files += [path for path in sorted(project.pages.rglob("*")) if not made & set(path.parts)]
    files += [project.executed / entry.path.name for entry in list_chapters(project)]
    files += sorted(kit_folder(project).glob("*"))
    digests = {project.show(path): sha256_of(path) for path in files if path.is_file()}
    # What book/_ext imports is named here: pages do not know what is made for a class.
    rendering = [
        f"{project.library.name}.companion.{name}"
        for name in (
            "publish.site",
            "teaching.downloads",
            "teaching.launching",
            "teaching.slides",
            "teaching.machines",
        )
    ]
    return digest_of([digests, library_digests(project, rendering)])
