"""A pytest plugin that fails a run of nbval in which a notebook had nothing compared.

nbval passes a notebook whose cells were never run, or whose cells all carry `nbval-ignore-output`:
it executes them and compares nothing. Here each notebook must have at least one cell with outputs
that are held against the new ones.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from nbval.plugin import IPyNbCell

_PROPERTY = "nbval_compares"


def pytest_configure(config: pytest.Config) -> None:
    """Start counting where the reports come together: not in the workers of pytest-xdist."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Guard(), "nbval-guard-count")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note on each cell whether nbval will compare its outputs."""
    for item in items:
        if isinstance(item, IPyNbCell):
            item.user_properties.append((_PROPERTY, compares(item.cell, item.options)))


def compares(cell: Any, options: dict[str, Any]) -> bool:
    """Return whether a cell was run, has outputs, and is not exempt from comparison."""
    return bool(options["check"] and not options["skip"] and cell.execution_count and cell.outputs)


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
