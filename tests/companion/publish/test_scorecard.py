"""Scorecards show every claim, tested or not, and count the papers' own empirical ones first."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag

from regime_lib.companion.book.catalogue import list_chapters
from regime_lib.companion.book.project import Project
from regime_lib.companion.claims.claims import PAPERS, THIS_BOOK, Source, Verdict
from regime_lib.companion.claims.firmness import Firmness
from regime_lib.companion.claims.ledger import as_measurement
from regime_lib.companion.publish.findings import Findings, read_findings
from regime_lib.companion.publish.reference import run_seconds
from regime_lib.companion.publish.scorecard import (
    chance_sentence,
    chapters_fragment,
    firm_sentence,
    paper_claims,
    readme_table,
    scorecard,
    sentences,
)
from regime_lib.estimate import Estimate, Method
from tests.companion.tiny import make_project


@pytest.fixture(scope="module")
def findings(executed_once: Project) -> Findings:
    return read_findings(executed_once)


def soup(fragment: str) -> BeautifulSoup:
    return BeautifulSoup(fragment, "html.parser")


def plain(element: Tag | None) -> str:
    assert element is not None
    return " ".join(element.get_text(" ").split())


def rows(fragment: str) -> dict[str, str]:
    """Return the text of every row, by claim."""
    found = soup(fragment).select("li.rl-row")
    return {plain(row.select_one(".rl-id")): plain(row) for row in found}


def measured(findings: Findings, value: float, low: float, high: float) -> Findings:
    """Give the ratio another measurement, with a confidence interval."""
    first, *others = findings.records
    one = Estimate(value, low, high, 40, "40 seeds", Method.BCA)
    record = replace(first, measurement=as_measurement(first.claim, one))
    return replace(findings, records=(record, *others))


def again(findings: Findings, **blocks: int) -> Findings:
    """Say in how many fresh blocks of seeds the ratio had which verdict."""
    record = findings.records[0]
    counts = {Verdict[name]: count for name, count in blocks.items()}
    return replace(
        findings, firmness={record.claim.id: Firmness(counts, record.verdict, "8 seeds")}
    )


def test_verdicts_that_no_single_seed_turns_are_counted(findings: Findings) -> None:
    record = findings.records[0]
    assert "too long to be repeated" not in firm_sentence(findings)
    for without, same in (({record.verdict: 3}, 1), ({record.verdict: 2, Verdict.PARTLY: 1}, 0)):
        known = {record.claim.id: Firmness({}, record.verdict, without=without)}
        said = firm_sentence(replace(findings, firmness=known))
        assert f"Of the others 1 rest on runs that are too long to be repeated; {same} of" in said


def test_every_claim_has_its_row_with_all_that_the_contract_asks_for(findings: Findings) -> None:
    shown = rows(scorecard(findings))
    assert shown.keys() == {"rc-tiny-ratio", "rc-tiny-steps", "mp-later"}
    for words in (
        "✓ reproduced",
        "by our definition",
        "at least twice",
        "2.5 [2, 4]",
        "n = 4",
        "range of runs, 4 seeds",
        "With other seeds: how firm the verdict is was not measured.",
        "Varied: start. Held: data.",
        "abstract · found, empirical",
    ):
        assert words in shown["rc-tiny-ratio"], words
    for words in ("= checked", "known", "identity"):
        assert words in shown["rc-tiny-steps"], words
    assert "our definition" not in shown["rc-tiny-steps"]
    assert "firm" not in shown["rc-tiny-steps"]  # no seed turns an identity
    for words in ("○ not tested", "Theorem 1", "reconstructed"):
        assert words in shown["mp-later"], words
    assert "firm" not in shown["mp-later"]


def test_a_changed_criterion_is_told_with_all_that_belongs_to_it(findings: Findings) -> None:
    (details,) = soup(scorecard(findings)).select("li.rl-row details.rl-changed")
    for words in (
        "2026-01-02",
        "reproduced if low >= 1",
        "It was too easy.",
        "Criterion changed on 2026-01-02, after the data had been seen",
    ):
        assert words in plain(details), words


def test_rows_link_to_their_cards_and_the_overview_to_its_sections(findings: Findings) -> None:
    text = scorecard(findings)
    assert [link["href"] for link in soup(text).select("li.rl-row .rl-id a")] == [
        "../notebooks/10_tiny.html#claim-rc-tiny-ratio",
        "../notebooks/10_tiny.html#claim-rc-tiny-steps",
    ]
    for link in soup(text).select(".rl-tally a"):
        assert f"({str(link['href']).removeprefix('#')})=\n## " in text


def test_the_papers_own_empirical_claims_are_counted_first_and_alone(findings: Findings) -> None:
    page = soup(scorecard(findings))
    first = page.select_one(".rl-first")
    assert first is not None
    assert plain(first.p) == "The papers’ own empirical claims 1 claim ✓ 1 reproduced"
    assert [plain(item) for item in first.select("li")] == [
        "Regime change (arXiv 2602.08333) 1 claim ✓ 1 reproduced"
    ]
    others = [plain(item) for item in page.select(".rl-tally li") if item not in first.select("li")]
    assert others == [
        "Laws of solvable models 1 claim ○ 1 not tested",
        "Identities: checks of our code and the algebra 1 claim = 1 checked",
        "Our own questions 0 claims",
    ]
    text = str(page)
    assert text.index("rl-first") < text.index("Laws of solvable") < text.index("rl-row")


def test_within_a_paper_its_own_empirical_claims_come_first(findings: Findings) -> None:
    turned = paper_claims(findings, findings.records[::-1])
    headings = [plain(heading) for heading in soup(turned).select("h3")]
    assert headings[0] == "The paper’s own empirical claims"
    assert next(iter(rows(turned))) == "rc-tiny-ratio"


@pytest.fixture
def asking(findings: Findings) -> Findings:
    """The findings, with a question of this book beside the papers' claims."""
    first = findings.records[0]
    claim = replace(first.claim, id="tb-x", paper=THIS_BOOK, source=Source.ASKED)
    measurement = as_measurement(claim, Estimate(1.0, 0.9, 1.1, 9, "9 seeds", Method.BCA))
    asked = replace(first, claim=claim, measurement=measurement)
    return replace(findings, records=(*findings.records, asked))


