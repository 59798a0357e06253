"""What is shipped is enough: every live cell runs on it alone and prints what its chapter shows."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from regime_lib.companion.book.notebooks import (
    IGNORE_TAG,
    code_cells,
    read_notebook,
    source_of,
    tags_of,
    text_of,
)
from regime_lib.companion.book.project import BuildFailed, Project
from regime_lib.companion.publish.live import kit
from regime_lib.companion.publish.live.cells import (
    FENCE,
    cells_of_page,
    live_cells,
    read_declared,
    read_pictures,
)
from regime_lib.companion.publish.live.shipped import (
    LIVE_TAG,
    MODULES,
    LivePages,
    kit_folder,
    live_pages,
    modules_zip,
    packages_of,
    still_page,
)

PROJECT = Project(Path(__file__).resolve().parents[4])
DECLARED = read_declared(PROJECT.pages)
# Runs cells one after the other as the page does, where nothing else of ours can be imported.
DRIVER = """
import contextlib, io, json, sys
sys.path.insert(0, sys.argv[1])
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "pandas", "matplotlib", "sympy", "sklearn"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import regime_lib, runner, jaxtyping
assert all(m.__file__.startswith(sys.argv[1]) for m in (regime_lib, runner, jaxtyping))
told = []
names = {"__name__": "__main__"}
for cell in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        shown = json.loads(runner.run(cell["source"], names, cell["setup"]))
    told.append([printed.getvalue(), shown])
