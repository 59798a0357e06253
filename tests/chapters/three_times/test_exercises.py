"""The exercises on the multiverse accept right solutions and tell each usual mistake apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from regime_lib.chapters.three_times import exercises as three_times


def honest(ratios: np.ndarray, bounds: list[str], level: float) -> tuple[float, float]:
    kinds = np.array(bounds)
    surely = ((kinds == "exact") | (kinds == "lower")) & (ratios > level)
    surely_not = ((kinds == "exact") | (kinds == "upper")) & (ratios <= level)
    return float(surely.mean()), float(1 - (surely | surely_not).mean())


def careless(ratios: np.ndarray, bounds: list[str], level: float) -> tuple[float, float]:
    return float((ratios > level).mean()), 0.0


def only_exact(ratios: np.ndarray, bounds: list[str], level: float) -> tuple[float, float]:
    kinds = np.array(bounds)
    return float(((kinds == "exact") & (ratios > level)).mean()), float((kinds != "exact").mean())


def none_left_open(ratios: np.ndarray, bounds: list[str], level: float) -> tuple[float, float]:
    return honest(ratios, bounds, level)[0], 0.0


def counted(states: np.ndarray) -> float:
    return float((states[1:] != states[:-1]).sum() / (states[0] != states[-1]).sum())


def of_the_bits(states: np.ndarray) -> float:
    return float((states[1:] != states[:-1]).sum() / states.shape[1])


ONES = np.ones(20)


@pytest.mark.parametrize(
    ("check", "solution", "says"),
    [
        (three_times.share_above, honest, "solved"),
        (three_times.share_above, careless, "upper bound"),
        (three_times.share_above, only_exact, "lower bound of 5"),
        (three_times.share_above, none_left_open, "leave it open"),
        (three_times.headline, lambda: np.r_[np.ones(19), 60.0], "solved"),
        (three_times.headline, lambda: ONES, "mean is 1.00"),
        (three_times.headline, lambda: 4 * ONES, "median is 4.00"),
        (three_times.headline, lambda: np.r_[np.ones(12), np.full(8, 9.0)], "fewer can do it"),
        (three_times.headline, lambda: ONES[:5], "twenty"),
        (three_times.flips_per_net_flip, counted, "solved"),
        (three_times.flips_per_net_flip, of_the_bits, "three flips"),
        (three_times.between_floors, lambda: 0.1, "solved"),
        (three_times.between_floors, lambda: 0.5, "both settle"),
        (three_times.between_floors, lambda: 0.04, "not even the patterns"),
        (three_times.between_floors, lambda: 2.0, "between 0 and 1"),
    ],
)
def test_right_solutions_pass_and_wrong_ones_learn_why(
    check: Callable[..., None], solution: Any, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    check(solution)
    assert says in capsys.readouterr().out
