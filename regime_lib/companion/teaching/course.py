"""The course session by session: `book/course.yml` read strictly, and joined with its exercises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from regime_lib.companion.book.catalogue import Entry, find_chapters
from regime_lib.companion.book.project import Project, reading_committed
from regime_lib.companion.claims.strict_yaml import load_strictly, plain_text, require_keys
from regime_lib.companion.teaching.exercises import Exercise, read_exercises
from regime_lib.companion.teaching.facts import Facts, read_facts
from regime_lib.errors import RegimeError

#: The file, in the folder of pages.
COURSE_FILE = "course.yml"

_KEYS = {"question", "vote", "chapters", "needs", "plan", "figures", "exercises", "hand_in"}


@dataclass(frozen=True)
class Task:
    """An exercise of a session, and what is told of it."""

    exercise: Exercise
    facts: Facts


@dataclass(frozen=True)
class Session:
    """One session of the course."""

    number: int  # from 1
    question: str
    vote: tuple[str, ...]  # answers to choose from
    chapters: tuple[Entry, ...]
    needs: str  # what students must know
    plan: tuple[tuple[int, str], ...]  # minutes, and what is done in them
    figures: tuple[tuple[str, str], ...]  # a figure's name, and what is asked of it
    tasks: tuple[Task, ...]
    hand_in: str

    @property
    def minutes(self) -> int:
        """How long the session is."""
        return sum(minutes for minutes, _ in self.plan)

    @property
    def homework(self) -> int:
        """How many minutes the exercises take."""
        return sum(task.facts.minutes for task in self.tasks)


def read_course(project: Project) -> tuple[Session, ...]:
    """Read the sessions of the course.

    Raises
    ------
    RegimeError
        If an entry does not have the form that the head of the file describes, or names a chapter
        or an exercise that there is not.
    """
    path = project.pages / COURSE_FILE
    with reading_committed(path):
        text = path.read_text(encoding="utf-8")
    entries, facts = load_strictly(text, COURSE_FILE), read_facts(project.pages)
    if not isinstance(entries, list):
        raise RegimeError(f"{COURSE_FILE} must be a list of sessions")
    return tuple(_session(project, n, entry, facts) for n, entry in enumerate(entries, start=1))


def _session(project: Project, number: int, entry: Any, facts: dict[str, Facts]) -> Session:
    place = f"{COURSE_FILE}: session {number}"
    if not isinstance(entry, dict):
        raise RegimeError(f"{place} must have the keys {', '.join(sorted(_KEYS))}")
    require_keys(entry, _KEYS, set(), place)
    chapters = tuple(find_chapters(project, _texts(entry, "chapters", place)))
    known = {
        exercise.label: exercise
        for chapter in chapters
        for exercise in read_exercises(chapter.notebook, chapter.name)
    }
    tasks = []
    for label in _texts(entry, "exercises", place):
        if label not in known or label not in facts:
            raise RegimeError(f"{place} asks for {label}, which is no exercise of its chapters")
        tasks.append(Task(known[label], facts[label]))
    question, needs, hand_in = (
        plain_text(entry[key], key, place) for key in ("question", "needs", "hand_in")
    )
    return Session(
        number,
        question,
        _texts(entry, "vote", place),
        chapters,
        needs,
        tuple((_minutes(a, place), b) for a, b in _pairs(entry, "plan", place)),
        tuple(_pairs(entry, "figures", place)),
        tuple(tasks),
        hand_in,
    )


def _texts(entry: dict[str, Any], key: str, place: str) -> tuple[str, ...]:
    if not isinstance(entry[key], list) or not entry[key]:
        raise RegimeError(f"{place}: {key} must be a list")
    return tuple(plain_text(one, f"an entry of {key}", place) for one in entry[key])


def _pairs(entry: dict[str, Any], key: str, place: str) -> list[tuple[str, str]]:
    found = []
    for line in _texts(entry, key, place):
        first, bar, second = line.partition(" | ")
        if not bar:
            raise RegimeError(f"{place}: write each entry of {key} as A | B, not '{line}'")
        found.append((first.strip(), second.strip()))
    return found


def _minutes(word: str, place: str) -> int:
    if not word.isdigit() or int(word) == 0:
        raise RegimeError(f"{place}: the plan begins each line with minutes, not '{word}'")
    return int(word)
