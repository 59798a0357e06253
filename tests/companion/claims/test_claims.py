"""The claims file is read strictly: the first wrong entry is named, with what it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.companion.claims.claims import PAPERS, Criterion, Source, Verdict, load_claims
from regime_lib.companion.claims.criteria import parse_predicate
from tests.companion.refusals import refused
from tests.companion.tiny import CLAIMS


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
    assert claim.criterion.as_dict() == {"reproduced": "low >= 2", "partly": "value >= 1.5"}
    assert claim.criterion.names == {"low", "value"}
    assert claims["rc-tiny-steps"].criterion.partly is None


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
        ({"source": "read"}, ["'read'", "found, known, reconstructed"]),
        ({"unit": 1}, ['unit: "1"']),
        ({"statement": "  "}, ["statement is empty"]),
        ({"statement": "$x$ grows"}, ["plain text"]),
        ({"criterion": "low >= 2"}, ["criterion must be a mapping"]),
        ({"criterion": {"partly": "low >= 2"}}, ["lacks 'reproduced'"]),
        ({"criterion": {"reproduced": "low >= 2", "else": "1 > 0"}}, ["unknown key 'else'"]),
        ({"criterion": {"reproduced": "mean >= 2"}}, ["rc-tiny-ratio", "'mean'", "value, low"]),
        ({"criterion": {"reproduced": True}}, ["rc-tiny-ratio", "must be text"]),
        ({"criterion": {"reproduced": "low >= 2", "partly": "low"}}, ["comparison is needed"]),
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


@given(st.floats(0, 5), st.floats(0, 5))
def test_the_verdict_is_the_first_predicate_that_holds(value: float, low: float) -> None:
    criterion = Criterion(parse_predicate("low >= 2"), parse_predicate("value >= 1.5"))
    expected = (
        Verdict.REPRODUCED
        if low >= 2
        else Verdict.PARTLY
        if value >= 1.5
        else Verdict.NOT_REPRODUCED
    )
    assert criterion.judge({"value": value, "low": low}) is expected


def test_verdicts_are_the_words_of_the_book() -> None:
    assert [str(verdict) for verdict in Verdict] == [
        "reproduced",
        "partly",
        "not reproduced",
        "not tested",
    ]
