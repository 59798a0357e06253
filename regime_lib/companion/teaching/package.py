"""The course package: one archive of slides, handouts, notebooks and syllabus, for any machine."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

from regime_lib.companion.book.catalogue import Entry
from regime_lib.companion.book.project import Project, reading_committed
from regime_lib.companion.teaching.course import COURSE_FILE, read_course
from regime_lib.companion.teaching.editions import STUDENT, Edition, make_edition
from regime_lib.companion.teaching.facts import FACTS_FILE
from regime_lib.companion.teaching.slides import Material, handout, overview, slides
from regime_lib.storage import atomic_write

#: What everything in the archive lies in.
ROOT = "regimes-of-learning"
#: Where the rendered book has the course, and beside it the archive.
ON_PAGES = "_static/course"

# The earliest time that a ZIP can hold: the same sources always make the same archive.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
# What slides load, and where it lies in the folder of pages.
_ASSETS = {"reveal": "_reveal", "math": "_static/math", "fonts": "_static/fonts"}
_README = """\
Regimes of Learning: a course in ten sessions

index.html     the syllabus, with links to all of what follows
slides/        one set of slides a session; press S for the speaker's notes, ? for the keys
handouts/      a sheet a session, to print
notebooks/     the chapters for students: stubs and checks, no solutions

Everything opens in a browser from this folder, without a network. Notebooks need the package
regime_lib; their first cell says how to get it.

Prose and figures are under CC BY 4.0, code under MIT.
"""


def write_course(project: Project, path: Path) -> Path:
    """Write the course package to a ZIP file, whole or not at all.

    Raises
    ------
    RegimeError
        If the course asks for a figure, a chapter or an exercise that there is not.
    """
    files = dict(course_files(project))
    with (
        atomic_write(path) as beside,
        zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name in sorted(files):
            information = zipfile.ZipInfo(f"{ROOT}/{name}", _NO_TIME)
            information.compress_type = zipfile.ZIP_DEFLATED
            information.external_attr = 0o644 << 16
            archive.writestr(information, files[name])
    return path


def offer_course(project: Project, html: Path) -> Path | None:
    """Put the course beside the rendered pages, packed and to be opened; return its archive.

    It is written where it is not there yet, or something that it is drawn from is newer. A book
    without a course has none.
    """
    if not (project.pages / COURSE_FILE).is_file():
        return None
    packed = html / f"{ON_PAGES}.zip"
    sources = [project.pages / COURSE_FILE, project.pages / FACTS_FILE]
    newest = max(path.stat().st_mtime for path in (*sources, *project.notebooks.glob("*.ipynb")))
    if not packed.is_file() or packed.stat().st_mtime < newest:
        for name, content in course_files(project):
            path = html / ON_PAGES / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(path) as beside:
                beside.write_bytes(content)
        write_course(project, packed)
    return packed


def course_files(project: Project) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the content of every file of the package."""
    sessions = read_course(project)
    yield "README.txt", _README.encode()
    yield "index.html", overview(project, sessions).encode()
    chapters: dict[str, Entry] = {}
    for session in sessions:
        material = Material(project, session)
        number = f"{session.number:02}"
        yield f"slides/{number}.html", slides(material).encode()
        yield f"handouts/{number}.html", handout(material).encode()
        for shown in material.shown:
            yield f"figures/{shown.file}", shown.picture
        chapters |= {entry.name: entry for entry in session.chapters}
    for name, entry in chapters.items():
        notebook = make_edition(Edition(project, entry, STUDENT))
        text = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
        yield f"notebooks/{name}.ipynb", text.encode()
    for name, folder in _ASSETS.items():
        yield from _copied(project.pages / folder, f"assets/{name}")


def _copied(folder: Path, place: str) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with reading_committed(path):
                yield f"{place}/{path.relative_to(folder).as_posix()}", path.read_bytes()
