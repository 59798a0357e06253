"""Running chapters side by side: what is stale, one worker process each, nothing half-written."""

from __future__ import annotations

import math
import multiprocessing
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from tqdm import tqdm

from regime_lib.companion.book.catalogue import Entry
from regime_lib.companion.book.parameters import Value, resolve_values
from regime_lib.companion.book.project import Project
from regime_lib.companion.running.keys import RunKey, reasons_to_run, run_key, stored_key
from regime_lib.companion.running.provenance import seconds_in
from regime_lib.companion.running.worker import Job, WorkerReport, work


@dataclass(frozen=True)
class RunPlan:
    """A run that may be needed.

    Attributes
    ----------
    entry : Entry
        The chapter.
    target : Path
        Where the executed notebook goes.
    key : RunKey
        What the run depends on, with the value of every parameter.
    reasons : tuple of str
        Why it must run; empty where the target is up to date.
    """

    entry: Entry
    target: Path
    key: RunKey
    reasons: tuple[str, ...]

    @property
    def stale(self) -> bool:
        """Whether the chapter must run."""
        return bool(self.reasons)


@dataclass(frozen=True)
class ChapterRun:
    """How a planned run ended.

    Attributes
    ----------
    plan : RunPlan
        What was asked for.
    status : str
        ``ran``, ``up to date`` or ``failed``.
    seconds : float
        How long it took.
    error : str
        The sentence that explains a failure.
    """

    plan: RunPlan
    status: str
    seconds: float = 0.0
    error: str = ""


def plan_run(
    project: Project,
    entry: Entry,
    given: Mapping[str, str | Value] | None = None,
    folder: Path | None = None,
) -> RunPlan:
    """Check the parameters of a run and say whether it is needed.

    Parameters
    ----------
    project : Project
        The book.
    entry : Entry
        The chapter.
    given : mapping of str to value, optional
        Parameters that are set; text is read as the declared type.
    folder : Path, optional
        Where the executed notebook goes; ``_build/notebooks`` by default.

    Raises
    ------
    RegimeError
        If a parameter is not declared or its value does not fit.
    """
    values = resolve_values(entry.parameters, given or {}, entry.name)
    key = run_key(project, entry, values)
    target = (folder or project.executed) / f"{entry.name}.ipynb"
    return RunPlan(entry, target, key, reasons_to_run(key, stored_key(target)))


def execute(
    project: Project, plans: Sequence[RunPlan], jobs: int | None = None
) -> tuple[ChapterRun, ...]:
    """Run every plan that is stale, `jobs` at a time, showing progress on standard error.

    Parameters
    ----------
    project : Project
        The book.
    plans : sequence of RunPlan
        What to run, from `plan_run`.
    jobs : int, optional
        How many chapters at once; as many as there are processors by default.

    Returns
    -------
    tuple of ChapterRun
        One a plan, in the same order. A failed chapter does not stop the others.
    """
    stale = [plan for plan in plans if plan.stale]
    done = {id(plan): ChapterRun(plan, "up to date") for plan in plans if not plan.stale}
    if stale:
        with (
            tempfile.TemporaryDirectory(prefix="regime-") as scratch,
            tqdm(total=sum(_cells(plan) for plan in stale), unit="cell", mininterval=0.5) as bar,
        ):
            crew = _Crew(project, Path(scratch), bar)
            queue = sorted(stale, key=lambda plan: -seconds_expected(plan.entry))
            done |= {id(run.plan): run for run in crew.run(queue, jobs or _processors())}
    return tuple(done[id(plan)] for plan in plans)


def seconds_expected(entry: Entry) -> float:
    """Return how long the committed run of a chapter took; infinity where it says nothing.

    Who runs several side by side begins with the longest, so that none is left at the end alone.
    """
    return max(seconds_in(entry.notebook()), default=math.inf)


class _Crew:
    """The worker processes of one call of `execute`."""

    def __init__(self, project: Project, scratch: Path, bar: Any) -> None:
        self._project = project
        self._scratch = scratch
        self._bar = bar
        self._working: dict[Connection, _Worker] = {}

    def run(self, plans: Sequence[RunPlan], jobs: int) -> list[ChapterRun]:
        queue = list(plans)
        runs: list[ChapterRun] = []
        try:
            while queue or self._working:
                while queue and len(self._working) < jobs:
                    self._start(queue.pop(0))
                for ready in wait(list(self._working)):
                    if isinstance(ready, Connection) and (run := self._listen(ready)):
                        runs.append(run)
        finally:
            for worker in self._working.values():
                worker.process.terminate()
        return runs

    def _start(self, plan: RunPlan) -> None:
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        log = self._scratch / f"{plan.entry.name}.log"
        job = _job(self._project, plan)
        process = context.Process(target=work, args=(job, sender, log), daemon=True)
        process.start()
        sender.close()  # so that the receiver sees the end of the pipe when the worker dies
        self._working[receiver] = _Worker(plan, process, log)
        self._describe()

    def _listen(self, receiver: Connection) -> ChapterRun | None:
        """Take one report; return how the run ended if that is what it says."""
        worker = self._working[receiver]
        try:
            report: WorkerReport = receiver.recv()
        except EOFError:
            worker.process.join()
            report = WorkerReport(status="failed", error=worker.obituary())
        if report.status == "running":
            self._bar.update(report.cells - worker.cells)
            worker.cells = report.cells
            return None
        self._bar.update(_cells(worker.plan) - worker.cells)
        del self._working[receiver]
        receiver.close()
        worker.process.join()
        self._describe()
        return ChapterRun(worker.plan, report.status, report.seconds, report.error)

    def _describe(self) -> None:
        self._bar.set_description(", ".join(w.plan.entry.name for w in self._working.values()))


@dataclass
class _Worker:
    """A process at work, and how many of its cells it has reported."""

    plan: RunPlan
    process: SpawnProcess
    log: Path
    cells: int = 0

    def obituary(self) -> str:
        """Say why a worker ended without a report."""
        name, code = self.plan.entry.name, self.process.exitcode or 0
        if code < 0:
            return f"the worker of chapter {name} was killed (signal {-code}); run it again"
        words = self.log.read_text(encoding="utf-8").strip().splitlines() or ["no message"]
        return f"the worker of chapter {name} broke down ({words[-1]})"


def _job(project: Project, plan: RunPlan) -> Job:
    defaults = {parameter.name: parameter.default for parameter in plan.entry.parameters}
    values = plan.key.parameters
    return Job(
        chapter=plan.entry.name,
        source=plan.entry.path,
        target=plan.target.resolve(),
        root=project.root,
        locks=project.build / "locks",
        overrides={name: value for name, value in values.items() if value != defaults[name]},
        key=plan.key.as_metadata(),
    )


def _cells(plan: RunPlan) -> int:
    return len(plan.entry.notebook()["cells"])


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