_FILTER = re.compile(r"<form.*?</form>", re.DOTALL)  # offers what occurs anywhere


def test_questions_of_this_book_stand_last_and_in_no_count_of_the_papers(
    findings: Findings, asking: Findings
) -> None:
    before, after = (_FILTER.sub("", scorecard(one)) for one in (findings, asking))
    assert after.startswith(before.rstrip("\n"))  # what is said of the papers is as it was
    own = after.removeprefix(before.rstrip("\n"))
    assert "(scorecard-this-book)=\n## This book" in own
    assert rows(own).keys() == {"tb-x"}
    assert "1 claim ✗ 1 not reproduced" in plain(soup(own).p)
    assert "asked, empirical" in rows(own)["tb-x"]
    assert "Of 1 empirical verdicts, 0 were measured again" in own
    assert "laws" not in firm_sentence(asking.ours)
    assert sentences(asking.ours) == (firm_sentence(asking.ours), chance_sentence(asking.ours))
    claim = replace(asking.records[-1].claim, no_effect=None)
    uncompared = replace(asking, records=(replace(asking.records[-1], claim=claim),))
    assert sentences(uncompared) == (firm_sentence(uncompared),)


def test_questions_of_this_book_are_corrected_among_themselves(asking: Findings) -> None:
    clear = measured(asking, 3.0, 2.5, 3.6)
    many = (clear.records[-1],) * 40  # each of which would make the others' surprises cheaper
    crowded = replace(clear, records=(*clear.records, *many))
    assert crowded.papers.comparisons == clear.papers.comparisons
    assert crowded.papers.records == clear.papers.records
    assert chance_sentence(crowded.papers) == chance_sentence(clear.papers)
    for paper in PAPERS.values():
        assert all(r.claim.paper != paper for r in crowded.ours.records)


