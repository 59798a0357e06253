"""A worker starts again where a kernel did not come up, and publishes in one rename."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from regime_lib.companion.book.notebooks import read_notebook
from regime_lib.companion.running import worker
from regime_lib.companion.running.worker import (
    START_ATTEMPTS,
    Job,
    WorkerReport,
    matplotlib_folder,
    run_job,
)
from tests.companion.tiny import make_project


@pytest.fixture
def job(tmp_path: Path) -> Job:
    project = make_project(tmp_path / "project")
    key = {"key": "abc", "parts": {}, "parameters": {}}
    return Job(project, "10_tiny", project.executed / "10_tiny.ipynb", {}, key)


class Flaky:
    """An execution whose kernel fails to start a number of times, or dies once it has begun."""

    def __init__(self, failures: int, begins: bool = False) -> None:
        self.calls, self.failures, self.begins = 0, failures, begins

    def __call__(self, job: Job, scratch: Path, begun: list[int], tell: Any) -> None:
        self.calls += 1
        scratch.write_bytes(job.source.read_bytes())
        if self.calls <= self.failures:
            if self.begins:
                begun.append(2)
            raise RuntimeError("Kernel died before replying to kernel_info")


def test_a_kernel_that_does_not_start_is_tried_again(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    flaky = Flaky(failures=START_ATTEMPTS - 1)
    monkeypatch.setattr(worker, "_execute", flaky)
    assert run_job(job, lambda report: None).status == "ran"
    assert flaky.calls == START_ATTEMPTS
    assert read_notebook(job.target)["metadata"]["regime"]["key"] == "abc"


def test_a_kernel_that_never_starts_fails_the_chapter(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_execute", Flaky(failures=99))
    report = run_job(job, lambda report: None)
    assert report.status == "failed"
    assert "did not start in 3 attempts" in report.error
    assert not job.target.exists()


def test_a_kernel_that_dies_at_work_is_not_tried_again(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    flaky = Flaky(failures=1, begins=True)
    monkeypatch.setattr(worker, "_execute", flaky)
    assert run_job(job, lambda report: None).status == "failed"
    assert flaky.calls == 1
    assert job.failed.exists()


def test_what_another_run_finished_meanwhile_is_taken(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    flaky = Flaky(failures=0)
    monkeypatch.setattr(worker, "_execute", flaky)
    run_job(job, lambda report: None)
    assert run_job(job, lambda report: None) == WorkerReport(status="up to date")
    assert flaky.calls == 1


def test_success_removes_what_a_failure_left(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    job.target.parent.mkdir(parents=True)
    job.failed.write_text("{}")
    monkeypatch.setattr(worker, "_execute", Flaky(failures=0))
    run_job(job, lambda report: None)
    assert not job.failed.exists()


def test_a_published_notebook_is_valid_and_readable_by_others(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    import nbformat

    monkeypatch.setattr(worker, "_execute", Flaky(failures=0))
    run_job(job, lambda report: None)
    nbformat.validate(json.loads(job.target.read_text()))
    assert job.target.read_text().endswith("}\n")


@pytest.mark.parametrize("begun", [True, False])
def test_a_full_disk_is_no_dead_kernel(
    job: Job, monkeypatch: pytest.MonkeyPatch, begun: bool
) -> None:
    def full(job: Job, scratch: Path, cells: list[int], tell: Any) -> None:
        cells += [2] * begun
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(scratch))

    monkeypatch.setattr(worker, "_execute", full)
    report = run_job(job, lambda report: None)
    assert report.status == "failed"
    assert "No space left on device" in report.error
    assert "make room and repeat the command" in report.error
    assert "kernel" not in report.error


def test_a_run_that_cannot_be_published_leaves_the_last_one(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    job.target.parent.mkdir(parents=True)
    job.target.write_text("the last run")

    def full(path: Path, text: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(worker, "_execute", Flaky(0))
    monkeypatch.setattr(worker, "write_text", full)
    report = run_job(job, lambda report: None)
    assert report.status == "failed"
    assert "10_tiny.ipynb cannot be written" in report.error
    assert "the chapter's last run is as it was" in report.error
    assert job.target.read_text() == "the last run"


def test_matplotlib_keeps_its_fonts_in_the_build_where_the_home_is_no_place(
    job: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(worker.subprocess, "run", lambda *_, **__: None)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    assert matplotlib_folder(job.project) == {}
    monkeypatch.setenv("HOME", "/dev/null/home")
    expected = {"MPLCONFIGDIR": str(job.project.build / "matplotlib")}
    assert matplotlib_folder(job.project) == expected
    monkeypatch.setenv("MPLCONFIGDIR", str(home))
    assert matplotlib_folder(job.project) == {}
    monkeypatch.setenv("MPLCONFIGDIR", "/dev/null/x")
    assert matplotlib_folder(job.project) == expected
