"""The table of what holds counts every empirical statement once, and its numbers lead to them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from bs4 import BeautifulSoup, Tag

from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import PAPERS, Kind, Paper, Source, Verdict
from regime_lib.companion.claims.firmness import Firmness
from regime_lib.companion.claims.statements import Statement, StatementVerdict
from regime_lib.companion.publish.findings import Findings, read_findings
from regime_lib.companion.publish.statement_pages import (
    Judged,
    Outcome,
    paper_statements,
    read_judged,
    statement_json,
    what_holds,
)

RC, MP = PAPERS["regime-change"], PAPERS["multi-phase"]
STATEMENT = Statement("rc-says-x", RC, "abstract", "So it is.", Source.FOUND, Kind.EMPIRICAL, ())


@pytest.fixture(scope="module")
def findings(executed_once: Project) -> Findings:
    return read_findings(executed_once)


@pytest.fixture(scope="module")
def judged(executed_once: Project, findings: Findings) -> list[Judged]:
    return read_judged(executed_once, findings)


def soup(fragment: str) -> BeautifulSoup:
    return BeautifulSoup(fragment, "html.parser")


def plain(element: Tag | None) -> str:
    assert element is not None
    return " ".join(element.get_text(" ").split())


def one(
    verdict: Verdict, firm: bool | None, paper: Paper = RC, kind: Kind = STATEMENT.kind
) -> Judged:
    return Judged(replace(STATEMENT, paper=paper, kind=kind), StatementVerdict(verdict, firm), ())


EVERY = [one(verdict, firm) for verdict in Verdict for firm in (True, False, None)]
MANY = [
    *EVERY,
    *(one(verdict, True, MP) for verdict in (Verdict.PARTLY, Verdict.FAILED, Verdict.REPRODUCED)),
    one(Verdict.CHECKED, True, MP, Kind.IDENTITY),
    one(Verdict.NOT_TESTED, None, MP, Kind.LAW),
]


@pytest.mark.parametrize(
    ("verdict", "firm", "outcome"),
    [
        (Verdict.REPRODUCED, True, Outcome.HOLD),
        (Verdict.REPRODUCED, False, Outcome.SHAKY),
        (Verdict.REPRODUCED, None, Outcome.SHAKY),
        (Verdict.MORE, True, Outcome.MORE),
        (Verdict.PARTLY, True, Outcome.PARTLY),
        (Verdict.NOT_REPRODUCED, True, Outcome.FAIL),
        (Verdict.UNDETERMINED, None, Outcome.OPEN),
        (Verdict.NOT_TESTED, None, Outcome.UNTESTED),
    ],
)
def test_only_what_is_firm_is_said_to_hold(
    verdict: Verdict, firm: bool | None, outcome: Outcome
) -> None:
    assert one(verdict, firm).outcome is outcome


def table_of(fragment: str) -> dict[str, dict[str, Tag]]:
    """Return the cells of the table, by paper and column."""
    return {
        plain(row.th): {str(cell["data-name"]): cell for cell in row.select("td")}
        for row in soup(fragment).select("table tbody tr")
    }


def test_the_table_counts_every_empirical_statement_once() -> None:
    table = table_of(what_holds(MANY))
    assert list(table) == [paper.name for paper in PAPERS.values()] + ["All five"]
    expected = Counter(str(judged.outcome) for judged in EVERY)
    found = {name: int(cell.text) for name, cell in table["Regime change"].items() if name != "all"}
    assert found == dict(expected)
    assert list(found) == [str(outcome) for outcome in Outcome]
    assert table["Regime change"]["all"].text == str(len(EVERY))
    assert table["Multi-phase dynamics"]["all"].text == "3"  # not its law, not its identity
    assert table["All five"]["all"].text == str(len(EVERY) + 3)
    assert table["Deep linear networks"]["all"].text == "none"
    assert all(cell.a is None for cell in table["Deep linear networks"].values())


def test_each_number_leads_to_as_many_statements(findings: Findings) -> None:
    for paper in (RC, MP):
        page = soup(paper_statements(MANY, paper, findings))
        for cell in table_of(what_holds(MANY))[paper.name].values():
            if cell.a is None:
                assert cell.text in ("0", str(len(EVERY)), "3")
                continue
            target, _, anchor = str(cell.a["href"]).partition("#")
            assert target == f"paper-{paper.key}.html"
            heading = page.find(id=anchor)
            assert isinstance(heading, Tag)
            below = heading.find_next_sibling("ul")
            assert isinstance(below, Tag)
            assert len(below.find_all("li", class_="rl-asserted")) == int(cell.text)


def test_what_can_be_derived_is_counted_apart_and_linked(findings: Findings) -> None:
    page = soup(what_holds(MANY))
    (item,) = page.select(".rl-tally li")
    assert plain(item) == (
        "Multi-phase dynamics laws of solvable models ○ 1 not tested identities = 1 checked"
    )
    listed = soup(paper_statements(MANY, MP, findings))
    for link in item.select(".rl-counted a"):
        assert listed.find(id=str(link["href"]).partition("#")[2]) is not None


def test_a_statement_shows_its_claims_with_their_cards(
    judged: list[Judged], findings: Findings
) -> None:
    page = soup(paper_statements(judged, RC, findings))
    headings = [plain(heading) for heading in page.select("h3")]
    assert headings == [
        "Empirical statements: hold, not shown to be firm 1",
        "Empirical statements: not tested 1",
        "Identities 1",
    ]
    earlier = page.find(id="statement-rc-says-earlier")
    assert isinstance(earlier, Tag)
    assert "✓ reproduced, firmness not measured" in plain(earlier)
    (link,) = earlier.select("ul.rl-claims a")
    assert link["href"] == "../notebooks/10_tiny.html#claim-rc-tiny-ratio"
    untested = page.find(id="statement-rc-says-cheaper")
    assert isinstance(untested, Tag)
    assert "○ not tested" in plain(untested)
    assert "Not tested: No chapter freezes patterns yet." in plain(untested)
    assert untested.a is None


def test_a_claim_that_was_not_measured_has_no_card_to_link_to(
    judged: list[Judged], findings: Findings
) -> None:
    page = soup(paper_statements(judged, MP, findings))
    (claim,) = page.select("ul.rl-claims li")
    assert plain(claim) == "○ not tested mp-later"
    assert claim.a is None


def test_a_paper_without_statements_says_so(findings: Findings) -> None:
    assert "No statement of this paper" in paper_statements([], RC, findings)


def test_fresh_seeds_decide_what_is_said_to_hold(
    executed_once: Project, findings: Findings
) -> None:
    for same, outcome in ((20, Outcome.HOLD), (14, Outcome.SHAKY)):
        blocks = {Verdict.REPRODUCED: same, Verdict.PARTLY: 20 - same}
        firmness = {"rc-tiny-ratio": Firmness(blocks, Verdict.REPRODUCED)}
        first, *_ = read_judged(executed_once, replace(findings, firmness=firmness))
        assert first.outcome is outcome


def test_statements_as_json(judged: list[Judged]) -> None:
    first, second, *_ = (statement_json(each) for each in judged)
    assert first == {
        "id": "rc-says-earlier",
        "paper": "regime-change",
        "where": "abstract",
        "statement": "Patterns settle earlier than weights.",
        "source": "found",
        "kind": "empirical",
        "claims": ["rc-tiny-ratio"],
        "untested_because": None,
        "verdict": "reproduced",
        "firm": None,
        "outcome": "hold, not shown to be firm",
    }
    assert second["untested_because"] == "No chapter freezes `patterns` yet."