def test_the_tables_of_chapters_name_questions_of_this_book_apart(
    executed_once: Project, asking: Findings
) -> None:
    entries = list_chapters(executed_once)
    assert "| = 1 checked; our own questions: ✗ 1 not reproduced |" in readme_table(
        entries, asking, {}
    )
    alone = replace(asking, records=asking.records[-1:])
    assert "| – | our own questions: ✗ 1 not reproduced |" in readme_table(entries, alone, {})
    assert "| – | our own questions: " in chapters_fragment(entries, alone, {})


def test_the_labels_of_sources_are_explained(findings: Findings) -> None:
    names = [term.text for term in soup(scorecard(findings)).select(".rl-sources dt")]
    assert names == ["found", "known", "reconstructed", "asked"]


def test_how_firm_a_verdict_is_is_drawn_and_said(findings: Findings) -> None:
    firm = again(findings, REPRODUCED=17, PARTLY=3)
    page = soup(scorecard(firm))
    assert "reproduced in 17 of 20 fresh blocks of 8 seeds, partly in 3." in plain(page)
    parts = page.select(".rl-bar span")
    assert [(part["class"], part["style"]) for part in parts] == [
        (["rl-reproduced"], "flex-grow:17"),
        (["rl-partly"], "flex-grow:3"),
    ]
    assert page.select(".rl-not-firm") == []
    assert "1 were measured again over fresh blocks of seeds; 1 are firm" in firm_sentence(firm)
    assert "at least 15 of 20 blocks" in firm_sentence(firm)


def test_a_verdict_that_is_not_firm_says_so_on_its_badge_and_wherever_it_is_counted(
    executed_once: Project, findings: Findings
) -> None:
    shaky = again(findings, REPRODUCED=14, PARTLY=6)
    page = soup(scorecard(shaky))
    (badge,) = page.select(".rl-badge.rl-not-firm")
    assert plain(badge) == "✓ reproduced, not firm"
    assert plain(page.select_one(".rl-first p")).endswith("✓ 1 reproduced 1 not firm")
    entries = list_chapters(executed_once)
    assert "✓ 1 reproduced (1\xa0not\xa0firm)" in readme_table(entries, shaky, {})
    assert "(1\xa0not\xa0firm)" in chapters_fragment(entries, shaky, {})
    assert "0 are firm" in firm_sentence(shaky)


def test_what_could_be_chance_is_counted_and_marked(findings: Findings) -> None:
    alone = measured(findings, 2.5, 1.1, 5.6)
    assert alone.records[0].verdict is Verdict.PARTLY
    nothing = measured(findings, 1.0, 0.5, 2.0).records[0]
    others = tuple(
        replace(nothing, claim=replace(nothing.claim, id=f"rc-other-{k}")) for k in range(20)
    )
    chance = replace(alone, records=(*alone.records, *others))  # one of many is no surprise
    marks = soup(scorecard(chance)).select("p.rl-chance")
    assert len(marks) == 1
    assert "not told apart from no effect (1)" in plain(marks[0])
    assert "marked: 1." in chance_sentence(chance)

    clear = measured(findings, 3.0, 2.5, 3.6)
    assert soup(scorecard(clear)).select("p.rl-chance") == []
    assert "1 of them differ from no effect" in chance_sentence(clear)
    assert "marked: 0." in chance_sentence(clear)
    assert "not compared: 1." in chance_sentence(findings)  # a range of runs


def test_a_paper_without_claims_says_so(findings: Findings) -> None:
    assert "No claim" in paper_claims(findings, [])


def test_nothing_tested_is_a_scorecard_too(tmp_path: Path) -> None:
    page = soup(scorecard(read_findings(make_project(tmp_path / "project"))))
    assert len(page.select("li.rl-row.rl-not-tested")) == 3
    assert page.select("li.rl-row .rl-id a") == []


