"""The claim that a reader predicts is decided, is a paper's own where there is one, and hides."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bs4 import BeautifulSoup

from regime_lib.companion.book.catalogue import list_chapters
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import Kind, Verdict
from regime_lib.companion.publish.findings import Findings, read_findings
from regime_lib.companion.publish.predictions import (
    CHOICES,
    question_html,
    question_of,
    vote_sheet,
)


@pytest.fixture(scope="module")
def findings(executed_once: Project) -> Findings:
    return read_findings(executed_once)


def test_a_papers_own_claim_about_training_comes_first(findings: Findings) -> None:
    turned = replace(findings, records=findings.records[::-1])
    for known in (findings, turned):
        record = question_of("10_tiny", known)
        assert record is not None
        assert record.claim.id == "rc-tiny-ratio"


def test_an_identity_and_what_is_undecided_are_not_asked(findings: Findings) -> None:
    first = findings.records[0]
    identity = replace(first, claim=replace(first.claim, kind=Kind.IDENTITY))
    undecided = replace(first, measurement=None)
    for record in (identity, undecided):
        assert question_of("10_tiny", replace(findings, records=(record,))) is None
    assert question_html("10_tiny", replace(findings, records=(undecided,))) == ""


def test_the_question_has_its_answer_hidden(findings: Findings) -> None:
    page = BeautifulSoup(question_html("10_tiny", findings), "html.parser")
    (form,) = page.select("form[hidden]")
    assert form["data-answer"] == "It holds"
    assert [button["value"] for button in form.select("button")] == list(CHOICES)
    (badge,) = form.select("[hidden] .rl-badge")
    assert "reproduced" in badge.text


def test_every_choice_stands_for_other_verdicts() -> None:
    every = [verdict for verdicts in CHOICES.values() for verdict in verdicts]
    assert len(every) == len(set(every))
    assert Verdict.UNDETERMINED not in every


def test_the_vote_sheet_asks_and_does_not_answer(
    executed_once: Project, findings: Findings
) -> None:
    sheet = vote_sheet(list_chapters(executed_once), findings)
    assert "at least twice" in sheet
    assert "reproduced" not in sheet
    assert len(BeautifulSoup(sheet, "html.parser").select("tbody tr")) == 1
