"""Whatever happens to a file of the project, a command says it in a sentence or makes it again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.strict_yaml import load_strictly
from regime_lib.companion.publish.site import STAMP
from regime_lib.companion.teaching.plain_text import works_in
from tests.companion.faults import EVIDENCE, FIRM, REPORT, SWEEP, Watch, call, watched
from tests.companion.refusals import refused

#: Commands that between them read every file; the last read what the others did, and more.
READERS = (
    ("claims",),
    ("run", "10", "--why"),
    ("compare", "10"),
    ("doctor",),
    FIRM,
    SWEEP,
    ("sweep", "--status", "_build/sweeps/10_tiny"),
    (*EVIDENCE, "--collect"),
    ("receipts", "receipt.json"),
    REPORT,
    ("accept",),
    ("book",),
)

DAMAGES = {
    "empty": lambda content: b"",
    "half": lambda content: content[: len(content) // 2],
    "a list": lambda content: b"[3]",
    "null": lambda content: b"null",
    "an object": lambda content: b'{"cells": null, "nbformat": 4, "points": 3, "files": [1]}',
    "cells": lambda content: b'{"cells": [{}], "metadata": 3, "nbformat": 4, "sha256": null}',
    "noise": lambda content: bytes(range(255, 0, -1)),
    "UTF-16": lambda content: content.decode("utf-8", "replace").encode("utf-16"),
    "Latin-1": lambda content: b"\xe9t\xe9 " + content,
    "deep": lambda content: b"[" * 100_000,
}

# Rendering takes a while, and what only it reads has few readers of its own.
SLOWLY = ("empty", "noise", "Latin-1", "missing", "folder")


def readers_of(project: Project) -> dict[Path, list[tuple[str, ...]]]:
    """Return the files that commands read, seen while they did, with the commands."""
    found: dict[Path, list[tuple[str, ...]]] = {}
    for command in READERS:
        with watched(Watch(project.root)) as watch:
            said = call(*command)
        assert said.code == 0, (command, said.err)
        for path in sorted(path for path in watch.read if path.is_file()):
            if path.name.startswith(".") or {"kept", "stage"} & set(path.parts):
                continue  # a temporary name, what stands for a kernel, what this command made
            if path not in found or command != ("book",):
                found.setdefault(path, []).append(command)
    return found


def harm(path: Path, how: str, content: bytes) -> None:
    """Replace a file by something worse."""
    if how in DAMAGES:
        path.write_bytes(DAMAGES[how](content))
        return
    path.unlink()
    if how == "folder":
        path.mkdir()


def mend(path: Path, content: bytes) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.write_bytes(content)


def wrong_with(project: Project, path: Path, how: str, command: tuple[str, ...]) -> str:
    """Say what is wrong with how a command takes a damaged file; nothing if it is right."""
    try:
        said = call(*command)
    except Exception as error:
        return f"raises {error!r}"
    derived = project.build in path.parents
    remade = derived and command[0] in ("run", "firm", "book") and how != "folder"
    if remade or said.code == 0:
        return "" if said.code == 0 else f"does not make it again: {said.err}"
    if not said.err.startswith("regime: ") or said.err.count("\n") != 1:
        return f"takes more than a sentence: {said.err}"
    if not derived and path.stem not in said.err and "no chapter yet" not in said.err:
        return f"does not name it: {said.err}"
    if said.code == 1 and not derived and "git checkout -- " not in said.err:
        return f"does not say how to get it back: {said.err}"
    return ""


def test_no_damage_to_any_file_ends_in_a_traceback(whole: Project) -> None:
    readers = readers_of(whole)
    kinds = {path.suffix for path in readers}
    assert kinds >= {".bib", ".ipynb", ".json", ".lock", ".md", ".parquet", ".py", ".yml"}
    assert {project_file.name for project_file in readers} >= {"claims.yml", "statements.yml",
            "_toc.yml", "plan.json", "manifest.json", "README.md", "receipt.json"}  # fmt: skip
    faults = []
    for path, commands in readers.items():
        content = path.read_bytes()
        for number, how in enumerate([*DAMAGES, "missing", "folder"]):
            command = commands[number % len(commands)]
            if command == ("book",) and how not in SLOWLY:
                continue
            harm(path, how, content)
            if fault := wrong_with(whole, path, how, command):
                faults.append(f"{whole.show(path)}, {how}: {' '.join(command)} {fault}")
            mend(path, content)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("how", [*DAMAGES, "missing", "folder"])
def test_a_damaged_stamp_of_the_rendered_book_costs_a_rendering(whole: Project, how: str) -> None:
    assert call("book").code == 0
    assert "up to date" in call("book").out
    stamp = whole.html / STAMP
    harm(stamp, how, stamp.read_bytes())
    said = call("book")
    assert (said.code, said.err) == (0, "")
    assert said.out.endswith(": rendered\n")


def test_a_lock_may_hold_anything_and_a_folder_in_its_place_is_told(whole: Project) -> None:
    lock = whole.build / "locks" / "book.lock"
    lock.write_bytes(bytes(range(256)))
    assert call("book").code == 0
    lock.unlink(missing_ok=True)
    lock.mkdir()
    said = call("book")
    lock.rmdir()
    assert said.code == 1
    assert said.err.startswith("regime: ")
    assert said.err.count("\n") == 1


def test_deep_yaml_is_refused_before_the_parser_in_c_ends_the_process() -> None:
    for text in ("[" * 100_000, "- " * 100_000, "{a: " * 100_000):
        with refused("claims.yml is nested"):
            load_strictly(text, "claims.yml")


def test_a_day_that_no_calendar_has_is_refused() -> None:
    with refused("claims.yml is not valid YAML"):
        load_strictly("date: 2026-02-31", "claims.yml")


def test_a_damaged_bibliography_is_named(tmp_path: Path) -> None:
    (tmp_path / "references.bib").write_bytes(b"\xe9t\xe9")
    with refused("references.bib is not text in UTF-8", "git checkout"):
        works_in(tmp_path / "references.bib")


@pytest.mark.parametrize("name", ["claims.parquet", "glued.parquet", "manifest.json"])
def test_a_deleted_file_of_committed_evidence_is_an_error_of_claims(
    whole: Project, name: str
) -> None:
    path = whole.pages / "evidence" / "10_tiny" / name
    content = path.read_bytes()
    path.unlink()
    said = call("claims")
    mend(path, content)
    assert said.code == 1
    assert f"book/evidence/10_tiny/{name} is missing; " in said.err
    assert "regime evidence 10_tiny" in said.err


def test_evidence_that_no_chapter_is_named_after_is_held_against_its_manifest_too(
    whole: Project,
) -> None:
    copy = shutil.copytree(whole.pages / "evidence" / "10_tiny", whole.pages / "evidence" / "late")
    assert call("claims").code == 0
    (copy / "glued.parquet").unlink()
    said = call("claims")
    shutil.rmtree(copy)
    assert said.code == 1
    assert "book/evidence/late/glued.parquet is missing" in said.err


@pytest.mark.parametrize("kind", ["sweeps", "firmness"])
@pytest.mark.parametrize("name", ["10_tiny.parquet", "10_tiny.json"])
def test_half_of_what_is_published_is_an_error_of_claims(
    whole: Project, kind: str, name: str
) -> None:
    path = whole.pages / kind / name
    content = path.read_bytes()
    path.unlink()
    said = call("claims")
    mend(path, content)
    assert said.code == 1
    assert f"book/{kind}/{name} is missing; " in said.err


@pytest.mark.parametrize("kind", ["sweeps", "firmness"])
def test_changed_numbers_of_a_published_table_are_refused(whole: Project, kind: str) -> None:
    import pandas as pd

    path = whole.pages / kind / "10_tiny.parquet"
    content = path.read_bytes()
    table = pd.read_parquet(path)
    table.assign(value=5 * table["value"]).to_parquet(path, index=False)
    said = call("claims")
    mend(path, content)
    assert said.code == 1
    assert f"book/{kind}/10_tiny.parquet is damaged (it is not the" in said.err
