"""Definitions are written as text; a text that is none is refused in one sentence."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.errors import RegimeError
from regime_lib.instrument import Definition, time_scale
from tests.sentences import refusal

KINDS = ("peak", "first", "init", "range", "floor", "cum", "end", "start")


@given(kind=st.sampled_from(KINDS), level=st.integers(1, 999))
def test_text_and_definition_are_the_same(kind: str, level: int) -> None:
    definition = Definition.parse(f"{kind}@{level / 1000}")
    assert (definition.kind, definition.level) == (kind, level / 1000)
    assert Definition.parse(str(definition)) == definition


@pytest.mark.parametrize("kind", ["auc", "auc0", "fit"])
def test_area_and_fit_have_no_level(kind: str) -> None:
    assert Definition.parse(kind).level is None
    assert str(Definition.parse(kind)) == kind
    refusal(f"write it as '{kind}'", lambda: Definition.parse(f"{kind}@0.5"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_level_left_out_is_the_usual_one(kind: str) -> None:
    assert Definition.parse(kind).level == (0.9 if kind in ("cum", "start") else 0.1)


@pytest.mark.parametrize("text", ["", "peek@0.1", "@0.1", "peak 0.1", "Peak@0.1"])
def test_an_unknown_definition_is_refused_with_the_known_ones(text: str) -> None:
    message = refusal(repr(text), lambda: Definition.parse(text))
    assert all(kind in message for kind in (*KINDS, "auc", "auc0", "fit"))


@pytest.mark.parametrize("level", ["0", "1", "-0.1", "1.5", "nan", "inf", "x", "0.1@0.2", "10%"])
def test_a_level_that_is_no_share_is_refused(level: str) -> None:
    refusal("between 0 and 1", lambda: Definition.parse(f"peak@{level}"))


@pytest.mark.parametrize("window", [0, -3])
def test_an_empty_window_is_refused(window: int) -> None:
    refusal("at least 1", lambda: Definition.parse("peak@0.1", window=window))


def test_a_definition_made_by_hand_is_checked_too() -> None:
    steps, values = np.arange(100), np.exp(-np.arange(100) / 10)
    with pytest.raises(RegimeError):
        time_scale(steps, values, Definition("peek", 0.1))
    with pytest.raises(RegimeError):
        time_scale(steps, values, Definition("peak", None))
    with pytest.raises(RegimeError):
        time_scale(steps, values, Definition("peak", 2.0))


def test_each_definition_names_its_series() -> None:
    of = {kind: Definition.parse(kind).quantity for kind in (*KINDS, "auc", "auc0", "fit")}
    assert of.pop("end") == "from_end"
    assert of.pop("start") == "from_start"
    assert set(of.values()) == {"change"}
