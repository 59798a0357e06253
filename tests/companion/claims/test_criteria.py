"""Criteria are a small language: what it allows is evaluated like Python, all else is refused."""

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
