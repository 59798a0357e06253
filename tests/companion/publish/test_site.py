"""The book is rendered strictly, swapped in one go, and left alone where nothing changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from regime_lib.companion.book.notebooks import (
    ONLY_ON_PAGES_TAG,
    code_cells,
    read_notebook,
    source_of,
    tags_of,
)
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import PAPERS
from regime_lib.companion.publish.generated_pages import write_fragments
from regime_lib.companion.publish.site import STAMP, build_book, stage
from tests.companion.refusals import refused

CONFIG = """\
title: Tiny
author: Tests
logo: ""
only_build_toc_files: true
execute: {execute_notebooks: "off"}
sphinx:
  config:
    html_static_path: [book/_static]
    html_css_files: [cards.css]
    extensions: [myst_nb, jupyter_book, sphinx_comments, sphinx_external_toc, sphinx_book_theme]
"""
TOC = """\
format: jb-book
root: book/index
chapters:
- file: book/scorecard
- file: notebooks/10_tiny
""" + "".join(f"- file: book/paper-{key}\n" for key in PAPERS)
INDEX = """\
# Tiny

```{include} _generated/hero.md
```

The ratio is {glue:text}`../notebooks/10_tiny.ipynb::rc-tiny-ratio:.1f` in
{glue:text}`../notebooks/10_tiny.ipynb::rc-tiny-ratio-n:d` runs,
{glue:text}`../notebooks/10_tiny.ipynb::rc-tiny-ratio-verdict:s`.

```{include} _generated/what_holds.md
```

```{include} _generated/chapters.md
```
"""
PAPER_PAGE = """\
# {name}

```{{include}} _generated/answer-{key}.md
```

```{{include}} _generated/statements-{key}.md
```

({prefix}-derivation-2)=
## A derivation

