"""The statements of the papers are read strictly, and their verdicts follow from their claims."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.companion.claims.claims import PAPERS, Claim, Kind, Source, Verdict, load_claims
from regime_lib.companion.claims.statements import (
    FAILING,
    HOLDING,
    OPEN,
    combined,
    load_statements,
    statement_verdict,
    unstated,
)
from tests.companion.refusals import refused

REPRODUCED, CHECKED, MORE, PARTLY = (
    Verdict.REPRODUCED,
    Verdict.CHECKED,
    Verdict.MORE,
    Verdict.PARTLY,
)
UNDETERMINED, NOT_TESTED = Verdict.UNDETERMINED, Verdict.NOT_TESTED
NOT_REPRODUCED, FAILED = Verdict.NOT_REPRODUCED, Verdict.FAILED

STATEMENTS = """\
- id: rc-says-earlier
  paper: regime-change
  where: abstract
  statement: Patterns settle three times earlier,
    with and without momentum.
  source: found
  kind: empirical
  claims: [rc-sgd, rc-momentum, rc-affine]
- id: rc-says-useful
  paper: regime-change
  where: abstract, last sentence but one
  statement: What was found motivates work on decoupled training.
  source: known
  kind: empirical
  claims: []
  untested_because: Nothing in this book freezes patterns.
