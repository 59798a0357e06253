"""Addresses follow from one setting, and nothing is linked while it is empty."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from regime_lib.companion.book.project import Project, find_project
from regime_lib.companion.book.repository import Repository, read_repository
from regime_lib.companion.teaching.cells import package_source, standing_alone_source
from regime_lib.companion.teaching.launching import with_launch_links
from regime_lib.errors import RegimeError

PROJECT = find_project()
HERE = Repository("https://github.com/someone/regimes", "main")
PAGE = {"cells": [{"cell_type": "markdown", "source": "# T"}, {"cell_type": "code", "source": "1"}]}


def project_with(folder: Path, setting: str) -> Project:
    (folder / "_config.yml").write_text(f"title: T\n{setting}\n", encoding="utf-8")
    return Project(folder)


@pytest.mark.parametrize("setting", ["", "repository:", 'repository: {url: "", branch: main}'])
def test_while_it_is_not_set_nothing_is_linked(setting: str, tmp_path: Path) -> None:
    repository = read_repository(project_with(tmp_path, setting))
    assert repository is None
    assert with_launch_links(PAGE, "10_tiny", repository) is PAGE
    assert "https://" not in package_source(repository)
    assert "make lab" in package_source(repository)


@pytest.mark.parametrize("end", ["", "/", ".git"])
def test_an_address_is_read_however_it_ends(end: str, tmp_path: Path) -> None:
    setting = f"repository: {{url: '{HERE.url}{end}', branch: main}}"
    assert read_repository(project_with(tmp_path, setting)) == HERE


@pytest.mark.parametrize("url", ["github.com/a/b", "https://github.com/a", "ssh://x/a/b", "a b"])
def test_what_is_no_address_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(RegimeError, match="write it as https"):
        read_repository(project_with(tmp_path, f"repository: {{url: '{url}'}}"))


def test_binder_opens_the_chapter_in_lab() -> None:
    address = urlsplit(HERE.binder("10_stability"))
    assert address.path == "/v2/gh/someone/regimes/main"
    assert parse_qs(address.query) == {"urlpath": ["lab/tree/notebooks/10_stability.ipynb"]}
    assert (PROJECT.notebooks / "10_stability.ipynb").is_file()


def test_elsewhere_binder_gets_the_whole_address_and_colab_none() -> None:
    other = Repository("https://codeberg.org/a/b", "next/one")
    assert "/v2/git/https%3A%2F%2Fcodeberg.org%2Fa%2Fb/next%2Fone?" in other.binder("10_x")
    assert other.colab("10_x") is None
    assert "Colab" not in str(with_launch_links(PAGE, "10_x", other))


def test_a_page_links_both_below_its_first_text() -> None:
    cells = with_launch_links(PAGE, "10_x", HERE)["cells"]
    assert [cell["cell_type"] for cell in cells] == ["markdown", "markdown", "code"]
    for address in (HERE.binder("10_x"), HERE.colab("10_x")):
        assert address
        assert address in cells[1]["source"]
    assert len(PAGE["cells"]) == 2


def test_a_notebook_that_stands_alone_fetches_the_book_from_that_address() -> None:
    code = standing_alone_source(HERE)
    compile(code, "cell", "exec")
    assert f"-b main {HERE.url} /content/book" in code
    assert HERE.url in package_source(HERE)
    names: dict[str, object] = {}
    exec(code, names)  # outside Colab it fetches nothing, and says nothing where the library is


def test_binder_installs_what_make_does() -> None:
    folder = PROJECT.root / ".binder"
    wanted = (folder / "requirements.txt").read_text("utf-8").splitlines()
    assert "-r ../requirements.lock" in wanted
    assert PROJECT.lock_file.is_file()
    assert (folder / "runtime.txt").read_text("utf-8") == "python-3.11\n"
    for name in ("postBuild", "start"):
        assert (folder / name).stat().st_mode & 0o111
        assert (folder / name).read_text("utf-8").startswith("#!/bin/sh\n")
