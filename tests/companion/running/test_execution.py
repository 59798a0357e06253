"""Chapters really run: through papermill, in worker processes, and nothing is half-written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from regime_lib.companion.book.catalogue import load_entry
from regime_lib.companion.book.notebooks import code_cells, outputs_of, read_notebook, text_of
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.ledger import measurements_in, read_ledger
from regime_lib.companion.publish.checks import problems_of
from regime_lib.companion.running import execution
from regime_lib.companion.running.execution import (
    ChapterRun,
    execute,
    plan_run,
    seconds_expected,
    with_committed,
)
from regime_lib.companion.running.provenance import PROVENANCE_MIME
from tests.companion.refusals import refused
from tests.companion.tiny import make_project, tiny_cells, write_notebook


def run(project: Project, *names: str, jobs: int = 1, **given: str) -> tuple[ChapterRun, ...]:
    plans = [plan_run(project, load_entry(project, name), given) for name in names]
    return execute(project, plans, jobs)


def glued(notebook: dict[str, Any]) -> dict[str, str]:
    return {
        output["metadata"]["scrapbook"]["name"]: text_of(
            output["data"]["application/papermill.record/text/plain"]
        )
        for _, output in outputs_of(notebook)
        if "scrapbook" in output.get("metadata", {})
    }


def test_a_run_publishes_a_chapter_that_is_fit_for_the_book(executed_once: Project) -> None:
    notebook = read_notebook(executed_once.executed / "10_tiny.ipynb")
    assert problems_of(notebook) == []
    assert [cell["execution_count"] for cell in code_cells(notebook)] == [1, 2, 3, 4, 5, 6, 7]
    assert {str(m.verdict) for m in measurements_in(notebook, "x").values()} == {
        "reproduced",
        "checked",
    }
    assert glued(notebook)["rc-tiny-ratio-n"] == "4"
    assert list(executed_once.executed.iterdir()) == [executed_once.executed / "10_tiny.ipynb"]


def test_kernels_have_one_thread_and_a_fixed_hash(tmp_path: Path) -> None:
    story = "import os\nprint([os.environ[n] for n in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', "
    story += "'OPENBLAS_NUM_THREADS', 'PYTHONHASHSEED')], os.path.basename(os.getcwd()))"
    project = make_project(tmp_path / "project", tiny_cells(story))
    (result,) = run(project, "10_tiny")
    notebook = read_notebook(result.plan.target)
    printed = text_of(code_cells(notebook)[2]["outputs"][0]["text"])
    assert printed == "['1', '1', '1', '0'] notebooks\n"


def test_what_is_up_to_date_is_not_run_again(executed: Project) -> None:
    target = executed.executed / "10_tiny.ipynb"
    before = target.stat().st_mtime_ns
    (result,) = run(executed, "10_tiny")
    assert result.status == "up to date"
    assert target.stat().st_mtime_ns == before
    (executed.notebooks / "tiny_core.py").write_text("def called(): 43")
    plan = plan_run(executed, load_entry(executed, "10_tiny"))
    assert plan.reasons == ("notebooks/tiny_core.py changed",)


def test_committed_outputs_are_taken_over_unless_something_changed(executed: Project) -> None:
    target, committed = executed.executed / "10_tiny.ipynb", executed.notebooks / "10_tiny.ipynb"
    entry = load_entry(executed, "10_tiny")
    target.rename(committed)
    outputs = committed.read_bytes()
    core = executed.notebooks / "tiny_core.py"
    core.write_text(f"OTHER = 1\n{core.read_text()}")
    changed = with_committed(plan_run(executed, entry))
    assert changed.reasons == ("never run",)
    assert not target.exists()
    core.write_text(core.read_text().removeprefix("OTHER = 1\n"))
    (result,) = execute(executed, [with_committed(plan_run(executed, entry))])
    assert result.status == "up to date"
    assert target.read_bytes() == outputs
    target.write_text(target.read_text().replace("reproduced", "reproduced today"))
    kept = target.read_bytes()
    assert not with_committed(plan_run(executed, entry)).stale
    assert target.read_bytes() == kept  # a run of one's own is not replaced


def test_another_run_gives_the_same_bytes_but_for_the_footer(executed: Project) -> None:
    target = executed.executed / "10_tiny.ipynb"
    before = read_notebook(target)
    target.unlink()
    (result,) = run(executed, "10_tiny")
    assert result.status == "ran"
    after = read_notebook(target)
    for notebook in (before, after):
        footers = [o for _, o in outputs_of(notebook) if PROVENANCE_MIME in o.get("data", {})]
        assert len(footers) == 1
        footers[0].clear()
    assert json.dumps(before) == json.dumps(after)


def test_parameters_reach_the_notebook_and_its_key(executed: Project) -> None:
    (result,) = run(executed, "10_tiny", steps="80", n_seeds="3")
    assert result.status == "ran"
    assert result.plan.reasons == ("parameter n_seeds: null → 3", "parameter steps: 200 → 80")
    verdicts = {record.claim.id: str(record.verdict) for record in read_ledger(executed)}
    assert verdicts["rc-tiny-ratio"] == "not reproduced"
    notebook = read_notebook(result.plan.target)
    assert notebook["metadata"]["regime"]["parameters"]["steps"] == 80
    assert glued(notebook)["rc-tiny-steps-n"] == "3"


def test_a_chapter_that_never_ran_is_expected_to_take_longest(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    for name, seconds in (("10_tiny", 3.5), ("11_long", 90.0), ("12_new", None)):
        notebook = read_notebook(project.notebooks / "10_tiny.ipynb")
        footer = {"data": {PROVENANCE_MIME: {"seconds": seconds}}, "output_type": "display_data"}
        notebook["cells"][-1]["outputs"] = [] if seconds is None else [{"metadata": {}, **footer}]
        (project.notebooks / f"{name}.ipynb").write_text(json.dumps(notebook))
    entries = [load_entry(project, name) for name in ("10_tiny", "11_long", "12_new")]
    assert [seconds_expected(entry) for entry in entries] == [3.5, 90.0, float("inf")]


def test_a_failing_cell_fails_its_chapter_and_only_that(executed: Project) -> None:
    write_notebook(
        executed.notebooks / "20_bad.ipynb",
        [
            {**cell, "source": cell["source"].replace("10_tiny", "20_bad")}
            for cell in tiny_cells("raise ValueError('the data are\\nodd')")
        ],
    )
    (executed.notebooks / "10_tiny.ipynb").write_text(
        (executed.notebooks / "10_tiny.ipynb").read_text().replace("Everywhere", "Nowhere")
    )
    bad, good = run(executed, "20_bad", "10_tiny", jobs=2)
    assert (bad.status, good.status) == ("failed", "ran")
    assert bad.error == (
        "chapter 20_bad failed in code cell 3 (ValueError: the data are); see 20_bad.failed.ipynb"
    )
    assert {path.name for path in executed.executed.iterdir()} == {
        "10_tiny.ipynb",
        "20_bad.failed.ipynb",
    }
    kept = read_notebook(executed.executed / "20_bad.failed.ipynb")
    assert [o["ename"] for _, o in outputs_of(kept) if o["output_type"] == "error"] == [
        "ValueError"
    ]


def test_a_dead_kernel_is_told_as_such(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project", tiny_cells("import os\nos._exit(1)"))
    (result,) = run(project, "10_tiny")
    assert result.status == "failed"
    assert "kernel of chapter 10_tiny died in cell 4" in result.error
    assert not (project.executed / "10_tiny.ipynb").exists()


# Stops at its first run, until it is killed; goes on at the next.
STOPS_ONCE = """\
import pathlib, time
marker = pathlib.Path("../stopped")
if not marker.exists():
    marker.write_text("x")
    time.sleep(600)"""


def test_a_killed_worker_leaves_nothing_half_written_and_the_next_call_completes(
    tmp_path: Path,
) -> None:
    project = make_project(tmp_path / "project", tiny_cells(STOPS_ONCE))
    results: list[ChapterRun] = []
    thread = threading.Thread(target=lambda: results.extend(run(project, "10_tiny")))
    thread.start()
    wait_for(lambda: (project.root / "stopped").exists())
    for child in psutil.Process().children():
        if "spawn_main" in " ".join(child.cmdline()):
            child.kill()
    thread.join()
    assert results[0].status == "failed"
    assert results[0].error == "the worker of chapter 10_tiny was killed (signal 9); run it again"
    assert not project.executed.exists() or list(project.executed.iterdir()) == []
    (again,) = run(project, "10_tiny")
    assert again.status == "ran"
    assert [path.name for path in project.executed.iterdir()] == ["10_tiny.ipynb"]


def test_two_runs_at_once_do_the_work_once(tmp_path: Path) -> None:
    story = "import time\nwith open('../log', 'a') as log:\n    log.write('x')\ntime.sleep(2)"
    project = make_project(tmp_path / "project", tiny_cells(story))
    command = [sys.executable, "-m", "regime_lib", "run", "10", "--json"]
    both = [
        subprocess.Popen(
            command, cwd=project.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    outputs = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert {json.loads(output)[0]["status"] for output in outputs} == {"ran", "up to date"}
    assert (project.root / "log").read_text() == "x"
    assert problems_of(read_notebook(project.executed / "10_tiny.ipynb")) == []


def test_plain_papermill_is_refused_an_unknown_parameter_in_the_first_code_cell(
    tmp_path: Path,
) -> None:
    project = make_project(tmp_path / "project")
    output = tmp_path / "out.ipynb"
    done = subprocess.run(
        [sys.executable, "-m", "papermill", str(project.notebooks / "10_tiny.ipynb"), str(output),
         "-p", "bad", "1", "--cwd", str(project.notebooks), "--no-progress-bar"],
        env={k: v for k, v in os.environ.items() if k != "REGIME_ROOT"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    errors = [o for _, o in outputs_of(read_notebook(output)) if o["output_type"] == "error"]
    assert [(error["ename"], error["evalue"]) for error in errors] == [
        (
            "RegimeError",
            "chapter 10_tiny has no parameter 'bad'; it has dataset, n_seeds, profile, rate, steps",
        )
    ]
    counts = [cell["execution_count"] for cell in code_cells(read_notebook(output))]
    assert counts == [1, 2, 3, None, None, None, None]  # the cell after the declared and injected


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_command_that_is_stopped_takes_its_workers_and_kernels_with_it(
    tmp_path: Path, number: signal.Signals
) -> None:
    project = make_project(tmp_path / "project", tiny_cells(STOPS_ONCE))
    process = subprocess.Popen(
        [sys.executable, "-m", "regime_lib", "run", "10"],
        cwd=project.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for(lambda: (project.root / "stopped").exists())
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 2  # a worker and its kernel
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert errors.rstrip().endswith("regime: interrupted; nothing half-written is left")
    assert "Traceback" not in errors
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []
    assert not (project.executed / "10_tiny.ipynb").exists()


def wait_for(condition: Any, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_a_folder_that_takes_no_file_is_refused_before_a_chapter_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path / "project")
    monkeypatch.setattr(execution, "_Crew", None)  # nobody may be asked to work
    for folder in (Path("/dev/null/x"), Path("/proc/nope")):
        with refused(f"{folder} cannot be written", "nothing was run"):
            execute(project, [plan_run(project, load_entry(project, "10_tiny"), {}, folder)])


@pytest.mark.parametrize("name", ["filelock", "ipykernel", "papermill"])
def test_what_runs_chapters_is_missed_by_the_name_of_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    project = make_project(tmp_path / "project")
    find = execution.find_spec
    monkeypatch.setattr(execution, "find_spec", lambda one: None if one == name else find(one))
    with refused(f"{name} is not installed", '"regime-lib[book]"'):
        execute(project, [plan_run(project, load_entry(project, "10_tiny"))])
