"""Mapping a function over a grid through any `concurrent.futures.Executor`.

Workers write their own results, so that whatever happens to the process that asked, a finished
point stays finished. The engine only decides what is still to be done, and collects at the end.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import pickle
import sys
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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from regime_lib.errors import RegimeError
from regime_lib.sweeps.grid import Grid, Point
from regime_lib.sweeps.pool import WorkerPool, processors
from regime_lib.sweeps.store import Status, Store, point_key
from regime_lib.sweeps.work import Outcome, Run, work

if TYPE_CHECKING:
    import pandas as pd

_AHEAD = 2  # points handed out per worker: none waits for the next one, few are lost with a worker
_REMOTE_AHEAD = 256
_PATIENCE = 1.0  # seconds between looks at whether the cluster still lives


@dataclass(frozen=True)
class Sweep:
    """How a sweep ended.

    Attributes
    ----------
    place : str
        Where its files lie.
    table : DataFrame
        One row a result row of every finished point: parameters, then results.
    manifest : dict
        What the table was made of: points, parameters, failures, versions, seconds.
    computed : int
        Points that this call computed; the other finished ones were there before.
    status : Status
        Points done, failed and missing.
    """

    place: str
    table: pd.DataFrame
    manifest: dict[str, Any]
    computed: int
    status: Status


def sweep(
    run: Run,
    grid: Grid | Mapping[str, Sequence[Any]] | Iterable[Point],
    *,
    into: str | Path,
    executor: Executor | None = None,
    jobs: int | None = None,
    depends: Mapping[str, Any] | None = None,
    check: Callable[[], None] | None = None,
    progress: bool = True,
) -> Sweep:
    """Call ``run(point)`` for every point of a grid, and keep each result in a file of its own.

    A finished point is never computed again. A point that raised, or whose worker died, is tried
    again by the next call. An interrupted call can simply be repeated.

    Parameters
    ----------
    run : callable
        Takes a point (a dict of parameters) and returns a row (a dict of numbers and texts) or a
        list of rows. Other processes must be able to import it: a function at the top of a module.
    grid : Grid, mapping of str to sequence, or iterable of dict
        Which points; a mapping stands for all combinations.
    into : str or Path
        A folder, or an address that fsspec understands and that every worker reaches.
    executor : Executor, optional
        Who computes: any executor of the `concurrent.futures` protocol, such as the one of a Dask
        client. By default a pool of processes on this machine.
    jobs : int, optional
        Processes of the default pool; as many as there are processors by default.
    depends : mapping, optional
        What results depend on beside the point, such as digests of code and data; part of every
        file's name. By default the source of `run`'s module.
    check : callable, optional
        Called about every second while waiting; may raise to end the sweep.
    progress : bool
        Whether to show a progress bar on standard error.

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
    from regime_lib.sweeps.table import collect  # pandas: no worker waits for it

    store = Store(into)
    store.require_writable()
    version = dict(depends) if depends is not None else _source_of(run)
    points = _points(grid, version)
    store.save_plan(points, _digest(version))
    todo = [key for key in points if store.result(key) is None]
    with tqdm(
        total=len(points), initial=len(points) - len(todo), unit="point", disable=not progress
    ) as bar:
        shift = _Shift(run, store, points, bar, check)
        if todo and executor is not None:
            shift.on(executor, todo)
        elif todo:
            _require_sendable(run)
            shift.on_own_pool(todo, jobs or processors())
    table, manifest = collect(store, version)
    return Sweep(str(into), table, manifest, shift.computed, store.status())


