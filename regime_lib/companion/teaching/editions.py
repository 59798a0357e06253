"""Student and instructor notebooks of a chapter, made from the one that the book shows."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import cached_property

from regime_lib.companion.book.catalogue import Entry
from regime_lib.companion.book.closure import parsed
from regime_lib.companion.book.notebooks import (
    PARAMETERS_TAG,
    Node,
    glued_values,
    markdown_of,
    source_of,
    tags_of,
)
from regime_lib.companion.book.project import Project
from regime_lib.companion.book.repository import read_repository
from regime_lib.companion.teaching.cells import (
    code,
    copied,
    markdown,
    notebook_of,
    package_source,
    standing_alone_source,
)
from regime_lib.companion.teaching.exercises import (
    Exercise,
    bound_names,
    free_names,
    import_lines,
    read_exercises,
)
from regime_lib.companion.teaching.facts import Facts, read_facts
from regime_lib.companion.teaching.marking import marking_notes
from regime_lib.companion.teaching.plain_text import Known, titles_in, works_in, written_out
from regime_lib.errors import RegimeError

STUDENT, INSTRUCTOR = "student", "instructor"


@dataclass(frozen=True)
class Edition:
    """Which notebook is wanted of a chapter."""

    project: Project
    entry: Entry
    kind: str  # STUDENT or INSTRUCTOR
    sheet: bool = False  # only the exercises
    name: str = ""  # whose notebook it is; empty for everybody's
    values: dict[str, int] = field(default_factory=dict)  # parameters that are set in it
    colab: bool = False  # whether it fetches the published book by itself where Colab opens it

    @cached_property
    def exercises(self) -> tuple[Exercise, ...]:
        """The exercises of the chapter; at least one."""
        found = read_exercises(self.entry.notebook, f"notebooks/{self.entry.path.name}")
        if not found:
            raise RegimeError(f"{self.entry.name} has no exercises, so there is nothing to teach")
        return found

    @cached_property
    def facts(self) -> dict[str, Facts]:
        """What is told of exercises beside their tasks, by label."""
        return read_facts(self.project.pages)

    @cached_property
    def known(self) -> Known:
        """What the roles of the chapter's prose stand for."""
        notebook = self.entry.notebook
        works = works_in(self.project.pages / "references.bib")
        return Known(glued_values(notebook), works, titles_in(markdown_of(notebook)))

    @property
    def metadata(self) -> dict[str, object]:
        """What the notebook says of itself."""
        about: dict[str, object] = {"chapter": self.entry.name, "kind": self.kind}
        whose: dict[str, object] = {"for": self.name, "parameters": self.values}
        return about | (whose if self.name else {})

    @cached_property
    def package(self) -> Node:
        """The cell that says how to get the library, or gets it."""
        repository = read_repository(self.project)
        if not self.colab:
            return code("edition-package", package_source(repository))
        if repository is None:
            raise RegimeError(
                "Colab fetches the book from its address, and none is set; write it into "
                "_config.yml, under repository, url"
            )
        return code("edition-package", standing_alone_source(repository))

    def text(self, source: str) -> str:
        """Return prose of the chapter as this edition shows it."""
        return written_out(source, self.known)


def make_edition(edition: Edition) -> Node:
    """Return the notebook of an edition.

    A student's holds the chapter and its tasks: no solution, nothing that a run printed. An
    instructor's holds solutions, marking notes and the outputs of the committed run.
    """
    cells = _sheet(edition) if edition.sheet else _chapter(edition)
    return notebook_of(cells, edition.entry.notebook, edition.metadata)


def missing_imports(edition: Edition) -> list[str]:
    """Return what the exercises use, but the chapter imported before them."""
    own = [source_of(exercise.stub) for exercise in edition.exercises]
    if edition.kind == INSTRUCTOR:
        own += [exercise.solution_code for exercise in edition.exercises]
    tree = parsed("\n\n".join(own), f"the exercises of {edition.entry.name}")
    cells = edition.entry.notebook["cells"][: edition.exercises[0].cells.start]
    before = [source_of(cell) for cell in cells if cell["cell_type"] == "code"]
    return import_lines(before, free_names(tree))


def title_cells(edition: Edition) -> list[Node]:
    """Return title and note of a notebook that holds the exercises only."""
    title = markdown("edition-title", f"# {edition.entry.title}: exercises")
    return [title, _note(edition), edition.package]


