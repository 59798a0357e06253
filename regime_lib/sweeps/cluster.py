"""A Dask cluster as the executor of a sweep; the only file that knows Dask."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from regime_lib.errors import RegimeError, extra

_ADDRESS = re.compile(r"((tcp|tls|ucx|wss?)://)?[^/\s]+:\d+|inproc://.+")
_CONNECT = 20  # seconds
_SILENCE = 30.0  # seconds without a scheduler after which a sweep gives up
_RETRIES = 2


@contextmanager
def dask_executor(
    address: str, silence: float = _SILENCE
) -> Iterator[tuple[Executor, Callable[[], None]]]:
    """Connect to a Dask scheduler; the block gets the executor for `sweep`, and its `check`.

    Parameters
    ----------
    address : str
        Such as ``tcp://node:8786``.
    silence : float
        Seconds after which a scheduler that does not answer is given up.

    Raises
    ------
    RegimeError
        If Dask is not installed, or no scheduler answers.
    """
    with extra("sweep"):
        from distributed import Client

    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:  # a lost scheduler is told in one sentence, not in a page of log
        logger.setLevel(logging.CRITICAL)
    client = None
    try:
        if not _ADDRESS.fullmatch(address):  # Dask would refuse it, and then wait for it
            raise ValueError
        client = Client(address, timeout=_CONNECT, set_as_default=False)
        yield client.get_executor(pure=False, retries=_RETRIES), _watch(client, address, silence)
    except (OSError, ValueError) as error:
        if client is not None:
            raise
        raise RegimeError(
            f"no Dask scheduler answers at {address} ({type(error).__name__}); start one with "
            "dask scheduler, and give its address as tcp://host:port"
        ) from None
    finally:
        if client is not None:
            client.close(timeout=2)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def machines(scheduler: str | None, jobs: int | None) -> Iterator[dict[str, Any]]:
    """Give what tells `sweep` where to compute: on a cluster, or in some processes here.

    Parameters
    ----------
    scheduler : str or None
        The address of a cluster's scheduler, see `dask_executor`; None without a cluster.
    jobs : int or None
        Processes on this machine; None for one per processor.

    Raises
    ------
    RegimeError
        If Dask is not installed, or no scheduler answers.
    """
    if scheduler is None:
        yield {"jobs": jobs}
        return
    with dask_executor(scheduler) as (executor, check):
        yield {"executor": executor, "check": check}


def _watch(client: Any, address: str, silence: float) -> Callable[[], None]:
    last = time.monotonic()

    def check() -> None:
        nonlocal last
        if client.status == "running":
            last = time.monotonic()
        elif time.monotonic() - last > silence:
            raise RegimeError(
                f"the scheduler at {address} has not answered for {silence:.0f} s; what is "
                "finished is kept, so repeat the command when it is back"
            )

    return check
