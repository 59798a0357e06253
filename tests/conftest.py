"""Settings of every test: one thread, the same examples from hypothesis, and checked annotations.

The tests run once with the annotations of the library checked (`--jaxtyping-packages`), in each
test at the first calls of every function and at a sample of those that follow. The checker gets in
the way of a few, mostly those of what the library itself answers to a wrong type. They are skipped
then and noted in `_build/untyped`, and run without it: `make test` does both.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests.sampled import sample_calls, start_counting
from tests.sentences import TYPE_CHECKER

UNTYPED = Path(__file__).resolve().parents[1] / "_build" / "untyped"

# before torch or NumPy start their threads: two cores are shared by the workers of pytest-xdist
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

sample_calls()  # before anything of the library is imported

settings.register_profile("same-everywhere", deadline=None, derandomize=True)
settings.load_profile("same-everywhere")


def typed(config: pytest.Config) -> bool:
    """Say whether annotations are checked in this run."""
    return bool(config.getoption("--jaxtyping-packages", None))


def pytest_configure(config: pytest.Config) -> None:
    """Note what is skipped where all reports come together: not in the workers of pytest-xdist."""
    if typed(config) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Skipped(), "skipped-by-the-type-checker")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what a run-time type checker disturbs: it draws random numbers and adds frames."""
    skip = pytest.mark.skip(reason=f"{TYPE_CHECKER} draws random numbers, adds frames, takes time")
    for item in items if typed(config) else ():
        if item.get_closest_marker("untyped") or "noise in evaluation" in item.name:
            item.add_marker(skip)


def pytest_runtest_logstart() -> None:
    """Count the calls of each test, and of what is set up for it, by themselves."""
    start_counting()


class Skipped:
    """Writes down which tests the type checker kept from running."""

    def __init__(self) -> None:
        self.tests: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a skip that gives the type checker as its reason."""
        if report.skipped and TYPE_CHECKER in str(report.longrepr):
            self.tests.append(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Leave a file that pytest takes as its arguments."""
        UNTYPED.parent.mkdir(exist_ok=True)
        UNTYPED.write_text("".join(f"{test}\n" for test in self.tests), encoding="utf-8")
