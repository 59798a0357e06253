"""Running chapters side by side: what is stale, one worker process each, nothing half-written."""

from __future__ import annotations

import math
import multiprocessing
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from importlib.util import find_spec
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from regime_lib.companion.book.catalogue import Entry
from regime_lib.companion.book.parameters import Value, resolve_values
from regime_lib.companion.book.project import Project
from regime_lib.companion.running.keys import RunKey, reasons_to_run, run_key, stored_key
from regime_lib.companion.running.provenance import seconds_in
from regime_lib.companion.running.scratch import (
    abandoned_folders,
    remove_folders,
    scratch_folder,
)
from regime_lib.companion.running.worker import Job, WorkerReport, work
from regime_lib.errors import RegimeError
from regime_lib.progress import progress_bar, word_of
from regime_lib.storage import atomic_write, require_writable


@dataclass(frozen=True)
class RunPlan:
    """A run that may be needed."""

    entry: Entry
    target: Path  # where the executed notebook goes
    key: RunKey  # what the run depends on, with the value of every parameter
    reasons: tuple[str, ...]  # why it must run; empty where the target is up to date

    @property
    def stale(self) -> bool:
        """Whether the chapter must run."""
        return bool(self.reasons)


@dataclass(frozen=True)
class ChapterRun:
    """How a planned run ended."""

    plan: RunPlan
    status: str  # "ran", "up to date" or "failed"
    seconds: float = 0.0  # how long it took
    error: str = ""  # the sentence that explains a failure


def plan_run(
    project: Project,
    entry: Entry,
    given: Mapping[str, str | Value] | None = None,
    folder: Path | None = None,
) -> RunPlan:
    """Check the parameters that are set for a run, text or values, and say whether it is needed.

    The executed notebook goes to `folder`, by default ``_build/notebooks``.
    """
    values = resolve_values(entry.parameters, given or {}, entry.name)
    key = run_key(project, entry, values)
    target = (folder or project.executed) / f"{entry.name}.ipynb"
    return RunPlan(entry, target, key, reasons_to_run(key, stored_key(target)))


def with_committed(plan: RunPlan) -> RunPlan:
    """Take over the committed outputs of a chapter if they are those of the planned run.

    They are if nothing that the run depends on has changed since.
    """
    committed = plan.entry.path
    if not plan.stale or reasons_to_run(plan.key, stored_key(committed)):
        return plan
    with atomic_write(plan.target) as temporary:
        temporary.write_bytes(committed.read_bytes())
    return replace(plan, reasons=())


def execute(
    project: Project, plans: Sequence[RunPlan], jobs: int | None = None
) -> tuple[ChapterRun, ...]:
    """Run every plan that is stale, showing progress on standard error; return a run per plan.

    `jobs` run at once, by default as many as there are processors. A failed chapter does not stop
    the others.
    """
    stale = sorted(
        (plan for plan in plans if plan.stale), key=lambda plan: -seconds_expected(plan.entry)
    )
    done = {id(plan): ChapterRun(plan, "up to date") for plan in plans if not plan.stale}
    if stale:
        _require_runner()
        for folder in {plan.target.parent for plan in stale}:
            require_writable(folder, "nothing was run")
        remove_folders(abandoned_folders())
        jobs = jobs or _processors()
        first = ", ".join(plan.entry.name for plan in stale[:jobs])  # what a log's first line names
        with (
            scratch_folder() as scratch,
            progress_bar(desc=first, total=sum(map(_cells, stale)), unit="cell") as bar,
        ):
            crew = _Crew(project, scratch, bar, alone=len(stale) < jobs)
            done |= {id(run.plan): run for run in crew.run(stale, jobs)}
    return tuple(done[id(plan)] for plan in plans)


def seconds_expected(entry: Entry) -> float:
    """Return how long the committed run of a chapter took; infinity where it says nothing.

    Who runs several side by side begins with the longest, so that none is left at the end alone.
    """
    return max(seconds_in(entry.notebook), default=math.inf)


def _require_runner() -> None:
    """Refuse, before anything starts, to run without what runs chapters."""
    for name in ("filelock", "ipykernel", "papermill"):
        if find_spec(name) is None:
            raise RegimeError(f'{name} is not installed; run: pip install "regime-lib[book]"')


_LOOK = 1.0  # seconds from one look at a long cell to the next


class _Crew:
    """The worker processes of one call of `execute`, each watched by a thread of this process.

    No pool of processes: that breaks as a whole where one is killed.
    """

    def __init__(self, project: Project, scratch: Path, bar: Any, *, alone: bool) -> None:
        self._project, self._scratch, self._bar, self._alone = project, scratch, bar, alone
        self._working: dict[str, SpawnProcess] = {}

    def run(self, plans: Sequence[RunPlan], jobs: int) -> list[ChapterRun]:
        with ThreadPoolExecutor(jobs) as watchers:
            runs = [watchers.submit(self._run, plan) for plan in plans]
            try:
                return [run.result() for run in runs]
            except BaseException:  # Ctrl-C, too
                watchers.shutdown(wait=False, cancel_futures=True)
                while wait(runs, timeout=0.1).not_done:  # one may only just be starting
                    for process in list(self._working.values()):
                        process.terminate()
                raise

    def _run(self, plan: RunPlan) -> ChapterRun:
        name, cells = plan.entry.name, 0
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        log = self._scratch / f"{name}.log"
        job = Job(
            self._project,
            name,
            plan.target.resolve(),
            _overrides(plan),
            plan.key.as_metadata(),
            self._alone,
            self._word(name),
        )
        process = context.Process(target=work, args=(job, sender, log), daemon=True)
        process.start()
        sender.close()  # so that the receiver sees the end of the pipe when the worker dies
        self._working[name] = process
        self._describe()
        try:
            while True:
                while not receiver.poll(_LOOK):  # a long cell: how far is it?
                    self._describe()
                if (report := receiver.recv()).status != "running":
                    break
                self._bar.update(report.cells - cells)
                cells = report.cells
                self._word(name).unlink(missing_ok=True)
        except EOFError:
            report = None
        process.join()
        self._bar.update(_cells(plan) - cells)
        del self._working[name]
        self._describe()
        report = report or WorkerReport(status="failed", error=_obituary(name, process, log))
        return ChapterRun(plan, report.status, report.seconds, report.error)

    def _word(self, name: str) -> Path:
        return self._scratch / f"{name}.progress"

    def _describe(self) -> None:
        """Name the chapters at work, each with how far the training in its cell is."""
        said = {name: word_of(self._word(name)) for name in list(self._working)}
        told = [f"{name} ({word})" if word else name for name, word in said.items()]
        self._bar.set_description(", ".join(told))


def _obituary(chapter: str, process: SpawnProcess, log: Path) -> str:
    """Say why a worker ended without a report."""
    code = process.exitcode or 0
    if code < 0:
        return f"the worker of chapter {chapter} was killed (signal {-code}); run it again"
    try:
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:  # it did not even come to write it
        said = []
    words = said or ["no message"]
    return f"the worker of chapter {chapter} broke down ({words[-1]})"


def _overrides(plan: RunPlan) -> dict[str, Value]:
    values, parameters = plan.key.parameters, plan.entry.parameters
    return {p.name: values[p.name] for p in parameters if values[p.name] != p.default}


def _cells(plan: RunPlan) -> int:
    return len(plan.entry.notebook["cells"])


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
