"""Lists and numbers of captions read as in print, and say the numbers that they were given."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.chapters.wording import DEFINED, each, listed, ranging, written
from regime_lib.instrument.settling.candidates import DEFINITIONS


@given(st.floats(-1e300, 1e300))
def test_a_written_number_is_the_number(value: float) -> None:
    said = written(value, ".2e")
    plain = said.replace("−", "-")
    mantissa, times, power = plain.partition("\u2009×\u200910")
    exponent = power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    assert times
    assert math.isclose(float(f"{mantissa}e{exponent}"), value, rel_tol=0.006, abs_tol=1e-299)


def test_numbers_are_written_as_in_print() -> None:
    assert written(-2.03, ".2f") == "−2.03"
    assert written(1e-6, ".1g") == "10⁻⁶"
    assert written(np.int64(12345), ",d") == "12,345"


@pytest.mark.parametrize(
    ("words", "said"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (list("abc"), "a, b and c")],
)
def test_words_are_joined(words: list[str], said: str) -> None:
    assert listed(words) == said


def test_numbers_come_with_what_they_are_of_or_as_a_range() -> None:
    assert each({"SGD": 0.5, "Adam": -1.0}, ".1f") == "0.5 (SGD) and −1.0 (Adam)"
    assert each({"runs": 3}, "d") == "3 (runs)"
    assert ranging([2.0, 0.5, 1.0], ".1f") == "0.5 to 2.0"
    assert ranging([1.001, 1.002], ".1f") == "1.0"


def test_every_definition_of_settled_has_words_of_its_own() -> None:
    assert list(DEFINED) == list(DEFINITIONS)
    assert len(set(DEFINED.values())) == len(DEFINED)
