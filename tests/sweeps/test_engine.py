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
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
from pandas.testing import assert_frame_equal

from regime_lib.sweeps.engine import Sweep, sweep
from regime_lib.sweeps.store import Store, point_key
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


@pytest.mark.parametrize(
    ("x", "words"), [(0, "a dict of numbers"), (1, "'table'"), (2, "'x' has the name")]
)
def test_results_that_are_no_rows_are_failures(
    tmp_path: Path, threads: Executor, x: int, words: str
) -> None:
    done = quietly(functions.unfit, {"x": [x]}, tmp_path, executor=threads)
    ((_, error),) = done.status.errors
    assert words in error


@pytest.mark.parametrize("jobs", [2, None], ids=["processes", "threads"])
@pytest.mark.parametrize(
    ("how", "code", "told"),
    [
        ("exit", 0, "SystemExit: 0"),
        ("exit", "enough", "SystemExit: enough"),
        ("exit", None, "SystemExit"),
        ("interrupt", 0, "KeyboardInterrupt"),
    ],
)
def test_a_point_that_would_end_the_run_fails_alone(
    tmp_path: Path, threads: Executor, how: str, code: object, told: str, jobs: int | None
) -> None:
    grid = [{"x": x, "how": how if x == 1 else "", "code": code} for x in range(3)]
    where = {"jobs": jobs} if jobs else {"executor": threads}
    done = quietly(functions.ending, grid, tmp_path, **where)
    assert str(done.status) == "2 done, 1 failed, 0 missing"
    assert [error for _, error in done.status.errors] == [told]
    assert done.table["square"].tolist() == [0, pd.NA, 4]
    assert done.table["error"].dropna().to_dict() == {1: told}


def test_ctrl_c_during_a_point_of_the_own_thread_ends_the_sweep(tmp_path: Path) -> None:
    grid = [{"x": x, "how": "interrupt", "code": 0} for x in range(3)]
    with pytest.raises(KeyboardInterrupt):
        quietly(functions.ending, grid, tmp_path, executor=Breaking())
    assert str(Store(tmp_path).status()) == "0 done, 0 failed, 3 missing"


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("large", "'a' needs more than the 64 bits"),
        ("low", "'a' needs more than the 64 bits"),
        ("text", "'a' has a character that UTF-8 does not"),
        ("name", "the name of a result has a character"),
        ("word", "ValueError: \\ud800"),
    ],
)
def test_a_value_that_no_table_holds_is_a_failure(
    tmp_path: Path, threads: Executor, what: str, words: str
) -> None:
    grid = {"what": ["fine", what]}
    done = quietly(functions.unstorable, grid, tmp_path, executor=threads)
    assert str(done.status) == "1 done, 1 failed, 0 missing"
    assert words in done.status.errors[0][1]
    stored = pd.read_parquet(tmp_path / "table.parquet")
    for table in (done.table, stored):
        assert table["a"].dropna().tolist() == [2**63 - 1]  # exact, beside a missing one
        assert words in table["error"].dropna().item()


@pytest.mark.parametrize("x", [2**70, "\ud800"])
def test_a_parameter_that_no_table_holds_is_a_failure(
    tmp_path: Path, threads: Executor, x: object
) -> None:
    done = quietly(functions.unstorable, {"x": [1, x]}, tmp_path, executor=threads)
    assert str(done.status) == "1 done, 1 failed, 0 missing"
    assert "the parameter 'x'" in done.status.errors[0][1]
    stored = pd.read_parquet(tmp_path / "table.parquet")
    assert stored["x"].tolist() == ["1", str(x).encode("utf-8", "backslashreplace").decode()]
    assert stored["error"].isna().tolist() == [True, False]


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


def test_a_worker_killed_from_outside_costs_its_own_point_only(tmp_path: Path) -> None:
    log = tmp_path / "log"
    grid = [{"x": x, "seconds": 0.5, "log": str(log)} for x in range(9)]
    process = start_sweep(grid, tmp_path / "s", jobs=3)
    wait_for_results(tmp_path / "s", 1)
    workers = [
        child
        for child in psutil.Process(process.pid).children()
        if "resource_tracker" not in " ".join(child.cmdline())
    ]
    assert len(workers) == 3
    workers[0].kill()
    assert process.wait(60) == 0
    calls = log.read_text().split()
    assert sorted(set(calls)) == list("012345678")
    assert len(calls) <= 10
    assert_complete(grid, tmp_path / "s")


