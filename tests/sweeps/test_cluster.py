"""The same sweep on a Dask cluster; what is lost there is not lost here."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from regime_lib.sweeps.cluster import dask_executor
from regime_lib.sweeps.engine import sweep
from regime_lib.sweeps.store import Store
from tests.companion.refusals import refused
from tests.sweeps import functions

pytestmark = pytest.mark.filterwarnings("default")  # Dask's own

distributed = pytest.importorskip("distributed")

SQUARES = pd.DataFrame({"x": range(12), "square": [x * x for x in range(12)]})


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=getattr(request, "param", 2),
        threads_per_worker=1,
        dashboard_address=None,
        silence_logs="CRITICAL",
    ) as found:
        yield found


@pytest.mark.parametrize("cluster", [2, 4], indirect=True)
def test_a_cluster_maps_the_function(cluster: Any, tmp_path: Path) -> None:
    with dask_executor(cluster.scheduler_address) as (executor, check):
        done = sweep(
            functions.square,
            {"x": range(12)},
            into=tmp_path,
            executor=executor,
            check=check,
            progress=False,
        )
    assert_frame_equal(done.table, SQUARES)
    assert done.computed == 12


def test_a_worker_that_is_killed_loses_only_its_point(cluster: Any, tmp_path: Path) -> None:
    grid = {"x": range(12), "mark": [str(tmp_path / "mark")], "always": [False]}
    with dask_executor(cluster.scheduler_address) as (executor, check):
        done = sweep(
            functions.suicidal, grid, into=tmp_path, executor=executor, check=check, progress=False
        )
    assert (tmp_path / "mark").exists()
    assert done.table["square"].tolist() == SQUARES["square"].tolist()


def test_a_scheduler_that_is_killed_is_told_and_finished_points_stay(tmp_path: Path) -> None:
    import subprocess

    address_file = tmp_path / "scheduler.json"
    scheduler = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--host",
         "127.0.0.1", "--no-dashboard", "--scheduler-file", str(address_file)],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    worker = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file",
         str(address_file), "--nthreads", "1", "--no-dashboard", "--death-timeout", "5"],
        stderr=subprocess.DEVNULL, cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )  # fmt: skip
    try:
        address = _address(address_file)
        grid = [{"x": x, "seconds": 0.2} for x in range(20)]

        def kill_after_three() -> None:
            if Store(tmp_path / "s").status().done >= 3 and scheduler.poll() is None:
                os.kill(scheduler.pid, signal.SIGKILL)
            check()

        with dask_executor(address, silence=2.0) as (executor, check), refused("kept"):
            sweep(
                functions.square,
                grid,
                into=tmp_path / "s",
                executor=executor,
                check=kill_after_three,
                progress=False,
            )
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()
    done = Store(tmp_path / "s").status().done
    assert 3 <= done < 20
    again = sweep(functions.square, grid, into=tmp_path / "s", jobs=2, progress=False)
    assert again.computed == 20 - done
    assert again.table["square"].tolist() == [x * x for x in range(20)]


def _address(file: Path) -> str:
    import json
    import time

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if file.is_file() and file.stat().st_size:
            return str(json.loads(file.read_text())["address"])
        time.sleep(0.1)
    raise AssertionError("the scheduler did not start")


def test_no_scheduler_is_told_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regime_lib.sweeps.cluster._CONNECT", 1)
    with refused("tcp://127.0.0.1:9", "dask scheduler"), dask_executor("tcp://127.0.0.1:9"):
        pass


@pytest.mark.parametrize("address", ["nonsense", "nonsense://here", "tcp://nohost", "a b:1", ""])
def test_an_address_that_is_none_is_told_in_one_sentence_at_once(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr(distributed, "Client", None)  # it would keep the interpreter from ending
    with refused(f"at {address} ", "tcp://host:port"), dask_executor(address):
        pass


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with refused("distributed", "regime-lib[sweep]"), dask_executor("tcp://127.0.0.1:9"):
        pass
