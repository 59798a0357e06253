"""A worker starts again where a kernel did not come up, and publishes in one rename."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from regime_lib.companion.book.notebooks import read_notebook
from regime_lib.companion.running import worker
from regime_lib.companion.running.worker import START_ATTEMPTS, Job, WorkerReport, run_job
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
