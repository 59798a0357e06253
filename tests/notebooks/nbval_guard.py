"""A pytest plugin that makes nbval strict about what it compares, and keeps what it ran.

nbval passes a notebook whose cells were never run, or whose cells all carry `nbval-ignore-output`:
it executes them and compares nothing. Here each notebook must have at least one cell with outputs
that are held against the new ones.

Kernels pick their ports before they bind them, so that two which start at the same moment can take
the same ones, and one of them never answers. Here they start one after the other, and one that does
not come up is started again.

With `--keep-runs` a chapter that nbval ran to its end without a difference becomes the chapter's
last run, as if `regime run` had made it. The book is then rendered from it and its numbers are
held against the accepted ones: chapters take minutes, and need not run twice to be tested.
"""

from __future__ import annotations

import copy
import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from nbval import plugin
from nbval.plugin import IPyNbCell, IPyNbFile

from regime_lib.companion.book.catalogue import load_entry
from regime_lib.companion.book.project import find_project
from regime_lib.companion.running.execution import RunPlan, plan_run, seconds_expected
from regime_lib.companion.running.worker import KERNEL_ENVIRONMENT, publish

#: How often a kernel may fail to start before its notebook is given up.
START_ATTEMPTS = 3

_PROPERTY = "nbval_compares"
_TURN = Path(tempfile.gettempdir()) / "regimes-of-learning-kernel-start.lock"
_start = plugin.RunningKernel


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the choice to keep what was run."""
    parser.addoption(
        "--keep-runs", action="store_true", help="make faithful runs the last runs of the chapters"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start counting where the reports come together: not in the workers of pytest-xdist."""
    plugin.RunningKernel = patiently(_start)
    if config.getoption("--keep-runs"):
        config.pluginmanager.register(Keeper(), "nbval-guard-keep")
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


class Keeper:
    """Publishes chapters whose every cell ran and passed, under the key they had before the run."""

    def __init__(self) -> None:
        # A profile of the user's, or its history file, must not reach the book.
        self._folder = tempfile.TemporaryDirectory(prefix="regime-")
        os.environ.update(KERNEL_ENVIRONMENT, IPYTHONDIR=self._folder.name)
        self._plans: dict[IPyNbFile, RunPlan] = {}
        self._passed: dict[IPyNbFile, list[IPyNbCell]] = defaultdict(list)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note what a run of each chapter depends on; let the longest begin."""
        for notebook in {item.parent for item in items if isinstance(item, IPyNbCell)}:
            project = find_project(notebook.path.parent)
            if notebook.path.parent == project.notebooks:
                entry = load_entry(project, notebook.path.stem)
                self._plans[notebook] = plan_run(project, entry)
        items.sort(key=self._seconds, reverse=True)  # stable: cells stay in their order

    def _seconds(self, item: pytest.Item) -> tuple[float, str]:
        plan = self._plans.get(item.parent)
        return (seconds_expected(plan.entry), plan.entry.name) if plan else (0.0, "")

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Iterator[None]:
        """Note a cell that passed; publish a chapter with its last one."""
        report = (yield).get_result()  # type: ignore[func-returns-value,attr-defined]
        if report.when == "call" and report.passed and isinstance(item, IPyNbCell):
            passed = self._passed[item.parent]
            passed.append(item)
            code = [cell for cell in item.parent.nb.cells if cell.cell_type == "code"]
            if item.parent in self._plans and [p.cell for p in passed] == code:
                keep(self._plans[item.parent], item.parent.nb, [p.test_outputs for p in passed])


def keep(plan: RunPlan, notebook: Any, outputs: list[list[Any]]) -> None:
    """Publish a notebook with the outputs of its code cells, in order, as the run of `plan`."""
    executed = copy.deepcopy(notebook)
    code = [cell for cell in executed.cells if cell.cell_type == "code"]
    for number, (cell, made) in enumerate(zip(code, outputs, strict=True), start=1):
        cell.execution_count, cell.outputs = number, made
    publish(executed, plan.entry.path, plan.key.as_metadata(), plan.target)


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
