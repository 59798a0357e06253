"""Criteria are a small language: evaluated like Python, said in words, and all else is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.companion.claims.criteria import Predicate, parse_predicate
from regime_lib.errors import RegimeError
from tests.companion.refusals import refused

NUMBERS = st.one_of(st.integers(-5, 5), st.floats(-5, 5).map(lambda x: round(x, 3)))
LEAVES = st.one_of(NUMBERS.map(str), st.sampled_from(["value", "low", "high", "n"]))
TERMS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        inner.map(lambda t: f"abs({t})"),
        inner.map(lambda t: f"-({t})"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(
            lambda t: f"{t[0]}({t[1]}, {t[2]})"
        ),
    ),
    max_leaves=5,
)
COMPARISONS = st.tuples(
    TERMS,
    st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    TERMS,
    st.sampled_from(["<", ">="]),
    TERMS,
).map(" ".join)
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({' '.join(t)})"),
        inner.map(lambda t: f"(not {t})"),
    ),
    max_leaves=4,
)
QUANTITIES = st.fixed_dictionaries(
    {
        "value": st.floats(-3, 3),
        "low": st.floats(-3, 3),
        "high": st.floats(-3, 3),
        "n": st.integers(1, 9),
    }
)


@given(CONDITIONS, QUANTITIES)
def test_every_condition_means_what_it_means_in_python(
    text: str, quantities: dict[str, float]
) -> None:
    try:
        expected = eval(text, {"abs": abs, "min": min, "max": max}, dict(quantities))
    except ZeroDivisionError:
        with refused("divides by zero"):
            parse_predicate(text).holds(quantities)
        return
    assert parse_predicate(text).holds(quantities) is bool(expected)


@given(CONDITIONS)
def test_the_names_are_those_that_the_text_asks_for(text: str) -> None:
    names = {name for name in ("value", "low", "high") if name in text}
    assert parse_predicate(text).names - {"n"} == names


@pytest.mark.parametrize(
    "text",
    [
        "value",
        "value + 1",
        "1",
        "True",
        "value >= True",
        "value > 'a'",
        "value ** 2 > 1",
        "value // 2 > 1",
        "value % 2 > 1",
        "~n > 1",
        "value in (1, 2)",
        "value is low",
        "mean > 2",
        "value.real > 1",
        "value[0] > 1",
        "__import__('os').system('true') > 0",
        "open('x') > 0",
        "abs(value, 2) > 1",
        "abs(x=value) > 1",
        "min(value) > 1",
        "round(value) > 1",
        "(lambda: 1)() > 0",
        "[value > 1]",
        "value > 1 if low else high > 2",
        "(value := 3) > 2",
        "(value > 1) + 1 > 0",
        "value > 1 and low",
        "f'{value}' > 'a'",
        "value >",
        "",
        "value > 1; low > 2",
    ],
)
def test_everything_else_is_refused_when_the_claims_are_read(text: str) -> None:
    with refused("criterion"):
        parse_predicate(text)


def test_no_predicate_exists_that_was_not_checked() -> None:
    with refused("criterion"):
        Predicate("print(value) > 0")


NAMES = ["value", "low", "n", "x", "abs", "min", "lambda", "and", "or", "not"]
TOKENS = st.sampled_from([*NAMES, "2", "0.5", *"()+-*/<,[].:", "**", ">=", "=="])


@given(st.one_of(st.text(max_size=40), st.lists(TOKENS, max_size=9).map(" ".join)))
def test_any_text_is_either_a_condition_or_refused(text: str) -> None:
    try:
        predicate = parse_predicate(text)
    except RegimeError:
        return
    assert predicate.names <= {"value", "low", "high", "n"}
    assert isinstance(predicate.holds({"value": 1.5, "low": 1.0, "high": 2.5, "n": 3}), bool)


@pytest.mark.parametrize("content", [True, 3, None, ["value > 1"]])
def test_a_criterion_is_text(content: object) -> None:
    with refused("must be text"):
        parse_predicate(content)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("low >= 2", "the lower end of the interval is at least 2"),
        ("2 <= low", "the lower end of the interval is at least 2"),
        ("0.5 > value", "the measured value is below 0.5"),
        ("value == 4", "the measured value equals 4"),
        ("4 != value", "the measured value differs from 4"),
        ("0.9 <= value <= 1.1", "the measured value lies between 0.9 and 1.1"),
        ("0 < value < 1", "the measured value lies strictly between 0 and 1"),
        (
            "0 < value <= 1",
            "the measured value is above 0 and the measured value is at most 1",
        ),
        (
            "low >= 2 and n >= 5",
            "the lower end of the interval is at least 2 and the number of runs is at least 5",
        ),
        (
            "value > 1 or (low > 0 and n > 2)",
            "the measured value is above 1 or (the lower end of the interval is above 0 and the "
            "number of runs is above 2)",
        ),
        ("not value > 1", "it is not the case that the measured value is above 1"),
        ("abs(value - 1) < 0.05", "|the measured value − 1| is below 0.05"),
        (
            "high - low <= 2 * value",
            "the upper end of the interval − the lower end of the interval is at most "
            "2 × the measured value",
        ),
        (
            "value / (low + 1) > -2",
            "the measured value / (the lower end of the interval + 1) is above −2",
        ),
        ("min(low, 1) > 0", "the smallest of (the lower end of the interval, 1) is above 0"),
        ("value < 1e-8", "the measured value is below 1e-08"),
    ],
)
def test_criteria_in_words(text: str, words: str) -> None:
    assert parse_predicate(text).words == words
