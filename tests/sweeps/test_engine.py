"""A sweep is the function mapped over the grid, once a point, whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
from pandas.testing import assert_frame_equal

from regime_lib.sweeps.engine import Sweep, sweep
from regime_lib.sweeps.store import Store
from tests.companion.refusals import refused
from tests.sweeps import functions

ROOT = Path(__file__).resolve().parents[2]
GRID = {"x": range(6)}
SQUARES = pd.DataFrame({"x": range(6), "square": [x * x for x in range(6)]})


def quietly(run: Any, grid: Any, into: Path, **named: Any) -> Sweep:
    return sweep(run, grid, into=into, progress=False, **named)


@pytest.fixture(scope="module")
def threads() -> Any:
    with ThreadPoolExecutor(2) as executor:
        yield executor


# --- a function, a grid, a table -----------------------------------------------------------------


def test_the_default_pool_maps_the_function(tmp_path: Path) -> None:
    done = quietly(functions.square, GRID, tmp_path, jobs=2)
    assert_frame_equal(done.table, SQUARES)
    assert (done.computed, str(done.status)) == (6, "6 done, 0 failed, 0 missing")


def test_a_finished_point_is_never_computed_again(tmp_path: Path, threads: Executor) -> None:
    log = str(tmp_path / "log")
    grid = [{"x": x, "log": log} for x in range(4)]
    quietly(functions.square, grid[:3], tmp_path / "s", executor=threads)
    done = quietly(functions.square, grid, tmp_path / "s", executor=threads)
    assert done.computed == 1
    assert sorted(Path(log).read_text().split()) == ["0", "1", "2", "3"]


def test_other_code_or_data_make_other_results(tmp_path: Path, threads: Executor) -> None:
    for version, computed in (("1", 6), ("1", 0), ("2", 6), ("1", 0)):
        done = quietly(
            functions.square, GRID, tmp_path, executor=threads, depends={"code": version}
        )
        assert done.computed == computed
        assert_frame_equal(done.table, SQUARES)


def test_several_rows_a_point(tmp_path: Path, threads: Executor) -> None:
    table = quietly(functions.several, {"x": [1, 2]}, tmp_path, executor=threads).table
    assert table.columns.tolist() == ["x", "claim", "value"]
    assert table["value"].tolist() == [0, 1, 2, 0, 2, 4]


def test_a_bucket_will_do(tmp_path: Path, threads: Executor) -> None:
    place = f"memory://{tmp_path.name}"
    done = sweep(functions.square, GRID, into=place, executor=threads, progress=False)
    assert_frame_equal(done.table, SQUARES)
    again = sweep(functions.square, GRID, into=place, executor=threads, progress=False)
    assert again.computed == 0


# --- points that fail ----------------------------------------------------------------------------


def test_a_point_that_raises_is_recorded_and_tried_again(tmp_path: Path, threads: Executor) -> None:
    broken = tmp_path / "broken"
    broken.touch()
    grid = {"x": range(6), "broken": [str(broken)]}
    first = quietly(functions.fragile, grid, tmp_path / "s", executor=threads)
    assert str(first.status) == "5 done, 1 failed, 0 missing"
    ((point, error),) = first.status.errors
    assert (point["x"], error) == (2, "ValueError: two is broken")
    broken.unlink()
    second = quietly(functions.fragile, grid, tmp_path / "s", executor=threads)
    assert (second.computed, str(second.status)) == (1, "6 done, 0 failed, 0 missing")
    assert_frame_equal(second.table.drop(columns="broken"), SQUARES)


@pytest.mark.parametrize(("x", "words"), [(0, "a dict of numbers"), (1, "'table'")])
def test_results_that_are_no_rows_are_failures(
    tmp_path: Path, threads: Executor, x: int, words: str
) -> None:
    done = quietly(functions.unfit, {"x": [x]}, tmp_path, executor=threads)
    ((_, error),) = done.status.errors
    assert words in error


def test_a_worker_that_dies_once_costs_one_retry(tmp_path: Path) -> None:
    grid = {"x": range(6), "mark": [str(tmp_path / "mark")], "always": [False]}
    done = quietly(functions.suicidal, grid, tmp_path / "s", jobs=2)
    assert str(done.status) == "6 done, 0 failed, 0 missing"
    assert done.table["square"].tolist() == SQUARES["square"].tolist()


def test_a_point_that_always_kills_its_worker_is_found_out(tmp_path: Path) -> None:
    grid = {"x": range(6), "mark": [str(tmp_path / "mark")], "always": [True]}
    done = quietly(functions.suicidal, grid, tmp_path / "s", jobs=2)
    assert str(done.status) == "5 done, 1 failed, 0 missing"
    ((point, error),) = done.status.errors
    assert point["x"] == 3
    assert "died twice" in error


def test_a_worker_killed_from_outside_costs_nothing_finished(tmp_path: Path) -> None:
    grid = [{"x": x, "seconds": 0.4} for x in range(6)]
    process = start_sweep(grid, tmp_path / "s", jobs=2)
    wait_for_results(tmp_path / "s", 1)
    workers = [
        child
        for child in psutil.Process(process.pid).children()
        if "resource_tracker" not in " ".join(child.cmdline())
    ]
    workers[0].kill()
    assert process.wait(60) == 0
    assert_complete(grid, tmp_path / "s")


# --- interruptions -------------------------------------------------------------------------------

SCRIPT = """
import json, sys
from regime_lib.sweeps import sweep
from tests.sweeps.functions import square
if __name__ == "__main__":
    grid, place, jobs = json.loads(sys.argv[1])
    sweep(square, grid, into=place, jobs=jobs, progress=False)
