"""Settling: where the tolerance is met, where only noise is left, and where neither is so."""

from __future__ import annotations

import numpy as np
import pytest

from regime_lib.simulators.deep_linear.initialisation import decoupled_init, random_init
from regime_lib.simulators.deep_linear.problem import LinearTask
from regime_lib.simulators.deep_linear.settle import settle
from tests.companion.refusals import refused

TASK = LinearTask.diagonal([3.0, 2.0, 1.0])


def stack(scale: float = 0.5, runs: int = 4) -> tuple[np.ndarray, ...]:
    return random_init((3, 3, 3), scale, np.random.default_rng(0), runs=runs)


def test_it_stops_where_the_gradient_has_the_tolerance() -> None:
    path = settle(stack(), TASK, tolerance=1e-6, detail=3)
    assert path.outcome == "settled"
    assert str(path).startswith("settled: the gradient fell to 1.0e-06")
    assert path.speeds[-1].max() == pytest.approx(1e-6, rel=1e-3)
    assert (path.speeds[:-1].max(axis=1) > 1e-6).all()
    assert (np.diff(path.times) > 0).all()
    brief = settle(stack(), TASK, tolerance=1e-6)
    assert len(brief.times) == 2
    assert brief.times[-1] == pytest.approx(path.times[-1], rel=1e-9)


@pytest.mark.parametrize("detail", [0, 2])
def test_a_tolerance_below_the_noise_ends_at_the_noise_floor(detail: int) -> None:
    path = settle(stack(), TASK, tolerance=1e-13, rtol=1e-6, atol=1e-8, detail=detail)
    assert path.outcome == "noise floor"
    assert path.times[-1] < 1e4  # long before the latest time
    assert 1e-13 < path.speeds[-1].max() < 1e-3
    assert path.losses[-1] == pytest.approx(np.zeros(4), abs=1e-9)  # it is at the minimum
    assert "noise floor" in str(path)
    assert "lower rtol and atol" in str(path)


def test_the_noise_floor_is_lower_at_a_finer_tolerance() -> None:
    rests = [
        settle(stack(runs=1), TASK, tolerance=1e-13, rtol=rtol, atol=rtol / 100).speeds[-1].max()
        for rtol in (1e-5, 1e-7)
    ]
    assert rests[1] < 0.1 * rests[0]


def test_a_long_saddle_is_no_noise() -> None:
    """Near a saddle that lasts for thousands of steps the gradient falls slowly, then rises."""
    strengths = np.array([[3.0 ** (1 / 3), 2.0 ** (1 / 3), 2e-3]] * 3)
    start = decoupled_init(TASK, (3, 3, 3, 3), strengths)
    shaken = random_init((3, 3, 3, 3), 1e-5, np.random.default_rng(0))
    start = tuple(a + b for a, b in zip(start, shaken, strict=True))
    path = settle(start, TASK, detail=1, tolerance=1e-7)
    assert path.outcome == "settled"
    assert path.times[-1] > 450  # it takes about 1 / (σ a) to get away
    assert len(path.times) > 1000
    assert path.losses[-1] == pytest.approx(0, abs=1e-12)


def test_a_member_that_rests_waits_for_the_others() -> None:
    slow = np.array([[3.0 ** (1 / 3), 2.0 ** (1 / 3), 4e-3]] * 3)
    fast = np.array([[1.0, 1.0, 1.0]] * 3)
    starts = [decoupled_init(TASK, (3, 3, 3, 3), strengths) for strengths in (slow, fast)]
    both = tuple(np.stack(pair) for pair in zip(*starts, strict=True))
    path = settle(both, TASK, tolerance=1e-13, rtol=1e-6, atol=1e-9)
    assert path.outcome == "noise floor"
    assert path.losses[-1] == pytest.approx(np.zeros(2), abs=1e-9)


@pytest.mark.parametrize("detail", [0, 1, 4])
def test_what_does_not_settle_in_time_is_refused(detail: int) -> None:
    with refused("not settled"):
        settle(stack(), TASK, longest=0.1, detail=detail)


def test_a_critical_start_is_refused() -> None:
    with refused("critical already"):
        settle((TASK.target,), TASK)
