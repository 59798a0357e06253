"""Which files some code depends on: what it imports, and what that imports, without running it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from regime_lib._lazy import exports_of
from regime_lib.companion.book.project import reading_committed
from regime_lib.errors import RegimeError

#: A comment, or a string, which may hold what looks like a comment.
COMMENT_OR_STRING = re.compile(
    rb"""(?P<comment>\#[^\n]*)|(?P<long>'{3}|"{3})(?:\\.|[^\\])*?(?P=long)"""
    rb"""|'(?:\\.|[^\\'\n])*'|"(?:\\.|[^\\"\n])*\"""",
    re.DOTALL,
)


@dataclass(frozen=True)
class Module:
    """What a source imports, but for its type checker, and what it does."""

    imports: tuple[str, ...]  # full names
    code: str  # without comments, docstrings and blank lines, in any version of Python


def closure(
    roots: Iterable[Path], modules: Iterable[str], ignore: str | tuple[str, ...] = ()
) -> dict[Path, Module]:
    """Return the files that importing some modules runs, directly or through others.

    A package whose names load when they are used brings in the modules of the names that are
    asked for, not all of them. `modules` are full names, as ``module.name``, too; what lies outside
    the folders `roots` is not followed, nor a module whose last part begins with `ignore`.
    """
    roots, found, todo = tuple(roots), dict[Path, Module](), list(modules)
    seen = set[str]()
    while todo:
        name = todo.pop()
        if name in seen or name.rpartition(".")[2].startswith(ignore):
            continue
        seen.add(name)
        for path in _files(roots, name):
            if path not in found:
                with reading_committed(path):
                    found[path] = module_of(path.read_text(encoding="utf-8"), path.name)
                todo += found[path].imports
    return dict(sorted(found.items()))


@lru_cache(maxsize=1024)
def module_of(source: str, where: str) -> Module:
    """Read a source, which errors call `where`."""
    tree = parsed(source, where)
    return Module(tuple(name for _, name in imports_of(tree)), _code(source, tree))


def parsed(source: str, where: str) -> ast.Module:
    """Return the tree of a source, or say that it is not Python."""
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise RegimeError(f"{where} is not Python (line {error.lineno}: {error.msg})") from None


def imports_of(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield what some code imports: the name that it has there, and its full name."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                continue
            case ast.Import(names=names):
                yield from ((alias.asname or alias.name, alias.name) for alias in names)
            case ast.ImportFrom(module=str() as module, level=0, names=names):
                yield from ((a.asname or a.name, f"{module}.{a.name}") for a in names)
            case ast.Call(func=function, args=[ast.Constant(value=str() as module), *_]) if (
                ast.unparse(function).endswith("import_module")
            ):
                yield "", module
        yield from imports_of(node)


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


def _code(source: str, tree: ast.Module) -> str:
    data = source.encode()  # the parser counts bytes
    begins = [0, *(match.end() for match in re.finditer(b"\n", data))]
    cuts = [m.span() for m in COMMENT_OR_STRING.finditer(data) if m["comment"]]
    for node in ast.walk(tree):
        match node:
            case (
                ast.Module(body=[ast.Expr(value=ast.Constant(value=str()) as text), *_])
                | ast.ClassDef(body=[ast.Expr(value=ast.Constant(value=str()) as text), *_])
                | ast.FunctionDef(body=[ast.Expr(value=ast.Constant(value=str()) as text), *_])
            ):
                last = begins[(text.end_lineno or text.lineno) - 1] + (text.end_col_offset or 0)
                cuts.append((begins[text.lineno - 1] + text.col_offset, last))
    for first, last in sorted(cuts, reverse=True):  # from the end, so that earlier places stay
        data = data[:first] + data[last:]
    return "".join(f"{line.rstrip()}\n" for line in data.decode().split("\n") if line.strip())
