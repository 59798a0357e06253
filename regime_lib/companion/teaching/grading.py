"""Assignments that nbgrader grades: a cell to write in and a locked check for each exercise."""

from __future__ import annotations

import ast
import textwrap
from dataclasses import replace
from typing import Any

from regime_lib.companion.book.closure import imports_of, parsed
from regime_lib.companion.book.notebooks import Node
from regime_lib.companion.teaching.cells import code, notebook_of
from regime_lib.companion.teaching.editions import (
    INSTRUCTOR,
    STUDENT,
    Edition,
    missing_imports,
    task_cell,
    title_cells,
)
from regime_lib.companion.teaching.exercises import Exercise, import_lines
from regime_lib.companion.teaching.marking import POINTS
from regime_lib.errors import RegimeError

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"

_SCHEMA = 3  # of nbgrader's metadata
_NO_TASK = {"schema_version": _SCHEMA, "task": False}


def make_assignment(edition: Edition) -> Node:
    """Return the exercises of a chapter as an nbgrader notebook.

    The student's is what a class is handed; the instructor's is the source from which nbgrader's
    own `generate_assignment` makes the same one. A check raises where a function is not there yet,
    so that grading needs no one to read outputs. Marking notes are not in it, because nbgrader
    would hand them out with the rest of the text.
    """
    shown = replace(edition, kind=STUDENT)  # what nbgrader hands out of the text is all of it
    cells = title_cells(shown)
    lines = sorted({*missing_imports(replace(edition, kind=INSTRUCTOR)), *_stub_imports(edition)})
    cells.append(_locked("imports", "\n".join(lines)))
    for number, exercise in enumerate(edition.exercises, start=1):
        cells.append(task_cell(shown, number, exercise))
        write = {"grade": False, "grade_id": exercise.name, "locked": False, "solution": True}
        source = _function(exercise) if edition.kind == STUDENT else _with_solution(exercise)
        cells.append(code(f"write-{exercise.name}", source, {"nbgrader": {**write, **_NO_TASK}}))
        test = f"require_solved({exercise.check}, {exercise.function})"
        cells.append(_locked(f"check-{exercise.name}", f"{_checks(edition, exercise)}\n\n{test}",
                             points=POINTS))  # fmt: skip
    return notebook_of(cells, edition.entry.notebook, edition.metadata)


def _locked(name: str, source: str, points: int | None = None) -> Node:
    """Return a cell that students cannot change, graded if it is worth points."""
    flags: dict[str, Any] = {"grade": points is not None, "grade_id": name, "locked": True}
    worth = {} if points is None else {"points": points}
    return code(name, source, {"nbgrader": {**flags, **worth, "solution": False, **_NO_TASK}})


def _stub_imports(edition: Edition) -> list[str]:
    """Return what the stubs import, the chapter's checks aside."""
    stubs = [exercise.stub_code for exercise in edition.exercises]
    names = {name for stub in stubs for name, _ in imports_of(parsed(stub, "a stub"))}
    checks = {exercise.check.partition(".")[0] for exercise in edition.exercises}
    return import_lines(stubs, names - checks)


def _checks(edition: Edition, exercise: Exercise) -> str:
    """Return the lines that a check needs; a student may have deleted all others."""
    alias = exercise.check.partition(".")[0]
    stubs = [one.stub_code for one in edition.exercises]
    return "\n".join(
        ["from regime_lib.chapters.checking import require_solved", *import_lines(stubs, {alias})]
    )


def _function(exercise: Exercise) -> str:
    """Return the stub's function alone, without imports and check."""
    source, node = exercise.stub_code, _definition(exercise.stub_code, exercise)
    return "\n".join(source.splitlines()[node.lineno - 1 : node.end_lineno])


def _with_solution(exercise: Exercise) -> str:
    """Return the stub's function with the solution's body between nbgrader's marks."""
    stub, solution = exercise.stub_code, exercise.solution_code
    empty, full = _definition(stub, exercise), _definition(solution, exercise)
    if ast.unparse(empty.args) != ast.unparse(full.args):
        raise RegimeError(
            f"stub and solution of {exercise.label} take other arguments; give them the same"
        )
    head = stub.splitlines()[empty.lineno - 1 : _docstring_end(empty)]
    body = textwrap.dedent("\n".join(solution.splitlines()[_docstring_end(full) : full.end_lineno]))
    why = [f"# {line}" for line in (ast.get_docstring(full) or "").splitlines()]
    inside = "\n".join([*why, *_beside(solution, exercise), body])
    return "\n".join([*head, textwrap.indent(f"{BEGIN}\n{inside}\n{END}", "    ")])


def _beside(solution: str, exercise: Exercise) -> list[str]:
    """Return what a solution holds beside its function and its check: imports and helpers."""
    tree = parsed(solution, f"the solution of {exercise.label}")
    kept = [node for node in tree.body if not isinstance(node, ast.Expr)]
    return [ast.unparse(node) for node in kept if getattr(node, "name", "") != exercise.function]


def _definition(source: str, exercise: Exercise) -> ast.FunctionDef:
    for node in parsed(source, f"the code of {exercise.label}").body:
        if isinstance(node, ast.FunctionDef) and node.name == exercise.function:
            return node
    raise RegimeError(
        f"{exercise.label} does not define {exercise.function} in its stub and its solution"
    )


def _docstring_end(node: ast.FunctionDef) -> int:
    """Return the line on which a function's docstring ends, counted from 1."""
    if ast.get_docstring(node) is None:
        raise RegimeError(f"the function {node.name} of an exercise has no docstring; write one")
    return node.body[0].end_lineno or node.body[0].lineno
