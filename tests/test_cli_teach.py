"""`regime teach` writes what a class needs, and never over what somebody has written."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from regime_lib import storage
from regime_lib.cli_teach import seed_for
from regime_lib.companion.book.catalogue import find_chapters
from regime_lib.companion.book.declarations import parameters_of
from regime_lib.companion.book.project import find_project
from tests.test_cli import Said

Capture = pytest.CaptureFixture[str]


def notebook(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def test_editions_lie_where_they_were_asked_for(capsys: Capture, tmp_path: Path) -> None:
    said = Said(capsys, "teach", "student", "62", "10", "-o", str(tmp_path))
    assert (said.code, said.err) == (0, "")
    names = ["10_stability.ipynb", "62_grokking.ipynb"]
    assert said.out.splitlines() == [str(tmp_path / name) for name in names]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    about = notebook(tmp_path / names[0])["metadata"]["regime_edition"]
    assert (about["chapter"], about["kind"]) == ("10_stability", "student")


def test_a_student_has_a_seed_of_their_own_and_the_same_checks(
    capsys: Capture, tmp_path: Path
) -> None:
    names = ("--for", "Ana  María", "--for", "Bo")
    assert Said(capsys, "teach", "student", "10", *names, "-o", str(tmp_path)).code == 0
    ana = notebook(tmp_path / "ana_maría" / "10_stability.ipynb")
    bo = notebook(tmp_path / "bo" / "10_stability.ipynb")
    (entry,) = find_chapters(find_project(), ["10"])
    seeds = []
    for name, found in (("ana maría", ana), ("Bo", bo)):
        declared = {p.name: p for p in parameters_of(found, "the student's notebook")}
        seed = declared.pop("seed")
        assert seed.default == seed_for(name, entry)
        assert declared == {p.name: p for p in entry.parameters if p.name != "seed"}
        seeds.append(seed.default)
    assert seeds[0] != seeds[1]
    checks = [[c["source"] for c in found["cells"] if c["id"].startswith("stub-")]
              for found in (ana, bo)]  # fmt: skip
    assert checks[0] == checks[1] != []
    assert "for **Ana María**" in ana["cells"][1]["source"]


def test_seeds_spread_over_chapters_and_names_but_not_over_spellings() -> None:
    entries = find_chapters(find_project(), ["10", "20"])
    seeds = {seed_for(f"student {i}", entry) for i in range(50) for entry in entries}
    assert len(seeds) == 100
    assert seed_for("José", entries[0]) == seed_for(" JOSE\u0301 ", entries[0])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["teacher", "10"], "'teacher' is not one of 'student', 'instructor'"),
        (["student"], "Missing argument 'CHAPTER...|all'"),
        (["student", "11_stabilty"], "no chapter '11_stabilty'; did you mean 10_stability"),
        (["student", "10", "--format", "otter"], "'otter' is not one of 'jupyter', 'nbgrader'"),
        (["student", "10", "--for", "../"], "'../' is no name to call a folder by"),
        (["student", "10", "--for", "Ana", "--for", " ana "], "would share the folder ana"),
        (["student", "10", "--for", "Ana", "--sheet"], "--for is for students' whole chapters"),
        (["instructor", "10", "--for", "Ana"], "--for is for students' whole chapters"),
        (["course", "10"], "the course is all of it"),
        (["course", "--sheet"], "the course is all of it"),
        (["student", "10", "--format", "colab"], "write it into _config.yml"),
    ],
)
def test_bad_arguments_get_one_sentence_and_nothing_is_written(
    arguments: list[str], says: str, capsys: Capture, tmp_path: Path
) -> None:
    said = Said(capsys, "teach", *arguments, "-o", str(tmp_path / "out"))
    assert said.code == 2
    assert says in said.err
    assert len(said.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_what_a_student_wrote_is_never_overwritten(capsys: Capture, tmp_path: Path) -> None:
    arguments = ("teach", "student", "10", "20", "--sheet", "-o", str(tmp_path))
    assert Said(capsys, *arguments).code == 0
    path = tmp_path / "20_tracking_mlp.ipynb"
    run = notebook(path)
    run["cells"][-1] |= {
        "execution_count": 3,
        "outputs": [],
        "source": [run["cells"][-1]["source"]],
    }
    path.write_text(json.dumps(run), encoding="utf-8")
    assert Said(capsys, *arguments).code == 0, "a notebook that was only run may be written again"
    changed = notebook(path)
    changed["cells"][-1]["source"] += "\n# my own"
    path.write_text(json.dumps(changed), encoding="utf-8")
    (tmp_path / "10_stability.ipynb").unlink()
    said = Said(capsys, *arguments)
    assert said.code == 2
    assert "20_tracking_mlp.ipynb was edited since it was written" in said.err
    assert notebook(path) == changed
    assert not (tmp_path / "10_stability.ipynb").exists(), "all or none"
    said = Said(capsys, *arguments, "--keep")
    assert said.out.splitlines() == [str(tmp_path / "10_stability.ipynb")]
    assert notebook(path) == changed


@pytest.mark.parametrize(
    ("content", "says"),
    [('{"nbformat": 4, "cells": []}', "was not written by this command"), ("%", "is not a note")],
)
def test_a_stranger_file_is_left_alone(
    content: str, says: str, capsys: Capture, tmp_path: Path
) -> None:
    path = tmp_path / "10_stability.ipynb"
    path.write_text(content, encoding="utf-8")
    said = Said(capsys, "teach", "student", "10", "-o", str(tmp_path))
    assert said.code == 2
    assert says in said.err
    assert path.read_text(encoding="utf-8") == content


def test_an_interrupted_write_leaves_no_half_notebook(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("teach", "student", "10", "--sheet", "-o", str(tmp_path))
    assert Said(capsys, *arguments).code == 0
    before = (tmp_path / "10_stability.ipynb").read_bytes()

    def interrupted(path: Path, durable: bool) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(storage, "_finish", interrupted)
    assert Said(capsys, *arguments).code == 130
    assert [path.name for path in tmp_path.iterdir()] == ["10_stability.ipynb"]
    assert (tmp_path / "10_stability.ipynb").read_bytes() == before


def test_a_folder_that_cannot_be_written_is_said(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = Said(capsys, "teach", "student", "10", "-o", str(tmp_path / "file" / "x"))
    assert said.code == 1
    assert "cannot be written" in said.err
    assert len(said.err.splitlines()) == 1


def test_the_course_is_one_archive(capsys: Capture, tmp_path: Path) -> None:
    path = tmp_path / "course.zip"
    said = Said(capsys, "teach", "course", "-o", str(path))
    assert (said.code, said.out, said.err) == (0, f"{path}\n", "")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    assert {"slides", "handouts", "notebooks", "assets"} <= {name.split("/")[1] for name in names}
    said = Said(capsys, "teach", "student", "10", "-o", str(path))
    assert said.code == 2
    assert "is a file; give a folder" in said.err
