"""Cards say their verdict by word and sign, escape what they show, and are well-formed."""

from __future__ import annotations

import dataclasses

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.companion.claims.claims import (
    Change,
    Criterion,
    Definition,
    Kind,
    Source,
    Verdict,
)
from regime_lib.companion.claims.criteria import Range
from regime_lib.companion.claims.firmness import Firmness
from regime_lib.companion.claims.ledger import Measurement
from regime_lib.companion.publish.markup import SIGNS, badge, card, note_of, number, prose
from tests.companion.tiny import a_claim

CLAIM = dataclasses.replace(
    a_claim("[2, 8]"),
    id="rc-tiny-ratio",
    where="Theorem 2 & Fig. 3",
    statement="The `ratio` is < 3.",
    source=Source.RECONSTRUCTED,
    definition=Definition.OURS,
    derivation="rc-derivation-2",
    quantity="ratio of two times",
    varied="start & split",
    held="rate < 1",
    criterion=Criterion(Range("[2, 8]"), "above", 4),
    why="It is written so.",
    changed=(Change("2026-01-02", "reproduced if low < 1", "It was too easy.", seen=False),),
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
        CLAIM.criterion.sentence(Kind.EMPIRICAL),
        "It is written so.",
        "by our definition",
        "start & split",
        "rate < 1",
        "empirical",
        CLAIM.changed[0].sentence,
    ):
        assert words in " ".join(text.split()), words
    assert root.code is not None
    assert root.code.text == "ratio"


def test_a_card_shows_number_criterion_and_other_seeds_and_folds_the_rest() -> None:
    blocks = Firmness({Verdict.REPRODUCED: 20}, Verdict.REPRODUCED, "8 seeds")
    for firmness, measured in ((blocks, True), (None, False)):
        page = soup(card(CLAIM, MEASURED, firmness))
        (folded,) = page.select("details.rl-told")
        names = [name.text for name in folded.extract().select("dt")]
        seen = [name.text for name in page.select("dt")]
        assert seen[:2] == ["Measured", "Criterion"]
        assert ("Other seeds" in seen, "Other seeds" in names) == (measured, not measured)
        assert {"Quantity", "Varied", "Held", "Claimed in", "Source"} <= set(names)


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


def test_a_card_leads_to_the_derivation_in_the_book() -> None:
    (link,) = soup(card(CLAIM, MEASURED)).select("a")
    assert link["href"] == "../book/paper-regime-change.html#rc-derivation-2"


def test_an_identity_has_no_definition_of_ours_to_blame() -> None:
    page = soup(card(dataclasses.replace(CLAIM, kind=Kind.IDENTITY), MEASURED))
    assert "our definition" not in page.text


def test_a_card_says_why_no_fresh_seeds_were_measured_and_what_single_seeds_do() -> None:
    claim = dataclasses.replace(CLAIM, not_repeated="a block takes hours")
    known = Firmness({}, Verdict.REPRODUCED, without={Verdict.REPRODUCED: 5})
    page = soup(card(claim, MEASURED, known))
    assert (
        "how firm the verdict is was not measured: a block takes hours; of the runs that there "
        "are: reproduced without any one of its 5 seeds" in page.text
    )
    badge = page.select_one(".rl-badge")
    assert badge is not None
    assert badge.text.endswith("reproduced")


def test_a_card_says_what_other_seeds_say() -> None:
    silent = soup(card(CLAIM, MEASURED))
    assert "how firm the verdict is was not measured" in silent.text
    for same, firm in ((15, True), (14, False)):
        blocks = {Verdict.REPRODUCED: same, Verdict.PARTLY: 20 - same}
        page = soup(card(CLAIM, MEASURED, Firmness(blocks, Verdict.REPRODUCED, "8 seeds")))
        assert f"reproduced in {same} of 20 fresh blocks of 8 seeds" in page.text
        assert ("so the verdict is not firm" in page.text) is not firm
        head = page.select_one(".rl-badge")
        assert head is not None
        assert head.text.endswith("reproduced" if firm else "reproduced, not firm")
    identity = dataclasses.replace(CLAIM, kind=Kind.IDENTITY)
    assert "firm" not in soup(card(identity, MEASURED)).text


def test_what_is_open_is_not_called_shaky() -> None:
    noted = {verdict for verdict in Verdict if note_of(verdict, firm=False)}
    assert noted == set(Verdict) - {Verdict.UNDETERMINED, Verdict.NOT_TESTED}
    assert not any(note_of(verdict, firm) for verdict in Verdict for firm in (True, None))


def test_a_note_qualifies_a_badge_in_words_and_in_its_look() -> None:
    element = soup(badge(Verdict.REPRODUCED, note="not firm")).span
    assert element is not None
    assert element["class"] == ["rl-badge", "rl-reproduced", "rl-not-firm"]
    assert " ".join(element.text.split()) == "✓ reproduced, not firm"
    assert "rl-not-firm" not in badge(Verdict.REPRODUCED)