"""


def start_sweep(grid: Any, place: Path, jobs: int = 2) -> subprocess.Popen[bytes]:
    script = place.parent / "script.py"
    script.write_text(SCRIPT)
    arguments = json.dumps([grid, str(place), jobs])
    return subprocess.Popen(
        [sys.executable, str(script), arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def wait_for_results(place: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(list((place / "results").glob("*.json"))) < count:
        assert time.monotonic() < deadline, "no result came"
        time.sleep(0.02)


def assert_complete(grid: Any, place: Path) -> None:
    undisturbed = quietly(functions.square, grid, place.parent / "undisturbed", jobs=1)
    finished = quietly(functions.square, grid, place, jobs=1)
    assert_frame_equal(finished.table, undisturbed.table)
    assert len(finished.table) == len(grid)
    assert not list(place.rglob("*.tmp"))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "ctrl-c"])
def test_a_sweep_that_is_ended_goes_on_where_it_was(tmp_path: Path, how: signal.Signals) -> None:
    log = tmp_path / "log"
    grid = [{"x": x, "seconds": 0.3, "log": str(log)} for x in range(8)]
    process = start_sweep(grid, tmp_path / "s")
    wait_for_results(tmp_path / "s", 2)
    family = psutil.Process(process.pid).children(recursive=True)
    if how == signal.SIGINT:
        os.killpg(process.pid, how)  # as a terminal does
    else:
        process.kill()
    assert process.wait(30) != 0
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []
    finished = len(list((tmp_path / "s" / "results").glob("*.json")))
    assert 2 <= finished < 8
    started = log.read_text().split()
    (tmp_path / "log").unlink()
    again = quietly(functions.square, grid, tmp_path / "s", jobs=2)
    assert again.computed == 8 - finished
    assert len(log.read_text().split()) == 8 - finished
    assert len(started) <= finished + 2
    assert_complete(grid, tmp_path / "s")


def test_two_sweeps_into_one_folder_share_the_work(tmp_path: Path) -> None:
    log = tmp_path / "log"
    grid = [{"x": x, "seconds": 0.1, "log": str(log)} for x in range(8)]
    both = [start_sweep(grid, tmp_path / "s") for _ in range(2)]
    assert [process.wait(90) for process in both] == [0, 0]
    assert sorted(map(int, log.read_text().split())) == list(range(8))
    assert_complete(grid, tmp_path / "s")


def test_a_damaged_file_is_made_again(tmp_path: Path, threads: Executor) -> None:
    quietly(functions.square, GRID, tmp_path / "s", executor=threads)
    path = next((tmp_path / "s" / "results").iterdir())
    path.write_bytes(path.read_bytes()[:20])
    assert str(Store(tmp_path / "s").status()) == "5 done, 0 failed, 1 missing"
    again = quietly(functions.square, GRID, tmp_path / "s", executor=threads)
    assert again.computed == 1
    assert_frame_equal(again.table, SQUARES)


def test_a_full_disk_ends_the_sweep_and_keeps_what_is_finished(tmp_path: Path) -> None:
    place = tmp_path / "s"
    with refused("could not be written", "make room"):
        quietly(functions.on_a_full_disk, GRID, place, jobs=1)
    finished = sorted(json.loads(p.read_text())["point"]["x"] for p in place.glob("results/*"))
    assert finished == [0, 1]
    assert not list(place.rglob("*.tmp"))


# --- what is refused before any work -------------------------------------------------------------


def test_a_folder_that_cannot_be_written_to(tmp_path: Path, threads: Executor) -> None:
    (tmp_path / "file").touch()
    with refused("cannot be written to"):
        quietly(functions.square, GRID, tmp_path / "file", executor=threads)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission(tmp_path: Path, threads: Executor) -> None:
    tmp_path.chmod(0o500)
    with refused("cannot be written to"):
        quietly(functions.square, GRID, tmp_path / "s", executor=threads)


def test_an_empty_grid(tmp_path: Path, threads: Executor) -> None:
    with refused("no point"):
        quietly(functions.square, [], tmp_path, executor=threads)


def test_a_function_that_cannot_travel(tmp_path: Path) -> None:
    with refused("cannot be sent", "top of"):
        quietly(lambda point: {"x": 1}, GRID, tmp_path)


class Breaking(Executor):
    """An executor that computes three points and breaks."""

    def __init__(self) -> None:
        self.left = 3

    def submit(self, fn: Any, /, *args: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if self.left:
            future.set_result(fn(*args, **named))
        else:
            future.set_exception(BrokenProcessPool("gone"))
        self.left = max(0, self.left - 1)
        return future


def test_an_executor_that_breaks_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    with refused("broke down", "kept"):
        quietly(functions.square, GRID, tmp_path, executor=Breaking())
    assert str(Store(tmp_path).status()) == "3 done, 0 failed, 3 missing"
