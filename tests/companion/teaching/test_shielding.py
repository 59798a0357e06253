"""Run All: a solution runs and prints, and the reader's function is still the reader's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from regime_lib.companion.book.catalogue import chapter_names, load_entry
from regime_lib.companion.book.notebooks import Node, source_of
from regime_lib.companion.book.project import find_project
from regime_lib.companion.teaching.exercises import read_exercises
from regime_lib.companion.teaching.shielding import shield

PROJECT = find_project()
TASK = ":::{exercise} Twice\n:label: ex10-twice\n\nDouble.\n:::"
STUB = "def twice(n):\n    raise NotImplementedError\n\n\nprint(twice)"
FIRST = "def helper(n):\n    return n + n\n\n\ndef twice(n):\n    return helper(n)"
SECOND = "solved = twice(21)"


def notebook() -> Node:
    parts = [
        ("markdown", TASK),
        ("code", STUB),
        ("markdown", ":::{solution-start} ex10-twice\n:::"),
        ("code", FIRST),
        ("code", SECOND),
        ("markdown", ":::{solution-end}\n:::"),
    ]
    cells = [{"cell_type": kind, "source": text, "metadata": {}} for kind, text in parts]
    return {"cells": cells, "metadata": {}}


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    settings = Config()
    settings.HistoryManager.enabled = False
    return InteractiveShell(config=settings)


def run(shell: Any, *sources: str) -> None:
    for source in sources:
        assert shell.run_cell(source).success


def test_the_readers_function_stays_and_the_solution_runs_to_its_end(shell: Any) -> None:
    for _ in range(2):  # the set-up cell may be run again
        shield(notebook(), "10_tiny", shell)
    run(shell, "def twice(n):\n    return 'mine'", FIRST, SECOND)
    assert shell.user_ns["solved"] == 42
    assert shell.user_ns["twice"](1) == "mine"
    run(shell, "def twice(n):\n    return 'mine again'")  # what the reader writes later counts
    run(shell, SECOND)
    assert shell.user_ns["twice"](1) == "mine again"


def test_without_the_shield_it_would_be_replaced(shell: Any) -> None:
    run(shell, "def twice(n):\n    return 'mine'", FIRST)
    assert shell.user_ns["twice"](1) == 2


def test_a_solution_that_is_run_alone_is_there(shell: Any) -> None:
    shield(notebook(), "10_tiny", shell)
    run(shell, FIRST, SECOND)
    assert shell.user_ns["twice"](2) == 4


def test_where_no_notebook_runs_nothing_happens() -> None:
    shield(notebook(), "10_tiny")


@pytest.mark.parametrize("name", chapter_names(PROJECT))
def test_below_a_solution_no_cell_needs_what_its_stub_defined(name: str) -> None:
    """Otherwise a reader who has not solved it could not run on."""
    entry = load_entry(PROJECT, name)
    for exercise in read_exercises(entry.notebook, name):
        below = entry.notebook["cells"][exercise.cells.stop :]
        code = [source_of(cell) for cell in below if cell["cell_type"] == "code"]
        users = [text for text in code if f"{exercise.function}(" in text]
        own = [text for text in users if f"def {exercise.function}(" not in text]
        assert own == [], (exercise.label, own)
