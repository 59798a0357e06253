"""Receipts are kept with the book without names, as a table that no stranger can break."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from regime_lib.companion.book.project import Project
from regime_lib.companion.teaching.machines import keep_receipts, machines
from regime_lib.errors import RegimeError
from tests.companion.teaching.test_collecting import receipt
from tests.companion.tiny import make_project
from tests.test_cli import Said

INSIDE, OUTSIDE = "inside the book's interval", "outside the book's interval"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project")


def write(folder: Path, **handed: dict[str, object]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in handed.items():
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()[2:]]


def test_without_receipts_a_sentence_stands_there(project: Project) -> None:
    assert machines(project.pages).startswith("Nobody has handed in a receipt")


def test_receipts_lose_their_names_and_are_kept_once(project: Project, tmp_path: Path) -> None:
    ana = receipt("Ana", "aa", ("ratio", INSIDE, True), ("steps", OUTSIDE, False))
    again = receipt("Somebody else", "aa", ("ratio", INSIDE, True), ("steps", OUTSIDE, False))
    folder = write(tmp_path / "in", ana=ana, again=again)
    first = keep_receipts(project, [folder])
    assert len(first) == 1
    assert keep_receipts(project, [folder]) == first
    assert "Ana" not in first[0].read_text("utf-8")
    assert cells(machines(project.pages)) == [["10 tiny", "Some CPU", "1 of 2", "1 of 2", "seed"]]


def test_one_that_is_no_receipt_keeps_all_out(project: Project, tmp_path: Path) -> None:
    folder = write(tmp_path / "in", good=receipt("", "aa", ("ratio", INSIDE, True)), bad={})
    with pytest.raises(RegimeError, match=r"bad\.json is not a receipt"):
        keep_receipts(project, [folder])
    assert not (project.pages / "receipts").exists()


def test_what_a_stranger_writes_stays_text_in_one_cell(project: Project, tmp_path: Path) -> None:
    evil = receipt("", "aa", ("ratio", INSIDE, True))
    evil["machine"] = {"processor": "a|b <script>x</script>\n[l](javascript:1) {glue}`z`" * 9}
    keep_receipts(project, [write(tmp_path / "in", evil=evil)])
    table = machines(project.pages)
    assert len(table.splitlines()) == 3
    (row,) = cells(table)
    assert len(row) == 5
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(table)
    assert "<script" not in html
    assert "<a " not in html
    assert "`" not in table


def test_the_command_publishes(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(project.root)
    folder = write(tmp_path / "in", one=receipt("Ana", "aa", ("ratio", INSIDE, True)))
    said = Said(capsys, "receipts", str(folder), "--publish")
    assert said.code == 0
    assert said.err == "1 kept in book/receipts\n"
    assert len(cells(machines(project.pages))) == 1
