"""Runs a cell in the reader's browser: prints go on, the last value is shown, errors are told.

It is shipped to the page as it stands and uses nothing but Python and, where there, NumPy.
"""

from __future__ import annotations

import ast
import json
import linecache
import sys
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

CELL = "your code"
#: A longer table is cut; the page says so.
MOST_ROWS = 60


def run(source: str, names: dict[str, Any], setup: str = "") -> str:
    """Run some code among `names`; return what to show after what it printed, as JSON.

    Parameters
    ----------
    source : str
        The code of a cell; the value of an expression at its end is shown.
    names : dict
        The variables of the page; what the code defines stays there.
    setup : str
        Code that runs before and of which no error is expected: imports, parameters.

    Returns
    -------
    str
        A JSON object with ``error``, a traceback that begins in the cell, or ``text``, or
        ``table`` with ``head`` and ``rows``; empty where there is nothing to show.
    """
    # so that a traceback can quote the reader's lines
    linecache.cache[CELL] = (len(source), None, source.splitlines(keepends=True), CELL)
    try:
        exec(compile(setup, "the page", "exec"), names)
        tree = ast.parse(source, CELL)
        value = None
        match tree.body:
            case [*_, ast.Expr(value=last)]:
                tree.body.pop()
                exec(compile(tree, CELL, "exec"), names)
                value = eval(compile(ast.Expression(last), CELL, "eval"), names)
            case _:
                exec(compile(tree, CELL, "exec"), names)
        return json.dumps({} if value is None else shown(value))
    except BaseException as error:  # whatever the code does, the page lives on
        return json.dumps({"error": told(error)})


def release(modules: Iterable[Any] | None = None) -> None:
    """Delete the files of the compiled modules that are loaded, by default all of them.

    A page keeps its files in memory, where these lie a second time; nothing reads them again. Where
    files lie on a disk, that is everywhere but in a page, this does nothing.
    """
    in_a_page = sys.platform == "emscripten"
    if not in_a_page:
        return
    for module in list(sys.modules.values() if modules is None else modules):
        file = getattr(module, "__file__", None)
        if file and file.endswith(".so"):
            Path(file).unlink(missing_ok=True)


def told(error: BaseException) -> str:
    """Return the traceback of an error without what ran the cell."""
    lines = traceback.TracebackException.from_exception(error)
    frames = [frame for frame in lines.stack if frame.filename != __file__]
    lines.stack = traceback.StackSummary.from_list(frames)
    lines.__context__ = lines.__cause__ = None
    return "".join(lines.format()).strip()


def shown(value: Any) -> dict[str, Any]:
    """Return a value as a table where it is one, else as text."""
    rows = list(_rows(value))
    if not rows:
        return {"text": repr(value)}
    kept = rows[: MOST_ROWS + 1]
    cut = {"more": len(rows) - len(kept)} if len(rows) > len(kept) else {}
    return {"table": {"head": kept[0], "rows": kept[1:]}, **cut}


def _rows(value: Any) -> Iterator[list[str]]:
    """Yield a head and the rows of an array of two dimensions, or of dicts with the same keys."""
    if getattr(value, "ndim", 0) == 2 and value.size:
        yield ["", *map(str, range(value.shape[1]))]
        for number, row in enumerate(value):
            yield [str(number), *map(_entry, row.tolist())]
    elif isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        head = list(value[0])
        if head and all(list(row) == head for row in value):
            yield list(map(str, head))
            yield from ([_entry(row[key]) for key in head] for row in value)


def _entry(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
