"""Which files some code depends on: what it imports, and what that imports, without running it."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from regime_lib._lazy import exports_of
from regime_lib.errors import RegimeError

_Place = tuple[int, int]  # a line, from 1, and a byte in it


def closure(roots: Iterable[Path], modules: Iterable[str], ignore: str = "") -> tuple[Path, ...]:
    """Return the files that importing some modules runs, directly or through others.

    A package whose names load when they are used brings in the modules of the names that are
    asked for, not all of them.

    Parameters
    ----------
    roots : iterable of Path
        Folders in which modules are looked for; what lies elsewhere is not followed.
    modules : iterable of str
        Full names; for a name inside a module, ``module.name`` will do.
    ignore : str, optional
        How the last part of modules begins that are not followed.
    """
    roots, found, todo = tuple(roots), set[Path](), list(modules)
    while todo:
        name = todo.pop()
        if ignore and name.rpartition(".")[2].startswith(ignore):
            continue
        for path in _files(roots, name):
            if path not in found:
                found.add(path)
                todo += imports_of(path.read_text(encoding="utf-8"), path.name)
    return tuple(sorted(found))


def imports_of(source: str, where: str) -> list[str]:
    """Return the full name of everything that a source imports, but for its type checker.

    Raises
    ------
    RegimeError
        If it is not Python.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise RegimeError(f"{where} is not Python (line {error.lineno}: {error.msg})") from None
    return list(_imports(tree))


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                continue
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str() as module, level=0, names=names):
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.Call(func=function, args=[ast.Constant(value=str() as module), *_]) if (
                ast.unparse(function).endswith("import_module")
            ):
                yield module
        yield from _imports(node)


def _files(roots: tuple[Path, ...], name: str) -> Iterator[Path]:
    """Yield the files that an import of `name` runs: its packages, and the module."""
    parts = name.split(".")
    for root in roots:
        for length in range(1, len(parts) + 1):
            stem = root.joinpath(*parts[:length])
            if (stem / "__init__.py").is_file():
                yield stem / "__init__.py"
                lazy = exports_of(str(stem / "__init__.py"))
                if length == len(parts) - 1 and parts[length] in lazy:
                    module, inner = lazy[parts[length]]
                    yield from _files(roots, f"{module}.{inner}")
            elif (module_file := stem.with_suffix(".py")).is_file():
                yield module_file
                break
            else:
                break


def code_of(source: str) -> str:
    """Return what a module does: its source without comments, docstrings and blank lines.

    The result does not depend on the version of Python, so that keys travel.
    """
    return _code_of(source)


@lru_cache(maxsize=1024)
def _code_of(source: str) -> str:
    lines = [*io.StringIO(source).readlines(), ""]
    for first, last in _cuts(source):  # from the end, so that earlier places stay
        head = lines[first[0] - 1].encode()[: first[1]].decode()
        tail = lines[last[0] - 1].encode()[last[1] :].decode()
        lines[first[0] - 1 : last[0]] = [head + tail]
    return "".join(f"{line.rstrip()}\n" for line in "".join(lines).split("\n") if line.strip())


def _cuts(source: str) -> list[tuple[_Place, _Place]]:
    """Return where comments and docstrings begin and end, the last one first."""
    cuts: list[tuple[_Place, _Place]] = []
    rows = source.split("\n")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            line, row = token.start[0], rows[token.start[0] - 1]
            begin, end = (len(row[:at].encode()) for at in (token.start[1], token.end[1]))
            cuts.append(((line, begin), (line, end)))
    for node in ast.walk(ast.parse(source)):
        match node:
            case (
                ast.Module(body=[ast.Expr(value=ast.Constant(value=str()) as text), *_])
                | ast.ClassDef(body=[ast.Expr(value=ast.Constant(value=str()) as text), *_])
                | ast.FunctionDef(body=[ast.Expr(value=ast.Constant(value=str()) as text), *_])
            ):
                last = (text.end_lineno or text.lineno, text.end_col_offset or 0)
                cuts.append(((text.lineno, text.col_offset), last))
    return sorted(cuts, reverse=True)
