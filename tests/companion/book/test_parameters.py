"""Values are of the declared type and in range, or they are refused in one sentence."""

from __future__ import annotations

import math
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.companion.book.declarations import parse_declarations
from regime_lib.companion.book.parameters import (
    Parameter,
    check_value,
    parse_value,
    refuse_unknown,
    resolve_values,
)
from tests.companion.refusals import refused


def parameter(declaration: str) -> Parameter:
    (found,) = parse_declarations(declaration, "10_x")
    return found


INT = parameter("n: int = 3  # [seeds, -9..1000000]")
FLOAT = parameter("rate: float = 0.1")
TEXT = parameter("name: str = 'a'")
FLAG = parameter("fast: bool = True")
CHOICE = parameter("rule: str = 'sgd'  # [sgd | adam]")
MAYBE = parameter("n: int | None = None  # [2..64]")
LIST = parameter("rates: list[float] = [0.1]  # [0..1]")


@pytest.mark.parametrize(
    ("declared", "text", "value"),
    [
        (INT, "12", 12),
        (INT, " -4 ", -4),
        (INT, "1_000", 1000),
        (FLOAT, "1e-3", 0.001),
        (FLOAT, "2", 2.0),
        (TEXT, "none", "none"),
        (TEXT, "1e-3", "1e-3"),
        (FLAG, "false", False),
        (FLAG, "True", True),
        (CHOICE, "adam", "adam"),
        (MAYBE, "None", None),
        (MAYBE, "8", 8),
        (LIST, "0.1,1", [0.1, 1.0]),
        (LIST, "[0.5, 1e-3]", [0.5, 0.001]),
        (LIST, "[]", []),
    ],
)
def test_text_of_the_command_line_becomes_a_value_of_the_declared_type(
    declared: Parameter, text: str, value: Any
) -> None:
    found = parse_value(declared, text)
    assert found == value
    assert type(found) is type(value)


@given(st.integers(min_value=-9, max_value=1_000_000))
def test_every_integer_in_range_survives_the_command_line(number: int) -> None:
    assert parse_value(INT, str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_float_survives_the_command_line(number: float) -> None:
    found = parse_value(FLOAT, repr(number))
    assert found == number
    assert isinstance(found, float)


@given(st.lists(st.floats(min_value=0, max_value=1)))
def test_every_list_survives_the_command_line(numbers: list[float]) -> None:
    assert parse_value(LIST, repr(numbers)) == numbers


@pytest.mark.parametrize(
    ("declared", "text", "words"),
    [
        (INT, "2.5", ["'n'", "whole number", "'2.5'"]),
        (INT, "1e3", ["'n'", "whole number"]),
        (INT, "none", ["'n'", "whole number"]),
        (FLOAT, "fast", ["'rate'", "a number"]),
        (FLOAT, "nan", ["'rate'", "finite"]),
        (FLOAT, "-inf", ["'rate'", "finite"]),
        (FLAG, "1", ["'fast'", "True or False"]),
        (CHOICE, "sdg", ["'rule'", "sgd, adam"]),
        (INT, "1000001", ["1000001 seeds", "-9..1000000"]),
        (MAYBE, "1", ["2..64"]),
        (LIST, "0.5,2", ["item 1", "0..1"]),
    ],
)
def test_text_that_does_not_fit_is_refused(
    declared: Parameter, text: str, words: list[str]
) -> None:
    with refused(*words):
        parse_value(declared, text)


@given(st.sampled_from(["1e-3", "3e-4", "1e5", "2.5e4", "1E-3"]))
def test_the_trap_of_yaml_is_explained_with_the_cure(text: str) -> None:
    assert yaml.safe_load(text) == text  # the trap: YAML 1.1 reads this as text
    with pytest.raises(ValueError, match="YAML") as caught:
        check_value(FLOAT, text)
    cure = str(caught.value).rsplit("write ", 1)[1]
    assert yaml.safe_load(cure) == float(text)


@pytest.mark.parametrize(
    ("declared", "value", "words"),
    [
        (INT, True, ["whole number", "True"]),
        (INT, 3.0, ["whole number", "3.0"]),
        (FLOAT, True, ["a number"]),
        (FLOAT, "0.1", ["without quotes"]),
        (FLOAT, "fast", ["a number", "'fast'"]),
        (FLOAT, math.nan, ["finite"]),
        (FLOAT, None, ["a number", "None"]),
        (TEXT, 3, ["text", "3"]),
        (LIST, 0.1, ["list of float"]),
        (LIST, "0.1", ["list of float"]),
    ],
)
def test_values_of_another_type_are_refused_in_the_notebook(
    declared: Parameter, value: Any, words: list[str]
) -> None:
    with refused(*words):
        check_value(declared, value)


def test_a_whole_number_is_a_good_float() -> None:
    assert isinstance(check_value(FLOAT, 2), float)


def test_unknown_names_are_refused_with_the_nearest_known_one() -> None:
    with refused("10_x", "'stepz'", "did you mean 'steps'"):
        refuse_unknown("stepz", ["steps", "rate"], "10_x")
    with refused("10_x", "'zzz'", "rate, steps"):
        refuse_unknown("zzz", ["steps", "rate"], "10_x")


def test_what_is_not_given_takes_its_default() -> None:
    assert resolve_values([FLOAT, CHOICE], {"rate": "1e-3"}, "10_x") == {
        "rate": 0.001,
        "rule": "sgd",
    }
    with refused("'rato'", "did you mean 'rate'"):
        resolve_values([FLOAT, CHOICE], {"rato": "1"}, "10_x")
