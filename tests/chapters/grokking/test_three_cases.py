"""Three cases side by side: the worst of them, and the committed run as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from regime_lib.chapters.grokking import figures as draw
from regime_lib.chapters.grokking.three_cases import ThreeCases, least, three_cases
from regime_lib.companion.book.project import Project
from regime_lib.companion.figures.theme import Theme
from regime_lib.companion.publish.evidence import published_evidence
from regime_lib.estimate import Estimate, median, no_number

ROOT = Path(__file__).resolve().parents[3]
TABLES = published_evidence("62_grokking", Project(ROOT)).tables


def factor(middle: float) -> Estimate:
    return median([0.9 * middle, middle, 1.1 * middle], over="3 runs")


OWN = {
    "nd-grok-flips-digits": factor(3.0),
    "nd-grok-excess-digits": factor(2.0),
    "nd-grok-flips-modular": factor(1.5),
    "nd-grok-excess-modular": factor(4.0),
}


@pytest.fixture(scope="module")
def found() -> ThreeCases:
    return three_cases(OWN, TABLES, "digits")


def test_the_case_that_fits_worst_decides(found: ThreeCases) -> None:
    flips = found.claims["nd-grok-flips-everywhere"]
    assert (flips.value, flips.low, flips.high) == pytest.approx((1.5, 1.35, 1.65))
    assert flips.over == "3 runs of addition"


def test_mnist_is_the_committed_run(found: ThreeCases) -> None:
    row = TABLES["claims"].set_index("id").loc["nd-grok-excess-digits"]
    there = found.factors["excess"]["MNIST"]
    assert (there.value, there.low, there.high, there.n) == tuple(
        row[["value", "low", "high", "n"]]
    )


def test_a_run_on_mnist_has_no_third_case() -> None:
    found = three_cases(OWN, TABLES, "mnist")
    assert list(found.factors["flips"]) == ["MNIST", "addition"]
    assert not any(one.known for one in found.claims.values())


def test_a_case_without_a_number_leaves_none_of_all() -> None:
    assert not least({"a": factor(1.0), "b": factor(2.0), "c": no_number("3 runs")}).known


@pytest.mark.parametrize("dark", [False, True])
def test_all_cases_are_drawn(found: ThreeCases, dark: bool) -> None:
    assert len(draw.side_by_side(Theme(dark=dark, narrow=dark), found).axes) == 2
    assert "addition 1.50" in draw.side_by_side_alt(found)
