"""Marking notes: what an instructor needs to grade an exercise, drawn from its check."""

from __future__ import annotations

from regime_lib.companion.book.catalogue import Entry
from regime_lib.companion.book.project import Project
from regime_lib.companion.teaching.cells import output_text
from regime_lib.companion.teaching.checkers import read_checker
from regime_lib.companion.teaching.exercises import Exercise
from regime_lib.companion.teaching.facts import Facts

#: What an exercise is worth.
POINTS = 1


def marking_notes(
    project: Project, entry: Entry, exercise: Exercise, facts: Facts | None = None
) -> str:
    """Return, in Markdown, what the check tests, what it says, and what a solution prints."""
    checker = read_checker(project, entry, exercise)
    does = checker.does.removeprefix("Check ").rstrip(".")
    printed = "".join(output_text(cell) for cell in exercise.solution).rstrip()
    lines = [
        "#### Marking notes",
        "",
        f"{POINTS} point if the check says *solved*. `{checker.full_name}` tries {does}.",
    ]
    if checker.says:
        lines += ["", "What it says to those who are not there yet, values in braces:", ""]
        lines += [f"- {sentence}" for sentence in checker.says]
    if printed:
        lines += ["", "Expected output of the solution:", "", "```text", printed, "```"]
    if facts and facts.answer:
        lines += ["", f"To the open question of the task: {facts.answer}"]
    lines += [
        "",
        "Questions of the task that no function answers are yours to mark. Ask, too, for one "
        "input on which a wrong version fails: the sentences above show which inputs those are.",
    ]
    return "\n".join(lines)
