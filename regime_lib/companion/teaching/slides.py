"""Slides, handouts and syllabus of the course, with what the chapters' committed runs say."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property

import yaml

from regime_lib.companion.book.notebooks import glued_values, markdown_of
from regime_lib.companion.book.project import Project, reading_committed
from regime_lib.companion.figures.drawn import VARIANTS, DrawnFigure, figures_in
from regime_lib.companion.teaching.course import Session
from regime_lib.companion.teaching.handing_out import page
from regime_lib.companion.teaching.plain_text import Known, titles_in, works_in, written_out
from regime_lib.errors import RegimeError

_SECTION = r"^## {}[ \t]*\n(.*?)(?=^## |\Z)"
_BULLET = re.compile(r"^- (.+?)(?=^- |^\s*$|\Z)", re.MULTILINE | re.DOTALL)
_SLIDER = re.compile(r"[^.]*\bslider\b[^.]*\.")
_BOLD = re.compile(r"^\*\*(.+?)\.?\*\*", re.MULTILINE)


@dataclass(frozen=True)
class Shown:
    """A figure of a session, and what is asked of it."""

    chapter: str
    figure: DrawnFigure
    asks: str

    @property
    def file(self) -> str:
        """The picture's file, seen from the folder of figures."""
        kind = "svg" if self.figure.drawing else "png"
        return f"{self.chapter}-{self.figure.name}.{kind}"  # names repeat over chapters

    @property
    def caption(self) -> str:
        """What the figure shows, without what only its page can do."""
        return _SLIDER.sub("", self.figure.caption).strip()

    @property
    def picture(self) -> bytes:
        """The content of that file."""
        return self.figure.svg() or self.figure.picture(VARIANTS[0])


@dataclass(frozen=True)
class Material:
    """A session with what its chapters say in their committed runs."""

    project: Project
    session: Session

    @cached_property
    def findings(self) -> tuple[str, ...]:
        """The chapters' *In one minute*, point by point, with the numbers of the committed run."""
        return tuple(
            " ".join(point.split())
            for prose in self._proses
            for point in _BULLET.findall(_section(prose, "In one minute"))
        )

    @cached_property
    def limits(self) -> tuple[str, ...]:
        """What the chapters' *Where it fails* speaks of."""
        return tuple(
            head
            for prose in self._proses
            for head in _BOLD.findall(_section(prose, "Where it fails"))
        )

    @cached_property
    def shown(self) -> tuple[Shown, ...]:
        """The session's figures, in the order in which they are projected."""
        known = {
            figure.name: (chapter.name, figure)
            for chapter in self.session.chapters
            for figure in figures_in(chapter.notebook)
        }
        for name, _ in self.session.figures:
            if name not in known:
                raise RegimeError(
                    f"course.yml: session {self.session.number} shows {name}, which is no figure "
                    "of its chapters"
                )
        return tuple(Shown(*known[name], asks) for name, asks in self.session.figures)

    @cached_property
    def _proses(self) -> tuple[str, ...]:
        works = works_in(self.project.pages / "references.bib")
        found = []
        for chapter in self.session.chapters:
            raw = markdown_of(chapter.notebook)
            known = Known(glued_values(chapter.notebook), works, titles_in(raw))
            found.append(written_out(raw, known))
        return tuple(found)


def slides(material: Material) -> str:
    """Return the slides of a session, for reveal.js, with notes for who speaks."""
    macros = formula_macros(material.project)
    return page("slides", session=material.session, material=material, macros=macros)


def handout(material: Material) -> str:
    """Return the sheet that students get in a session: questions and tasks, no finding."""
    macros = formula_macros(material.project)
    return page("handout", session=material.session, material=material, macros=macros)


def overview(project: Project, sessions: tuple[Session, ...]) -> str:
    """Return the syllabus as a page that links slides, handouts and notebooks beside it."""
    return page("overview", sessions=sessions, macros=formula_macros(project))


def syllabus(sessions: tuple[Session, ...]) -> str:
    """Return the sessions in MyST Markdown, for a page of the book that lies in ``book/``."""
    return "\n\n".join(map(_session, sessions)) + "\n"


def formula_macros(project: Project) -> str:
    """Return the book's own macros for formulas as JSON."""
    path = project.root / "_config.yml"
    with reading_committed(path):
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    config = found.get("sphinx", {}).get("config", {})
    return json.dumps(config.get("formula_macros", {}))


def _session(session: Session) -> str:
    chapters = ", ".join(f"[{one.title}](../notebooks/{one.path.name})" for one in session.chapters)
    plan = "\n".join(f"- {minutes} min: {what}" for minutes, what in session.plan)
    tasks = ", ".join(
        f"{{ref}}`{task.exercise.title} <{task.exercise.label}>` ({task.facts.effort})"
        for task in session.tasks
    )
    vote = "\n".join(f"{number}. {answer}" for number, answer in enumerate(session.vote, 1))
    return (
        f"### {session.number}. {session.question}\n\n"
        f"**Chapter:** {chapters}. **Needs:** {session.needs}.\n\n"
        f"**To open:** {_file('slides', session)}, {_file('handouts', session)}\n\n"
        f"**Vote**, before and after:\n\n{vote}\n\n"
        f"**In class**, {session.minutes} minutes:\n\n{plan}\n\n"
        f"**Exercises**, {session.homework} minutes: {tasks}. **To hand in:** {session.hand_in}"
    )


def _file(kind: str, session: Session) -> str:
    """Return a link to what the rendered book has of a session, which the renderer does not see."""
    words = {"slides": "the slides", "handouts": "the handout"}[kind]
    return f'<a href="../_static/course/{kind}/{session.number:02}.html">{words}</a>'


def _section(prose: str, title: str) -> str:
    found = re.search(_SECTION.format(re.escape(title)), prose, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""
