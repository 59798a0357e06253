"""The project is found from anywhere inside it, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from regime_lib.companion.book.project import Project, find_project
from tests.companion.refusals import refused
from tests.companion.tiny import make_project


@pytest.fixture(autouse=True)
def _no_named_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REGIME_ROOT", raising=False)


def test_the_root_is_found_from_any_folder_inside(tmp_path: Path) -> None:
    project = make_project(tmp_path / "here")
    deep = project.root / "book" / "one" / "two"
    deep.mkdir(parents=True)
    assert find_project(deep).root == project.root
    assert find_project(project.root).root == project.root


def test_the_named_root_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, named = make_project(tmp_path / "here"), make_project(tmp_path / "named")
    monkeypatch.setenv("REGIME_ROOT", str(named.root))
    assert find_project(here.root).root == named.root


def test_a_named_root_that_is_none_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGIME_ROOT", str(tmp_path))
    with refused("REGIME_ROOT", "book/claims.yml"):
        find_project()


def test_outside_of_any_project_the_one_beside_the_package_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path / "here")
    monkeypatch.setattr("regime_lib.companion.book.project._PACKAGE", project.root / "library")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert find_project(elsewhere).root == project.root


def test_without_any_project_the_user_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regime_lib.companion.book.project._PACKAGE", tmp_path / "a" / "library")
    with refused("no project found", "REGIME_ROOT"):
        find_project(tmp_path)


def test_paths_are_shown_from_the_root(tmp_path: Path) -> None:
    project = Project(tmp_path.resolve())
    assert project.show(project.executed / "x.ipynb") == "_build/notebooks/x.ipynb"
    assert project.show(Path("/elsewhere/x.ipynb")) == "/elsewhere/x.ipynb"
