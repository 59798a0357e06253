"""A rerun beside the book: where each number lies, why it may differ, and what is handed in."""

from __future__ import annotations

import copy
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regime_lib import cli_compare
from regime_lib.companion.book.catalogue import load_entry
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.ledger import CLAIM_MIME
from regime_lib.companion.running.provenance import PROVENANCE_MIME
from regime_lib.companion.teaching.receipts import (
    Compared,
    Place,
    Receipt,
    compare_rerun,
    likely_causes,
)
from tests.test_cli import Said

Capture = pytest.CaptureFixture[str]
Change = Callable[[dict[str, Any]], None]
RATIO, STEPS = "rc-tiny-ratio", "rc-tiny-steps"


@pytest.fixture
def project(executed: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The tiny project, in which the book's run is committed and was just repeated."""
    shutil.copy(executed.executed / "10_tiny.ipynb", executed.notebooks / "10_tiny.ipynb")
    monkeypatch.setattr(cli_compare, "find_project", lambda: executed)
    return executed


def changed(project: Project, mime: str, change: Change) -> Path:
    """Change what the rerun stored under a type of output."""
    path = project.executed / "10_tiny.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if mime in output.get("data", {}):
                change(output["data"][mime])
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def set_of(claim: str, **values: object) -> Change:
    def change(stored: dict[str, Any]) -> None:
        if stored["id"] == claim:
            stored.update(values)

    return change


def receipt_of(project: Project) -> Receipt:
    entry = load_entry(project, "10_tiny")
    return compare_rerun(project, entry, project.executed / "10_tiny.ipynb")


def found(project: Project, claim: str) -> Compared:
    (one,) = (one for one in receipt_of(project).claims if one.claim == claim)
    return one


def test_a_rerun_that_changes_nothing_needs_no_cause(project: Project) -> None:
    receipt = receipt_of(project)
    assert [one.place for one in receipt.claims] == [Place.SAME, Place.SAME]
    assert all(one.verdict_stays for one in receipt.claims)
    assert receipt.causes == ()


@pytest.mark.parametrize(
    ("claim", "values", "place", "stays"),
    [
        (RATIO, {"value": 2.500001}, Place.SAME, True),
        (RATIO, {"value": 2.6}, Place.INSIDE, True),
        (RATIO, {"value": 4.0}, Place.INSIDE, True),  # the end of the book's interval
        (RATIO, {"value": 4.01, "low": 3.0, "high": 5.0}, Place.OUTSIDE, True),
        (RATIO, {"value": 1.0, "low": 0.5, "high": 1.5}, Place.OUTSIDE, False),
        (RATIO, {"value": None, "low": None, "high": None}, Place.ONE_ONLY, False),
        (STEPS, {"value": 201}, Place.OTHER, True),
        (STEPS, {"value": 501}, Place.OTHER, False),
    ],
)
def test_a_number_lies_inside_or_outside_the_committed_interval(
    claim: str, values: dict[str, object], place: Place, stays: bool, project: Project
) -> None:
    assert found(project, RATIO).book is not None
    changed(project, CLAIM_MIME, set_of(claim, **values))
    one = found(project, claim)
    assert (one.place, one.verdict_stays) == (place, stays)


def test_rounding_of_an_identity_is_no_difference(project: Project) -> None:
    changed(project, CLAIM_MIME, set_of(STEPS, value=3e-15))
    shutil.copy(project.executed / "10_tiny.ipynb", project.notebooks / "10_tiny.ipynb")
    changed(project, CLAIM_MIME, set_of(STEPS, value=7e-16))
    assert found(project, STEPS).place is Place.SAME
    changed(project, CLAIM_MIME, set_of(STEPS, value=1e-5))
    assert found(project, STEPS).place is Place.OTHER


def test_the_verdict_is_judged_anew_not_believed(project: Project) -> None:
    changed(project, CLAIM_MIME, set_of(RATIO, value=1.0, low=0.5, high=1.5, verdict="reproduced"))
    one = found(project, RATIO)
    assert one.mine is not None
    assert str(one.mine.verdict) == "not reproduced"


def test_a_claim_of_one_run_only_is_named(project: Project) -> None:
    path = project.executed / "10_tiny.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        cell["outputs"] = [
            output for output in cell.get("outputs", [])
            if output.get("data", {}).get(CLAIM_MIME, {}).get("id") != STEPS
        ]  # fmt: skip
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert found(project, STEPS).place is Place.MISSING
    shutil.copy(path, path.with_suffix(".less"))
    shutil.copy(project.notebooks / "10_tiny.ipynb", path)
    shutil.copy(path.with_suffix(".less"), project.notebooks / "10_tiny.ipynb")
    assert found(project, STEPS).place is Place.NEW


BOOK = {
    "parameters": {"lr": 0.1, "seed": 0},
    "versions": {"numpy": "2.0", "torch": "2.6"},
    "library": "abc",
    "commit": "123",
}


