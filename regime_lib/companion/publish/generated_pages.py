"""Generated fragments of the book: scorecards, statements, tables, the landing figure."""

from __future__ import annotations

import re
from pathlib import Path

from regime_lib.companion.book.catalogue import list_chapters
from regime_lib.companion.book.notebooks import read_notebook
from regime_lib.companion.book.project import BuildFailed, Project, reading_committed
from regime_lib.companion.claims.claims import PAPERS
from regime_lib.companion.figures.drawn import DrawnFigure, figures_in
from regime_lib.companion.publish.figure_page import figure_html
from regime_lib.companion.publish.findings import of_paper, read_findings
from regime_lib.companion.publish.paper_answers import answer
from regime_lib.companion.publish.predictions import vote_sheet
from regime_lib.companion.publish.scorecard import chapters_fragment, paper_claims, scorecard
from regime_lib.companion.publish.statement_pages import (
    paper_statements,
    papers_of_chapters,
    read_judged,
    what_holds,
)
from regime_lib.storage import write_text

#: Where the fragments lie, seen from the folder of pages.
FOLDER = "_generated"

#: What moves on the landing page, and stands still in the README.
HERO = "fig-regions"
_INCLUDE = re.compile(rf"^`{{3,}}\{{include\}}\s+(\S*){FOLDER}/", re.MULTILINE)


def write_fragments(project: Project, pages: Path) -> None:
    """Write every generated fragment into ``_generated`` of the staged folder `pages`.

    No page in a folder below may include one: the fragment's links would lead nowhere from there.
    """
    _require_shallow(pages)
    findings = read_findings(project)
    judged = read_judged(project, findings)
    folder = pages / FOLDER
    write_text(folder / "scorecard.md", scorecard(findings))
    chapters = chapters_fragment(list_chapters(project), findings, papers_of_chapters(judged))
    write_text(folder / "chapters.md", chapters)
    sheet = vote_sheet(list_chapters(project), findings)
    write_text(folder / "vote_sheet.md", sheet + "\n")
    write_text(folder / "what_holds.md", what_holds(judged) + "\n")
    for paper in PAPERS.values():
        claims = paper_claims(findings, of_paper(findings.records, paper))
        write_text(folder / f"claims-{paper.key}.md", claims + "\n")
        head = answer(project, judged, paper, findings)
        write_text(folder / f"answer-{paper.key}.md", head + "\n")
        statements = paper_statements(judged, paper, findings)
        write_text(folder / f"statements-{paper.key}.md", statements + "\n")
    chapter, hero = find_figure(project, HERO)
    moving = f'<div class="rl-hero">{figure_html(hero, chapter)}</div>'
    write_text(folder / "hero.md", f"```{{raw}} html\n{moving}\n```\n")


def find_figure(project: Project, name: str) -> tuple[str, DrawnFigure]:
    """Return the figure called `name`, and the first chapter whose last run shows it."""
    for entry in list_chapters(project):
        for figure in figures_in(read_notebook(project.executed / entry.path.name)):
            if figure.name == name:
                return entry.name, figure
    raise BuildFailed(f"no chapter shows the figure '{name}'; draw it with chapter.figure")


def _require_shallow(pages: Path) -> None:
    for page in pages.rglob("*.md"):
        with reading_committed(page):
            text = page.read_text(encoding="utf-8")
        if page.parent != pages and _INCLUDE.search(text):
            raise BuildFailed(
                f"{page.relative_to(pages.parent)} includes a generated fragment, whose links hold "
                f"only for pages that lie directly in {pages.name}/; move the page there"
            )
