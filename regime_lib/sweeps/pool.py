"""A pool of processes that ends with the process that made it, however that one ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class WorkerPool(ProcessPoolExecutor):
    """`ProcessPoolExecutor` with fresh interpreters, one thread each, that are never orphaned."""

    def __init__(self, jobs: int) -> None:
        context = multiprocessing.get_context("spawn")
        reader, self._lifeline = context.Pipe(duplex=False)
        super().__init__(jobs, mp_context=context, initializer=_begin, initargs=(reader,))

    def submit(self, *arguments: Any, **named: Any) -> Any:
        """Hand out work; processes start here, on one thread each."""
        with _one_thread():
            return super().submit(*arguments, **named)

    def __exit__(self, kind: Any, *rest: Any) -> None:
        if kind is not None:  # do not wait for points that take hours
            self._lifeline.close()
            self.shutdown(wait=False, cancel_futures=True)
            return
        self.shutdown(wait=True)
        self._lifeline.close()


def _begin(lifeline: Connection) -> None:
    """Prepare a worker: Ctrl-C is the parent's affair, and nobody outlives the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
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