print(json.dumps(told))
"""


def run_alone(folder: Path, cells: list[dict[str, str]]) -> list[tuple[str, dict[str, Any]]]:
    done = subprocess.run(
        [sys.executable, "-I", "-c", DRIVER, str(folder)],
        input=json.dumps(cells),
        capture_output=True,
        text=True,
        check=True,
    )
    return [(printed, shown) for printed, shown in json.loads(done.stdout)]


def printed_by(cell: dict[str, Any]) -> str:
    return "".join(text_of(o["text"]) for o in cell["outputs"] if o["output_type"] == "stream")


@pytest.mark.parametrize("chapter", sorted(DECLARED))
def test_live_cells_print_in_the_page_what_they_print_in_the_book(
    chapter: str, tmp_path: Path
) -> None:
    notebook = read_notebook(PROJECT.notebooks / f"{chapter}.ipynb")
    cells = live_cells(notebook, DECLARED[chapter], chapter, read_pictures(PROJECT.pages))
    assert cells
    live = LivePages(PROJECT, DECLARED, set())
    live.enliven(read_notebook(PROJECT.notebooks / f"{chapter}.ipynb"), chapter)
    packed = modules_zip(PROJECT, live.modules)
    zipfile.ZipFile(io.BytesIO(packed)).extractall(tmp_path)
    committed = code_cells(notebook)
    places = {cell["id"]: place for place, cell in enumerate(committed)}
    to_run, expected = [], []
    for cell in cells:
        place = places[cell.identity]
        to_run.append({"source": cell.source, "setup": cell.setup})
        ignored = IGNORE_TAG in tags_of(committed[place])
        expected.append(None if ignored else printed_by(committed[place]))
        if cell.exercise:  # its solution is the next cell, and the check accepts it
            to_run.append({"source": source_of(committed[place + 1]), "setup": cell.setup})
            expected.append(printed_by(committed[place + 1]))
            assert expected[-1].endswith(": solved.\n")
            assert ": not yet. " in expected[-2]
    for cell_run, (printed, shown), wanted in zip(
        to_run, run_alone(tmp_path, to_run), expected, strict=True
    ):
        assert "error" not in shown, (cell_run["source"], shown)
        assert printed if wanted is None else printed == wanted


def test_blocks_of_pages_run_in_turn_on_what_is_shipped(tmp_path: Path) -> None:
    pages = [path for path in sorted(PROJECT.pages.glob("*.md")) if FENCE.search(path.read_text())]
    assert pages
    for path in pages:
        cells = cells_of_page(path.read_text(encoding="utf-8"), path.name)
        live = LivePages(PROJECT, {}, set())
        live.enliven_page(path.read_text(encoding="utf-8"), path.name)
        packed = modules_zip(PROJECT, live.modules)
        zipfile.ZipFile(io.BytesIO(packed)).extractall(tmp_path / path.stem)
        told = run_alone(
            tmp_path / path.stem, [{"source": c.source, "setup": c.setup} for c in cells]
        )
        for printed, shown in told:
            assert "error" not in shown, shown
            assert printed or shown


def test_a_page_without_the_kit_shows_its_code_and_says_why() -> None:
    text = "# T\n\nSee.\n\n```{live} one\nx = 1\n```\n"
    still = still_page(text)
    assert "```{code-block} python\nx = 1\n```" in still
    assert still.count("without Python for the browser") == 1
    assert still_page("# T\n\n```python\nx\n```\n") == "# T\n\n```python\nx\n```\n"
    enlivened = LivePages(PROJECT, {}, set()).enliven_page(text, "t.md")
    assert "without Python" not in enlivened
    assert f"tag-{LIVE_TAG}" in enlivened


def test_the_archive_is_the_same_each_time_and_holds_every_simulator() -> None:
    packed = modules_zip(PROJECT, {"regime_lib.errors"})
    assert packed == modules_zip(PROJECT, {"regime_lib.errors"})
    names = set(zipfile.ZipFile(io.BytesIO(packed)).namelist())
    simulators = (PROJECT.library / "simulators").rglob("*.py")
    assert {p.relative_to(PROJECT.root).as_posix() for p in simulators} <= names
    assert {"runner.py", "jaxtyping.py", "regime_lib/errors.py"} <= names
    assert not any("torch" in name or "companion" in name for name in names)


def test_wheels_are_those_that_modules_import_and_torch_is_refused() -> None:
    assert packages_of(PROJECT, {"regime_lib.errors"}, "x") == []
    exact = {"regime_lib.simulators.deep_linear.adjacency"}
    assert packages_of(PROJECT, {"numpy.linalg"}, "x") == ["numpy"]
    assert "scipy" in packages_of(PROJECT, exact | {"scipy.special.expit"}, "x")
    assert packages_of(PROJECT, {"train_one.train"}, "x") == ["numpy"]  # shipped under that name
    assert "scipy" not in packages_of(PROJECT, {"moons.half_moons"}, "x")
    with pytest.raises(BuildFailed, match=r"'?40_x'? needs torch"):
        packages_of(PROJECT, {"regime_lib.lab.training.loop"}, "40_x")


@pytest.fixture
def small_kit(monkeypatch: pytest.MonkeyPatch) -> bytes:
    data = b"a small kit"
    digest = hashlib.sha256(data).hexdigest()
    monkeypatch.setattr(kit, "PIECES", (kit.Piece("core.mjs", len(data), digest),))
    return data


def test_with_the_kit_pages_are_live_and_without_it_they_are_as_before(
    tmp_path: Path, small_kit: bytes
) -> None:
    project = Project(tmp_path)
    project.pages.mkdir()
    assert live_pages(project) is None  # nothing is declared
    (project.pages / "live.yml").write_text("10_tiny: [a]\n")
    assert live_pages(project) is None  # the kit is not there
    kit_folder(project).mkdir(parents=True)
    (kit_folder(project) / "core.mjs").write_bytes(small_kit[::-1])
    assert live_pages(project) is None  # nor is this it
    (kit_folder(project) / "core.mjs").write_bytes(small_kit)
    live = live_pages(project)
    assert live is not None
    parameters = {"cell_type": "code", "id": "p", "source": "n: int = 1", "outputs": []}
    page = {
        "cells": [
            {**parameters, "metadata": {"tags": ["parameters"]}},
            {
                "cell_type": "code",
                "id": "a",
                "source": "print(1)",
                "metadata": {},
                "outputs": [],
            },
        ]
    }
    live.enliven(page, "20_other")
    assert len(page["cells"]) == 2
    live.enliven(page, "10_tiny")
    assert LIVE_TAG in tags_of(page["cells"][1])
    shown = page["cells"][2]["outputs"]
    assert 'class="rl-live-cells"' in shown[0]["data"]["text/html"]  # type: ignore[index]
    live.write(tmp_path / "_static")
    assert (tmp_path / "_static" / "pyodide" / "core.mjs").read_bytes() == small_kit
    assert (tmp_path / "_static" / MODULES).is_file()
