"""A chapter as a plain function: parameters in, what it measured out. For sweeps.

The notebook's code runs in this process, from top to bottom, without a kernel, figures or cards:
that is all a sweep needs, and many times faster than an executed notebook a point.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from regime_lib.companion.book.catalogue import find_chapters
from regime_lib.companion.book.notebooks import (
    PARAMETERS_TAG,
    Node,
    code_cells,
    source_of,
    tags_of,
)
from regime_lib.companion.book.parameters import Value, resolve_values
from regime_lib.companion.book.project import Project, find_project
from regime_lib.companion.chapter import Chapter, quiet
from regime_lib.companion.claims.ledger import COLUMNS
from regime_lib.companion.running.keys import data_digests, digest_of, run_key
from regime_lib.errors import RegimeError


def chapter_function(project: Project, name: str, given: Mapping[str, Value]) -> Any:
    """Return the function of one chapter: takes a point, returns a row a measured claim.

    Parameters
    ----------
    project : Project
        The book.
    name : str
        The chapter.
    given : mapping of str to value
        Parameters that every point shares.
    """
    return partial(_run_in, str(project.root), name, dict(given))


def check_points(
    project: Project, name: str, given: Mapping[str, str | Value], grid: Any
) -> list[dict[str, Value]]:
    """Return the points of a grid as checked values of the chapter's parameters.

    Raises
    ------
    RegimeError
        If a name is not declared, a value does not fit, or a parameter is given twice.
    """
    (entry,) = find_chapters(project, [name])
    points = []
    for point in grid:
        if both := sorted(point.keys() & given.keys()):
            raise RegimeError(f"parameter '{both[0]}' is set and in the grid; give it once")
        text = {k: v if isinstance(v, list) else _as_text(v) for k, v in point.items()}
        values = resolve_values(entry.parameters, {**given, **text}, entry.name)
        points.append({key: values[key] for key in point})
    return points


def dependencies(
    project: Project,
    name: str,
    given: Mapping[str, str | Value],
    points: Iterable[Mapping[str, Value]] = (),
) -> dict[str, Any]:
    """Return digests of what the points of a chapter's sweep depend on beside their parameters."""
    (entry,) = find_chapters(project, [name])
    values = resolve_values(entry.parameters, given, entry.name)
    parts = run_key(project, entry, values).parts
    named = {v for point in points for v in point.values() if isinstance(v, str)}
    parts["data"] |= data_digests(sorted(named))
    shared = {key: digest_of(part) for key, part in parts.items() if key != "parameters"}
    return {"chapter": entry.name, "given": {k: values[k] for k in given}, **shared}


def run_point(project: Project, name: str, given: Mapping[str, Value]) -> list[dict[str, Any]]:
    """Run a chapter's code with these parameters; return what it recorded.

    Raises
    ------
    RegimeError
        If a parameter does not fit.
    Exception
        Whatever the chapter's code raises, with the number of its cell in the message.
    """
    (entry,) = find_chapters(project, [name])
    overrides = resolve_values(entry.parameters, given, entry.name)
    namespace: dict[str, Any] = {"__name__": "__main__", "display": _nothing}
    with quiet(), _silence(), _directory(project):
        _run_cells(entry.notebook(), {key: overrides[key] for key in given}, namespace)
    found = [value for value in namespace.values() if isinstance(value, Chapter)]
    if not found:
        raise RegimeError(f"chapter {entry.name} opened no chapter, so nothing was measured")
    return [
        {
            "claim": m.id,
            **{key: getattr(m, key) for key in COLUMNS[1:-1]},
            "verdict": str(m.verdict),
        }
        for m in found[-1].measurements
    ]


def _run_in(root: str, name: str, shared: dict[str, Value], point: dict[str, Value]) -> Any:
    os.environ["REGIME_ROOT"] = root
    return run_point(find_project(), name, {**shared, **point})


def _run_cells(notebook: Node, overrides: Mapping[str, Value], namespace: dict[str, Any]) -> None:
    for number, cell in enumerate(code_cells(notebook), start=1):
        source = source_of(cell)
        if ".provenance()" in source:
            continue  # a footer for readers; it asks git and the system
        try:
            exec(compile(source, f"<code cell {number}>", "exec"), namespace)
        except Exception as error:
            words = f"{type(error).__name__} in code cell {number}: {error}"
            raise RuntimeError(words) from error
        if PARAMETERS_TAG in tags_of(cell):
            namespace.update(overrides)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


@contextlib.contextmanager
def _directory(project: Project) -> Iterator[None]:
    """Work where notebooks work, and let them import what lies beside them."""
    before, path = Path.cwd(), list(sys.path)
    os.chdir(project.notebooks)
    try:
        yield
    finally:
        os.chdir(before)
        sys.path[:] = path


def _as_text(value: Any) -> str:
    return "none" if value is None else str(value)


def _nothing(*_: Any, **__: Any) -> None:
    """Show nothing."""
