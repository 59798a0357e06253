"""The exercises of a chapter, read from its notebook: task, stub, check and solution."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from regime_lib.companion.book.closure import imports_of, parsed
from regime_lib.companion.book.notebooks import Node, source_of
from regime_lib.errors import RegimeError

_TASK = re.compile(
    r":::+\{exercise\} *(?P<title>[^\n]*)\n(?P<options>(?::[^\n]*\n)*)\s*(?P<text>.*?)\n:::+",
    re.DOTALL,
)
_LABEL = re.compile(r"^:label: *(\S+)", re.MULTILINE)
_SOLUTION = re.compile(r":::+\{solution-start\} *(\S+)")
_SOLUTION_END = re.compile(r":::+\{solution-end\}")


@dataclass(frozen=True)
class Exercise:
    """One exercise: a task, a stub that calls its check, and the cells of its solution."""

    title: str
    label: str  # such as ex10-radius
    text: str  # the task, as the notebook's markdown has it
    stub: Node
    solution: tuple[Node, ...]  # code and text between solution-start and solution-end
    cells: range  # where task, stub and solution lie in the notebook

    @property
    def name(self) -> str:
        """The label's last part, by which files and grades know the exercise."""
        return self.label.partition("-")[2] or self.label

    @cached_property
    def stub_code(self) -> str:
        """The code of the stub without its check."""
        source, call = source_of(self.stub), self._call
        return "\n".join(source.splitlines()[: call.lineno - 1]).rstrip() + "\n"

    @property
    def check(self) -> str:
        """What the stub calls to check the reader's function, such as exercises.first_flip."""
        return ast.unparse(self._call.func)

    @property
    def function(self) -> str:
        """The name of the function that the reader writes."""
        return ast.unparse(self._call.args[0])

    @cached_property
    def solution_code(self) -> str:
        """All code of the solution, cell after cell."""
        code = [source_of(cell) for cell in self.solution if cell["cell_type"] == "code"]
        return "\n\n\n".join(code) + "\n"

    @cached_property
    def _call(self) -> ast.Call:
        """The last statement of the stub: a check that is called with the reader's function."""
        last = parsed(source_of(self.stub), f"the stub of {self.label}").body[-1]
        match last:
            case ast.Expr(value=ast.Call(args=[ast.Name()], keywords=[]) as call):
                return call
        raise RegimeError(
            f"the stub of {self.label} does not end with its check; "
            "let its last line be exercises.CHECK(FUNCTION)"
        )


def read_exercises(notebook: Node, where: str) -> tuple[Exercise, ...]:
    """Return the exercises of a chapter, in order.

    Raises
    ------
    RegimeError
        If one of them is not task, stub and solution, one after the other.
    """
    cells: Sequence[Node] = notebook["cells"]
    found = []
    for first, cell in enumerate(cells):
        task = _TASK.search(source_of(cell)) if cell["cell_type"] == "markdown" else None
        if task is None:
            continue
        label = _LABEL.search(task["options"])
        if label is None:
            raise RegimeError(f"{where}: exercise '{task['title']}' has no label")
        stub = cells[first + 1] if first + 1 < len(cells) else {"cell_type": ""}
        last = _end_of_solution(cells, first + 2, label[1])
        if stub["cell_type"] != "code" or last is None:
            raise RegimeError(
                f"{where}: exercise {label[1]} needs a code cell with its stub and then its "
                "solution, from solution-start to solution-end"
            )
        solution = tuple(cells[first + 3 : last])
        title, text = task["title"].strip(), task["text"].strip()
        exercise = Exercise(title, label[1], text, stub, solution, range(first, last + 1))
        _ = exercise.check  # whether it has one
        found.append(exercise)
    return tuple(found)


def free_names(tree: ast.AST) -> set[str]:
    """Return the names that code reads and does not bind itself, anywhere in it."""
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    read = {node.id for node in names if isinstance(node.ctx, ast.Load)}
    return read - set(bound_names(tree))


def bound_names(tree: ast.AST) -> Iterator[str]:
    """Yield every name that code binds: by assignment, definition, argument or import."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in names)


def import_lines(sources: Iterable[str], wanted: set[str]) -> list[str]:
    """Return a line for each import, somewhere in code, that binds one of the wanted names."""
    lines = {}
    for source in sources:
        for name, full in imports_of(parsed(source, "a code cell")):
            if name in wanted and name not in lines:
                lines[name] = _import_line(name, full, source)
    return [lines[name] for name in sorted(lines, key=lambda name: lines[name])]


def _import_line(name: str, full: str, source: str) -> str:
    module, _, last = full.rpartition(".")
    if re.search(rf"^\s*import {re.escape(full)}\b", source, re.MULTILINE):
        return f"import {full}" if name == full else f"import {full} as {name}"
    return f"from {module} import {last}" + ("" if last == name else f" as {name}")


def _end_of_solution(cells: Sequence[Node], start: int, label: str) -> int | None:
    """Return where the solution of an exercise ends, if it begins at `start`."""
    if start >= len(cells):
        return None
    begins = _SOLUTION.search(source_of(cells[start]))
    if begins is None or begins[1] != label:
        return None
    for place in range(start + 1, len(cells)):
        if _SOLUTION_END.search(source_of(cells[place])):
            return place
    return None
