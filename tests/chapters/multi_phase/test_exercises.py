"""The exercises on the four phases accept right solutions and tell each usual mistake apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from regime_lib.chapters.multi_phase import exercises as multi_phase


def living(p: float, delta: float) -> float:
    phi = math.atan2(math.sin(delta), p - math.cos(delta))
    return (math.pi / 2 + delta + phi) / (4 * math.pi)


def slide(pull: float, push: float, delta: float) -> tuple[float, float]:
    return push * math.cos(delta) / pull, push * math.sin(delta) ** 2


def plateau(p: float) -> tuple[float, float]:
    return math.log(p) / 2, 2 * math.sqrt(p) / (1 + p)


def accuracy(p: float, delta: float, plus: float, minus: float) -> float:
    half = 2 * (1 + p) / (math.sqrt(p) * math.sin(delta) ** 2 * (plus + minus))
    return half * (math.sqrt(p) - 1)


@pytest.mark.parametrize(
    ("check", "solution", "says"),
    [
        (multi_phase.living_negative, living, "solved"),
        (multi_phase.living_negative, lambda p, delta: 0.25, "A quarter holds for positive"),
        (multi_phase.living_negative, lambda p, d: 2 * living(p, d), "Only half"),
        (multi_phase.sliding, slide, "solved"),
        (multi_phase.sliding, lambda a, b, d: (1.5, 0.0), "0..1"),
        (multi_phase.sliding, lambda a, b, d: (b / a / 2, 0.0), "makes it stay"),
        (multi_phase.sliding, lambda a, b, d: (slide(a, b, d)[0], b), "Put the share"),
        (multi_phase.plateau, plateau, "solved"),
        (multi_phase.plateau, lambda p: (math.log(p), 1.0), "derivative"),
        (multi_phase.plateau, lambda p: (math.log(p) / 2, 2 * math.sqrt(p)), "Average"),
        (multi_phase.accuracy_time, accuracy, "solved"),
        (multi_phase.accuracy_time, lambda p, d, a, b: accuracy(p, d, a, b) / d, "squared"),
        (multi_phase.accuracy_time, lambda p, d, a, b: accuracy(p, d, a, b) / 2, "Solve"),
    ],
)
@pytest.mark.untyped  # thousands of events: too slow with every call checked
def test_right_solutions_pass_and_wrong_ones_learn_why(
    check: Callable[..., None], solution: Any, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check(solution)
    line = capsys.readouterr().out
    assert says in line
    assert line.count("\n") == 1