class _Shift:
    """One call's work: which points are handed out, and what came back."""

    def __init__(
        self,
        run: Run,
        store: Store,
        points: Mapping[str, Point],
        bar: Any,
        check: Callable[[], None] | None,
    ) -> None:
        self._run, self._store, self._points, self._bar = run, store, points, bar
        self._check = check or (lambda: None)
        self._failed: set[str] = set()
        self.computed = 0

    def on(self, executor: Executor, todo: Sequence[str]) -> None:
        """Work through the points on an executor of the caller's."""
        if self._drive(executor, todo, _REMOTE_AHEAD) is not None:
            raise RegimeError(
                "the executor broke down before all points were done; what is finished is kept in "
                f"{self._store.place}, so start it again and repeat the call"
            )

    def on_own_pool(self, todo: Sequence[str], jobs: int) -> None:
        """Work through the points; a worker that dies takes only its own point with it."""
        suspects: list[str] = []
        while todo:
            with WorkerPool(min(jobs, len(todo))) as pool:
                lost = self._drive(pool, todo, _AHEAD * jobs)
            if lost is None:
                break
            suspects += lost
            todo = [key for key in todo if key not in lost and self._open(key)]
        for key in suspects:  # one at a time, so that who kills its worker is found
            for _ in range(2):
                with WorkerPool(1) as pool:
                    if self._drive(pool, [key], 1) is None:
                        break
            else:
                words = "its worker process died twice, often for want of memory"
                self._store.save_failure(key, self._points[key], words)

    def _open(self, key: str) -> bool:
        return key not in self._failed and self._store.result(key) is None

    def _drive(self, executor: Executor, todo: Sequence[str], ahead: int) -> list[str] | None:
        """Hand out points and take outcomes; if the executor broke, return what it then had."""
        waiting = list(reversed(todo))
        out: dict[Future[Outcome], str] = {}
        try:
            while waiting or out:
                while waiting and len(out) < ahead:
                    key = waiting.pop()
                    arguments = (self._run, self._points[key], key, self._store.place)
                    out[executor.submit(work, *arguments)] = key
                for future in wait(out, timeout=_PATIENCE, return_when=FIRST_COMPLETED).done:
                    self._take(out[future], future)
                    del out[future]
                self._check()
        except (BrokenExecutor, CancelledError):
            return [key for key in out.values() if self._open(key)]
        except BaseException:
            for future in out:
                future.cancel()
            raise
        return None

    def _take(self, key: str, future: Future[Outcome]) -> None:
        try:
            outcome = future.result()
        except (BrokenExecutor, CancelledError):
            raise
        except Exception as error:  # of the executor: a point that killed its workers, say
            self._store.save_failure(key, self._points[key], f"{type(error).__name__}: {error}")
            outcome = Outcome("failed")
        if outcome.status == "unwritable":
            raise RegimeError(
                f"a result could not be written to {self._store.place} ({outcome.error}); what is "
                "finished is kept, so make room and repeat the call"
            )
        if outcome.status == "failed":
            self._failed.add(key)
        self.computed += outcome.status == "computed"
        self._bar.update()


def _points(
    grid: Grid | Mapping[str, Sequence[Any]] | Iterable[Point], depends: Mapping[str, Any]
) -> dict[str, Point]:
    if isinstance(grid, Mapping):
        grid = Grid.of(grid)
    points = {point_key(point, depends): dict(point) for point in grid}
    if not points:
        raise RegimeError("the grid has no point; give every parameter at least one value")
    return points


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]


def _source_of(run: Run) -> dict[str, str]:
    """Return the name of a function and a digest of the file that it stands in."""
    function = inspect.unwrap(getattr(run, "func", run))
    module = sys.modules.get(getattr(function, "__module__", ""))
    file = getattr(module, "__file__", None)
    text = Path(file).read_text(encoding="utf-8") if file and Path(file).is_file() else ""
    name = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', '')}"
    settings = repr((getattr(run, "args", ()), getattr(run, "keywords", {})))
    return {"function": name, "source": _digest(text), "settings": settings}


def _require_sendable(run: Run) -> None:
    try:
        pickle.dumps(run)
    except Exception as error:
        raise RegimeError(
            f"the function cannot be sent to other processes ({error}); define it at the top of "
            "a module, or give an executor of threads"
        ) from None
