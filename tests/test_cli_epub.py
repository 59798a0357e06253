"""`regime epub` binds what is rendered, links it, and says in a sentence what it cannot bind."""

from __future__ import annotations

from pathlib import Path

import pytest

from regime_lib import cli_epub
from regime_lib.companion.book.project import Project
from regime_lib.companion.publish.paper import BOOK
from regime_lib.companion.running import doctor
from tests.companion.tiny import make_project
from tests.test_cli import Said
from tests.test_cli_pdf import PAGE

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    project = make_project(tmp_path / "project")
    monkeypatch.setattr(cli_epub, "find_project", lambda: project)
    (project.root / "_toc.yml").write_text("root: book/index\nparts: []\n")
    return project


def test_the_book_is_bound_and_linked(project: Project, tmp_path: Path, capsys: Capture) -> None:
    page = project.html / "book" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text(PAGE, encoding="utf-8")
    (project.html / "_static").mkdir()
    (project.html / "_static" / "epub.css").write_text("")
    browser = tmp_path / "browser"
    browser.write_text('#!/bin/sh\nfor last; do :; done\ncat "${last#file://}"\n')
    browser.chmod(0o755)
    said = Said(capsys, "epub", "--browser", str(browser))
    assert said.code == 0, said.err
    assert said.out.startswith(f"_build/html/pdf/{BOOK}.epub: ")
    assert f'href="../pdf/{BOOK}.epub"' in page.read_text(encoding="utf-8")


def test_what_is_missing_is_told(
    project: Project, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = Said(capsys, "epub", "--browser", "/bin/true")
    assert (said.code, said.out) == (1, "")
    assert "run: regime book" in said.err
    monkeypatch.setattr(doctor, "find_browser", lambda project: None)
    said = Said(capsys, "epub")
    assert said.code == 2
    assert "sh .ci/browser" in said.err
