"""Run All in a chapter leaves the reader's functions alone: a solution's last for its cells."""

from __future__ import annotations

import ast
from typing import Any

from regime_lib.companion.book.notebooks import Node, source_of
from regime_lib.companion.teaching.exercises import Exercise, read_exercises
from regime_lib.errors import RegimeError

_KEPT = "_regime_shield"  # where a shell holds its shield, so that a second one replaces it


def shield(notebook: Node, where: str, shell: Any = None) -> None:
    """Let no solution of a chapter replace what the reader wrote in a stub.

    A solution is a cell like any other, so that the book can show what it prints; run in a notebook
    it would take the name of the reader's function. From now on such a name is the reader's again
    once the cell has run, and cells of one solution still find what those before them defined.

    Parameters
    ----------
    notebook : dict
        The chapter.
    where : str
        What it is called.
    shell : IPython shell, optional
        Whose cells are meant; the one that runs this by default. Without any nothing happens.
    """
    if shell is None:
        from IPython.core.getipython import get_ipython

        shell = get_ipython()
    if shell is None:
        return
    try:
        exercises = read_exercises(notebook, where)
    except RegimeError:
        return  # a chapter in the making; publishing it says what is wrong
    if (old := getattr(shell, _KEPT, None)) is not None:
        shell.events.unregister("pre_run_cell", old.before)
        shell.events.unregister("post_run_cell", old.after)
    new = _Shield(exercises, shell.user_ns)
    setattr(shell, _KEPT, new)
    shell.events.register("pre_run_cell", new.before)
    shell.events.register("post_run_cell", new.after)


class _Shield:
    """What two moments of a cell do: just before it runs, and just after."""

    def __init__(self, exercises: tuple[Exercise, ...], namespace: dict[str, Any]) -> None:
        self._namespace = namespace
        self._of: dict[str, Exercise] = {
            source_of(cell).strip(): exercise
            for exercise in exercises
            for cell in exercise.solution
            if cell["cell_type"] == "code"
        }
        self._names = {one.label: set(_defined(one.stub_code)) for one in exercises}
        self._solved: dict[str, dict[str, Any]] = {}  # what solutions defined so far, by label
        self._running: str | None = None
        self._readers: dict[str, Any] = {}

    def before(self, info: Any) -> None:
        """Set aside what is the reader's, if a solution is to run."""
        exercise = self._of.get((info.raw_cell or "").strip())
        self._running = exercise.label if exercise else None
        if exercise:
            self._readers = self._held(exercise.label)
            self._namespace.update(self._solved.get(exercise.label, {}))

    def after(self, result: Any) -> None:
        """Give back what is the reader's, if a solution ran."""
        if self._running is not None:
            self._solved[self._running] = self._held(self._running)
            self._namespace.update(self._readers)
            self._running = None

    def _held(self, label: str) -> dict[str, Any]:
        return {n: self._namespace[n] for n in self._names[label] if n in self._namespace}


def _defined(stub: str) -> set[str]:
    """Return the functions and classes that a stub asks for."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {node.name for node in ast.parse(stub).body if isinstance(node, kinds)}
