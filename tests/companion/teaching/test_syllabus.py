"""The syllabus asks for exercises that are there, by the names that they have in their chapters."""

from __future__ import annotations

import re

import pytest

from regime_lib.companion.book.catalogue import load_entry
from regime_lib.companion.book.project import find_project
from regime_lib.companion.teaching.exercises import read_exercises

PROJECT = find_project()
ROWS = re.findall(
    r"^\| (\d+) \|(.*)\|([^|]*)\|$",
    (PROJECT.pages / "syllabus.md").read_text("utf-8"),
    re.MULTILINE,
)


@pytest.mark.parametrize("row", ROWS, ids=[f"session {row[0]}" for row in ROWS])
def test_every_exercise_of_a_session_is_in_one_of_its_chapters(row: tuple[str, str, str]) -> None:
    number, session, to_hand_in = row
    chapters = re.findall(r"notebooks/(\w+)\.ipynb", session)
    if not chapters:  # "the same, to its end"
        before = ROWS[int(number) - 2][1]
        chapters = re.findall(r"notebooks/(\w+)\.ipynb", before)
    titles = {
        exercise.title
        for name in chapters
        for exercise in read_exercises(load_entry(PROJECT, name).notebook, name)
    }
    assert set(re.findall(r"\*([^*]+)\*", to_hand_in)) <= titles


def test_there_are_ten_sessions() -> None:
    assert [row[0] for row in ROWS] == [str(number) for number in range(1, 11)]