def test_a_script_that_sweeps_while_its_workers_import_it_is_told_so(tmp_path: Path) -> None:
    script = tmp_path / "unguarded.py"
    script.write_text(
        "from regime_lib.sweeps.engine import sweep\n"
        "from tests.sweeps.functions import square\n"
        f"sweep(square, {{'x': [1, 2, 3]}}, into={str(tmp_path / 's')!r}, jobs=2)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert 'put the call below if __name__ == "__main__":' in last
    assert done.stderr.count("Traceback") == 1  # the workers add none of their own
    assert not list((tmp_path / "s").rglob("failures/*"))
    script.write_text(
        script.read_text().replace("sweep(s", 'if __name__ == "__main__":\n    sweep(s')
    )
    assert (
        subprocess.run(command, capture_output=True, env=environment, check=False).returncode == 0
    )
    assert len(list((tmp_path / "s" / "results").iterdir())) == 3


def test_while_a_lost_point_is_made_again_the_others_go_on(tmp_path: Path) -> None:
    """The lost point waits, when it is made again, for all others to be there."""
    place = tmp_path / "s"
    grid = [{"x": x, "results": str(place / "results")} for x in range(6)]
    done = quietly(functions.last_after_its_death, grid, place, jobs=2)
    assert str(done.status) == "6 done, 0 failed, 0 missing"
    assert done.table["others"].max() == 5


def test_whatever_a_point_does_costs_that_point_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """All harms in one sweep: each is named with its point, and the others are in the table."""
    told = {
        "exit": "died twice",
        "segfault": "died twice",
        "memory": "MemoryError",
        "hang": "longer than the limit of 4 s",
    }
    grid = [{"x": x, "how": how} for x, how in enumerate(["", *told, "flood", ""])]
    done = quietly(functions.harmful, grid, tmp_path, jobs=2, time_limit=4)
    finished = done.table[done.table["error"].isna()]
    assert finished["how"].tolist() == ["", "flood", ""]
    assert finished["square"].tolist() == [0, 25, 36]
    errors = {point["how"]: error for point, error in done.status.errors}
    assert errors.keys() == told.keys()
    for how, words in told.items():
        assert words in errors[how]
    failed = done.table[done.table["error"].notna()]
    assert dict(zip(failed["how"], failed["error"], strict=True)) == errors
    assert failed["square"].isna().all()
    named = {one["point"]["how"]: one["error"] for one in done.manifest["failed"]}
    assert named == errors
    said = capfd.readouterr()
    assert "xxx" not in said.out + said.err
    assert "yyy" not in said.out


@pytest.mark.parametrize("limit", [0, -1.0, float("nan"), float("inf")])
def test_a_time_limit_is_a_positive_number(tmp_path: Path, limit: float) -> None:
    with refused("the time limit is", "positive"):
        quietly(functions.square, {"x": [1]}, tmp_path, jobs=1, time_limit=limit)


def test_a_time_limit_is_for_processes(tmp_path: Path, threads: Executor) -> None:
    with refused("no executor"):
        quietly(functions.square, {"x": [1]}, tmp_path, executor=threads, time_limit=3)


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


def test_a_point_in_other_hands_is_left_for_last(tmp_path: Path) -> None:
    grid = [{"x": x, "log": str(tmp_path / "log")} for x in range(4)]
    store = Store(tmp_path / "s")
    first = point_key(grid[0], {})

    def check() -> None:  # what the other sweep had in hand is finished once all else is
        if len(list((tmp_path / "s" / "results").glob("*"))) == 3:
            held.close()

    with ThreadPoolExecutor(1) as executor, ExitStack() as held:
        assert held.enter_context(store.claim(first))
        done = quietly(
            functions.square, grid, tmp_path / "s", executor=executor, depends={}, check=check
        )
    assert (tmp_path / "log").read_text().split() == ["1", "2", "3", "0"]
    assert str(done.status) == "4 done, 0 failed, 0 missing"


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


@pytest.mark.parametrize("module", ["tqdm", "filelock"])
def test_a_library_that_is_missing_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, threads: Executor, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with refused(module, 'pip install "regime-lib[sweep]"'):
        quietly(functions.square, GRID, tmp_path, executor=threads)


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
