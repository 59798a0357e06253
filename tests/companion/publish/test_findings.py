"""Claims are sorted into what the papers say of training and the rest, and counted right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import PAPERS, THIS_BOOK, Claim, Kind, Source, Verdict
from regime_lib.companion.claims.firmness import Firmness
from regime_lib.companion.publish.findings import (
    Findings,
    Group,
    by_group,
    group_of,
    of_paper,
    read_findings,
    tally,
)


@pytest.fixture(scope="module")
def findings(executed_once: Project) -> Findings:
    return read_findings(executed_once)


@pytest.fixture(scope="module")
def claim(findings: Findings) -> Claim:
    return findings.records[0].claim


@pytest.mark.parametrize(
    ("kind", "source", "group"),
    [
        (Kind.EMPIRICAL, Source.FOUND, Group.OWN),
        (Kind.EMPIRICAL, Source.KNOWN, Group.OWN),
        (Kind.EMPIRICAL, Source.RECONSTRUCTED, Group.OURS),
        (Kind.LAW, Source.FOUND, Group.LAWS),
        (Kind.LAW, Source.RECONSTRUCTED, Group.LAWS),
        (Kind.IDENTITY, Source.FOUND, Group.IDENTITIES),
        (Kind.IDENTITY, Source.RECONSTRUCTED, Group.IDENTITIES),
    ],
)
def test_only_what_a_paper_itself_says_of_training_is_its_own_empirical_claim(
    claim: Claim, kind: Kind, source: Source, group: Group
) -> None:
    assert group_of(replace(claim, kind=kind, source=source)) is group


@pytest.mark.parametrize("kind", list(Kind))
def test_what_this_book_asks_is_its_own_question_of_whatever_kind(claim: Claim, kind: Kind) -> None:
    assert group_of(replace(claim, kind=kind, paper=THIS_BOOK, source=Source.ASKED)) is Group.OURS


def test_groups_hold_every_claim_once_in_their_order(findings: Findings) -> None:
    groups = by_group(reversed(findings.records))
    assert list(groups) == [Group.OWN, Group.LAWS, Group.IDENTITIES]
    names = [record.claim.id for own in groups.values() for record in own]
    assert sorted(names) == sorted(record.claim.id for record in findings.records)


def test_counts_come_in_the_order_of_the_verdicts(findings: Findings) -> None:
    assert list(tally(reversed(findings.records)).items()) == [
        (Verdict.REPRODUCED, 1),
        (Verdict.CHECKED, 1),
        (Verdict.NOT_TESTED, 1),
    ]


def test_claims_are_found_by_paper(findings: Findings) -> None:
    names = [record.claim.id for record in of_paper(findings.records, PAPERS["regime-change"])]
    assert names == ["rc-tiny-ratio", "rc-tiny-steps"]
    assert of_paper(findings.records, PAPERS["deep-linear"]) == []


@pytest.mark.parametrize(
    ("same", "firm", "note"), [(15, True, ""), (14, False, "not firm"), (0, False, "not firm")]
)
def test_a_verdict_that_other_seeds_turn_is_counted_as_not_firm(
    findings: Findings, same: int, firm: bool, note: str
) -> None:
    record = findings.records[0]
    blocks = {Verdict.REPRODUCED: same, Verdict.PARTLY: 20 - same}
    known = replace(findings, firmness={record.claim.id: Firmness(blocks, record.verdict)})
    assert known.firm(record.claim) is firm
    assert known.note(record) == note
    shaky = {} if firm else {Verdict.REPRODUCED: 1}
    assert known.count(findings.records).shaky == shaky
    assert known.count(findings.records).total == 3


def test_without_fresh_seeds_firmness_is_unknown_and_algebra_needs_none(
    findings: Findings,
) -> None:
    ratio, steps, later = findings.records
    assert findings.firm(ratio.claim) is None
    assert findings.note(ratio) == ""
    assert findings.firm(steps.claim) is True
    assert findings.firm(later.claim) is None  # a law, seen in random starts
    assert findings.firm(replace(later.claim, varied="rate")) is True
