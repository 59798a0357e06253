"""What is read of exercises and their checks is what stands in their sources."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from regime_lib.chapters.checking import NotYetError, checks, hint, require_solved
from regime_lib.companion.book.catalogue import load_entry
from regime_lib.companion.book.project import Project
from regime_lib.companion.teaching.checkers import read_checker
from regime_lib.companion.teaching.exercises import (
    bound_names,
    free_names,
    import_lines,
    read_exercises,
)
from regime_lib.errors import RegimeError
from tests.companion.tiny import code, make_project, markdown, tiny_cells

CHECKS = '''\
"""Checks."""


@checks
def double(solution):
    """Check a function that doubles."""
    found = solution(2)
    if found == 2:
        hint("Twice, " "not once.")
    other(found)


def other(found):
    if found != 4:
        hint(f"Expected 4, found {found:.2f}: {'too few' if found < 4 else 'too many'}.")


def unrelated():
    hint("Never said.")
'''
TASK = ":::{exercise} Double\n:label: ex10-double\n\nDouble it.\n:::"
STUB = '''\
import exercises_tiny


def double(x):
    """Return it twice."""
    raise NotImplementedError


exercises_tiny.double(double)'''
CELLS = [
    markdown(TASK),
    code(STUB),
    markdown(":::{solution-start} ex10-double\n:::"),
    code("def double(x):\n    return 2 * x\n\n\nexercises_tiny.double(double)"),
    markdown("It is twice as much."),
    markdown(":::{solution-end}\n:::"),
]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = make_project(tmp_path / "project", [*tiny_cells(), *CELLS])
    (project.notebooks / "exercises_tiny.py").write_text(CHECKS, encoding="utf-8")
    return project


def test_an_exercise_is_read_in_its_parts(project: Project) -> None:
    entry = load_entry(project, "10_tiny")
    (found,) = read_exercises(entry.notebook, "10_tiny")
    assert (found.title, found.name, found.text) == ("Double", "double", "Double it.")
    assert (found.check, found.function) == ("exercises_tiny.double", "double")
    assert found.stub_code == STUB.rpartition("\n\n\n")[0] + "\n"
    assert [cell["cell_type"] for cell in found.solution] == ["code", "markdown"]
    assert len(found.cells) == len(CELLS)


def test_what_a_check_says_is_read_from_it_and_from_what_it_calls(project: Project) -> None:
    entry = load_entry(project, "10_tiny")
    (exercise,) = read_exercises(entry.notebook, "10_tiny")
    checker = read_checker(project, entry, exercise)
    assert checker.full_name == "exercises_tiny.double"
    assert checker.does == "Check a function that doubles."
    assert checker.says == (
        "Twice, not once.",
        "Expected 4, found {found}: {'too few' if found < 4 else 'too many'}.",
    )


def test_a_check_that_is_nowhere_is_named(project: Project) -> None:
    (project.notebooks / "exercises_tiny.py").unlink()
    entry = load_entry(project, "10_tiny")
    (exercise,) = read_exercises(entry.notebook, "10_tiny")
    with pytest.raises(RegimeError, match=r"the check exercises_tiny\.double of ex10-double"):
        read_checker(project, entry, exercise)


def test_names_that_code_needs_and_the_imports_that_give_them() -> None:
    source = "import numpy as np\nfrom a.b import c as d\nimport os\nimport x.y\n"
    tree = ast.parse("def f(u: np.ndarray):\n    v = u + d\n    return [w for w in v if os]")
    assert free_names(tree) == {"np", "d", "os"}
    assert set(bound_names(tree)) == {"f", "u", "v", "w"}
    assert import_lines([source], {"np", "d", "os"}) == [
        "from a.b import c as d",
        "import numpy as np",
        "import os",
    ]


def test_grading_raises_the_sentence_that_a_reader_sees(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def law(solution: object) -> None:
        if solution is not True:
            hint("Mind the sign.")

    check = checks(law)
    require_solved(check, True)
    with pytest.raises(NotYetError, match=r"^Mind the sign\.$"):
        require_solved(check, False)
    check(False)
    assert capsys.readouterr().out == "law: not yet. Mind the sign.\n"
