"""The sixteen definitions of chapter 23, applied to one series."""

from __future__ import annotations

import numpy as np
import pytest

from regime_lib.instrument.settling.candidates import DEFINITIONS, settling_time
from regime_lib.instrument.settling.definitions import Definition


def test_there_are_sixteen() -> None:
    assert len(set(DEFINITIONS)) == len(DEFINITIONS) == 16
    assert all(str(Definition.parse(text)).startswith(text) for text in DEFINITIONS)


def test_a_step_down_settles_where_it_is() -> None:
    steps = np.arange(1, 2001)
    values = np.where(steps < 500, 1.0, 1e-6)
    time, censored = settling_time(steps, values, "peak@0.1")
    assert not censored
    assert 500 <= time <= 551  # the trailing mean is 51 steps long


@pytest.mark.parametrize("stride", [1, 5])
def test_the_window_is_in_steps_not_in_observations(stride: int) -> None:
    steps = np.arange(1, 4001, stride)
    values = np.exp(-steps / 300.0)
    time, censored = settling_time(steps, values, "peak@0.1")
    assert not censored
    assert time == pytest.approx(300 * np.log(10) + 25, rel=0.05)


def test_what_never_falls_is_censored_at_the_end() -> None:
    steps = np.arange(1, 501)
    assert settling_time(steps, np.ones(500), "peak@0.1") == (500.0, True)
