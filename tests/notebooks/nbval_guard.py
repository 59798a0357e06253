"""A pytest plugin that makes nbval strict about what it compares, and lets it compute afresh.

nbval passes a notebook whose cells were never run, or whose cells all carry `nbval-ignore-output`:
it executes them and compares nothing. Here each notebook must have at least one cell with outputs
that are held against the new ones.

Kernels pick their ports before they bind them, so that two which start at the same moment can take
the same ones, and one of them never answers. Here they start one after the other, and one that does
not come up is started again.

Chapters compute what they measure: what an earlier run kept is not read, so that a check stays a
check. They leave what they computed for the book. Figures, which nbval cannot compare, are drawn in
both shapes, but not in dark, nor for paper.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from nbval import plugin
from nbval.plugin import IPyNbCell

from regime_lib.companion.book.catalogue import load_entry
from regime_lib.companion.book.project import find_project
from regime_lib.companion.figures.drawn import VARIABLE as FIGURES
from regime_lib.companion.running.execution import seconds_expected
from regime_lib.companion.running.measuring import VARIABLE
from regime_lib.companion.running.worker import KERNEL_ENVIRONMENT

#: How often a kernel may fail to start before its notebook is given up.
START_ATTEMPTS = 3

_PROPERTY = "nbval_compares"
_TURN = Path(tempfile.gettempdir()) / "regimes-of-learning-kernel-start.lock"
_start = plugin.RunningKernel


def pytest_configure(config: pytest.Config) -> None:
    """Set what kernels find; count where reports come together: not in pytest-xdist's workers."""
    if not config.getoption("--nbval"):
        return
    plugin.RunningKernel = patiently(_start)
    # A profile of the user's, or its history file, must not reach the comparison.
    os.environ.update(KERNEL_ENVIRONMENT, IPYTHONDIR=tempfile.mkdtemp(prefix="regime-"))
    os.environ[VARIABLE] = "leave"
    os.environ[FIGURES] = "draft"
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Guard(), "nbval-guard-count")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note on each cell whether nbval will compare it; let the longest notebook begin."""
    for item in items:
        if isinstance(item, IPyNbCell):
            item.user_properties.append((_PROPERTY, compares(item.cell, item.options)))
    items.sort(key=lambda item: _seconds(item.path), reverse=True)  # stable: cells keep their order


@cache
def _seconds(path: Path) -> tuple[float, str]:
    if path.suffix != ".ipynb":
        return 0.0, ""
    project = find_project(path.parent)
    known = path.parent == project.notebooks
    return (seconds_expected(load_entry(project, path.stem)) if known else 0.0), path.stem


def compares(cell: Any, options: dict[str, Any]) -> bool:
    """Return whether a cell was run, has outputs, and is not exempt from comparison."""
    return bool(options["check"] and not options["skip"] and cell.execution_count and cell.outputs)


def patiently(start: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that starts kernels in turn, and again where one does not come up."""

    def started(*arguments: Any, **settings: Any) -> Any:
        for attempt in range(1, START_ATTEMPTS + 1):
            try:
                with FileLock(_TURN):
                    return start(*arguments, **settings)
            except RuntimeError:
                if attempt == START_ATTEMPTS:
                    raise
        return None

    return started


class Guard:
    """Counts compared cells by notebook over the whole run."""

    def __init__(self) -> None:
        self.compared: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a cell once it has run."""
        properties = dict(report.user_properties)
        if report.when == "call" and _PROPERTY in properties:
            self.compared[report.nodeid.partition("::")[0]] += bool(properties[_PROPERTY])

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Fail the run if it compared no cell of a notebook, or saw no notebook at all."""
        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) and self.empty:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say how many cells were compared, and in which notebooks none was."""
        total = sum(self.compared.values())
        terminalreporter.write_line(
            f"nbval compared {total} cells in {len(self.compared)} notebooks"
        )
        for name in self.empty:
            terminalreporter.write_line(f"ERROR: nothing was compared in {name}", red=True)

    @property
    def empty(self) -> list[str]:
        """Notebooks in which nothing was compared."""
        if not self.compared:
            return ["any notebook"]
        return sorted(name for name, count in self.compared.items() if count == 0)