def test_the_chapters_of_the_book_stand_by_paper_and_our_own_questions_apart(
    executed_once: Project, findings: Findings
) -> None:
    entries = list_chapters(executed_once)
    own = chapters_fragment(entries, findings, {}).splitlines()
    assert own[0] == "**Our own questions**"
    paper = PAPERS["regime-change"]
    lines = chapters_fragment(entries, findings, {"10_tiny": paper}).splitlines()
    assert lines[0] == "**[Regime change](paper-regime-change.md)**"
    assert lines[1:] == own[1:]
    assert lines[2] == "| Chapter | The papers’ own empirical claims | Other claims |"
    link, first, other = lines[4].strip("| ").split(" | ")
    assert link == "{doc}`A tiny chapter </notebooks/10_tiny>`"
    assert plain(soup(first)) == "✓ 1 reproduced"
    assert plain(soup(other)) == "= 1 checked"


def test_lines_know_what_a_filter_asks_for_and_filters_offer_what_occurs(
    findings: Findings,
) -> None:
    page = soup(scorecard(again(findings, REPRODUCED=17, PARTLY=3)))
    known = {
        plain(row.select_one(".rl-id")): {
            name.removeprefix("data-"): value
            for name, value in row.attrs.items()
            if name.startswith("data-")
        }
        for row in page.select("li.rl-row")
    }
    assert known["rc-tiny-ratio"] == {
        "paper": "Regime change",
        "kind": "empirical",
        "verdict": "reproduced",
        "firmness": "firm",
        "source": "found",
    }
    assert known["rc-tiny-steps"]["firmness"] == "no seed can turn it"
    (form,) = page.select("form.rl-filter[hidden]")  # without a script it would do nothing
    for field in form.select("select"):
        offered = [option.text for option in field.select("option")][1:]
        used = {own[str(field["name"])] for own in known.values()}
        assert used <= set(offered)


def test_the_table_of_chapters_for_the_readme(executed_once: Project, findings: Findings) -> None:
    entries = list_chapters(executed_once)
    assert run_seconds(executed_once, entries).keys() == {"10_tiny"}
    table = readme_table(entries, findings, {"10_tiny": 95.0})
    assert table.splitlines() == [
        "| chapter | the papers' own empirical claims | other claims | minutes |",
        "| --- | --- | --- | --- |",
        "| [A tiny chapter](notebooks/10_tiny.ipynb) | ✓ 1 reproduced | = 1 checked | 2 |",
    ]
    assert "| < 1 |" in readme_table(entries, findings, {"10_tiny": 59.0})
    assert readme_table(entries, findings, {}).endswith("| – |")
    without = replace(findings, records=findings.records[1:])
    assert "| – | = 1 checked |" in readme_table(entries, without, {})


def test_long_runs_are_counted_beside_the_quick_ones(
    executed_once: Project, findings: Findings
) -> None:
    claims = {record.claim.id: record.claim for record in findings.records}
    large = {
        name: as_measurement(
            claims[name], Estimate(value, value, value, 3, "3 seeds", Method.RANGE, unit)
        )
        for name, value, unit in (("rc-tiny-ratio", 9.0, "1"), ("rc-tiny-steps", 900, "steps"))
    }
    both, entries = replace(findings, large=large), list_chapters(executed_once)
    (line,) = (x for x in readme_table(entries, both, {}).splitlines() if "10_tiny" in x)
    assert "; at larger scale ▲ 1 more than claimed | = 1 checked; at" in line
    assert "; at larger scale ≠ 1 failed |" in line
    (line,) = (x for x in chapters_fragment(entries, both, {}).splitlines() if "10_tiny" in x)
    assert line.index("rl-badge") < line.index("at larger scale") < line.rindex("rl-badge")
    said = [row.text for row in soup(scorecard(both)).select(".rl-result") if "scale" in row.text]
    assert len(said) == 2
    assert "more than claimed" in said[0]
    assert "failed" in said[1]
