"""A run is stale exactly when something that it depends on has changed, and says what."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from regime_lib.companion.book.catalogue import load_entry
from regime_lib.companion.book.parameters import Value
from regime_lib.companion.book.project import Project
from regime_lib.companion.running.keys import METADATA_KEY, reasons_to_run, run_key, stored_key
from tests.companion.tiny import code, make_project, markdown, tiny_cells, write_notebook

VALUES: dict[str, Value] = {
    "profile": "quick",
    "steps": 200,
    "rate": 0.1,
    "n_seeds": None,
    "dataset": "tiny-set",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    data = tmp_path / "data"
    for name in ("tinyset", "other"):
        (data / name).mkdir(parents=True)
        (data / name / "train.bin").write_bytes(b"12345")
    monkeypatch.setenv("REGIME_DATA", str(data))
    return make_project(tmp_path / "project")


def reasons(project: Project, change: Callable[[], object], **values: Value) -> tuple[str, ...]:
    """Return why a run is needed after `change`, as if it was up to date before."""
    before = run_key(project, load_entry(project, "10_tiny"), VALUES)
    change()
    after = run_key(project, load_entry(project, "10_tiny"), {**VALUES, **values})
    found = reasons_to_run(after, json.loads(json.dumps(before.as_metadata())))
    assert (before.digest == after.digest) is (not found)
    return found


def rewrite(path: Path, old: str, new: str) -> Callable[[], object]:
    text = path.read_text(encoding="utf-8")
    assert old in text
    return lambda: path.write_text(text.replace(old, new), encoding="utf-8")


def test_nothing_changed_nothing_to_run(project: Project) -> None:
    assert reasons(project, lambda: None) == ()


def test_every_part_is_noticed_and_named(project: Project, tmp_path: Path) -> None:
    notebook = project.notebooks / "10_tiny.ipynb"
    core, data = project.notebooks / "tiny_core.py", tmp_path / "data" / "tinyset" / "train.bin"
    cases: list[tuple[Callable[[], object], str]] = [
        (
            rewrite(notebook, "print(p.steps)", "print(p.rate)"),
            "the notebook's text or code changed",
        ),
        (rewrite(notebook, "Everywhere else", "Nowhere"), "the notebook's text or code changed"),
        (
            rewrite(notebook, "nbval-ignore-output", "hide-input"),
            "the notebook's text or code changed",
        ),
        (rewrite(core, "42", "43"), "notebooks/tiny_core.py changed"),
        (lambda: core.write_text("import tiny_new"), "notebooks/tiny_core.py changed"),
        (lambda: core.unlink(), "notebooks/tiny_core.py is gone"),
        (rewrite(project.claims_file, "[2, 8]", "[3, 8]"), "claim rc-tiny-ratio changed"),
        (rewrite(project.claims_file, "abstract", "Fig. 1"), "claim rc-tiny-ratio changed"),
        (
            rewrite(project.claims_file, "rc-tiny-steps", "rc-tiny-time"),
            "claim rc-tiny-steps is gone",
        ),
        (rewrite(project.lock_file, "2.0", "2.1"), "requirements.lock changed"),
        (lambda: project.lock_file.unlink(), "requirements.lock is gone"),
        (lambda: data.write_bytes(b"12346"), "data set tinyset changed"),
    ]
    for change, reason in cases:
        kept = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
        assert reason in reasons(project, change)
        for path in [p for p in tmp_path.rglob("*") if p.is_file() and p not in kept]:
            path.unlink()
        for path, content in kept.items():
            path.write_bytes(content)
        assert reasons(project, lambda: None) == ()


def test_a_changed_parameter_is_named_with_both_values(project: Project) -> None:
    assert reasons(project, lambda: None, steps=300) == ("parameter steps: 200 → 300",)
    assert reasons(project, lambda: None, n_seeds=8) == ("parameter n_seeds: null → 8",)


def test_naming_another_data_set_brings_in_its_files(project: Project) -> None:
    assert set(reasons(project, lambda: None, dataset="other")) == {
        'parameter dataset: "tiny-set" → "other"',
        "data set other is new",
        "data set tinyset is gone",
    }


def test_committed_evidence_is_part_of_the_key(project: Project) -> None:
    folder = project.root / "book" / "evidence" / "10_tiny"
    folder.mkdir(parents=True)
    table, other = folder / "runs.parquet", folder.parent / "20_other.parquet"
    assert reasons(project, lambda: table.write_bytes(b"one")) == (
        "evidence 10_tiny/runs.parquet is new",
    )
    changed = reasons(project, lambda: table.write_bytes(b"two"))
    assert changed == ("evidence 10_tiny/runs.parquet changed",)
    assert reasons(project, lambda: other.write_bytes(b"one")) == ()


def test_what_fresh_seeds_found_is_part_of_the_key_of_its_chapter(project: Project) -> None:
    folder = project.root / "book" / "firmness"
    folder.mkdir()
    own, other = folder / "10_tiny.parquet", folder / "40_later.parquet"
    is_new = ("evidence firmness/10_tiny.parquet is new",)
    assert reasons(project, lambda: own.write_bytes(b"one")) == is_new
    assert reasons(project, lambda: other.write_bytes(b"one")) == ()


def test_what_does_not_matter_is_not_noticed(project: Project, tmp_path: Path) -> None:
    core = project.notebooks / "tiny_core.py"
    cache = project.notebooks / "__pycache__"
    cache.mkdir()
    executed = tiny_cells()
    executed[3]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "200\n"}]
    executed[3]["execution_count"] = 3
    executed[0]["metadata"] = {"tags": []}
    executed[3]["metadata"] = {
        "papermill": {"duration": 3},
        "execution": {"iopub.status.idle": "x"},
    }
    injected = code("steps = 300", "injected-parameters")
    changes: list[Callable[[], object]] = [
        lambda: (cache / "core.cpython-311.pyc").write_bytes(b"x"),
        lambda: write_notebook(project.notebooks / "10_tiny.ipynb", executed),
        lambda: write_notebook(
            project.notebooks / "10_tiny.ipynb", [*executed[:2], injected, *executed[2:]]
        ),
        lambda: (project.notebooks / "exercises_tiny.py").write_text("# nobody imports it"),
        rewrite(core, "What the measurements stand on", "Another docstring"),
        rewrite(core, "ANSWER = 42", "# a comment\n\n\nANSWER = 42  # another"),
        rewrite(project.claims_file, "There are four phases", "There are 4 phases"),
        lambda: (tmp_path / "data" / "other" / "train.bin").write_bytes(b"other"),
        lambda: (project.root / "README.md").write_text("changed"),
    ]
    for change in changes:
        assert reasons(project, change) == ()


def test_a_chapter_that_was_never_run_says_so(project: Project) -> None:
    key = run_key(project, load_entry(project, "10_tiny"), VALUES)
    assert reasons_to_run(key, stored_key(project.executed / "10_tiny.ipynb")) == ("never run",)


def test_damaged_or_foreign_notebooks_count_as_never_run(tmp_path: Path) -> None:
    path = tmp_path / "x.ipynb"
    for content in ("{", "{}", json.dumps({"nbformat": 4, "cells": [], "metadata": {}})):
        path.write_text(content)
        assert stored_key(path) is None
    path.write_text(
        json.dumps({"nbformat": 4, "cells": [], "metadata": {METADATA_KEY: {"key": "a"}}})
    )
    assert stored_key(path) is None


def test_markdown_is_part_of_the_source(project: Project) -> None:
    cells = [*tiny_cells(), markdown("One more remark.")]
    path = project.notebooks / "10_tiny.ipynb"
    assert reasons(project, lambda: write_notebook(path, cells)) == (
        "the notebook's text or code changed",
    )
