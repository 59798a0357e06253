"""Packages whose public names load when they are used: importing one loads nothing else."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any


@cache
def exports_of(file: str) -> dict[str, tuple[str, str]]:
    """Return the public names of a package, each with its module and its name there.

    They are read from the package's own ``if TYPE_CHECKING:`` block, so that a type checker, a
    reader and Python see one list.
    """
    tree = ast.parse(Path(file).read_text(encoding="utf-8"))
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for block in tree.body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def attach(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package whose names load when they are used."""

    def load(name: str) -> Any:
        if name not in exports_of(file):
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, original = exports_of(file)[name]
        return getattr(import_module(module), original)

    return load, lambda: sorted(exports_of(file))
