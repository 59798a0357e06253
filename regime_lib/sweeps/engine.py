"""Mapping a function over a grid through any `concurrent.futures.Executor`.

Workers write their own results, so that whatever happens to the process that asked, a finished
point stays finished. The engine only decides what is still to be done, and collects at the end.
"""

from __future__ import annotations

import inspect
import math
import pickle
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    wait,
)
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regime_lib.errors import RegimeError, extra
from regime_lib.progress import progress_bar
from regime_lib.sweeps.grid import Grid, Point
from regime_lib.sweeps.pool import (
    NoWorkerStartsError,
    WorkerPool,
    end_if_still_starting,
    processors,
)
from regime_lib.sweeps.store import Status, Store, digest_of, point_key, told
from regime_lib.sweeps.work import Outcome, Run, work

if TYPE_CHECKING:
    import pandas as pd

_Points = Grid | Mapping[str, Sequence[Any]] | Iterable[Point]

_AHEAD = 2  # points handed out per worker: none waits for the next one, few are lost with a worker
_REMOTE_AHEAD = 256
_PATIENCE = 1.0  # seconds between two times that the cluster is asked whether it still lives


@dataclass(frozen=True)
class Sweep:
    """How a sweep ended."""

    place: str  #: where its files lie
    #: one row per result row of every finished point: parameters and results; and one per failed
    #: point, with what explains it in a column `error`
    table: pd.DataFrame
    manifest: dict[str, Any]  #: what the table was made of: points, failures, versions, seconds
    computed: int  #: points that this call computed; the other finished ones were there before
    status: Status  #: points done, failed and missing


def sweep(
    run: Run,
    grid: _Points,
    *,
    into: str | Path,
    executor: Executor | None = None,
    jobs: int | None = None,
    depends: Mapping[str, Any] | None = None,
    check: Callable[[], None] | None = None,
    progress: bool = True,
    time_limit: float | None = None,
) -> Sweep:
    """Call ``run(point)`` for every point of a grid, and keep each result in a file of its own.

    A finished point is never computed again. A point that raised, or whose worker died, is tried
    again by the next call. An interrupted call can simply be repeated.

    Parameters
    ----------
    run : callable
        Takes a point (a dict of parameters) and returns a row (a dict of numbers and texts) or a
        list of rows. Other processes must be able to import it: a function at the top of a module.
        In a script the call of `sweep` itself stands below ``if __name__ == "__main__":``, because
        every process imports the script.
    grid : Grid, mapping of str to sequence, or iterable of dict
        Which points; a mapping stands for all combinations.
    into : str or Path
        A folder, or an address that fsspec understands and that every worker reaches.
    executor : Executor, optional
        Who computes, such as the executor of a Dask client; by default `jobs` processes on this
        machine, as many as there are processors.
    depends : mapping, optional
        What results depend on beside the point, such as digests of code and data; part of every
        file's name. By default the source of `run`'s module.
    check : callable, optional
        Called about every second while waiting; may raise to end the sweep.
    progress : bool
        Whether to show a progress bar on standard error.
    time_limit : float, optional
        Seconds that a point may take before it is ended and counts as failed; for processes of
        this machine only.

    Returns
    -------
    Sweep
        With the table of everything that is finished.

    Raises
    ------
    RegimeError
        If the grid is empty, the place cannot be written to, `run` cannot be sent to another
        process, or the executor breaks down. What is finished is kept.

    Examples
    --------
    >>> from concurrent.futures import ThreadPoolExecutor
    >>> import tempfile
    >>> def square(point):
    ...     return {"square": point["x"] ** 2}
    >>> with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as threads:
    ...     done = sweep(square, {"x": [1, 2, 3]}, into=folder, executor=threads, progress=False)
    >>> done.table
       x  square
    0  1       1
    1  2       4
    2  3       9
    """
    end_if_still_starting()
    from regime_lib.sweeps.table import collect  # pandas: no worker waits for it

    with extra("sweep"):
        import tqdm  # noqa: F401  # of the bar

    if time_limit is not None and (executor is not None or not 0 < time_limit < math.inf):
        raise RegimeError(
            f"the time limit is {time_limit}; give a positive number of seconds, and no executor, "
            "whose calls cannot be ended from here"
        )
    store = Store(into)
    store.require_writable()
    version = dict(depends) if depends is not None else _source_of(run)
    points = _points(grid, version)
    store.save_plan(points, digest_of(version))
    todo = [key for key in points if store.result(key) is None]
    shown = {"total": len(points), "initial": len(points) - len(todo), "unit": "point"}
    computed = 0
    with progress_bar(**shown, disable=not progress) as bar:
        go = partial(_work_through, run, store, points, todo, bar.update, check)
        if executor is not None:
            computed = go(executor, _REMOTE_AHEAD)
        elif todo:
            _require_sendable(run)
            jobs = min(jobs or processors(), len(todo))
            with WorkerPool(jobs, time_limit) as pool:
                computed = go(pool, _AHEAD * jobs)
    table, manifest = collect(store, version)
    return Sweep(str(into), table, manifest, computed, store.status())


