"""The command `regime teach`: notebooks, slides and handouts for a class, from the book."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import click

from regime_lib.companion.book.catalogue import Entry, find_chapters
from regime_lib.companion.book.project import Project, find_project
from regime_lib.companion.teaching.editions import INSTRUCTOR, STUDENT, Edition, make_edition
from regime_lib.companion.teaching.grading import make_assignment
from regime_lib.companion.teaching.package import write_course
from regime_lib.companion.teaching.writing import write_notebooks
from regime_lib.errors import RegimeError

COURSE = "course"
JUPYTER, NBGRADER, COLAB = "jupyter", "nbgrader", "colab"
#: The parameter that a student's name sets.
SEED = "seed"
# What nbgrader calls the folders of what an instructor writes and of what students get.
_NBGRADER_FOLDERS = {INSTRUCTOR: "source", STUDENT: "release"}


@click.command("teach")
@click.argument("kind", type=click.Choice([STUDENT, INSTRUCTOR, COURSE]))
@click.argument("chapters", nargs=-1, metavar="[CHAPTER...|all]")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR|ZIP",
              help="Where notebooks go [default: _build/teach/KIND], or the course's archive "
              "[default: _build/teach/course.zip].")  # fmt: skip
@click.option("--format", "form", type=click.Choice([JUPYTER, NBGRADER, COLAB]), default=JUPYTER,
              show_default=True, help="nbgrader: an assignment that grades itself; colab: a "
              "notebook that fetches the published book.")  # fmt: skip
@click.option("--sheet", is_flag=True, help="Only the exercises, without the chapter.")
@click.option("--for", "names", multiple=True, metavar="NAME",
              help="A student, whose chapter gets a seed of its own; repeat.")  # fmt: skip
@click.option("--keep", is_flag=True, help="Leave notebooks that were edited as they are.")
def teach_command(
    kind: str,
    chapters: tuple[str, ...],
    output: Path | None,
    form: str,
    sheet: bool,
    names: tuple[str, ...],
    keep: bool,
) -> None:
    """Write notebooks of chapters for students or for instructors, or the whole course.

    A student's holds stubs and checks, and nothing of a solution. An instructor's holds solutions,
    marking notes and the outputs of the book's run. What somebody edited is never overwritten.

    The course is one ZIP file: slides with speaker's notes, handouts, students' notebooks and the
    syllabus. It takes no chapters.
    """
    if kind == COURSE:
        if chapters or names or sheet or keep or form != JUPYTER:
            raise click.UsageError("the course is all of it; give no chapters and no option but -o")
        project = find_project()
        path = write_course(project, output or project.build / "teach" / "course.zip")
        click.echo(project.show(path))
        return
    if not chapters:
        raise click.UsageError("Missing argument 'CHAPTER...|all'.")
    if output is not None and output.is_file():
        raise click.BadParameter(f"{output} is a file; give a folder", param_hint="-o")
    if names and (kind == INSTRUCTOR or sheet or form == NBGRADER):
        raise click.UsageError("--for is for students' whole chapters; leave out the rest")
    project = find_project()
    entries = find_chapters(project, chapters)
    folder = output or project.build / "teach" / kind
    if form == NBGRADER:
        notebooks = [
            (
                folder / _NBGRADER_FOLDERS[kind] / entry.name / f"{entry.name}.ipynb",
                make_assignment(Edition(project, entry, kind, sheet=True)),
            )
            for entry in entries
        ]
    else:
        notebooks = [
            (folder / place / f"{entry.name}.ipynb", make_edition(edition))
            for place, name in _folders(names).items()
            for entry in entries
            for edition in [_edition(project, entry, kind, sheet, name, form == COLAB)]
        ]
    for path in write_notebooks(notebooks, keep=keep):
        click.echo(project.show(path))


def _edition(
    project: Project, entry: Entry, kind: str, sheet: bool, name: str, colab: bool
) -> Edition:
    values = {SEED: seed_for(name, entry)} if name else {}
    return Edition(project, entry, kind, sheet, name, values, colab)


def _folders(names: Sequence[str]) -> dict[str, str]:
    """Return a folder for each student, or the one for everybody."""
    if not names:
        return {"": ""}
    found: dict[str, str] = {}
    for name in names:
        folder = "_".join(re.findall(r"\w+", plain_name(name)))
        if not folder:
            raise RegimeError(f"'{name}' is no name to call a folder by; give letters or digits")
        if folder in found:
            raise RegimeError(f"two students would share the folder {folder}; tell them apart")
        found[folder] = " ".join(name.split())
    return found


def plain_name(name: str) -> str:
    """Return a name so that spaces, capitals and ways to write an accent make no difference."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def seed_for(name: str, entry: Entry) -> int:
    """Return the seed of a student's run of a chapter: the same name always has the same."""
    from regime_lib.lab.seeding import generator  # loads torch

    for parameter in entry.parameters:
        if parameter.name == SEED and parameter.low is not None and parameter.high is not None:
            stream = f"{entry.name}, student {plain_name(name)}"
            low, high = int(parameter.low), int(parameter.high)
            return int(generator(0, stream).integers(low, high, endpoint=True))
    raise RegimeError(f"chapter {entry.name} has no parameter '{SEED}' with a range to draw from")
