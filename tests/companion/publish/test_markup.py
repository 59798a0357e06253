"""Cards say their verdict by word and sign, escape what they show, and are well-formed."""

from __future__ import annotations

import dataclasses

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.companion.claims.claims import PAPERS, Claim, Criterion, Source, Verdict
from regime_lib.companion.claims.criteria import parse_predicate
from regime_lib.companion.claims.ledger import Measurement, Record
from regime_lib.companion.publish.markup import SIGNS, badge, card, number, prose
from regime_lib.companion.publish.scorecard import paper_claims

CLAIM = Claim(
    id="rc-tiny-ratio",
    paper=PAPERS["regime-change"],
    where="Theorem 2 & Fig. 3",
    chapter="10_tiny",
    statement="The `ratio` is < 3.",
    source=Source.RECONSTRUCTED,
    quantity="ratio of two times",
    unit="1",
    criterion=Criterion(parse_predicate("low >= 2"), parse_predicate("value >= 1.5")),
)
MEASURED = Measurement("rc-tiny-ratio", 3.14159, 2.0, 4.0, 8, "1", Verdict.REPRODUCED)


def soup(markup: str) -> BeautifulSoup:
    return BeautifulSoup(markup, "html.parser")


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_has_a_word_and_a_sign_of_its_own(verdict: Verdict) -> None:
    element = soup(badge(verdict)).span
    assert element is not None
    assert verdict in element.text
    assert SIGNS[verdict] in element.text
    assert len(set(SIGNS.values())) == len(Verdict)


def test_the_card_shows_everything_that_the_contract_asks_for() -> None:
    page = soup(card(CLAIM, MEASURED))
    root = page.div
    assert root is not None
    assert root["id"] == "claim-rc-tiny-ratio"
    assert root["class"] == ["rl-card", "rl-reproduced"]
    text = root.get_text(" ")
    for words in (
        "reproduced",
        "rc-tiny-ratio",
        "The ratio is < 3.",
        "3.142",
        "[2, 4]",
        "n = 8",
        "ratio of two times",
        "Regime change (arXiv 2602.08333)",
        "Theorem 2 & Fig. 3",
        "Reproduced if the lower end of the interval is at least 2; "
        "partly if the measured value is at least 1.5.",
    ):
        assert words in " ".join(text.split()), words
    assert root.code is not None
    assert root.code.text == "ratio"


def test_the_label_of_the_source_explains_itself() -> None:
    for source in Source:
        element = soup(card(dataclasses.replace(CLAIM, source=source), MEASURED)).abbr
        assert element is not None
        assert element.text == source
        assert str(element["title"]).startswith(f"{source}: ")


def test_a_bare_number_shows_neither_interval_nor_runs() -> None:
    bare = dataclasses.replace(MEASURED, low=None, high=None, n=None, unit="steps")
    page = soup(card(CLAIM, bare))
    assert page.select_one(".rl-interval") is None
    assert page.select_one(".rl-runs") is None
    value = page.select_one(".rl-number")
    assert value is not None
    assert value.text == "3.142 steps"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (3.14159, "3.142"),
        (-0.5, "−0.5"),
        (0.0, "0"),
        (12345.6, "12350"),
        (200.0, "200"),
        (1e-9, "1\u2009×\u200910<sup>−9</sup>"),
        (-2.5e-7, "−2.5\u2009×\u200910<sup>−7</sup>"),
    ],
)
def test_numbers_are_written_for_readers(value: float, shown: str) -> None:
    assert number(value) == shown


@given(st.text())
def test_no_text_can_become_markup(text: str) -> None:
    assert soup(prose(text)).find_all(lambda tag: tag.name != "code") == []
    assert "<script" not in prose(text)


def test_a_row_links_to_the_card_where_there_is_one() -> None:
    tested = soup(paper_claims([Record(CLAIM, MEASURED)]))
    assert tested.a is not None
    assert tested.a["href"] == "../notebooks/10_tiny.html#claim-rc-tiny-ratio"
    untested = soup(paper_claims([Record(CLAIM)]))
    assert untested.a is None
    assert "not tested" in untested.text
    assert untested.select_one(".rl-result") is None
