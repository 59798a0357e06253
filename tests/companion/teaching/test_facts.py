"""Every exercise tells its difficulty, its minutes and two hints, wherever it is shown."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from regime_lib.companion.book.catalogue import chapter_names, load_entry
from regime_lib.companion.book.notebooks import source_of
from regime_lib.companion.book.project import find_project
from regime_lib.companion.teaching.editions import INSTRUCTOR, STUDENT, Edition, make_edition
from regime_lib.companion.teaching.exercises import Exercise, read_exercises
from regime_lib.companion.teaching.facts import FACTS_FILE, read_facts, with_facts
from regime_lib.errors import RegimeError

PROJECT = find_project()
FACTS = read_facts(PROJECT.pages)
CHAPTERS = chapter_names(PROJECT)
ENTRY = "ex10-a:\n  difficulty: 1\n  minutes: 5\n  hints: [Look here., Do this.]\n"


def exercises(chapter: str) -> tuple[Exercise, ...]:
    return read_exercises(load_entry(PROJECT, chapter).notebook, chapter)


def test_exercises_and_what_is_told_of_them_are_the_same() -> None:
    labels = [exercise.label for chapter in CHAPTERS for exercise in exercises(chapter)]
    here = tuple(f"ex{chapter[:2]}-" for chapter in CHAPTERS)
    assert sorted(labels) == sorted(label for label in FACTS if label.startswith(here))


def test_what_a_task_asks_and_no_function_answers_has_an_answer() -> None:
    asks = {
        exercise.label
        for chapter in CHAPTERS
        for exercise in exercises(chapter)
        if re.search(r"[?.] (?:Why|Then|What would|How few|Does|Compare)\b|then use",
                     exercise.text)
    }  # fmt: skip
    assert asks
    assert asks <= {label for label, facts in FACTS.items() if facts.answer}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_hints_do_not_hold_a_line_of_the_solution(chapter: str) -> None:
    for exercise in exercises(chapter):
        secret = {line.strip() for line in exercise.solution_code.splitlines()}
        secret -= {line.strip() for line in source_of(exercise.stub).splitlines()}
        first, second = FACTS[exercise.label].hints
        assert first != second
        for line in secret:
            assert len(line) < 12 or line not in first + second


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_page_folds_two_hints_before_each_solution(chapter: str) -> None:
    entry = load_entry(PROJECT, chapter)
    before = json.dumps(entry.notebook)
    for page, mark in ((True, "{dropdown} Hint"), (False, "<summary>Hint")):
        told = with_facts(entry.notebook, FACTS, page=page)
        prose = "\n\n".join(source_of(c) for c in told["cells"] if c["cell_type"] == "markdown")
        assert prose.count(mark) == 2 * len(exercises(chapter))
        for exercise in exercises(chapter):
            facts = FACTS[exercise.label]
            assert f"*({facts.effort})*" in prose
            assert prose.index(facts.hints[0]) < prose.index(facts.hints[1])
            assert prose.index(facts.hints[1]) < prose.index(f"solution-start}} {exercise.label}")
            if facts.answer:
                after = prose.index(f"solution-start}} {exercise.label}")
                assert prose.index("{solution-end}", after) > prose.index(facts.answer) > after
    assert json.dumps(entry.notebook) == before


def test_students_get_hints_and_only_instructors_get_answers() -> None:
    entry = load_entry(PROJECT, "20_tracking_mlp")
    answers = [FACTS[one.label].answer for one in exercises(entry.name) if FACTS[one.label].answer]
    for kind in (STUDENT, INSTRUCTOR):
        sheet = make_edition(Edition(PROJECT, entry, kind, sheet=True))
        text = "\n".join(map(source_of, sheet["cells"]))
        assert text.count("<summary>Hint 1") == len(exercises(entry.name))
        assert [answer in text for answer in answers] == [kind == INSTRUCTOR] * len(answers)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- a", "must map labels"),
        ("ex10-a: 3", "must have the keys"),
        (ENTRY.replace("minutes: 5", "minutes: soon"), "minutes must be a whole number"),
        (ENTRY.replace("difficulty: 1", "difficulty: true"), "difficulty must be 1, 2 or 3"),
        (ENTRY.replace("difficulty: 1", "difficulty: 4"), "difficulty must be 1, 2 or 3, not 4"),
        (ENTRY.replace(", Do this.", ""), "hints must be a list of two"),
        (ENTRY.replace("Do this.", "3"), "must be text"),
        (ENTRY + "  level: 3\n", "unknown key 'level'"),
        (ENTRY + ENTRY, "given twice"),
        (ENTRY.replace("  minutes: 5\n", ""), "lacks 'minutes'"),
    ],
)
def test_a_file_that_breaks_the_form_is_refused(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / FACTS_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(RegimeError, match=re.escape(says)):
        read_facts(tmp_path)


def test_without_the_file_nothing_is_told(tmp_path: Path) -> None:
    assert read_facts(tmp_path) == {}
    cells = load_entry(PROJECT, "10_stability").notebook["cells"]
    told = with_facts({"cells": cells}, {}, page=True)["cells"]
    assert list(map(source_of, told)) == list(map(source_of, cells))
