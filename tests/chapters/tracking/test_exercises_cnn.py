"""Right answers to the exercises on the CNN pass, and typical wrong ones are told why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from regime_lib.chapters.tracking import exercises_cnn as exercises
from tests.chapters.answers import greets_stub, is_told, passes


def unseen(flips: Any, n: int) -> float:
    return float((flips[:, :n].sum(axis=1) == 0).mean())


def per_net(life: Any) -> float:
    return float((life[1:] != life[:-1]).sum() / (life[0] != life[-1]).sum())


def oui(patterns: Any, pairs: Any) -> float:
    half = patterns.shape[1] // 2
    return float(
        np.minimum((patterns[pairs[0]] != patterns[pairs[1]]).sum(axis=1), half).mean() / half
    )


RIGHT = [
    (exercises.unseen_changes, unseen),
    (exercises.flips_per_net_flip, per_net),
    (exercises.indicator, oui),
]
WRONG = [
    (exercises.unseen_changes, lambda flips, n: float((flips == 0).mean()), "1/4"),
    (exercises.unseen_changes, lambda flips, n: unseen(flips, 99), "one image"),
    (exercises.unseen_changes, lambda flips, n: unseen(flips, min(n, 3)), "none of the first n"),
    (exercises.flips_per_net_flip, lambda life: float((life[0] != life[-1]).mean()), "ratio of 1"),
    (exercises.flips_per_net_flip, lambda life: 1.0, "4 / 2 = 2"),
    (
        exercises.flips_per_net_flip,
        lambda life: per_net(life) if len(life) < 5 else 7.0,
        "Divide all flips",
    ),
    (
        exercises.indicator,
        lambda patterns, pairs: float((patterns[pairs[0]] != patterns[pairs[1]]).mean()),
        "divide by half",
    ),
    (
        exercises.indicator,
        lambda p, q: (
            min(float((p[q[0]] != p[q[1]]).sum(1).mean()), len(p[0]) // 2) / (len(p[0]) // 2)
        ),
        "before you take the mean",
    ),
    (exercises.indicator, lambda p, q: oui(p, q) if p.shape[1] != 5 else 0.8, "round down"),
    (exercises.indicator, lambda p, q: 2.0, "that is 1"),
]


@pytest.mark.parametrize(("check", "answer"), RIGHT, ids=lambda value: value.__name__)
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
