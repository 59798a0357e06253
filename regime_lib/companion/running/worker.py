"""One run of one chapter, in a process of its own: papermill, retries, cleaning, publishing."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from regime_lib.companion.book.notebooks import Node, read_notebook
from regime_lib.companion.book.parameters import Value
from regime_lib.companion.book.project import BuildFailed
from regime_lib.companion.running.cleaning import clean_notebook
from regime_lib.companion.running.keys import digest_of, stored_key
from regime_lib.companion.running.measuring import VARIABLE
from regime_lib.companion.running.threads import ENVIRONMENT
from regime_lib.storage import write_text

#: How often a kernel may fail to start before a chapter is given up.
START_ATTEMPTS = 3

#: What a chapter's kernel finds.
KERNEL_ENVIRONMENT = {
    **ENVIRONMENT,
    VARIABLE: "reuse",
    "PYTHONHASHSEED": "0",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "JUPYTER_PREFER_ENV_PATH": "1",
    "JUPYTER_PLATFORM_DIRS": "1",
}


@dataclass(frozen=True)
class Job:
    """What a worker needs to know.

    Attributes
    ----------
    chapter : str
        The chapter's name.
    source, target : Path
        The committed notebook, and where to publish the executed one.
    root : Path
        The project's root.
    locks : Path
        Folder for locks, so that two runs into one target do not do the work twice.
    overrides : dict of str to value
        Parameters that differ from their defaults.
    key : dict
        The run's key, as it is stored in the notebook.
    """

    chapter: str
    source: Path
    target: Path
    root: Path
    locks: Path
    overrides: dict[str, Value]
    key: dict[str, Any]

    @property
    def failed(self) -> Path:
        """Where the notebook of a failed run is kept."""
        return self.target.with_suffix(".failed.ipynb")


@dataclass(frozen=True)
class WorkerReport:
    """What a worker tells: cells done so far, or how the run ended."""

    cells: int = 0
    status: str = "running"
    seconds: float = 0.0
    error: str = ""


def work(job: Job, connection: Connection, log: Path) -> None:
    """Run `job` in this process and report over `connection`; the entry point of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt ends
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with log.open("w", encoding="utf-8") as sink:
        os.dup2(sink.fileno(), sys.stderr.fileno())
        connection.send(run_job(job, connection.send))


def _end_with_parent() -> None:
    """End this process, and with it its kernel, as soon as nobody waits for the result."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def run_job(job: Job, tell: Callable[[WorkerReport], None]) -> WorkerReport:
    """Run a chapter and publish it; return how it ended.

    Nothing is written to the target unless every cell succeeded, and then in one rename.
    """
    from filelock import FileLock

    job.locks.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    with FileLock(job.locks / f"{job.chapter}-{digest_of(str(job.target))}.lock"):
        stored = stored_key(job.target)
        if stored is not None and stored["key"] == job.key["key"]:
            return WorkerReport(status="up to date")  # finished by another while this one waited
        with tempfile.TemporaryDirectory(prefix="regime-") as folder:
            try:
                _attempts(job, Path(folder), tell)
            except BuildFailed as error:
                return WorkerReport(status="failed", error=str(error))
        return WorkerReport(status="ran", seconds=time.perf_counter() - started)


def _attempts(job: Job, folder: Path, tell: Callable[[WorkerReport], None]) -> None:
    """Execute and publish, starting again where the kernel did not even come up."""
    scratch = folder / job.target.name
    for attempt in range(1, START_ATTEMPTS + 1):
        begun: list[int] = []
        try:
            _execute(job, scratch, begun, tell)
        except (RuntimeError, TimeoutError, OSError) as error:
            if begun:
                _publish(scratch, job, job.failed)
                raise BuildFailed(_died(job, begun[-1])) from error
            if attempt == START_ATTEMPTS:
                raise BuildFailed(
                    f"the kernel of chapter {job.chapter} did not start in {attempt} attempts "
                    f"({error})"
                ) from error
        else:
            break
    _publish(scratch, job, job.target)
    job.failed.unlink(missing_ok=True)


def _execute(
    job: Job, scratch: Path, begun: list[int], tell: Callable[[WorkerReport], None]
) -> None:
    """Execute the notebook into `scratch`, noting in `begun` which cells were started."""
    import papermill
    from papermill.exceptions import PapermillExecutionError

    os.environ.update(KERNEL_ENVIRONMENT)
    # A profile of the user's, or its history file, must not reach the book.
    os.environ.update(REGIME_ROOT=str(job.root), IPYTHONDIR=str(scratch.parent / "ipython"))

    def on_start(cell: object, cell_index: int) -> None:
        begun.append(cell_index)
        tell(WorkerReport(cells=len(begun)))

    try:
        papermill.execute_notebook(
            str(job.source),
            str(scratch),
            parameters=job.overrides,
            kernel_name="python3",
            language="python",
            cwd=str(job.root / "notebooks"),
            progress_bar=False,
            coalesce_streams=True,
            on_cell_start=on_start,
        )
    except PapermillExecutionError as error:
        _publish(scratch, job, job.failed)
        raise BuildFailed(_broke(job, error.exec_count, error.ename, error.evalue)) from None


def _publish(scratch: Path, job: Job, target: Path) -> None:
    """Write the executed notebook, cleaned, to its place."""
    if scratch.is_file():
        publish(read_notebook(scratch), job.source, job.key, target)


def publish(executed: Node, source: Path, key: Mapping[str, Any], target: Path) -> None:
    """Write an executed notebook, cleaned, with its key, to its place.

    Parameters
    ----------
    executed : dict
        What the runner made of the notebook at `source`.
    source : Path
        The notebook that was run.
    key : mapping
        What the run depended on, as `RunKey.as_metadata` gives it.
    target : Path
        Where it goes, in one rename.
    """
    import nbformat

    cleaned = clean_notebook(executed, read_notebook(source), key)
    node = nbformat.from_dict(json.loads(json.dumps(cleaned)))
    write_text(target, nbformat.writes(node) + "\n")


def _broke(job: Job, count: int | None, name: str, message: str) -> str:
    place = "a cell" if count is None else f"code cell {count}"
    first = message.strip().splitlines()[0] if message.strip() else "no message"
    return f"chapter {job.chapter} failed in {place} ({name}: {first}); see {job.failed.name}"


def _died(job: Job, cell: int) -> str:
    return (
        f"the kernel of chapter {job.chapter} died in cell {cell + 1} of the notebook, often for "
        "want of memory; run it with a smaller setting or fewer jobs"
    )
