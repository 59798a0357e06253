"""What a paper's page answers follows from the verdicts, and says what was not decided."""

from __future__ import annotations

from dataclasses import replace

import pytest

from regime_lib.companion.book.catalogue import list_chapters
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import PAPERS, Verdict
from regime_lib.companion.claims.ledger import as_measurement
from regime_lib.companion.claims.statements import StatementVerdict
from regime_lib.companion.publish.findings import Findings, read_findings
from regime_lib.companion.publish.paper_answers import (
    answer,
    changed_with_scale,
    chapter_of,
    counted,
    scale_sentence,
    words,
)
from regime_lib.companion.publish.statement_pages import Judged, papers_of_chapters, read_judged
from regime_lib.estimate import Estimate, Method

R, P, N, U, T = (
    Verdict.REPRODUCED,
    Verdict.PARTLY,
    Verdict.NOT_REPRODUCED,
    Verdict.UNDETERMINED,
    Verdict.NOT_TESTED,
)


@pytest.fixture(scope="module")
def findings(executed_once: Project) -> Findings:
    return read_findings(executed_once)


@pytest.fixture(scope="module")
def judged(executed_once: Project, findings: Findings) -> list[Judged]:
    return read_judged(executed_once, findings)


def having(judged: list[Judged], *verdicts: Verdict) -> list[Judged]:
    """Return as many statements, with these verdicts."""
    return [replace(judged[0], verdict=StatementVerdict(one, True)) for one in verdicts]


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ((R, R), "Yes, in all"),
        ((R, R, U, T), "Yes, in all that could be decided"),
        ((R, R, R, N), "For the most part."),
        ((R, N), "In part."),
        ((P, P), "In part."),
        ((R, N, N, N), "For the most part not"),
        ((N, N), "Not in our settings."),
        ((U, T), "Nothing here decides."),
        ((), "Nothing here decides."),
    ],
)
def test_the_word_follows_from_the_share_that_holds(
    judged: list[Judged], verdicts: tuple[Verdict, ...], said: str
) -> None:
    assert words(having(judged, *verdicts)).startswith(said)


def test_every_outcome_is_counted_in_words(judged: list[Judged]) -> None:
    said = counted(having(judged, R, R, P, N, U, T), about_training=True)
    assert said == (
        "Of 6 statements about training that we read in this paper, 2 hold, 1 holds in part, "
        "1 fails, 1 stays undetermined and 1 was not tested."
    )
    alone = counted(having(judged, R, R), about_training=False)
    assert alone.endswith("Of its 2 laws and identities, 2 hold.")


def test_what_changes_with_scale_is_said_claim_by_claim(
    judged: list[Judged], findings: Findings
) -> None:
    assert "cannot say what changes with scale" in scale_sentence(judged, findings)
    claim = findings.records[0].claim
    small = Estimate(0.5, 0.4, 0.6, 4, "4 seeds", Method.RANGE, claim.unit)
    both = replace(findings, large={claim.id: as_measurement(claim, small)})
    assert "at larger scale: 1. With the same verdict there: 0." in scale_sentence(judged, both)
    (change,) = changed_with_scale(judged, both)
    assert (change.record.verdict, change.large.verdict) == (R, N)


def test_the_figure_is_of_the_chapter_that_measures_most(
    executed_once: Project, judged: list[Judged]
) -> None:
    assert chapter_of(judged, list_chapters(executed_once)) == "10_tiny"
    assert chapter_of([], list_chapters(executed_once)) is None
    assert papers_of_chapters(judged)["10_tiny"] == PAPERS["regime-change"]


def test_a_page_has_its_answer_and_a_paper_without_statements_says_so(
    executed_once: Project, judged: list[Judged], findings: Findings
) -> None:
    page = answer(executed_once, judged, PAPERS["regime-change"], findings)
    assert "rl-short" in page
    assert "../notebooks/10_tiny.html#fig-regions" in page
    assert "No statement" in answer(executed_once, [], PAPERS["regime-change"], findings)
