"""The freeze adviser: what it reads off a trace, what it says, and when it refuses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from regime_lib.instrument.settling.candidates import WINDOW
from regime_lib.instrument.settling.freeze_advice import FAILURES, cost_rows, freeze_advice
from tests.companion.refusals import refused


@dataclass(frozen=True)
class Series:
    """A trace that holds one series."""

    values: np.ndarray
    first: int = 1
    quantities: tuple[str, ...] = ("pattern_change",)
    groups: None = None

    def array(self, quantity: str, layer: str = "all") -> tuple[np.ndarray, np.ndarray]:
        assert quantity == "pattern_change"
        return np.arange(self.first, self.first + len(self.values)), self.values[:, None]


def falling(level: float, steps: int = 400) -> Series:
    """A change of one, and then of `level`, for longer than the trailing mean."""
    return Series(np.where(np.arange(steps) < 100, 1.0, level))


def test_rows_cover_levels_in_order() -> None:
    rows = cost_rows()
    assert len(rows) >= 3
    for row in rows:
        assert 0 <= row.above < row.upto <= 1
        assert row.median <= row.most <= row.largest
        assert row.settings >= 2
    assert [row.above for row in rows] == sorted(row.above for row in rows)


@pytest.mark.parametrize("row", cost_rows(), ids=lambda row: f"up to {row.upto:g}")
def test_the_row_of_the_level_is_told(row) -> None:
    advice = freeze_advice(falling((row.above + row.upto) / 2))
    assert advice.row == row
    assert advice.step == 400
    assert advice.level[0] == pytest.approx((row.above + row.upto) / 2)


def test_it_never_says_a_bare_yes() -> None:
    said = str(freeze_advice(falling(0.01)))
    assert "at most" in said
    assert "chapter 24 measured on" in said
    assert "largest" in said
    for failure in FAILURES:
        assert failure in said


def test_the_member_whose_patterns_change_most_counts() -> None:
    both = np.stack([falling(0.01).values, falling(0.2).values], axis=1)

    class Two(Series):
        def array(self, quantity: str, layer: str = "all") -> tuple[np.ndarray, np.ndarray]:
            return np.arange(1, 401), both

    advice = freeze_advice(Two(both[:, 0]))
    assert advice.level == pytest.approx((0.01, 0.2))
    assert advice.row == freeze_advice(falling(0.2)).row


@pytest.mark.parametrize(
    ("trace", "words"),
    [
        (Series(np.ones(WINDOW - 1)), ["advice needs"]),
        (Series(np.ones(200), first=50), ["advice needs"]),
        (Series(np.zeros(200)), ["no pattern has changed"]),
    ],
)
def test_too_little_is_refused(trace: Series, words: list[str]) -> None:
    with refused(*words):
        freeze_advice(trace)


def test_levels_that_were_not_measured_are_refused() -> None:
    gaps = [
        (low.upto + high.above) / 2
        for low, high in zip(cost_rows()[:-1], cost_rows()[1:], strict=True)
        if low.upto < high.above
    ]
    if cost_rows()[-1].upto < 1:
        gaps.append((1 + cost_rows()[-1].upto) / 2)
    for level in gaps:
        with refused("measured too little"):
            freeze_advice(falling(level))