def _work_through(
    run: Run,
    store: Store,
    points: Mapping[str, Point],
    todo: Sequence[str],
    tell: Callable[[], object],
    check: Callable[[], None] | None,
    executor: Executor,
    ahead: int,
) -> int:
    """Hand out points and take what comes back; return how many were computed."""
    waiting, out = deque(todo), dict[Future[Outcome], str]()
    busy: set[str] = set()  # in the hands of another sweep: they come last, and are waited for
    computed = 0
    try:
        while waiting or out:
            while waiting and len(out) < ahead:
                key = waiting.popleft()
                out[executor.submit(work, run, points[key], key, store.place, key in busy)] = key
            for future in wait(out, timeout=_PATIENCE, return_when=FIRST_COMPLETED).done:
                key = out.pop(future)
                outcome = _outcome(future, store.place)
                if outcome.status == "busy":
                    waiting.append(key)
                    busy.add(key)
                    continue
                if outcome.status == "broken":
                    store.save_failure(key, points[key], outcome.error)
                computed += outcome.status == "computed"
                tell()
            if check is not None:
                check()
    except (BrokenExecutor, CancelledError):
        raise RegimeError(
            "the executor broke down before all points were done; what is finished is kept in "
            f"{store.place}, so start it again and repeat the call"
        ) from None
    except BaseException:
        for future in out:
            future.cancel()
        raise
    return computed


def _outcome(future: Future[Outcome], place: str) -> Outcome:
    try:
        outcome = future.result()
    except (BrokenExecutor, CancelledError, NoWorkerStartsError):
        raise
    except Exception as error:  # of the executor: a point that killed its workers, say
        return Outcome("broken", str(error) if isinstance(error, RegimeError) else told(error))
    if outcome.status == "unwritable":
        raise RegimeError(
            f"a result could not be written to {place} ({outcome.error}); what is finished is "
            "kept, so make room and repeat the call"
        )
    return outcome


def _points(grid: _Points, depends: Mapping[str, Any]) -> dict[str, Point]:
    if isinstance(grid, Mapping):
        grid = Grid.of(grid)
    points = {point_key(point, depends): dict(point) for point in grid}
    if not points:
        raise RegimeError("the grid has no point; give every parameter at least one value")
    return points


def _source_of(run: Run) -> dict[str, str]:
    """Return the name of a function and a digest of the file that it stands in."""
    function = inspect.unwrap(getattr(run, "func", run))
    module = sys.modules.get(getattr(function, "__module__", ""))
    file = getattr(module, "__file__", None)
    text = Path(file).read_text(encoding="utf-8") if file and Path(file).is_file() else ""
    name = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', '')}"
    settings = repr((getattr(run, "args", ()), getattr(run, "keywords", {})))
    return {"function": name, "source": digest_of(text), "settings": settings}


def _require_sendable(run: Run) -> None:
    try:
        pickle.dumps(run)
    except Exception as error:
        raise RegimeError(
            f"the function cannot be sent to other processes ({error}); define it at the top of "
            "a module, or give an executor of threads"
        ) from None
