"""The exercises on tracking accept right solutions and tell each usual mistake apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from regime_lib.chapters.tracking import exercises_mlp as tracking_mlp


def first_crossing(values: np.ndarray, q: float) -> int:
    return int(np.argmax(values <= q * values.max()))


def crossing_after_the_peak(values: np.ndarray, q: float) -> int:
    peak = int(values.argmax())
    return peak + int(np.argmax(values[peak:] <= q * values.max()))


def for_good(values: np.ndarray, q: float) -> int:
    return int(np.flatnonzero(values > q * values.max())[-1]) + 1


def law(scale: float, change: float, mean: float) -> float:
    return float(np.arctan(change / scale) / np.pi * np.exp(-0.5 * (mean / scale) ** 2))


def decay(floor: float, tau: float, length: int = 400) -> np.ndarray:
    return floor + (1 - floor) * np.exp(-np.arange(length) / tau)


@pytest.mark.parametrize(
    ("check", "solution", "says"),
    [
        (tracking_mlp.smallest_change, lambda samples, units: 1 / (samples * units), "solved"),
        (tracking_mlp.smallest_change, lambda samples, units: 1 / units, "many samples"),
        (tracking_mlp.smallest_change, lambda samples, units: 1 / samples, "a single flip"),
        (tracking_mlp.settling_time, for_good, "solved"),
        (tracking_mlp.settling_time, first_crossing, "last value above"),
        (tracking_mlp.settling_time, crossing_after_the_peak, "last value above"),
        (tracking_mlp.settling_time, lambda values, q: for_good(values, q) - 1, "is 22"),
        (tracking_mlp.censored_series, lambda: decay(0.2, 40), "solved"),
        (tracking_mlp.censored_series, lambda: decay(0.0, 40), "settles at step"),
        (tracking_mlp.censored_series, lambda: decay(0.9, 40), "three times as high"),
        (tracking_mlp.censored_series, lambda: decay(0.2, 40, 50), "at least 200"),
        (tracking_mlp.censored_series, lambda: -decay(0.2, 40), "never below 0"),
        (tracking_mlp.flip_share, law, "solved"),
        (tracking_mlp.flip_share, lambda s, d, m: law(s, d, 0.0), "Fewer samples"),
        (tracking_mlp.flip_share, lambda s, d, m: np.pi * law(s, d, m), "Start from arctan"),
    ],
)
def test_right_solutions_pass_and_wrong_ones_learn_why(
    check: Callable[..., None], solution: Any, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check(solution)
    line = capsys.readouterr().out
    assert says in line
    assert line.count("\n") == 1
