"""The nbval run must compare something: the guard lets good runs pass and fails empty ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from tests.notebooks.nbval_guard import START_ATTEMPTS, patiently

ROOT = Path(__file__).resolve().parents[2]


def write_notebook(folder: Path, *, executed: bool, tags: tuple[str, ...] = ()) -> None:
    cell = new_code_cell("print(1 + 1)", metadata={"tags": list(tags)})
    if executed:
        cell.execution_count = 1
        cell.outputs = [new_output("stream", name="stdout", text="2\n")]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(cells=[cell], metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / "one.ipynb")


def run_nbval(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "tests.notebooks.nbval_guard"),
            *("--nbval", "--nbval-current-env", "-p", "no:cacheprovider", *options, str(folder)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_run_that_compares_a_cell_passes(tmp_path: Path) -> None:
    write_notebook(tmp_path, executed=True)
    done = run_nbval(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nbval compared 1 cells in 1 notebooks" in done.stdout


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "with workers"])
def test_a_notebook_that_was_never_run_fails(tmp_path: Path, workers: tuple[str, ...]) -> None:
    write_notebook(tmp_path, executed=False)
    done = run_nbval(tmp_path, *workers)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "nothing was compared" in done.stdout


def test_a_notebook_whose_cells_are_all_exempt_fails(tmp_path: Path) -> None:
    write_notebook(tmp_path, executed=True, tags=("nbval-ignore-output",))
    assert run_nbval(tmp_path).returncode == 1


def test_a_run_without_notebooks_fails(tmp_path: Path) -> None:
    done = run_nbval(tmp_path)
    assert done.returncode != 0
    assert "nothing was compared in any notebook" in done.stdout


@pytest.mark.parametrize("failures", [0, START_ATTEMPTS - 1])
def test_a_kernel_that_does_not_come_up_is_started_again(failures: int) -> None:
    begun: list[str] = []

    def start(name: str, *, cwd: str) -> str:
        begun.append(name)
        if len(begun) <= failures:
            raise RuntimeError("Kernel didn't respond in 60 seconds")
        return cwd

    assert patiently(start)("python3", cwd="here") == "here"
    assert begun == ["python3"] * (failures + 1)


def test_a_kernel_that_never_comes_up_is_given_up() -> None:
    begun: list[int] = []

    def start() -> None:
        begun.append(1)
        raise RuntimeError("Kernel didn't respond in 60 seconds")

    with pytest.raises(RuntimeError, match="60 seconds"):
        patiently(start)()
    assert len(begun) == START_ATTEMPTS
