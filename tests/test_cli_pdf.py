"""`regime pdf` prints what is rendered, links it, and says in a sentence what it cannot print."""

from __future__ import annotations

from pathlib import Path

import pytest

from regime_lib import cli_pdf
from regime_lib.companion.book.project import Project
from regime_lib.companion.publish.paper import BOOK
from regime_lib.companion.running import doctor
from tests.companion.tiny import make_project
from tests.test_cli import Said

Capture = pytest.CaptureFixture[str]

# Stands for a browser: writes a PDF of one page to where it is asked to.
BROWSER = """#!/bin/sh
for argument; do
  case "$argument" in --print-to-pdf=*) echo '/Type /Page' > "${argument#*=}" ;; esac
done
"""
PAGE = """<html><head><link rel="stylesheet" href="../_static/a.css"></head><body>
<div class="dropdown-download-buttons"><ul class="dropdown-menu"></ul></div>
<article><section id="s"><h1>A</h1></section></article></body></html>"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    project = make_project(tmp_path / "project")
    monkeypatch.setattr(cli_pdf, "find_project", lambda: project)
    (project.root / "_toc.yml").write_text(
        "root: book/index\nparts:\n- chapters: [{file: notebooks/10_tiny}, {file: book/api/a}]\n"
    )
    return project


@pytest.fixture
def browser(tmp_path: Path) -> str:
    path = tmp_path / "browser"
    path.write_text(BROWSER, encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def render(project: Project) -> None:
    for name in ("book/index", "notebooks/10_tiny", "book/api/a"):
        page = project.html / f"{name}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(PAGE, encoding="utf-8")


def test_the_book_and_each_chapter_are_printed_and_linked(
    project: Project, browser: str, capsys: Capture
) -> None:
    render(project)
    said = Said(capsys, "pdf", "--browser", browser)
    assert said.code == 0, said.err
    assert said.out.splitlines() == [
        "_build/html/pdf/10_tiny.pdf: 1 pages",
        f"_build/html/pdf/{BOOK}.pdf: 1 pages",
    ]
    chapter = (project.html / "notebooks" / "10_tiny.html").read_text()
    assert 'href="../pdf/10_tiny.pdf"' in chapter
    assert f'href="../pdf/{BOOK}.pdf"' in chapter
    assert not list(project.html.glob(".*.html"))


def test_one_chapter_can_be_printed_alone(project: Project, browser: str, capsys: Capture) -> None:
    render(project)
    assert Said(capsys, "pdf", "10", "--browser", browser).code == 0
    assert [path.name for path in (project.html / "pdf").iterdir()] == ["10_tiny.pdf"]


def test_what_is_missing_is_told(
    project: Project, browser: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Said(capsys, "pdf", "--browser", browser)
    assert (said.code, said.out) == (1, "")
    assert "run: regime book" in said.err
    monkeypatch.setattr(doctor, "find_browser", lambda project: None)
    said = Said(capsys, "pdf")
    assert said.code == 2
    assert "sh .ci/browser" in said.err
    assert Said(capsys, "pdf", "99", "--browser", browser).code == 2