def task_cell(edition: Edition, number: int, exercise: Exercise) -> Node:
    """Return the task of an exercise under a heading with its number."""
    parts = [f"### Exercise {number}: {exercise.title}", edition.text(exercise.text)]
    if facts := edition.facts.get(exercise.label):
        parts = [parts[0], f"*({facts.effort})*", parts[1], facts.folded_hints]
    return markdown(f"task-{exercise.name}", "\n\n".join(parts))


def _sheet(edition: Edition) -> list[Node]:
    cells = title_cells(edition)
    if lines := missing_imports(edition):
        cells.append(code("edition-imports", "\n".join(lines)))
    for number, exercise in enumerate(edition.exercises, start=1):
        cells += _worked(edition, number, exercise)
    return cells


def _chapter(edition: Edition) -> list[Node]:
    """Return all cells of a chapter, its exercises as the edition shows them."""
    source = edition.entry.notebook["cells"]
    starts = {exercise.cells.start: exercise for exercise in edition.exercises}
    inside = {place for exercise in edition.exercises for place in exercise.cells}
    lost = "\n\n\n".join(exercise.solution_code for exercise in edition.exercises)
    cells: list[Node] = []
    number = 0
    for place, cell in enumerate(source):
        if place in starts:
            number += 1
            cells += _worked(edition, number, starts[place])
        elif place not in inside:
            kept = copied(cell, outputs=edition.kind == INSTRUCTOR)
            if cell["cell_type"] == "markdown":
                kept["source"] = edition.text(source_of(cell))
            elif PARAMETERS_TAG in tags_of(cell):
                kept["source"] = _with_values(source_of(cell), edition)
            elif edition.kind == STUDENT and number:
                kept["source"] = _standing_alone(edition, source_of(cell), cells, lost)
            cells.append(kept)
    first = 1 if source and source[0]["cell_type"] == "markdown" else 0
    return [
        *cells[:first],
        _note(edition),
        edition.package,
        *cells[first:],
    ]


def _worked(edition: Edition, number: int, exercise: Exercise) -> list[Node]:
    """Return the cells of one exercise."""
    task = task_cell(edition, number, exercise)
    student = edition.kind == STUDENT
    cells = [task, copied(exercise.stub, outputs=not student)]
    if student:
        return cells
    cells.append(markdown(f"solution-text-{exercise.name}", "#### Solution"))
    for cell in exercise.solution:
        kept = copied(cell, outputs=True)
        if cell["cell_type"] == "markdown":
            kept["source"] = edition.text(source_of(cell))
        cells.append(kept)
    facts = edition.facts.get(exercise.label)
    notes = marking_notes(edition.project, edition.entry, exercise, facts)
    return [*cells, markdown(f"marking-{exercise.name}", notes)]


def _note(edition: Edition) -> Node:
    """Return the cell that says what this notebook is."""
    whose = f" for **{edition.name}**" if edition.name else ""
    chapter = edition.entry.name[:2]
    lines = [f"*{edition.kind.capitalize()} notebook of chapter {chapter}{whose}.*"]
    if edition.kind == STUDENT:
        lines.append("Write the functions; each check says what is missing.")
    else:
        lines.append("It holds the solutions: do not hand it out.")
    if not edition.sheet:
        lines.append("Numbers in the text are those of the book's own run.")
    if edition.values:
        values = ", ".join(f"`{name}` is {value}" for name, value in edition.values.items())
        lines.append(f"Here {values}, so your figures and numbers differ a little.")
    return markdown("edition-note", " ".join(lines))


def _with_values(source: str, edition: Edition) -> str:
    """Set parameters in the source of the parameters cell; types and comments stay."""
    for name, value in edition.values.items():
        form = re.compile(rf"^({re.escape(name)}\s*:[^=\n]*=\s*)[^\s#]+", re.MULTILINE)
        source, count = form.subn(rf"\g<1>{value}", source)
        if count != 1:
            raise RegimeError(f"chapter {edition.entry.name} has no parameter '{name}' to set")
    return source


def _standing_alone(edition: Edition, source: str, before: list[Node], lost: str) -> str:
    """Give a cell below the exercises the imports that only a solution made."""
    kept = "\n\n".join(source_of(cell) for cell in before if cell["cell_type"] == "code")
    try:
        needed = free_names(ast.parse(source)) - set(bound_names(ast.parse(kept)))
    except SyntaxError:  # a cell with a magic command needs nothing of a solution
        return source
    needed &= set(bound_names(ast.parse(lost)))
    lines = import_lines([lost], needed)
    if len(lines) < len(needed):
        raise RegimeError(
            f"a cell below the exercises of {edition.entry.name} uses {sorted(needed)[0]}, which "
            "only a solution defines; define it in the cell itself"
        )
    return "\n".join([*lines, "", source]) if lines else source