It follows.
"""
SCORECARD = "# Scorecard\n\n```{include} _generated/scorecard.md\n```\n"


@pytest.fixture
def book(executed: Project) -> Project:
    """Return the executed project with the pages of a small book."""
    pages = executed.root / "book"
    (pages / "_static").mkdir()
    sheet = Path(__file__).parents[3] / "book" / "_static" / "cards.css"
    shutil.copyfile(sheet, pages / "_static" / "cards.css")
    (executed.root / "_config.yml").write_text(CONFIG)
    (executed.root / "_toc.yml").write_text(TOC)
    (pages / "index.md").write_text(INDEX)
    (pages / "scorecard.md").write_text(SCORECARD)
    for key, paper in PAPERS.items():
        page = PAPER_PAGE.format(key=key, name=paper.name, prefix=paper.prefix)
        (pages / f"paper-{key}.md").write_text(page)
    return executed


def page(project: Project, name: str) -> BeautifulSoup:
    return BeautifulSoup((project.html / name).read_text(encoding="utf-8"), "html.parser")


def leads_somewhere(project: Project, address: str) -> bool:
    """Whether a link of a page in ``book/`` has a target."""
    target, _, anchor = address.partition("#")
    found = page(project, f"book/{target}")
    return not anchor or found.find(id=anchor) is not None


def test_the_book_is_rendered_kept_and_protected_from_a_bad_page(book: Project) -> None:
    # One rendering for several facts, since each takes seconds.
    for executed in book.executed.glob("*.ipynb"):
        executed.rename(book.notebooks / executed.name)
    built = build_book(book, committed=True)
    assert built.status == "rendered"
    assert {run.status for run in built.runs} == {"up to date"}

    landing = page(book, "book/index.html")
    assert "The ratio is 2.5 in 4 runs, reproduced." in " ".join(landing.text.split())
    assert len(landing.select("figure#fig-regions picture")) == 2
    chapter_link = landing.select_one("table:not(.rl-holds) td a")
    assert chapter_link is not None
    assert chapter_link["href"] == "../notebooks/10_tiny.html"
    counted = landing.select("table.rl-holds td a")
    assert [link.text for link in counted] == ["1", "1"]  # one is reproduced, one not tested
    for link in (*counted, *landing.select("table.rl-holds th a, .rl-tally a")):
        assert leads_somewhere(book, str(link["href"])), link

    chapter = page(book, "notebooks/10_tiny.html")
    assert chapter.select_one("div.rl-card#claim-rc-tiny-ratio .rl-badge") is not None
    assert len(chapter.select("figure.rl-figure:not(.rl-again) figcaption")) == 1
    first = chapter.select_one("figure.rl-again a.rl-zoom")  # the finding, right at the start
    assert first is not None
    assert first["href"] == "#fig-regions"
    assert chapter.select_one("figure#fig-regions") is not None
    assert str(chapter).index("rl-again") < str(chapter).index("cell_input")
    answered = page(book, "book/paper-regime-change.html").select_one(".rl-answer a.rl-zoom")
    assert answered is not None
    assert answered["href"] == "../notebooks/10_tiny.html#fig-regions"
    assert chapter.select_one("details.rl-provenance") is not None
    glued = [span.text for span in chapter.select(".pasted-text")]
    assert glued == ["2.50", "reproduced"]

    links = page(book, "book/scorecard.html").select(".rl-row a")
    links += page(book, "book/paper-regime-change.html").select(".rl-row a")
    assert len(links) == 2 + 1 + 2  # cards and a derivation on the scorecard, cards of statements
    assert all(leads_somewhere(book, str(link["href"])) for link in links)

    stamp = (book.html / STAMP).stat().st_mtime_ns
    again = build_book(book)
    assert (again.status, again.runs[0].status) == ("up to date", "up to date")
    assert (book.html / STAMP).stat().st_mtime_ns == stamp

    before = {path: path.stat().st_mtime_ns for path in book.html.rglob("*.html")}
    (book.root / "book" / "index.md").write_text(INDEX + "\n[nowhere](missing.md)\n")
    with refused("the book did not render: 1 warning", "book/index.md", "_build/book.log"):
        build_book(book)
    assert {path: path.stat().st_mtime_ns for path in book.html.rglob("*.html")} == before
    assert not list(book.build.glob(".render-*"))
    assert "missing.md" in (book.build / "book.log").read_text()


def test_a_chapter_that_fails_publishes_nothing(book: Project) -> None:
    source = book.notebooks / "10_tiny.ipynb"
    source.write_text(source.read_text().replace("print(p.steps)", "print(p.stepz)"))
    with refused("chapter 10_tiny failed in code cell 3", "did you mean 'steps'"):
        build_book(book)
    assert not book.html.exists()


def test_a_book_without_its_settings_is_refused(executed: Project) -> None:
    with refused("_config.yml is missing", "git checkout -- _config.yml"):
        build_book(executed)


def test_fragments_must_be_included_from_where_their_links_lead(executed: Project) -> None:
    deep = executed.root / "book" / "papers"
    deep.mkdir()
    (deep / "one.md").write_text("# One\n\n```{include} ../_generated/claims-multi-phase.md\n```\n")
    with refused("papers/one.md", "move the page"):
        write_fragments(executed, executed.root / "book")


def test_a_book_without_a_landing_figure_is_refused(executed: Project) -> None:
    path = executed.executed / "10_tiny.ipynb"
    path.write_text(path.read_text().replace("fig-regions", "fig-other"))
    with refused("fig-regions", "chapter.figure"):
        write_fragments(executed, executed.root / "book")


def test_there_is_one_fragment_for_each_include(executed: Project) -> None:
    pages = executed.root / "book"
    write_fragments(executed, pages)
    assert {path.name for path in (pages / "_generated").iterdir()} == {
        "scorecard.md",
        "chapters.md",
        "hero.md",
        "vote_sheet.md",
        "what_holds.md",
        *(f"answer-{paper}.md" for paper in PAPERS),
        *(f"claims-{paper}.md" for paper in PAPERS),
        *(f"statements-{paper}.md" for paper in PAPERS),
    }


def test_readers_do_not_see_what_is_said_to_formatters(book: Project) -> None:
    path = book.executed / "10_tiny.ipynb"
    notebook = read_notebook(path)
    shown = [source_of(cell) for cell in code_cells(notebook)]
    for cell, source in zip(code_cells(notebook), shown, strict=True):
        cell["source"] = "# fmt: off\n" + source
    path.write_text(json.dumps(notebook), encoding="utf-8")
    staged = read_notebook(stage(book) / "notebooks" / "10_tiny.ipynb")
    cells = [cell for cell in code_cells(staged) if ONLY_ON_PAGES_TAG not in tags_of(cell)]
    assert [source_of(cell) for cell in cells] == shown
