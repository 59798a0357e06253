"""A pool of processes: one that dies costs its own call only, and none outlives who made it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from regime_lib.errors import RegimeError


class NoWorkerStartsError(RegimeError):
    """A new process ends before it takes a call, and so would every other."""


_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class WorkerPool(ThreadPoolExecutor):
    """Calls run in fresh interpreters of one thread, each of them a process pool of its own.

    (A `ProcessPoolExecutor` of several gives up all their calls when one process dies.) A call
    whose process dies is made once more, in a new one. One that takes longer than `limit` seconds
    is ended with its process, whose start does not count.
    """

    def __init__(self, jobs: int, limit: float | None = None) -> None:
        super().__init__(jobs)
        self._limit = limit
        self._spawn = multiprocessing.get_context("spawn")
        self._reader, self._lifeline = self._spawn.Pipe(duplex=False)
        self._idle: list[ProcessPoolExecutor] = []
        self._starting = threading.Lock()

    def submit(self, function: Any, /, *arguments: Any) -> Future[Any]:  # type: ignore[override]
        """Hand out a call."""
        return super().submit(self._call, function, *arguments)

    def _call(self, *call: Any) -> Any:
        for _ in range(2):
            with self._starting:
                worker = self._idle.pop() if self._idle else self._new()
            started = False
            try:
                with self._starting, _one_thread():
                    ready = worker.submit(os.getpid)  # a new process starts here
                ready.result()
                started = True
                future = worker.submit(*call)
                return future.result(self._limit)
            except BrokenExecutor:
                worker = self._new()
            except TimeoutError:
                for process in list(worker._processes.values()):
                    process.kill()
                worker.shutdown(wait=False, cancel_futures=True)
                worker = self._new()
                raise RegimeError(f"it took longer than the limit of {self._limit:g} s") from None
            finally:
                self._idle.append(worker)
        if not started:
            raise NoWorkerStartsError(
                "no worker process can start, for want of memory or because the script calls "
                'sweep as soon as it is imported; put the call below if __name__ == "__main__":'
            )
        raise RegimeError("its worker process died twice, often for want of memory")

    def _new(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            1, mp_context=self._spawn, initializer=_begin, initargs=(self._reader,)
        )

    def __exit__(self, kind: Any, *rest: Any) -> None:
        if kind is not None:  # do not wait for points that take hours
            self._lifeline.close()
        self.shutdown(cancel_futures=kind is not None)
        for worker in self._idle:
            worker.shutdown()
        self._lifeline.close()


def end_if_still_starting() -> None:
    """End a worker that is about to hand out work before it took any.

    It imports the script that began the sweep. Where that calls sweep outside of a function, every
    worker would sweep, too, instead of working.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise SystemExit(1)


def _begin(lifeline: Connection) -> None:
    """Prepare a worker: Ctrl-C is the parent's affair, and nobody outlives the parent.

    What a point prints goes nowhere, so that it cannot drown what the sweep says. Where memory
    runs out, the system is to end a worker, not who asked for the work.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: Connection) -> None:
    try:
        lifeline.recv()
    except (EOFError, OSError):
        os._exit(1)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let processes that start meanwhile use one thread each."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
