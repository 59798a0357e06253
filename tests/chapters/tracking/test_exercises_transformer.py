"""Right answers to the exercises on Transformers pass, and typical wrong ones are told why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from regime_lib.chapters.tracking import exercises_transformer as exercises
from tests.chapters.answers import greets_stub, is_told, passes


def cosine(n: int) -> Any:
    return (1 + np.cos(np.pi * np.arange(n) / n)) / 2


def drag(patterns: Any, weights: Any) -> Any:
    rate = cosine(len(patterns))
    return patterns * rate, weights * rate


def falling(floor: float, tau: float = 10.0, n: int = 1000) -> Any:
    return floor + (1 - floor) * np.exp(-np.arange(n) / tau)


def average(values: Any, decay: float) -> Any:
    found = [values[0]]
    for value in values[1:]:
        found.append(decay * found[-1] + (1 - decay) * value)
    return np.array(found)


RIGHT = [
    (exercises.dragged_down, drag),
    (exercises.between_two_floors, lambda: (falling(0.03), falling(0.2))),
    (exercises.moving_average, average),
]
WRONG = [
    (exercises.dragged_down, lambda p, w: p, "a pair"),
    (exercises.dragged_down, lambda p, w: (p, w), "from 1 at the first"),
    (exercises.dragged_down, lambda p, w: (p[:10], w[:10]), "400"),
    (
        exercises.dragged_down,
        lambda p, w: (p * np.linspace(1, 0, 1000) ** 2, w * np.linspace(1, 0, 1000) ** 2),
        "1/2",
    ),
    (exercises.dragged_down, lambda p, w: (p * cosine(1000), w), "same rate"),
    (exercises.between_two_floors, lambda: (falling(0.3), falling(0.3)), "patterns should settle"),
    (exercises.between_two_floors, lambda: (falling(0.01), falling(0.01)), "never settle"),
    (exercises.between_two_floors, lambda: (falling(0.01, 150), falling(0.2)), "earlier"),
    (exercises.between_two_floors, lambda: (-falling(0.01), falling(0.2)), "below zero"),
    (exercises.moving_average, lambda v, d: v, "1 - 0.9**t"),
    (exercises.moving_average, lambda v, d: average(v, d)[1:], "as many"),
    (exercises.moving_average, lambda v, d: average(v, d) + 1, "begins at"),
]


@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_right_answers_pass(
    check: Callable, answer: Callable, capsys: pytest.CaptureFixture[str]
) -> None:
    passes(check, answer, capsys)


@pytest.mark.parametrize(("check", "answer", "hint"), WRONG)
def test_wrong_answers_are_told_why(
    check: Callable, answer: Callable, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    is_told(check, answer, hint, capsys)


@pytest.mark.parametrize("check", [check for check, _ in RIGHT])
def test_a_stub_is_answered_kindly(check: Callable, capsys: pytest.CaptureFixture[str]) -> None:
    greets_stub(check, capsys)
