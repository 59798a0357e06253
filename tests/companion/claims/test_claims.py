"""The claims file is read strictly: the first wrong entry is named, with what it needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from regime_lib.companion.claims.claims import (
    PAPERS,
    THIS_BOOK,
    Change,
    Criterion,
    Definition,
    Kind,
    Source,
    Verdict,
    load_claims,
)
from regime_lib.companion.claims.criteria import Range
from tests.companion.refusals import refused
from tests.companion.tiny import CLAIMS

CHANGE = {**yaml.safe_load(CLAIMS)[0]["changed"][0]}


def entry(**changes: Any) -> dict[str, Any]:
    first = yaml.safe_load(CLAIMS)[0]
    return {key: value for key, value in {**first, **changes}.items() if value is not ...}


def write(path: Path, content: Any) -> Path:
    text = content if isinstance(content, str) else yaml.safe_dump(content)
    path.write_text(text, encoding="utf-8")
    return path


def test_claims_are_read_with_all_their_fields(tmp_path: Path) -> None:
    claims = load_claims(write(tmp_path / "claims.yml", CLAIMS))
    assert list(claims) == ["rc-tiny-ratio", "rc-tiny-steps", "mp-later"]
    claim = claims["rc-tiny-ratio"]
    assert claim.paper is PAPERS["regime-change"]
    assert claim.source is Source.FOUND
    assert (claim.chapter, claim.where, claim.unit) == ("10_tiny", "abstract", "1")
    assert (claim.kind, claim.definition) == (Kind.EMPIRICAL, Definition.OURS)
    assert (claim.varied, claim.held, claim.no_effect) == ("start", "data", 1.0)
    assert claim.domain == Range("(0, inf)")
    assert claim.criterion.as_dict() == {"range": "[2, 8]", "stronger": "above"}
    assert claim.changed == (
        Change("2026-01-02", "reproduced if low >= 1", "It was too easy.", seen=True),
    )
    steps = claims["rc-tiny-steps"]
    assert steps.criterion.as_dict() == {"range": "(-inf, 500]", "n": 2}
    assert (steps.derivation, steps.no_effect, steps.changed) == ("rc-derivation-2", None, ())
    assert [one.own for one in claims.values()] == [True, True, False]
    assert [one.by_our_definition for one in claims.values()] == [True, False, True]


ASKED = {"id": "tb-tiny", "paper": "this-book", "source": "asked"}


def test_a_question_of_this_book_is_no_papers(tmp_path: Path) -> None:
    (claim,) = load_claims(write(tmp_path / "claims.yml", [entry(**ASKED)])).values()
    assert claim.asked_here
    assert not claim.own
    assert claim.paper is THIS_BOOK
    assert THIS_BOOK.key not in PAPERS
    assert str(THIS_BOOK) == "This book"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source": "found"}, ["tb-tiny", "'asked'"]),
        ({"source": "reconstructed"}, ["tb-tiny", "'asked'"]),
        ({"definition": "paper"}, ["tb-tiny", "the definition is 'ours'"]),
        ({"derivation": "tb-derivation-1"}, ["tb-tiny", "no derivation"]),
        ({"id": "rc-tiny"}, ["starts with 'tb-'"]),
    ],
)
def test_a_question_of_this_book_is_laid_at_no_papers_door(
    tmp_path: Path, changes: dict[str, Any], words: list[str]
) -> None:
    path = write(tmp_path / "claims.yml", [entry(**(ASKED | changes))])
    with refused(*words):
        load_claims(path)


def test_folded_text_becomes_one_line(tmp_path: Path) -> None:
    content = CLAIMS.replace("statement: There are", "statement: >-\n    There\n    are")
    claims = load_claims(write(tmp_path / "claims.yml", content))
    assert claims["mp-later"].statement == "There are four phases."


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"source": ...}, ["entry 1", "rc-tiny-ratio", "lacks 'source'"]),
        ({"verdict": "reproduced"}, ["rc-tiny-ratio", "unknown key 'verdict'"]),
        ({"id": "tr-tiny"}, ["starts with 'rc-'"]),
        ({"id": "rc-Tiny"}, ["kebab case"]),
        ({"id": "rc"}, ["kebab case"]),
        ({"id": 3}, ["entry 1", "id must be text"]),
        ({"paper": "regime"}, ["'regime'", "multi-phase"]),
        ({"chapter": "tracking"}, ["'tracking'", "20_tracking_mlp"]),
        ({"source": "read"}, ["'read'", "found, known, reconstructed, asked"]),
        ({"source": "asked"}, ["rc-tiny-ratio", "source 'asked' goes with paper 'this-book'"]),
        ({"unit": 1}, ['unit: "1"']),
        ({"statement": "  "}, ["statement is empty"]),
        ({"statement": "$x$ grows"}, ["plain text"]),
        ({"kind": "theorem"}, ["'theorem'", "empirical, law, identity"]),
        ({"definition": "theirs"}, ["'theirs'", "paper, ours"]),
        ({"derivation": "tr-derivation-1"}, ["derivation", "starts with 'rc-'"]),
        ({"varied": ...}, ["lacks 'varied' or 'held'"]),
        ({"no_effect": "one"}, ["no_effect must be a number"]),
        ({"domain": "positive"}, ["domain", "is no range"]),
        ({"criterion": "low >= 2"}, ["criterion must be a mapping"]),
        ({"criterion": {"stronger": "above"}}, ["lacks 'range'"]),
        ({"criterion": {"range": "[2, 8]", "else": "1"}}, ["unknown key 'else'"]),
        ({"criterion": {"range": "low >= 2"}}, ["rc-tiny-ratio", "is no range"]),
        ({"criterion": {"range": 2}}, ["criterion must be text in quotes"]),
        ({"criterion": {"range": "[2, 8]", "stronger": "right"}}, ["above or below"]),
        ({"criterion": {"range": "[2, inf)", "stronger": "above"}}, ["nothing lies above"]),
        ({"criterion": {"range": "(-inf, 2]", "stronger": "below"}}, ["nothing lies below"]),
        ({"criterion": {"range": "[2, 8]", "n": 0}}, ["n is 0", "from 1 on"]),
        ({"kind": "identity"}, ["an identity cannot be more than claimed"]),
        ({"changed": "yes"}, ["changed must be a list"]),
        ({"changed": [{"was": "x", "why": "y", "seen": True}]}, ["lacks 'date'"]),
        ({"changed": [CHANGE | {"date": "lately"}]}, ["like 2026-11-29"]),
        ({"changed": [CHANGE | {"seen": "no"}]}, ["seen is true or false"]),
    ],
)
def test_what_is_wrong_with_an_entry_is_named(
    tmp_path: Path, changes: dict[str, Any], words: list[str]
) -> None:
    with refused("claims.yml", *words):
        load_claims(write(tmp_path / "claims.yml", [entry(**changes)]))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([entry(), entry()], ["'rc-tiny-ratio' twice"]),
        (
            CLAIMS.replace("  where: abstract", "  where: abstract\n  where: Fig. 3"),
            ["'where' is given twice"],
        ),
        (CLAIMS + "- id: [", ["not valid YAML", "line"]),
        ({"claims": []}, ["must be a list"]),
        (["rc-tiny"], ["entry 1 must be a mapping"]),
        ("", ["must be a list"]),
    ],
)
def test_what_is_wrong_with_the_file_is_named(
    tmp_path: Path, content: Any, words: list[str]
) -> None:
    with refused("claims.yml", *words):
        load_claims(write(tmp_path / "claims.yml", content))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with refused("claims.yml"):
        load_claims(tmp_path / "claims.yml")


RATIO = Criterion(Range("[2, 8]"), stronger="above", n=4)


@pytest.mark.parametrize(
    ("numbers", "verdict", "reason"),
    [
        ({"value": 3, "low": 2, "high": 8, "n": 4}, Verdict.REPRODUCED, "inside"),
        ({"value": 3, "low": 1, "high": 4, "n": 4}, Verdict.PARTLY, "reaches into"),
        ({"value": 1, "low": 0.5, "high": 1.9, "n": 4}, Verdict.NOT_REPRODUCED, "below"),
        ({"value": 9, "low": 8.1, "high": 12, "n": 4}, Verdict.MORE, "above"),
        ({"value": 3, "low": 1, "high": 9, "n": 4}, Verdict.UNDETERMINED, "wider"),
        ({"value": 3, "low": 2, "high": 4, "n": 3}, Verdict.UNDETERMINED, "fewer than 4"),
        ({"value": 3, "low": 2, "high": 4}, Verdict.UNDETERMINED, "fewer than 4"),
        ({"value": 3, "n": 9}, Verdict.UNDETERMINED, "no interval"),
        ({}, Verdict.UNDETERMINED, "no number"),
    ],
)
def test_the_verdict_is_the_position_of_the_interval(
    numbers: dict[str, float], verdict: Verdict, reason: str
) -> None:
    judged = RATIO.judge(numbers, Kind.EMPIRICAL)
    assert judged.verdict is verdict
    assert reason in judged.reason


def test_a_law_is_judged_by_its_number_where_there_is_no_interval() -> None:
    assert RATIO.judge({"value": 3, "n": 4}, Kind.LAW).verdict is Verdict.REPRODUCED
    assert RATIO.judge({"value": 1, "n": 4}, Kind.LAW).verdict is Verdict.NOT_REPRODUCED
    assert "the number lies inside" in RATIO.judge({"value": 3, "n": 4}, Kind.LAW).reason


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.9, 3, Verdict.UNDETERMINED),
        (1, 3, Verdict.UNDETERMINED),
        (1.1, 3, Verdict.PARTLY),
        (0.5, 1.5, Verdict.NOT_REPRODUCED),
        (0.9, 9, Verdict.UNDETERMINED),
    ],
)
def test_an_interval_that_holds_no_effect_is_no_part_of_a_success(
    tmp_path: Path, low: float, high: float, verdict: Verdict
) -> None:
    claim = load_claims(write(tmp_path / "claims.yml", CLAIMS))["rc-tiny-ratio"]
    numbers = {"value": (low + high) / 2, "low": low, "high": high, "n": 9}
    assert claim.judge(numbers).verdict is verdict
    assert replace(claim, no_effect=None).judge(numbers).verdict in (verdict, Verdict.PARTLY)


def test_a_claim_of_no_effect_may_hold_it(tmp_path: Path) -> None:
    claim = load_claims(write(tmp_path / "claims.yml", CLAIMS))["rc-tiny-ratio"]
    same = replace(claim, criterion=Criterion(Range("[0.8, 1.25]")))
    numbers = {"value": 1, "low": 0.9, "high": 1.4, "n": 9}
    assert same.judge(numbers).verdict is Verdict.PARTLY


def test_an_identity_is_checked_or_it_fails() -> None:
    zero = Criterion(Range("[0, 1e-9]"))
    assert zero.judge({"value": 1e-12}, Kind.IDENTITY).verdict is Verdict.CHECKED
    assert zero.judge({"value": 1e-3}, Kind.IDENTITY).verdict is Verdict.FAILED
    bounded = {"value": 1e-10, "low": 0, "high": 1e-6}
    assert zero.judge(bounded, Kind.IDENTITY).verdict is Verdict.UNDETERMINED


def test_criteria_in_words() -> None:
    assert RATIO.sentence(Kind.EMPIRICAL) == (
        "Reproduced if the whole interval lies between 2 and 8; more than claimed above that; "
        "with fewer than 4 runs it is undetermined."
    )
    assert Criterion(Range("[0, 0]")).sentence(Kind.IDENTITY) == (
        "Checked if the whole interval equals 0."
    )


def test_a_change_is_told_with_its_reason() -> None:
    change = Change("2026-01-02", "reproduced if low >= 1", "It was too easy.", seen=False)
    assert change.sentence == (
        "Until 2026-01-02, reproduced if low >= 1. "
        "Changed before the data had been seen: It was too easy."
    )


def test_verdicts_are_the_words_of_the_book() -> None:
    assert [str(verdict) for verdict in Verdict] == [
        "reproduced",
        "checked",
        "more than claimed",
        "partly",
        "undetermined",
        "not reproduced",
        "failed",
        "not tested",
    ]
