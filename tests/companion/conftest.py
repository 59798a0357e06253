"""A shell without a kernel, whose display can be looked at, and one chapter run for all tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from regime_lib.companion.book.catalogue import load_entry
from regime_lib.companion.book.project import Project
from regime_lib.companion.running.execution import execute, plan_run
from tests.companion.faults import make_everything, make_whole_project
from tests.companion.tiny import make_project, tiny_cells


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[dict[str, Any]]]:
    """Collect what is displayed, as (data, metadata) in the order of display."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    from IPython.core.displaypub import CapturingDisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    publisher = CapturingDisplayPublisher()
    shell.display_pub = publisher
    yield publisher.outputs
    InteractiveShell.clear_instance()


@pytest.fixture(scope="session")
def executed_once(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Run the tiny chapter, figure and all, once for all tests that only look at it."""
    project = make_project(tmp_path_factory.mktemp("tiny") / "project", tiny_cells(figure=True))
    (run,) = execute(project, [plan_run(project, load_entry(project, "10_tiny"))])
    assert run.status == "ran", run.error
    return project


@pytest.fixture
def executed(executed_once: Project, tmp_path: Path) -> Project:
    """Return a copy of the executed project that a test may change."""
    root = tmp_path / "project"
    shutil.copytree(executed_once.root, root)
    return Project(root.resolve(), root.resolve() / "library")


@pytest.fixture(scope="session")
def whole_once(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Make a project with pages and one chapter, and run it once, for the tests of faults."""
    return make_whole_project(tmp_path_factory.mktemp("whole") / "project")


@pytest.fixture(scope="module")
def whole(whole_once: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Return a copy of it in which every command has left something; they work in this process."""
    root = tmp_path_factory.mktemp("copy") / "project"
    shutil.copytree(whole_once.root, root)
    with pytest.MonkeyPatch.context() as patch:
        yield make_everything(Project(root.resolve(), root.resolve() / "library"), patch)
