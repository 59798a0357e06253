"""Receipts of a class are read together, and what is no receipt is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.test_cli import Said

Capture = pytest.CaptureFixture[str]


def receipt(name: str, digest: str, *claims: tuple[str, str, bool]) -> dict[str, Any]:
    chapter = {
        "chapter": "10_tiny",
        "for": name,
        "notebook_sha256": digest,
        "likely_causes": [{"kind": "seed", "says": "seed 0 in the book, 7 here"}],
        "claims": [{"claim": c, "place": p, "verdict_stays": v} for c, p, v in claims],
    }
    return {"regime_receipt": 1, "machine": {"processor": "Some CPU"}, "chapters": [chapter]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside, outside = "inside the book's interval", "outside the book's interval"
    handed = {
        "ana": receipt("Ana", "aa", ("ratio", inside, True), ("steps", "the same", True)),
        "bo": receipt("Bo", "bb", ("ratio", outside, False), ("steps", "the same", True)),
        "copy": receipt("", "aa", ("ratio", inside, True), ("steps", outside, True)),
    }
    for name, content in handed.items():
        path = tmp_path / "in" / name / "receipt.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(content), encoding="utf-8")
    return tmp_path / "in"


def test_a_class_is_read_together(folder: Path, capsys: Capture) -> None:
    said = Said(capsys, "receipts", str(folder))
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [
        "Ana, 10_tiny: 2 of 2 numbers the same or inside, 2 verdicts stay; differs in seed "
        "(Some CPU)",
        "Bo, 10_tiny: 1 of 2 numbers the same or inside, 1 verdicts stay; differs in seed "
        "(Some CPU)",
        "receipt, 10_tiny: 1 of 2 numbers the same or inside, 2 verdicts stay; differs in seed "
        "(Some CPU)",
        "  ratio: the same or inside in 2 of 3 runs, verdict stays in 2",
        "  steps: the same or inside in 2 of 3 runs, verdict stays in 3",
        f"{folder}/copy/receipt.json tells of the same notebook as {folder}/ana/receipt.json",
    ]


def test_the_same_as_json(folder: Path, capsys: Capture) -> None:
    found = Said(capsys, "receipts", str(folder / "bo"), "--json").json()
    assert [one["name"] for one in found["handed"]] == ["Bo"]
    assert found["claims"][0] == {"claim": "ratio", "runs": 1, "near": 0, "stays": 0}
    assert found["twice"] == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "is not a receipt"),
        ("[1]", "is not a receipt"),
        ('{"regime_receipt": 1}', "is not a receipt"),
        ('{"regime_receipt": 1, "machine": {}, "chapters": [{}]}', "is not a receipt"),
        ('{"regime_receipt": 2}', "is a receipt of format 2"),
    ],
)
def test_what_is_no_receipt_is_named(
    content: str, says: str, folder: Path, capsys: Capture
) -> None:
    (folder / "bad.json").write_text(content, encoding="utf-8")
    said = Said(capsys, "receipts", str(folder))
    assert said.code == 2
    assert f"bad.json {says}" in said.err
    assert len(said.err.splitlines()) == 1


def test_an_empty_or_missing_place_is_named(tmp_path: Path, capsys: Capture) -> None:
    assert "holds no receipt" in Said(capsys, "receipts", str(tmp_path)).err
    assert "does not exist" in Said(capsys, "receipts", str(tmp_path / "gone")).err
