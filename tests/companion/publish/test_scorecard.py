"""Scorecards show every claim, tested or not, and count them right."""

from __future__ import annotations

from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from regime_lib.companion.book.catalogue import list_chapters
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import PAPERS, Verdict, load_claims
from regime_lib.companion.claims.ledger import Record, as_measurement, read_ledger
from regime_lib.companion.publish.reference import run_seconds
from regime_lib.companion.publish.scorecard import (
    chapters_fragment,
    of_paper,
    paper_claims,
    readme_table,
    scorecard,
    tally,
)
from regime_lib.estimate import Estimate, Method
from tests.companion.tiny import make_project


@pytest.fixture(scope="module")
def records(executed_once: Project) -> tuple[Record, ...]:
    return read_ledger(executed_once)


def soup(fragment: str) -> BeautifulSoup:
    return BeautifulSoup(fragment, "html.parser")


def test_every_claim_has_its_row_with_all_that_the_contract_asks_for(
    records: tuple[Record, ...],
) -> None:
    page = soup(scorecard(records))
    rows = page.select("li.rl-row")
    assert len(rows) == 3
    first, _, last = (" ".join(row.get_text(" ").split()) for row in rows)
    for words in (
        "✓ reproduced",
        "rc-tiny-ratio",
        "at least twice",
        "2.5 [2, 4]",
        "n = 4",
        "abstract",
        "found",
    ):
        assert words in first, words
    for words in ("○ not tested", "mp-later", "Theorem 1", "reconstructed"):
        assert words in last, words


def test_rows_link_to_their_cards_and_the_overview_to_its_sections(
    records: tuple[Record, ...],
) -> None:
    page = soup(scorecard(records))
    assert [link["href"] for link in page.select("li.rl-row a")] == [
        "../notebooks/10_tiny.html#claim-rc-tiny-ratio",
        "../notebooks/10_tiny.html#claim-rc-tiny-steps",
    ]
    for link in page.select(".rl-tally a"):
        assert f"({str(link['href']).removeprefix('#')})=\n## " in scorecard(records)


def test_the_overview_counts_by_paper_and_verdict(records: tuple[Record, ...]) -> None:
    items = [
        " ".join(item.get_text(" ").split())
        for item in soup(scorecard(records)).select(".rl-tally li")
    ]
    assert items == [
        "Regime change (arXiv 2602.08333) 2 claims ✓ 2 reproduced",
        "Multi-phase dynamics (arXiv 2305.12467) 1 claim ○ 1 not tested",
    ]


def test_the_labels_of_sources_are_explained(records: tuple[Record, ...]) -> None:
    names = [term.text for term in soup(scorecard(records)).select(".rl-sources dt")]
    assert names == ["found", "known", "reconstructed"]


def test_counts_come_in_the_order_of_the_verdicts(records: tuple[Record, ...]) -> None:
    assert list(tally(reversed(records)).items()) == [
        (Verdict.REPRODUCED, 2),
        (Verdict.NOT_TESTED, 1),
    ]


def test_a_paper_without_claims_says_so(records: tuple[Record, ...]) -> None:
    assert of_paper(records, PAPERS["deep-linear"]) == []
    assert "No claim" in paper_claims([])


def test_nothing_tested_is_a_scorecard_too(tmp_path: Path) -> None:
    page = soup(scorecard(read_ledger(make_project(tmp_path / "project"))))
    assert len(page.select("li.rl-row.rl-not-tested")) == 3
    assert page.select("li.rl-row a") == []


def test_the_table_of_chapters_for_the_book(
    executed_once: Project, records: tuple[Record, ...]
) -> None:
    lines = chapters_fragment(list_chapters(executed_once), records).splitlines()
    assert lines[0] == "| Chapter | Claims | Verdicts |"
    assert lines[2].startswith("| {doc}`A tiny chapter </notebooks/10_tiny>` | 2 | <span")
    assert "2 reproduced" in lines[2]


def test_the_table_of_chapters_for_the_readme(
    executed_once: Project, records: tuple[Record, ...]
) -> None:
    entries = list_chapters(executed_once)
    assert run_seconds(executed_once, entries).keys() == {"10_tiny"}
    table = readme_table(entries, records, {"10_tiny": 95.0})
    assert table.splitlines() == [
        "| chapter | claims | verdicts | minutes |",
        "| --- | --- | --- | --- |",
        "| [A tiny chapter](notebooks/10_tiny.ipynb) | 2 | ✓ 2 reproduced | 2 |",
    ]
    assert "| < 1 |" in readme_table(entries, records, {"10_tiny": 59.0})
    assert "| – |" in readme_table(entries, records, {})


def test_long_runs_are_counted_beside_the_quick_ones(executed_once: Project) -> None:
    entries, records = list_chapters(executed_once), read_ledger(executed_once)
    claims = load_claims(executed_once.claims_file)
    large = {
        name: as_measurement(
            claims[name], Estimate(value, value, value, 3, "3 seeds", Method.RANGE, unit)
        )
        for name, value, unit in (("rc-tiny-ratio", 3.0, "1"), ("rc-tiny-steps", 900, "steps"))
    }
    (line,) = (x for x in readme_table(entries, records, {}, large).splitlines() if "10_tiny" in x)
    assert "; at the paper's scale ✓ 1 reproduced, ✗ 1 not reproduced |" in line
    (line,) = (x for x in chapters_fragment(entries, records, large).splitlines() if "10_tiny" in x)
    assert line.index("rl-badge") < line.index("at the paper’s scale") < line.rindex("rl-badge")
    page = soup(scorecard(records, large=large))
    said = [row.text for row in page.select(".rl-result") if "scale" in row.text]
    assert len(said) == 2
    assert "not reproduced" in said[1]
