"""What the check of an exercise does and says, read from its source without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from regime_lib.companion.book.catalogue import Entry
from regime_lib.companion.book.closure import parsed
from regime_lib.companion.book.project import Project
from regime_lib.companion.teaching.exercises import Exercise
from regime_lib.errors import RegimeError


@dataclass(frozen=True)
class Checker:
    """What an instructor wants to know of a check."""

    full_name: str  # module and function
    does: str  # its docstring's first line
    says: tuple[str, ...]  # its sentences to those who are not there yet, values as {…}


def read_checker(project: Project, entry: Entry, exercise: Exercise) -> Checker:
    """Read the check of an exercise from the file that defines it."""
    alias, _, function = exercise.check.rpartition(".")
    modules = [full for full in entry.imports if full.rpartition(".")[2].startswith("exercises")]
    for module in modules:
        path = _file_of(project, module)
        if path is None:
            continue
        tree = parsed(path.read_text(encoding="utf-8"), path.name)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name == function:
                does = (ast.get_docstring(node) or "").partition("\n")[0]
                reached = [node, *_helpers(tree, node)]
                says = tuple(dict.fromkeys(s for one in reached for s in _sentences(one)))
                return Checker(f"{module}.{function}", does, says)
    raise RegimeError(f"{entry.name}: the check {alias}.{function} of {exercise.label} is nowhere")


def _file_of(project: Project, module: str) -> Path | None:
    """Return the file of a module: of the library, or beside the notebooks."""
    parts = module.split(".")
    for root in (project.library.parent, project.notebooks):
        path = root.joinpath(*parts).with_suffix(".py")
        if path.is_file():
            return path
    return None


def _helpers(tree: ast.Module, node: ast.FunctionDef) -> list[ast.FunctionDef]:
    """Return the functions of a module that one of them calls, directly or through others."""
    functions = {one.name: one for one in tree.body if isinstance(one, ast.FunctionDef)}
    found: dict[str, ast.FunctionDef] = {}
    todo = [node]
    while todo:
        for name in _names_called(todo.pop()):
            if name in functions and name not in found and name != node.name:
                found[name] = functions[name]
                todo.append(functions[name])
    return list(found.values())


def _names_called(node: ast.AST) -> Iterator[str]:
    for one in ast.walk(node):
        match one:
            case ast.Call(func=ast.Name(id=name)):
                yield name


def _sentences(node: ast.AST) -> Iterator[str]:
    """Yield what a check tells a reader: the text of every call of `hint`."""
    for one in ast.walk(node):
        match one:
            case ast.Call(func=ast.Name(id="hint"), args=[text]):
                yield _text(text)


def _text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_text(value) for value in values)
        case ast.FormattedValue(value=value):
            return f"{{{ast.unparse(value)}}}"
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left) + _text(right)
        case ast.IfExp(body=body, orelse=other):
            return f"{_text(body)} / {_text(other)}"
    return f"{{{ast.unparse(node)}}}"
