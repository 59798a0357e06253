"""The exercises on grokking accept right solutions and tell usual mistakes apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from regime_lib.chapters.grokking import exercises as grokking
from tests.chapters.answers import greets_stub


def passage(steps: np.ndarray, curve: np.ndarray, level: float) -> int | None:
    above = np.flatnonzero(curve >= level)
    return int(steps[above[0]]) if len(above) else None


def forgotten(momentum: float, share: float) -> int:
    return 1 if momentum == 1 else math.ceil(math.log(share) / math.log(1 - momentum))


def decayed(lr: float, decay: float, factor: float) -> int:
    return math.ceil(-math.log(factor) / math.log(1 - lr * decay))


def tuned(weights: np.ndarray, first: int = 1, power: int = 2) -> np.ndarray:
    energy = np.abs(np.fft.rfft(weights, axis=1))[:, first:] ** power
    return np.asarray(energy.max(axis=1) / energy.sum(axis=1))


@pytest.mark.parametrize(
    ("check", "solution", "says"),
    [
        (grokking.first_passage, passage, "solved"),
        (grokking.first_passage, lambda s, c, q: int(s[np.argmax(c >= q)]), "no such step"),
        (grokking.first_passage, lambda s, c, q: int(s[c < q][-1]), "is reached at 100"),
        (
            grokking.first_passage,
            lambda s, c, q: int(s[(c > q).argmax()]) if (c > q).any() else None,
            "count equality",
        ),
        (grokking.forgetting, forgotten, "solved"),
        (grokking.forgetting, lambda a, q: forgotten(a, q) - 1, "round up"),
        (grokking.forgetting, lambda a, q: math.ceil(math.log(q) / math.log(1 - a)), "raised"),
        (grokking.decay_time, decayed, "solved"),
        (grokking.decay_time, lambda lr, wd, f: round(math.log(f) / wd), "1 - lr * decay"),
        (grokking.tuning, tuned, "solved"),
        (grokking.tuning, lambda w: tuned(w, first=0), "leave out frequency 0"),
        (grokking.tuning, lambda w: tuned(w, power=1), "square the sizes"),
        (grokking.tuning, lambda w: tuned(w).mean(), "one number for each unit"),
    ],
)
def test_a_check_tells_right_from_wrong(
    check: Callable[[Any], None],
    solution: Callable[..., Any],
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    check(solution)
    assert says in capsys.readouterr().out


def test_an_untouched_stub_is_not_yet_solved(capsys: pytest.CaptureFixture[str]) -> None:
    for check in (
        grokking.first_passage,
        grokking.forgetting,
        grokking.decay_time,
        grokking.tuning,
    ):
        greets_stub(check, capsys)
