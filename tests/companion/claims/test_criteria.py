"""Ranges are intervals as they are written; a measured interval has one position in them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.companion.claims.criteria import Position, Range
from regime_lib.errors import RegimeError
from tests.companion.refusals import refused

ENDS = st.integers(-3, 3)
BRACKETS = st.tuples(st.sampled_from("[("), st.sampled_from(")]"))


@st.composite
def ranges(draw: st.DrawFn) -> Range:
    low, high = sorted((draw(ENDS), draw(ENDS)))
    opening, closing = draw(BRACKETS) if low < high else ("[", "]")
    left = "-inf" if draw(st.booleans()) and low < high else low
    right = "inf" if draw(st.booleans()) and low < high else high
    return Range(f"{opening}{left}, {right}{closing}")


# On a grid of quarters every case of ends that touch occurs, and membership can be counted out.
QUARTERS = st.integers(-16, 16).map(lambda k: k / 4)


def holds(one: Range, x: float) -> bool:
    """Whether x lies in the range, read off its text."""
    low, high = (float(end) for end in one.text[1:-1].split(","))
    left = x >= low if one.text[0] == "[" else x > low
    return left and (x <= high if one.text[-1] == "]" else x < high)


@given(ranges(), QUARTERS)
def test_a_range_holds_what_its_brackets_say(one: Range, x: float) -> None:
    assert (x in one) is holds(one, x)


@given(ranges(), QUARTERS, QUARTERS)
def test_the_position_agrees_with_counting_points(one: Range, a: float, b: float) -> None:
    low, high = sorted((a, b))
    fine = [low + k / 32 for k in range(int(32 * (high - low)) + 1)]  # exact in binary
    inside = [holds(one, x) for x in fine]
    position = one.position(low, high)
    if all(inside):
        assert position is Position.INSIDE
    elif any(inside):
        beyond = low <= one.low and high >= one.high and math.isfinite(one.low + one.high)
        assert position is (Position.WIDER if beyond else Position.OVERLAPPING)
    else:
        middle = max(min(one.high, 4), -4) if math.isinf(one.low) else max(one.low, -4)
        expected = Position.BELOW if low < middle or high <= one.low else Position.ABOVE
        assert position is expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[2, 4.5]", "lies between 2 and 4.5"),
        ("( -0.5 , 4.5 ]", "lies between −0.5 and 4.5"),
        ("[2, inf)", "is at least 2"),
        ("(2, inf)", "is above 2"),
        ("(-inf, 1e-6]", "is at most 1e−06"),
        ("(-inf, 1)", "is below 1"),
        ("[0, 0]", "equals 0"),
        ("(-inf, inf)", "is any number"),
    ],
)
def test_ranges_in_words(text: str, words: str) -> None:
    assert Range(text).words == words


def test_a_range_is_written_in_one_way() -> None:
    assert Range(" [2,4.5) ") == Range("[2, 4.5)")
    assert str(Range("[2,4.5)")) == "[2, 4.5)"
    assert -math.inf not in Range("[-inf, 0]")


@pytest.mark.parametrize(
    "text", ["", "2, 4", "[2 4]", "[2, 4", "low >= 2", "[a, b]", "[2, 4, 5]", "[nan, 1]", "]2, 4["]
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with refused("is no range", "'[2, 4.5]'"):
        Range(text)


@pytest.mark.parametrize("text", ["[4, 2]", "(2, 2]", "[inf, inf]", "(inf, -inf)"])
def test_empty_ranges_are_refused(text: str) -> None:
    with refused("is empty"):
        Range(text)


@given(st.text(max_size=20))
def test_any_text_is_either_a_range_or_refused(text: str) -> None:
    try:
        found = Range(text)
    except RegimeError:
        return
    assert found.low <= found.high
