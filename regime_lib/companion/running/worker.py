"""One run of one chapter, in a process of its own: papermill, retries, cleaning, publishing."""

from __future__ import annotations

import copy
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from regime_lib.companion.book.notebooks import (
    INJECTED_TAG,
    Node,
    lasting_metadata,
    read_notebook,
    tags_of,
)
from regime_lib.companion.book.parameters import Value
from regime_lib.companion.book.project import BuildFailed, Project
from regime_lib.companion.running.ahead import measuring_ahead
from regime_lib.companion.running.keys import METADATA_KEY, digest_of, stored_key
from regime_lib.companion.running.measuring import VARIABLE
from regime_lib.companion.running.scratch import scratch_folder
from regime_lib.companion.running.threads import ENVIRONMENT
from regime_lib.progress import VARIABLE as PROGRESS
from regime_lib.storage import NO_ROOM, unwritten, write_text

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

_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
# No version: it would differ between readers. The lexer is what the book needs to show code.
_LANGUAGE = {
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "pygments_lexer": "ipython3",
}
_VOLATILE = frozenset({"papermill", "widgets", "kernelspec", "language_info", METADATA_KEY})
_ERROR_TAG = "papermill-error-cell-tag"


@dataclass(frozen=True)
class Job:
    """What a worker needs to know."""

    project: Project
    chapter: str
    target: Path  # where to publish the executed notebook
    overrides: dict[str, Value]  # parameters that differ from their defaults
    key: dict[str, Any]  # of the run, as it is stored in the notebook
    alone: bool = False  # a processor is idle, which may measure ahead
    progress: Path | None = None  # where the kernel leaves word of how far it is

    @property
    def source(self) -> Path:
        """The committed notebook."""
        return self.project.notebooks / f"{self.chapter}.ipynb"

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

    Nothing is written to the target unless every cell succeeded, and then in one rename. Two runs
    into one target do the work once.
    """
    from filelock import FileLock

    locks = job.project.build / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    with FileLock(locks / f"{job.chapter}-{digest_of(str(job.target))}.lock"):
        stored = stored_key(job.target)
        if stored is not None and stored["key"] == job.key["key"]:
            return WorkerReport(status="up to date")  # finished by another while this one waited
        with scratch_folder() as folder:
            try:
                _attempts(job, folder / job.target.name, tell)
            except BuildFailed as error:
                return WorkerReport(status="failed", error=str(error))
            except OSError as error:
                told = unwritten(error, None, "the chapter's last run is as it was")
                return WorkerReport(status="failed", error=told)
        return WorkerReport(status="ran", seconds=time.perf_counter() - started)


def _attempts(job: Job, scratch: Path, tell: Callable[[WorkerReport], None]) -> None:
    """Execute and publish, starting again where the kernel did not even come up."""
    for attempt in range(1, START_ATTEMPTS + 1):
        begun: list[int] = []
        try:
            _execute(job, scratch, begun, tell)
            break
        except (RuntimeError, TimeoutError, OSError) as error:
            if isinstance(error, OSError) and error.errno in NO_ROOM:
                raise
            if begun:
                _publish(job, scratch, job.failed)
                raise BuildFailed(
                    f"the kernel of chapter {job.chapter} died in cell {begun[-1] + 1} of the "
                    "notebook, often for want of memory; run it with a smaller setting or fewer "
                    "jobs"
                ) from error
            if attempt == START_ATTEMPTS:
                raise BuildFailed(
                    f"the kernel of chapter {job.chapter} did not start in {attempt} attempts "
                    f"({error})"
                ) from error
    _publish(job, scratch, job.target)
    job.failed.unlink(missing_ok=True)


def _execute(
    job: Job, scratch: Path, begun: list[int], tell: Callable[[WorkerReport], None]
) -> None:
    """Execute the notebook into `scratch`, noting in `begun` which cells were started."""
    import papermill
    from papermill.exceptions import PapermillExecutionError

    os.environ.update(KERNEL_ENVIRONMENT, REGIME_ROOT=str(job.project.root))
    os.environ.update(matplotlib_folder(job.project))
    os.environ[PROGRESS] = str(job.progress or "")
    # A profile of the user's, or its history file, must not reach the book.
    os.environ["IPYTHONDIR"] = str(scratch.parent / "ipython")

    def on_start(cell: object, cell_index: int) -> None:
        begun.append(cell_index)
        tell(WorkerReport(cells=len(begun)))

    try:
        with measuring_ahead(job.chapter, job.overrides) if job.alone else nullcontext():
            papermill.execute_notebook(
                str(job.source),
                str(scratch),
                parameters=job.overrides,
                kernel_name="python3",
                language="python",
                cwd=str(job.project.notebooks),
                progress_bar=False,
                coalesce_streams=True,
                on_cell_start=on_start,
            )
    except PapermillExecutionError as error:
        _publish(job, scratch, job.failed)
        place = "a cell" if error.exec_count is None else f"code cell {error.exec_count}"
        first = (error.evalue.strip() or "no message").splitlines()[0]
        raise BuildFailed(
            f"chapter {job.chapter} failed in {place} ({error.ename}: {first}); "
            f"see {job.failed.name}"
        ) from None


def matplotlib_folder(project: Project) -> dict[str, str]:
    """Return where Matplotlib is to keep its list of fonts, if it cannot do so in the home.

    It would complain of that in a chapter's output, and of the time that making the list takes:
    so this makes it.
    """
    home = Path(os.path.expanduser("~"))  # noqa: PTH111  # Path.home() raises without one
    places = {"XDG_CONFIG_HOME": home / ".config", "XDG_CACHE_HOME": home / ".cache"}
    own = [Path(os.environ.get(name) or place) / "matplotlib" for name, place in places.items()]
    if named := os.environ.get("MPLCONFIGDIR"):
        own = [Path(named)]
    if all(map(_can_be_written, own)):
        return {}
    variables = {"MPLCONFIGDIR": str(project.build / "matplotlib")}
    make = [sys.executable, "-c", "import matplotlib.font_manager"]
    subprocess.run(make, env={**os.environ, **variables}, capture_output=True, check=False)
    return variables


def _can_be_written(folder: Path) -> bool:
    place = next(one for one in (folder, *folder.parents) if one.exists())
    return place.is_dir() and os.access(place, os.W_OK)


def _publish(job: Job, scratch: Path, target: Path) -> None:
    """Write what was executed, cleaned and with its key, to its place, in one rename."""
    if scratch.is_file():
        import nbformat

        cleaned = clean_notebook(read_notebook(scratch), read_notebook(job.source), job.key)
        write_text(target, nbformat.writes(nbformat.from_dict(cleaned)) + "\n")


def clean_notebook(executed: Node, source: Node, key: Mapping[str, Any]) -> Node:
    """Return an executed notebook without timestamps, paths and random identifiers.

    So another run on the same machine writes the same bytes. The cells of `source`, which was run,
    lend their identifiers; `key` is stored under ``metadata.regime``.
    """
    notebook = copy.deepcopy(executed)
    kept = {k: v for k, v in notebook.get("metadata", {}).items() if k not in _VOLATILE}
    metadata = {"kernelspec": _KERNEL, "language_info": _LANGUAGE, METADATA_KEY: dict(key)}
    notebook["metadata"] = {**kept, **metadata}
    notebook["nbformat"], notebook["nbformat_minor"] = 4, 5
    notebook["cells"] = [cell for cell in notebook["cells"] if _ERROR_TAG not in tags_of(cell)]
    own = [cell for cell in source["cells"] if INJECTED_TAG not in tags_of(cell)]
    names = iter([cell.get("id", f"cell-{number:02d}") for number, cell in enumerate(own)])
    for cell in notebook["cells"]:
        cell["id"] = INJECTED_TAG if INJECTED_TAG in tags_of(cell) else next(names)
        cell["metadata"] = lasting_metadata(cell.get("metadata", {}))
    return notebook
