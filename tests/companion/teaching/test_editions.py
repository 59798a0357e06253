"""Student notebooks hold no solution, instructor ones all of it, and both do what they say."""

from __future__ import annotations

import ast
import builtins
import json
import re
from pathlib import Path
from typing import Any

import pytest

from regime_lib.chapters.checking import NotYetError
from regime_lib.companion.book.catalogue import Entry, chapter_names, load_entry
from regime_lib.companion.book.notebooks import Node, source_of
from regime_lib.companion.book.project import find_project
from regime_lib.companion.teaching.cells import output_text
from regime_lib.companion.teaching.editions import INSTRUCTOR, STUDENT, Edition, make_edition
from regime_lib.companion.teaching.grading import make_assignment
from regime_lib.companion.teaching.plain_text import Known, written_out
from regime_lib.errors import RegimeError
from tests.companion.tiny import code, make_project, markdown, tiny_cells

PROJECT = find_project()
CHAPTERS = chapter_names(PROJECT)
#: Thousands of events in its checks: too slow with every call checked.
UNTYPED = {"40_multi_phase": [pytest.mark.untyped]}
Capture = pytest.CaptureFixture[str]


@pytest.fixture(params=CHAPTERS)
def entry(request: pytest.FixtureRequest) -> Entry:
    return load_entry(PROJECT, request.param)


@pytest.fixture(params=[pytest.param(n, marks=UNTYPED.get(n, [])) for n in CHAPTERS])
def tried(request: pytest.FixtureRequest) -> Entry:
    """A chapter whose exercises are checked."""
    return load_entry(PROJECT, request.param)


def edition(entry: Entry, kind: str, *, sheet: bool = False) -> Edition:
    return Edition(PROJECT, entry, kind, sheet)


def run_all(notebook: Node) -> None:
    """Run the code of a sheet in a plain namespace, as Run All would."""
    namespace: dict[str, Any] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec(compile(source_of(cell), cell["id"], "exec"), namespace)


def test_a_stub_greets_and_a_solution_passes(tried: Entry, capsys: Capture) -> None:
    """The whole sheet runs by itself, so that it needs nothing of the chapter."""
    exercises = edition(tried, STUDENT).exercises
    run_all(make_edition(edition(tried, STUDENT, sheet=True)))
    said = capsys.readouterr().out
    assert said.count("not yet. Replace `raise NotImplementedError`") == len(exercises)
    assert "solved" not in said
    run_all(make_edition(edition(tried, INSTRUCTOR, sheet=True)))
    assert capsys.readouterr().out.count(": solved.") == len(exercises)


def test_an_assignment_raises_on_stubs_and_accepts_solutions(tried: Entry) -> None:
    run_all(make_assignment(edition(tried, INSTRUCTOR)))
    student = make_assignment(edition(tried, STUDENT))
    flags = [cell["metadata"].get("nbgrader", {}) for cell in student["cells"]]
    graded = [one for one in flags if one.get("grade")]
    namespace: dict[str, Any] = {}
    said = []
    for cell in student["cells"]:
        if cell["cell_type"] == "code":
            try:
                exec(source_of(cell), namespace)
            except NotYetError as error:
                said.append(str(error))
    assert len(said) == len(graded) == len(edition(tried, STUDENT).exercises)
    assert set(said) == {"Replace `raise NotImplementedError` with your solution."}


def telling_lines(source: str) -> set[str]:
    """Return the lines of some code that say something, docstrings among them."""
    return {line.strip() for line in source.splitlines() if len(line.strip()) > 8}


@pytest.mark.parametrize("form", ["chapter", "sheet", "assignment"])
def test_nothing_of_a_solution_is_in_a_student_file(entry: Entry, form: str) -> None:
    wanted = edition(entry, STUDENT, sheet=form == "sheet")
    student = make_assignment(wanted) if form == "assignment" else make_edition(wanted)
    inside = {place for exercise in wanted.exercises for place in exercise.cells}
    story = [cell for place, cell in enumerate(entry.notebook["cells"]) if place not in inside]
    public = telling_lines("\n".join(map(source_of, story)))
    held = telling_lines("\n".join(map(source_of, student["cells"])))
    imports = re.compile(r"(from|import) ")
    for exercise in wanted.exercises:
        secret = telling_lines(exercise.solution_code) - telling_lines(source_of(exercise.stub))
        secret = {line for line in secret - public if not imports.match(line)}
        assert secret, f"{exercise.label} has a solution without a line of its own"
        assert not secret & held
        told = json.dumps(student, ensure_ascii=False)
        for cell in exercise.solution:
            for line in telling_lines(output_text(cell)):
                assert line not in told
    assert not any(cell.get("outputs") for cell in student["cells"])
    assert ": solved." not in json.dumps(student)


