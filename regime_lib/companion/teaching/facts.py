"""What is told of an exercise beside its task: difficulty, minutes, two hints, an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regime_lib.companion.book.notebooks import Node, source_of
from regime_lib.companion.book.project import reading_committed
from regime_lib.companion.claims.strict_yaml import load_strictly, plain_text, require_keys
from regime_lib.errors import RegimeError

#: The file, in the folder of pages.
FACTS_FILE = "exercises.yml"

_TASK = re.compile(r"(:::+\{exercise\}[^\n]*\n(?::[^\n]*\n)*?:label: *(\S+)\n(?::[^\n]*\n)*)\s*")
_SOLUTION = re.compile(r"^:::+\{solution-start\} *(\S+)", re.MULTILINE)
_LEVELS = ("introductory", "intermediate", "advanced")
_REQUIRED, _OPTIONAL = {"difficulty", "minutes", "hints"}, {"answer"}


@dataclass(frozen=True)
class Facts:
    """What is told of one exercise."""

    label: str
    difficulty: int  # 1 to 3
    minutes: int
    hints: tuple[str, str]  # where to look, then how; Markdown
    answer: str = ""  # to what the task asks and no function answers; Markdown

    @property
    def effort(self) -> str:
        """Difficulty and time in words."""
        return f"{_LEVELS[self.difficulty - 1]}, about {self.minutes} minutes"

    @property
    def folded_hints(self) -> str:
        """The hints in Markdown for any notebook viewer, folded."""
        folded = "<details><summary>Hint {}</summary>\n\n{}\n\n</details>"
        return "\n\n".join(folded.format(n, text) for n, text in enumerate(self.hints, 1))

    @property
    def page_hints(self) -> str:
        """The hints as the book's pages fold them."""
        folded = "::::{{dropdown}} Hint {}\n:class-container: rl-hint\n\n{}\n::::"
        return "\n\n".join(folded.format(n, text) for n, text in enumerate(self.hints, 1))


def read_facts(pages: Path) -> dict[str, Facts]:
    """Read what is told of every exercise, by label; of none where the file is missing.

    Raises
    ------
    RegimeError
        If an entry does not have the form that the head of the file describes.
    """
    path = pages / FACTS_FILE
    if not path.is_file():
        return {}
    with reading_committed(path):
        text = path.read_text(encoding="utf-8")
    entries = load_strictly(text, FACTS_FILE)
    if not isinstance(entries, dict):
        raise RegimeError(f"{FACTS_FILE} must map labels of exercises to what is told of them")
    return {str(label): _facts(str(label), entry) for label, entry in entries.items()}


def with_facts(notebook: Node, facts: Mapping[str, Facts], *, page: bool) -> Node:
    """Return a chapter whose exercises tell how hard they are, with hints before each solution.

    For a page of the book, or for a notebook that any viewer shows. An answer to an open question
    ends the solution.
    """
    cells: list[Node] = []
    answer = ""
    for cell in notebook["cells"]:
        if cell["cell_type"] != "markdown":
            cells.append(cell)
            continue
        source = _with_effort(source_of(cell), facts)
        if found := _SOLUTION.search(source):
            one = facts.get(found[1])
            answer = one.answer if one else ""
            if one:
                source = f"{one.page_hints if page else one.folded_hints}\n\n{source}"
        elif "{solution-end}" in source and answer:
            source, answer = f"**The open question.** {answer}\n\n{source}", ""
        cells.append({**cell, "source": source})
    return {**notebook, "cells": cells}


def _with_effort(source: str, facts: Mapping[str, Facts]) -> str:
    def told(task: re.Match[str]) -> str:
        one = facts.get(task[2])
        return f"{task[1]}\n*({one.effort})*\n\n" if one else task[0]

    return _TASK.sub(told, source)


def _facts(label: str, entry: Any) -> Facts:
    place = f"{FACTS_FILE}: {label}"
    if not isinstance(entry, dict):
        raise RegimeError(f"{place} must have the keys {', '.join(sorted(_REQUIRED))}")
    require_keys(entry, _REQUIRED, _OPTIONAL, place)
    difficulty, minutes, hints = entry["difficulty"], entry["minutes"], entry["hints"]
    if type(difficulty) is not int or not 1 <= difficulty <= len(_LEVELS):
        raise RegimeError(f"{place}: difficulty must be 1, 2 or 3, not {difficulty!r}")
    if type(minutes) is not int or not 1 <= minutes <= 180:
        raise RegimeError(f"{place}: minutes must be a whole number from 1 to 180, not {minutes!r}")
    if not isinstance(hints, list) or len(hints) != 2:
        raise RegimeError(f"{place}: hints must be a list of two, where to look and then how")
    first, second = (plain_text(hint, "a hint", place) for hint in hints)
    answer = plain_text(entry["answer"], "answer", place) if "answer" in entry else ""
    return Facts(label, difficulty, minutes, (first, second), answer)