@pytest.mark.parametrize(
    ("change", "kinds", "says"),
    [
        ({}, ["machine"], "differ in nothing that they recorded"),
        ({"parameters": {"lr": 0.2, "seed": 0}}, ["parameter"], "lr 0.1 in the book, 0.2 here"),
        ({"parameters": {"lr": 0.1, "seed": 7}}, ["seed"], "seed 0 in the book, 7 here"),
        ({"versions": {"numpy": "2.1", "torch": "2.6"}}, ["version"], "numpy 2.0 in the book, 2.1"),
        ({"versions": {"numpy": "2.0"}}, ["version"], "torch 2.6 in the book, absent here"),
        ({"library": "xyz", "commit": "124"}, ["code"], "was at 123, and is at 124"),
        (
            {"parameters": {"lr": 0.2, "seed": 7}, "library": "x", "versions": {}},
            ["parameter", "seed", "version", "code"],
            "lr 0.1 in the book, 0.2 here",
        ),
    ],
)
def test_the_likely_cause_is_what_the_two_runs_differ_in(
    change: dict[str, Any], kinds: list[str], says: str
) -> None:
    causes = list(likely_causes(BOOK, {**copy.deepcopy(BOOK), **change}))
    assert [cause.kind for cause in causes] == kinds
    assert says in causes[0].says


def test_a_receipt_holds_what_can_be_checked(
    project: Project, capsys: Capture, tmp_path: Path
) -> None:
    changed(project, PROVENANCE_MIME, lambda run: run["parameters"].update(rate=0.2))
    path = changed(project, CLAIM_MIME, set_of(RATIO, value=9.0, low=8.5, high=9.5))
    receipt = tmp_path / "receipt.json"
    said = Said(capsys, "compare", "10", "-o", str(receipt))
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[0] == (
        "10_tiny: 1 of 2 numbers the same or inside, 1 of 2 verdicts stay"
    )
    assert "outside the book's interval, 9 [8.5, 9.5], n = 4 (book: 2.5 [2, 4], n = 4)" in said.out
    assert "more than claimed instead of" in said.out
    assert "likely because of the parameter: rate 0.1 in the book, 0.2 here" in said.out
    content = json.loads(receipt.read_text(encoding="utf-8"))
    assert content["regime_receipt"] == 1
    assert content["machine"]["processors"]
    assert set(content["machine"]["threads"]) >= {"OMP_NUM_THREADS"}
    (chapter,) = content["chapters"]
    assert chapter["notebook_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert chapter["likely_causes"][0]["kind"] == "parameter"
    ratio = chapter["claims"][0]
    assert ratio["rerun"]["value"] == 9.0
    assert ratio["book"]["low"] == 2.0
    assert ratio["verdict_stays"] is False
    again = Said(capsys, "compare", "10", "-o", str(receipt), "--json")  # a receipt is replaced
    assert again.json() == content["chapters"]


def test_a_copy_anywhere_is_compared_by_what_its_footer_says(
    project: Project, capsys: Capture, tmp_path: Path
) -> None:
    mine = tmp_path / "my work.ipynb"
    notebook = json.loads((project.executed / "10_tiny.ipynb").read_text(encoding="utf-8"))
    notebook["metadata"]["regime_edition"] = {"for": "Ana"}
    mine.write_text(json.dumps(notebook), encoding="utf-8")
    said = Said(capsys, "compare", str(mine))
    assert said.out.startswith("10_tiny, Ana: 2 of 2 numbers the same or inside")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Missing argument"),
        (["11"], "no chapter '11'"),
        (["bare.ipynb"], "bare.ipynb has no footer; run all of its cells, and save it"),
        (["other.ipynb"], "other.ipynb is a run of 99_gone, which is no chapter of this book"),
        (["10", "-o", "notes.txt"], "notes.txt is there and is no receipt"),
    ],
)
def test_bad_input_gets_one_sentence(
    arguments: list[str], says: str, project: Project, capsys: Capture, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("notes.txt").write_text("mine", encoding="utf-8")
    shutil.copy(project.executed / "10_tiny.ipynb", "other.ipynb")
    text = Path("other.ipynb").read_text(encoding="utf-8")
    Path("other.ipynb").write_text(text.replace('"10_tiny"', '"99_gone"'), encoding="utf-8")
    Path("bare.ipynb").write_text('{"nbformat": 4, "cells": []}', encoding="utf-8")
    said = Said(capsys, "compare", *arguments)
    assert said.code == 2
    assert says in said.err
    assert len(said.err.splitlines()) == 1
    assert Path("notes.txt").read_text(encoding="utf-8") == "mine"


def test_without_a_rerun_it_says_how_to_get_one(project: Project, capsys: Capture) -> None:
    (project.executed / "10_tiny.ipynb").unlink()
    assert "run: regime run 10_tiny" in Said(capsys, "compare", "10").err
    assert "run: regime run all" in Said(capsys, "compare", "all").err


def test_strictly_a_number_that_moved_is_named_and_fails_the_command(
    project: Project, capsys: Capture
) -> None:
    said = Said(capsys, "compare", "10", "--strict")
    assert (said.code, said.err) == (0, "")
    changed(project, CLAIM_MIME, set_of(RATIO, value=3.9))  # inside the book's interval
    assert Said(capsys, "compare", "10", "--strict").code == 0
    changed(project, CLAIM_MIME, set_of(STEPS, value=999.0))
    said = Said(capsys, "compare", "10", "--strict")
    assert (said.code, said.err) == (1, f"regime: 1 moved: {STEPS}\n")
    assert f"{STEPS}: " in said.out
    assert Said(capsys, "compare", "10").code == 0