"""


def claim(id: str, kind: str, **changes: Any) -> dict[str, Any]:
    """Return a claim as the claims file holds it."""
    entry = {
        "id": id,
        "paper": "regime-change",
        "where": "abstract",
        "chapter": "10_tiny",
        "statement": "Patterns settle early.",
        "kind": kind,
        "source": "found",
        "definition": "ours",
        "quantity": "ratio of two times",
        "unit": "1",
        "domain": "(-inf, inf)",
        "varied": "start",
        "held": "data",
        "criterion": {"range": "[2, 4]"},
    }
    if kind == "identity":
        entry = {key: value for key, value in entry.items() if key not in ("varied", "held")}
    return entry | changes


@pytest.fixture(scope="module")
def claims(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Claim]:
    """Two empirical claims and an identity of one paper, and a claim of another."""
    path = tmp_path_factory.mktemp("claims") / "claims.yml"
    entries = [
        claim("rc-sgd", "empirical"),
        claim("rc-momentum", "empirical", source="reconstructed"),
        claim("rc-affine", "identity"),
        claim("mp-phases", "law", paper="multi-phase", source="known"),
    ]
    path.write_text(yaml.safe_dump(entries), encoding="utf-8")
    return load_claims(path)


def write(path: Path, content: Any) -> Path:
    text = content if isinstance(content, str) else yaml.safe_dump(content)
    path.write_text(text, encoding="utf-8")
    return path


def entry(**changes: Any) -> dict[str, Any]:
    first = yaml.safe_load(STATEMENTS)[0]
    return {key: value for key, value in {**first, **changes}.items() if value is not ...}


def test_statements_are_read_with_all_their_fields(
    tmp_path: Path, claims: Mapping[str, Claim]
) -> None:
    statements = load_statements(write(tmp_path / "statements.yml", STATEMENTS), claims)
    assert list(statements) == ["rc-says-earlier", "rc-says-useful"]
    earlier, useful = statements.values()
    assert earlier.statement == "Patterns settle three times earlier, with and without momentum."
    assert (earlier.paper, earlier.where) == (PAPERS["regime-change"], "abstract")
    assert (earlier.source, earlier.kind) == (Source.FOUND, Kind.EMPIRICAL)
    assert earlier.claims == ("rc-sgd", "rc-momentum", "rc-affine")
    assert earlier.drawn == {"rc-sgd", "rc-momentum"}
    assert (earlier.untested_because, useful.claims) == ("", ())
    assert useful.untested_because == "Nothing in this book freezes patterns."


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"where": ...}, ["entry 1", "rc-says-earlier", "lacks 'where'"]),
        ({"verdict": "reproduced"}, ["unknown key 'verdict'"]),
        ({"id": "tr-says"}, ["starts with 'rc-'"]),
        ({"id": "rc-Says"}, ["kebab case"]),
        ({"id": 3}, ["entry 1", "id must be text"]),
        ({"id": "rc-sgd"}, ["is the id of a claim"]),
        ({"paper": "regime"}, ["'regime'", "multi-phase"]),
        ({"source": "reconstructed"}, ["neither found nor known", "no statement of a paper"]),
        ({"source": "read"}, ["'read'", "neither found nor known"]),
        ({"kind": "law of nature"}, ["'law of nature'", "empirical"]),
        ({"statement": " "}, ["statement is empty"]),
        ({"statement": "$x$ grows"}, ["plain text"]),
        ({"claims": "rc-sgd"}, ["must be a list"]),
        ({"claims": None}, ["must be a list"]),
        ({"claims": [3]}, ["must be a list"]),
        ({"claims": ["rc-gone"]}, ["'rc-gone'", "claims.yml"]),
        ({"claims": ["mp-phases"]}, ["'mp-phases'", "another paper"]),
        ({"claims": ["rc-sgd", "rc-sgd"]}, ["'rc-sgd' twice"]),
        ({"claims": ["rc-affine"]}, ["is empirical", "none of its claims"]),
        ({"claims": []}, ["untested_because"]),
        ({"untested_because": "We forgot."}, ["drop one"]),
        ({"claims": [], "untested_because": ""}, ["untested_because is empty"]),
        ({"claims": [], "untested_because": True}, ["untested_because must be text"]),
    ],
)
def test_what_is_wrong_with_an_entry_is_named(
    tmp_path: Path, claims: Mapping[str, Claim], changes: dict[str, Any], words: list[str]
) -> None:
    with refused("statements.yml", *words):
        load_statements(write(tmp_path / "statements.yml", [entry(**changes)]), claims)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([entry(), entry()], ["'rc-says-earlier' twice"]),
        (STATEMENTS.replace("kind: emp", "kind: law\n  kind: emp", 1), ["'kind' is given twice"]),
        (STATEMENTS + "- id: [", ["not valid YAML", "line"]),
        ({"statements": []}, ["must be a list of statements"]),
        (["rc-says"], ["entry 1 must be a mapping"]),
        ("", ["must be a list"]),
    ],
)
def test_what_is_wrong_with_the_file_is_named(
    tmp_path: Path, claims: Mapping[str, Claim], content: Any, words: list[str]
) -> None:
    with refused("statements.yml", *words):
        load_statements(write(tmp_path / "statements.yml", content), claims)


def test_a_missing_file_is_named(tmp_path: Path, claims: Mapping[str, Claim]) -> None:
    with refused("statements.yml"):
        load_statements(tmp_path / "statements.yml", claims)


def test_a_paper_s_claim_without_a_statement_is_noticed_and_one_of_ours_is_not(
    tmp_path: Path, claims: Mapping[str, Claim]
) -> None:
    path = write(tmp_path / "statements.yml", [entry(claims=["rc-sgd"])])
    assert unstated(load_statements(path, claims), claims) == ["rc-affine", "mp-phases"]


def test_every_verdict_holds_or_fails_or_is_open_or_is_partly() -> None:
    parts = [HOLDING, FAILING, OPEN, {PARTLY}]
    assert sum(map(len, parts)) == len(set().union(*parts)) == len(Verdict)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((), NOT_TESTED),
        *(((one,), one) for one in Verdict),
        *(((one, one), one) for one in Verdict),
        ((REPRODUCED, CHECKED), REPRODUCED),
        ((REPRODUCED, MORE), REPRODUCED),
        ((MORE, CHECKED), MORE),
        ((REPRODUCED, MORE, CHECKED), REPRODUCED),
        ((NOT_REPRODUCED, FAILED), NOT_REPRODUCED),
        ((NOT_REPRODUCED, NOT_TESTED), NOT_REPRODUCED),
        ((NOT_REPRODUCED, UNDETERMINED), UNDETERMINED),
        ((NOT_REPRODUCED, NOT_REPRODUCED, UNDETERMINED), NOT_REPRODUCED),
        ((NOT_REPRODUCED, UNDETERMINED, UNDETERMINED, NOT_REPRODUCED), UNDETERMINED),
        ((FAILED, UNDETERMINED), UNDETERMINED),
        ((FAILED, FAILED, UNDETERMINED), FAILED),
        ((UNDETERMINED, NOT_TESTED), UNDETERMINED),
        ((REPRODUCED, PARTLY), PARTLY),
        ((REPRODUCED, NOT_REPRODUCED), PARTLY),
        ((MORE, NOT_REPRODUCED), PARTLY),
        ((CHECKED, FAILED), PARTLY),
        ((CHECKED, NOT_REPRODUCED), PARTLY),
        ((REPRODUCED, UNDETERMINED), PARTLY),
        ((REPRODUCED, NOT_TESTED), PARTLY),
        ((CHECKED, UNDETERMINED), PARTLY),
        ((PARTLY, NOT_REPRODUCED), PARTLY),
        ((PARTLY, UNDETERMINED), PARTLY),
    ],
)
def test_a_statement_s_verdict_is_that_of_all_its_claims(
    verdicts: tuple[Verdict, ...], expected: Verdict
) -> None:
    assert {combined(order) for order in permutations(verdicts)} == {expected}


@given(st.lists(st.sampled_from(Verdict), min_size=1))
def test_nothing_that_fails_or_is_open_hides_behind_a_verdict_that_holds(
    verdicts: list[Verdict],
) -> None:
    assert (combined(verdicts) in HOLDING) == (set(verdicts) <= HOLDING)
    assert combined(verdicts) is combined([*verdicts, *verdicts])
    if combined(verdicts) in FAILING:
        assert not set(verdicts) & (HOLDING | {PARTLY})


BOTH = {"rc-sgd": REPRODUCED, "rc-momentum": REPRODUCED, "rc-affine": CHECKED}


@pytest.mark.parametrize(
    ("verdicts", "firm", "expected", "words"),
    [
        (BOTH, {"rc-sgd": True, "rc-momentum": True}, True, "reproduced"),
        (BOTH, {"rc-sgd": True, "rc-momentum": False}, False, "reproduced, not firm"),
        (BOTH, {"rc-sgd": False, "rc-momentum": None}, False, "reproduced, not firm"),
        (BOTH, {"rc-sgd": True}, None, "reproduced, firmness not measured"),
        (BOTH, {"rc-sgd": True, "rc-momentum": None}, None, "reproduced, firmness not measured"),
        (
            {**BOTH, "rc-momentum": NOT_REPRODUCED},
            {"rc-sgd": True, "rc-momentum": False},
            False,
            "partly, not firm",
        ),
        # what is open has no verdict that other seeds could turn, and an identity has no seeds
        ({**BOTH, "rc-momentum": UNDETERMINED}, {"rc-sgd": True}, True, "partly"),
        ({"rc-affine": CHECKED}, {}, True, "partly"),
        ({"rc-sgd": UNDETERMINED}, {"rc-sgd": True}, None, "undetermined"),
        ({}, {}, None, "not tested"),
    ],
)
def test_a_verdict_is_firm_if_every_empirical_claim_behind_it_is(
    tmp_path: Path,
    claims: Mapping[str, Claim],
    verdicts: dict[str, Verdict],
    firm: dict[str, bool | None],
    expected: bool | None,
    words: str,
) -> None:
    path = write(tmp_path / "statements.yml", STATEMENTS)
    found = statement_verdict(load_statements(path, claims)["rc-says-earlier"], verdicts, firm)
    assert (found.firm, found.words) == (expected, words)
    assert found.headline == (found.verdict in HOLDING and expected is True)


def test_a_statement_that_nothing_tests_is_not_tested(
    tmp_path: Path, claims: Mapping[str, Claim]
) -> None:
    path = write(tmp_path / "statements.yml", STATEMENTS)
    useful = load_statements(path, claims)["rc-says-useful"]
    found = statement_verdict(useful, BOTH, {"rc-sgd": True})
    assert (found.verdict, found.firm, found.headline) == (NOT_TESTED, None, False)
