"""A cell of the page is run as a notebook would: prints, values, tables, Python's own errors."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from regime_lib.companion.publish.live.runner import MOST_ROWS, release, run


def ran(source: str, names: dict[str, Any] | None = None, setup: str = "") -> dict[str, Any]:
    return dict(json.loads(run(source, {} if names is None else names, setup)))


def test_the_last_value_is_shown_and_names_stay(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    assert ran("x = 2\nprint('two')", names) == {}
    assert capsys.readouterr().out == "two\n"
    assert ran("y = 1\nx + y", names) == {"text": "3"}
    assert ran("None", names) == {}
    assert ran("", names) == {}


def test_setup_runs_before(capsys: pytest.CaptureFixture[str]) -> None:
    assert ran("p.seed", {}, "from types import SimpleNamespace\np = SimpleNamespace(seed=7)") == {
        "text": "7"
    }


def test_arrays_and_lists_of_rows_are_tables() -> None:
    found = ran("a", {"a": np.array([[1.0, 2.5], [3.0, 1e-9]])})["table"]
    assert found == {"head": ["", "0", "1"], "rows": [["0", "1", "2.5"], ["1", "3", "1e-09"]]}
    rows = ran("[{'depth': 2, 'time': 0.5}, {'depth': 3, 'time': 4.25}]")["table"]
    assert rows == {"head": ["depth", "time"], "rows": [["2", "0.5"], ["3", "4.25"]]}
    assert ran("[{'a': 1}, {'b': 2}]") == {"text": "[{'a': 1}, {'b': 2}]"}
    assert "text" in ran("a", {"a": np.arange(3)})


def test_a_long_table_is_cut_and_says_by_how_much() -> None:
    found = ran("a", {"a": np.zeros((MOST_ROWS + 5, 2))})
    assert len(found["table"]["rows"]) == MOST_ROWS
    assert found["more"] == 5


def test_an_error_is_pythons_own_message_without_what_ran_the_cell() -> None:
    told = ran("def f():\n    return 1 / 0\n\nf()")["error"]
    assert told.startswith("Traceback (most recent call last):")
    assert told.endswith("ZeroDivisionError: division by zero")
    assert "return 1 / 0" in told
    assert "line 2, in f" in told
    assert "runner.py" not in told
    assert "SyntaxError" in ran("x = (")["error"]
    assert "NameError: name 'nothing'" in ran("nothing")["error"]
    assert "SystemExit" in ran("raise SystemExit(3)")["error"]


def test_after_an_error_what_was_defined_is_still_there() -> None:
    names: dict[str, Any] = {}
    ran("x = 5\nraise ValueError('no')", names)
    assert ran("x", names) == {"text": "5"}


def test_files_of_loaded_modules_go_in_a_page_and_stay_on_a_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled, plain = ModuleType("compiled"), ModuleType("plain")
    for module, name in ((compiled, "compiled.so"), (plain, "plain.py")):
        module.__file__ = str(tmp_path / name)
        (tmp_path / name).touch()
    release([compiled])
    assert (tmp_path / "compiled.so").exists()
    monkeypatch.setattr(sys, "platform", "emscripten")
    for _ in "ab":  # a second time finds nothing, and minds nothing
        release([compiled, plain, ModuleType("without a file")])
    assert [path.name for path in tmp_path.iterdir()] == ["plain.py"]
