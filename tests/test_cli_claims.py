"""`regime claims` tells what the papers say of training first, and everything to a program."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import yaml

from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.ledger import COLUMNS
from regime_lib.companion.claims.repeated_tables import FRESH
from tests import test_cli
from tests.test_cli import Said

Capture = pytest.CaptureFixture[str]
project_once, project = test_cli.project_once, test_cli.project  # fixtures


def test_claims_as_json_have_the_promised_keys(project: Project, capsys: Capture) -> None:
    claims = Said(capsys, "claims", "--json").json()
    assert [claim["id"] for claim in claims] == ["rc-tiny-ratio", "rc-tiny-steps", "mp-later"]
    promised = {
        "id",
        "paper",
        "chapter",
        "statement",
        "source",
        "value",
        "low",
        "high",
        "n",
        "verdict",
        "kind",
        "definition",
        "method",
        "over",
        "varied",
        "held",
        "derivation",
        "changed",
    }
    assert all(promised <= claim.keys() for claim in claims)
    assert claims[0] == {
        "id": "rc-tiny-ratio",
        "paper": "regime-change",
        "where": "abstract",
        "chapter": "10_tiny",
        "statement": "Patterns settle at least twice as early as weights.",
        "kind": "empirical",
        "source": "found",
        "definition": "ours",
        "derivation": None,
        "quantity": "ratio of two times",
        "unit": "1",
        "varied": "start",
        "held": "data",
        "no_effect": 1.0,
        "criterion": {"range": "[2, 8]", "stronger": "above"},
        "changed": [
            {
                "date": "2026-01-02",
                "was": "reproduced if low >= 1",
                "why": "It was too easy.",
                "seen": True,
            }
        ],
        "value": 2.5,
        "low": 2.0,
        "high": 4.0,
        "n": 4,
        "method": "range of runs",
        "over": "4 seeds",
        "verdict": "reproduced",
        "firmness": {
            "blocks": 0,
            "same": 0,
            "distribution": {},
            "block": None,
            "firm": None,
            "without_a_seed": {},
            "not_repeated": None,
        },
        "could_be_chance": False,
        "notebook": "_build/notebooks/10_tiny.ipynb",
        "paper_scale": None,
    }
    steps, untested = claims[1:]
    assert (steps["verdict"], steps["derivation"]) == ("checked", "rc-derivation-2")
    assert steps["firmness"] is None  # no seed turns an identity
    numbers = ("value", "low", "high", "n", "method", "over", "notebook")
    assert [untested[key] for key in numbers] == [None] * 7
    assert untested["verdict"] == "not tested"


def test_firmness_is_told_in_words_and_as_json(project: Project, capsys: Capture) -> None:
    row = {"claim": "rc-tiny-ratio", "value": 3.0, "low": 2.5, "high": 3.5, "n": 4, "unit": "1",
           "verdict": "reproduced", "over": "4 seeds", "method": "range of runs"}  # fmt: skip
    rows = [{"block": block, **row} for block in range(20)]
    for other in rows[:6]:
        other["low"] = 1.5
    FRESH.publish(project, "10_tiny", pd.DataFrame(rows)[["block", *COLUMNS]], {})
    ratio, *_ = Said(capsys, "claims", "--json").json()
    assert ratio["firmness"] == {
        "blocks": 20,
        "same": 14,
        "distribution": {"reproduced": 14, "partly": 6},
        "block": "4 seeds",
        "firm": False,
        "without_a_seed": {},
        "not_repeated": None,
    }
    out = Said(capsys, "claims").out
    assert "rc-tiny-ratio: ✓ reproduced, not firm, 2.5 [2, 4], n = 4" in out
    assert "with other seeds: reproduced in 14 of 20 fresh blocks of 4 seeds, partly in 6" in out
    assert "The papers’ own empirical claims, 1 claim: 1 reproduced (1 not firm)" in out


def test_claims_in_words(project: Project, capsys: Capture) -> None:
    said = Said(capsys, "claims")
    for words in (
        "The papers’ own empirical claims, 1 claim: 1 reproduced\n",
        "Laws of solvable models, 1 claim: 1 not tested\n",
        "Identities: checks of our code and the algebra, 1 claim: 1 checked\n",
        "How many could be chance?",
        "rc-tiny-ratio: ✓ reproduced, 2.5 [2, 4], n = 4",
        "(found, empirical, by our definition)",
        "with other seeds: not measured",
        "rc-tiny-steps: = checked, 200 steps, n = 4",
        "mp-later: ○ not tested",
        "Measured in _build/notebooks/10_tiny.ipynb\n",
    ):
        assert words in said.out


def test_the_papers_own_empirical_claims_come_first(project: Project, capsys: Capture) -> None:
    out = Said(capsys, "claims").out
    assert out.startswith("The papers’ own empirical claims")
    places = [
        out.index(words) for words in ("\n  rc-tiny-ratio", "\n  rc-tiny-steps", "\n  mp-later")
    ]
    assert places == sorted(places)


def test_statements_in_words_and_as_json(project: Project, capsys: Capture) -> None:
    said = Said(capsys, "claims", "--statements")
    for words in (
        "Regime change (arXiv 2602.08333), empirical statements: 2\n",
        "rc-says-earlier: ✓ reproduced, firmness not measured\n",
        "Patterns settle earlier than weights. (found, abstract)\n      rc-tiny-ratio\n",
        "rc-says-cheaper: ○ not tested\n",
        "not tested: No chapter freezes `patterns` yet.\n",
        "rc-says-within: = checked\n",
        "Multi-phase dynamics (arXiv 2305.12467), law statements: 1\n",
    ):
        assert words in said.out, words
    listed = Said(capsys, "claims", "--statements", "--json").json()
    assert [one["id"] for one in listed] == [
        "rc-says-earlier", "rc-says-cheaper", "rc-says-within", "mp-says-four",
    ]  # fmt: skip
    assert listed[0]["claims"] == ["rc-tiny-ratio"]
    assert listed[0]["outcome"] == "hold, not shown to be firm"


def test_wrong_statements_are_answered_in_one_sentence(project: Project, capsys: Capture) -> None:
    path = project.pages / "statements.yml"
    path.write_text(path.read_text().replace("[rc-tiny-ratio]", "[rc-tiny-ration]"))
    said = Said(capsys, "claims", "--statements")
    assert (said.code, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert "'rc-tiny-ration'" in said.err
    path.unlink()
    said = Said(capsys, "claims", "--statements")
    assert said.err.startswith("regime: book/statements.yml is missing; ")
    assert Said(capsys, "claims").code == 0


def test_numbers_of_another_setting_are_marked(project: Project, capsys: Capture) -> None:
    path = project.executed / "10_tiny.ipynb"
    notebook = json.loads(path.read_text())
    notebook["metadata"]["regime"]["parameters"]["steps"] = 80
    path.write_text(json.dumps(notebook))
    assert "10_tiny.ipynb, run with steps = 80" in Said(capsys, "claims").out


def test_wrong_claims_are_answered_in_one_sentence(project: Project, capsys: Capture) -> None:
    project.claims_file.write_text(project.claims_file.read_text().replace("found", "read"))
    said = Said(capsys, "claims")
    assert said.code == 2
    assert said.err.count("\n") == 1
    assert "found, known, reconstructed" in said.err


def test_questions_of_this_book_are_told_apart_from_the_papers(
    project: Project, capsys: Capture
) -> None:
    before = Said(capsys, "claims").out
    path = project.claims_file
    asked = yaml.safe_load(path.read_text(encoding="utf-8"))[0]
    asked |= {"id": "tb-x", "paper": "this-book", "source": "asked", "chapter": "70_later"}
    text = path.read_text(encoding="utf-8") + yaml.safe_dump([asked])
    path.write_text(text, encoding="utf-8")
    told = Said(capsys, "claims").out
    counts = before[: before.index("\n\n")]
    assert told.startswith(counts)  # the papers' counts are as they were
    assert "This book’s own account, 1 claim: 1 not tested" in told
    section = told[told.rindex("\nThis book\n") :]
    assert "tb-x: ○ not tested" in section
    assert "rc-tiny" not in section
    listed = Said(capsys, "claims", "--json").json()
    assert [one["paper"] for one in listed if one["source"] == "asked"] == ["this-book"]
    statements = Said(capsys, "claims", "--statements").out
    assert "This book" not in statements
