"""Chapters are listed from the notebooks folder and found by any name a reader would use."""

from __future__ import annotations

from pathlib import Path

import pytest

from regime_lib.companion.book.catalogue import chapter_names, find_chapters, list_chapters
from regime_lib.companion.book.project import Project
from tests.companion.refusals import refused
from tests.companion.tiny import make_project, markdown, tiny_cells, write_notebook


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = make_project(tmp_path)
    for name in ("05_first_steps", "20_tracking_mlp"):
        write_notebook(project.notebooks / f"{name}.ipynb", tiny_cells())
    return project


def test_chapters_come_in_the_order_of_their_numbers(project: Project) -> None:
    entries = list_chapters(project)
    assert [entry.name for entry in entries] == ["05_first_steps", "10_tiny", "20_tracking_mlp"]
    assert entries[0].title == "A tiny chapter"
    assert [parameter.name for parameter in entries[0].parameters] == [
        "profile",
        "steps",
        "rate",
        "n_seeds",
        "dataset",
    ]


@pytest.mark.parametrize(
    "word",
    [
        "20",
        "20_tracking_mlp",
        "tracking_mlp",
        "tracking-mlp",
        "Tracking_MLP",
        "20_tracking_mlp.ipynb",
        "notebooks/20_tracking_mlp.ipynb",
        "/some/where/20_tracking_mlp.ipynb",
    ],
)
def test_a_chapter_answers_to_its_number_name_slug_and_path(project: Project, word: str) -> None:
    assert [entry.name for entry in find_chapters(project, [word])] == ["20_tracking_mlp"]


def test_a_leading_zero_may_be_left_out(project: Project) -> None:
    assert find_chapters(project, ["5"])[0].name == "05_first_steps"


def test_all_means_every_chapter_and_none_comes_twice(project: Project) -> None:
    assert len(find_chapters(project, ["all"])) == 3
    assert len(find_chapters(project, ["20", "all", "tiny"])) == 3
    assert [e.name for e in find_chapters(project, ["20", "5", "20"])] == [
        "05_first_steps",
        "20_tracking_mlp",
    ]


def test_a_near_miss_is_answered_with_the_chapter_that_was_meant(project: Project) -> None:
    with refused("'traking_mlp'", "did you mean 20_tracking_mlp"):
        find_chapters(project, ["traking_mlp"])
    with refused("'99'", "05_first_steps, 10_tiny, 20_tracking_mlp"):
        find_chapters(project, ["99"])


def test_names_that_are_no_chapter_names_are_refused(project: Project) -> None:
    stray = write_notebook(project.notebooks / "Untitled.ipynb", tiny_cells())
    with refused("Untitled.ipynb", "two digits"):
        chapter_names(project)
    stray.rename(project.notebooks / "20_again.ipynb")
    with refused("20_again", "20_tracking_mlp", "share the number 20"):
        chapter_names(project)


def test_a_chapter_without_a_title_is_refused(project: Project) -> None:
    write_notebook(project.notebooks / "30_bare.ipynb", [markdown("no heading"), *tiny_cells()[1:]])
    with refused("30_bare", "# Title"):
        find_chapters(project, ["30"])


def test_a_file_that_is_no_notebook_is_refused(project: Project) -> None:
    (project.notebooks / "30_broken.ipynb").write_text('{"cells": [')
    with refused("30_broken.ipynb", "is not JSON", "git checkout -- notebooks/30_broken.ipynb"):
        find_chapters(project, ["30"])
    (project.notebooks / "30_broken.ipynb").write_text('{"nbformat": 3}')
    with refused("30_broken.ipynb", "format 4"):
        find_chapters(project, ["30"])


def test_an_empty_project_says_so(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    (project.notebooks / "10_tiny.ipynb").unlink()
    with refused("no chapter yet"):
        find_chapters(project, ["all"])