def test_an_instructor_file_holds_solutions_notes_and_expected_outputs(entry: Entry) -> None:
    wanted = edition(entry, INSTRUCTOR)
    cells = make_edition(wanted)["cells"]
    sources = {source_of(cell) for cell in cells}
    notes = {c["id"]: source_of(c) for c in cells if c["id"].startswith("marking-")}
    for exercise in wanted.exercises:
        assert {source_of(cell) for cell in exercise.solution} <= sources
        note = notes[f"marking-{exercise.name}"]
        printed = output_text(exercise.solution[-1]).strip()
        assert printed
        assert printed in note
        assert "What it says to those who are not there yet" in note
    committed = sum(len(cell.get("outputs", [])) for cell in entry.notebook["cells"])
    assert sum(len(cell.get("outputs", [])) for cell in cells) == committed


def test_every_file_is_a_notebook_with_names_of_its_own(entry: Entry) -> None:
    import nbformat

    for made in (
        make_edition(edition(entry, STUDENT)),
        make_edition(edition(entry, INSTRUCTOR)),
        make_edition(edition(entry, STUDENT, sheet=True)),
        make_assignment(edition(entry, INSTRUCTOR)),
    ):
        nbformat.validate(nbformat.from_dict(made))
        names = [cell["id"] for cell in made["cells"]]
        assert len(names) == len(set(names))


def test_a_student_chapter_runs_without_what_solutions_defined(entry: Entry) -> None:
    """No cell reads a name that nothing above it binds: what only a solution imported is there."""
    from regime_lib.companion.teaching.exercises import bound_names, free_names

    def problems(cells: list[Node]) -> set[str]:
        bound = set(dir(builtins))
        missing: set[str] = set()
        for cell in cells:
            if cell["cell_type"] == "code":
                tree = ast.parse(source_of(cell))
                missing |= free_names(tree) - bound
                bound |= set(bound_names(tree))
        return missing

    committed = problems(entry.notebook["cells"])
    assert problems(make_edition(edition(entry, STUDENT))["cells"]) <= committed


def test_prose_is_plain_markdown(entry: Entry) -> None:
    for kind in (STUDENT, INSTRUCTOR):
        for cell in make_edition(edition(entry, kind))["cells"]:
            if cell["cell_type"] == "markdown":
                text = re.sub(r"\$[^$]*\$", "", source_of(cell))
                assert not re.search(r"\{[a-z:]+\}`|^:::|\]\((?!https?:|#)", text, re.MULTILINE)
                assert "hidden below" not in text


def test_roles_are_written_out() -> None:
    known = Known({"ratio": 2.951, "word": "partly"}, {"a2020": "A and B, 2020"}, {"thm": "Still"})
    said = written_out(
        "(here)=\n## Head\n\n{glue:text}`ratio:.2f` is {glue:text}`word`, {glue:text}`gone:.1f`; "
        "{cite:p}`a2020`, {cite:t}`b`; see {ref}`there <here>`, {prf:ref}`thm`, "
        "[chapter](20_x.ipynb), [site](https://x.org) and [below](#here).\n\n"
        ":::{prf:theorem} Still\n:label: thm\n\nIt stands.\n:::",
        known,
    )
    assert said == (
        "## Head\n\n2.95 is partly, (run the chapter); (A and B, 2020), b; see there, Still, "
        "chapter, [site](https://x.org) and [below](#here).\n\n**Theorem: Still.**\n\n\nIt stands."
    )


def test_a_note_in_the_margin_stands_in_the_text() -> None:
    said = written_out(":::{margin} Pattern\nWhich are on.\n:::\n\nText.", Known({}, {}, {}))
    assert said == "**Note: Pattern.**\n\nWhich are on.\n\nText."


TASK = ":::{exercise} Double\n:label: ex10-double\n\nDouble it.\n:::"
STUB = """\
def double(x: int) -> int:
    raise NotImplementedError


checks.double(double)"""
START, END = ":::{solution-start} ex10-double\n:::", ":::{solution-end}\n:::"


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        ([], "10_tiny has no exercises"),
        ([markdown(TASK)], "ex10-double needs a code cell with its stub"),
        ([markdown(TASK), code(STUB), markdown(START)], "ex10-double needs a code cell"),
        ([markdown(TASK.replace(":label: ex10-double\n", "")), code(STUB)], "has no label"),
        (
            [markdown(TASK), code("double = 2"), markdown(START), markdown(END)],
            "the stub of ex10-double does not end with its check",
        ),
    ],
)
def test_a_chapter_that_breaks_the_form_is_refused(
    cells: list[dict[str, Any]], says: str, tmp_path: Path
) -> None:
    project = make_project(tmp_path / "project", [*tiny_cells(), *cells])
    with pytest.raises(RegimeError, match=re.escape(says)):
        make_edition(Edition(project, load_entry(project, "10_tiny"), STUDENT))


def test_a_name_that_only_a_solution_defines_is_refused_below(tmp_path: Path) -> None:
    solution = "def double(x: int) -> int:\n    return 2 * x\n\n\ntwice = double(2)"
    cells = [markdown(TASK), code(STUB), markdown(START), code(solution), markdown(END)]
    project = make_project(tmp_path / "project", [*tiny_cells(), *cells, code("print(twice)")])
    with pytest.raises(RegimeError, match="uses twice, which only a solution defines"):
        make_edition(Edition(project, load_entry(project, "10_tiny"), STUDENT))
