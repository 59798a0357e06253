"""The rendered book: chapters run where stale, a staged tree, one strict build, one swap."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from regime_lib.companion.book.catalogue import list_chapters
from regime_lib.companion.book.notebooks import (
    Node,
    code_cells,
    outputs_of,
    read_notebook,
    source_of,
)
from regime_lib.companion.book.project import BuildFailed, Project
from regime_lib.companion.claims.ledger import CLAIM_MIME
from regime_lib.companion.figures.drawn import FIGURE_MIME, DrawnFigure, figures_in
from regime_lib.companion.publish.figure_page import figure_html, write_pictures
from regime_lib.companion.publish.generated_pages import FOLDER, write_fragments
from regime_lib.companion.running.execution import ChapterRun, execute, plan_run
from regime_lib.companion.running.keys import digest_of, library_digests
from regime_lib.companion.running.provenance import PROVENANCE_MIME
from regime_lib.storage import sha256_of, write_text

#: In the rendered book: what it was made from.
STAMP = ".regime-book.json"

_SCRATCH = ".render-"
_RENDER = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"
_COMPLAINT = re.compile(r"(?:WARNING|ERROR|SEVERE|CRITICAL):", re.MULTILINE)
# a first line of cells that a formatter would break
_FORMATTERS_OFF = "# fmt: off\n"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Book:
    """A rendered book.

    Attributes
    ----------
    html : Path
        Its folder.
    status : str
        ``rendered`` or ``up to date``.
    runs : tuple of ChapterRun
        How the chapters came out.
    """

    html: Path
    status: str
    runs: tuple[ChapterRun, ...]


def build_book(project: Project, jobs: int | None = None) -> Book:
    """Run the chapters that are stale and render the book, if anything it is made of changed.

    The rendered book is replaced only once a new one is complete and free of warnings.

    Parameters
    ----------
    project : Project
        The book.
    jobs : int, optional
        How many chapters run at once.

    Raises
    ------
    BuildFailed
        If a chapter fails or the rendering complains; the book that was there stays.
    """
    from filelock import FileLock

    project.build.mkdir(exist_ok=True)
    (project.build / "locks").mkdir(exist_ok=True)
    with FileLock(project.build / "locks" / "book.lock"):
        plans = [plan_run(project, entry) for entry in list_chapters(project)]
        runs = execute(project, plans, jobs)
        require_success(runs)
        stamp = _stamp(project)
        if _read_stamp(project) == stamp:
            return Book(project.html, "up to date", runs)
        for left in project.build.glob(f"{_SCRATCH}*"):
            shutil.rmtree(left)  # of a build that was killed
        with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=project.build) as folder:
            rendered = _render(project, stage(project), Path(folder))
            write_text(rendered / STAMP, json.dumps({"inputs": stamp}) + "\n")
            _swap(rendered, project.html, Path(folder) / "replaced")
        return Book(project.html, "rendered", runs)


def require_success(runs: Sequence[ChapterRun]) -> None:
    """Raise the first failure among `runs`, if there is one."""
    failed = [run for run in runs if run.status == "failed"]
    if failed:
        more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
        raise BuildFailed(f"{failed[0].error}{more}")


def stage(project: Project) -> Path:
    """Make a fresh tree of pages, executed chapters and generated fragments; return its root."""
    root = project.build / "stage"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for name in ("_config.yml", "_toc.yml"):
        if not (project.root / name).is_file():
            raise BuildFailed(f"there is no {name} in the project's root to render the book by")
        shutil.copyfile(project.root / name, root / name)
    shutil.copytree(
        project.root / "book",
        root / "book",
        ignore=shutil.ignore_patterns("__pycache__", FOLDER),
    )
    (root / "notebooks").mkdir()
    for entry in list_chapters(project):
        notebook = read_notebook(project.executed / entry.path.name)
        for figure in figures_in(notebook):
            write_pictures(figure, root / "book" / "_static", entry.name)
        page = json.dumps(_renderable(notebook, entry.name))
        write_text(root / "notebooks" / entry.path.name, page)
    write_fragments(project, root / "book")
    return root


def _renderable(notebook: Node, chapter: str) -> Node:
    """Show figures as pages do, and drop what is not for readers: the ledger's own outputs, and
    what is said to formatters.

    myst-nb warns of every type of output that it cannot draw.
    """
    for cell in code_cells(notebook):
        cell["source"] = source_of(cell).removeprefix(_FORMATTERS_OFF)
    for _, output in outputs_of(notebook):
        data = output.get("data", {})
        if FIGURE_MIME in data:
            output["data"] = {"text/html": figure_html(DrawnFigure.of_bundle(data), chapter)}
        for mime in (CLAIM_MIME, PROVENANCE_MIME):
            data.pop(mime, None)
    return notebook


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
        last = (log.strip().splitlines() or ["no message"])[-1]
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
    files += [path for path in sorted((project.root / "book").rglob("*")) if _is_input(path)]
    files += [project.executed / entry.path.name for entry in list_chapters(project)]
    digests = {project.show(path): sha256_of(path) for path in files if path.is_file()}
    rendering = [f"{project.library.name}.companion.publish.site"]
    return digest_of([digests, library_digests(project, rendering)])


def _is_input(path: Path) -> bool:
    return path.is_file() and not {"__pycache__", FOLDER} & set(path.parts)


def _read_stamp(project: Project) -> str | None:
    path = project.html / STAMP
    if not path.is_file():
        return None
    inputs = json.loads(path.read_text(encoding="utf-8")).get("inputs")
    return inputs if isinstance(inputs, str) else None
