"""Cleaning removes what differs between two runs, and nothing that belongs to the chapter."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from regime_lib.companion.book.notebooks import read_notebook
from regime_lib.companion.running.worker import clean_notebook
from tests.companion.tiny import code, tiny_cells, write_notebook

KEY = {"key": "abc", "parts": {}, "parameters": {}}


@pytest.fixture
def source(tmp_path: Path) -> dict[str, Any]:
    return read_notebook(write_notebook(tmp_path / "10_tiny.ipynb", tiny_cells()))


def executed(source: dict[str, Any], run: str) -> dict[str, Any]:
    """Return what papermill would make of `source`, with traces of one particular run."""
    notebook = copy.deepcopy(source)
    injected = {**code("steps = 3", "injected-parameters"), "id": f"random-{run}"}
    notebook["cells"].insert(2, injected)
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"]["papermill"] = {"start_time": run, "duration": 1.0}
        cell["metadata"]["execution"] = {"iopub.execute_input": run}
        if cell["cell_type"] == "code":
            cell["execution_count"] = number
    notebook["metadata"]["papermill"] = {"output_path": f"/some/where/{run}.ipynb"}
    notebook["metadata"]["widgets"] = {"state": run}
    notebook["metadata"]["language_info"]["version"] = run
    notebook["metadata"]["mystnb"] = {"figure": {"align": "left"}}
    return notebook


def test_two_runs_become_equal(source: dict[str, Any]) -> None:
    first = clean_notebook(executed(source, "one"), source, KEY)
    second = clean_notebook(executed(source, "two"), source, KEY)
    assert first == second


def test_what_belongs_to_the_chapter_stays(source: dict[str, Any]) -> None:
    notebook = clean_notebook(executed(source, "one"), source, KEY)
    own = [cell for cell in notebook["cells"] if cell["id"] != "injected-parameters"]
    assert [cell["id"] for cell in own] == [cell["id"] for cell in source["cells"]]
    assert [cell["source"] for cell in own] == [cell["source"] for cell in source["cells"]]
    assert own[1]["metadata"] == {"tags": ["parameters"]}
    assert notebook["metadata"]["mystnb"] == {"figure": {"align": "left"}}
    assert notebook["metadata"]["regime"] == KEY
    assert notebook["metadata"]["language_info"]["pygments_lexer"] == "ipython3"


def test_cells_without_identifiers_get_lasting_ones(source: dict[str, Any]) -> None:
    for cell in source["cells"]:
        del cell["id"]
    notebook = clean_notebook(executed(source, "one"), source, KEY)
    assert [cell["id"] for cell in notebook["cells"]][:4] == [
        "cell-00",
        "cell-01",
        "injected-parameters",
        "cell-02",
    ]


def test_the_red_boxes_of_a_failed_run_are_dropped(source: dict[str, Any]) -> None:
    broken = executed(source, "one")
    box = {
        "cell_type": "markdown",
        "source": "An Exception",
        "metadata": {"tags": ["papermill-error-cell-tag"]},
    }
    broken["cells"].insert(0, box)
    notebook = clean_notebook(broken, source, KEY)
    assert len(notebook["cells"]) == len(source["cells"]) + 1


def test_the_input_is_left_alone(source: dict[str, Any]) -> None:
    given = executed(source, "one")
    before = copy.deepcopy(given)
    clean_notebook(given, source, KEY)
    assert given == before
