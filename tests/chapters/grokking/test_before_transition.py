"""Slopes and norms around the jump, on curves whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from regime_lib.chapters.grokking.before_transition import fall_rates, slope_rise
from tests.sentences import refusal

STEPS = np.array([0, 1, 50, 90, 100, 200])


def test_the_larger_layer_counts_before_and_the_highest_check_after() -> None:
    first = np.array([0.0, -0.3, -0.1, 0.9, 0.4, 0.5])
    second = np.array([0.0, 0.1, 0.1, 0.2, 0.3, np.nan])
    slopes = np.stack([first, second])[:, :, None].repeat(2, axis=2)
    plateau = np.array([0, 1, 1, 0, 0, 0], dtype=bool)[:, None].repeat(2, axis=1)
    found = slope_rise(STEPS, slopes, plateau, np.array([95.0, np.nan]))
    np.testing.assert_allclose(found.before, 0.2)
    np.testing.assert_array_equal(found.peak, [0.5, np.nan])
    assert found.ratio[0] == pytest.approx(0.4)


def test_a_norm_that_falls_by_two_powers_has_two_rates() -> None:
    # exact at the checks: interpolation is asked for at steps 90 and 100 only
    slow, fast = 0.001, 0.02
    log_norm = -slow * np.minimum(STEPS, 90) - fast * np.maximum(STEPS - 90, 0)
    found = fall_rates(STEPS, np.exp(log_norm)[:, None], np.array([100.0]))
    assert found.early[0] == pytest.approx(slow)
    assert found.late[0] == pytest.approx(fast)
    assert found.ratio[0] == pytest.approx(20)


def test_a_part_that_is_none_is_refused() -> None:
    norm = np.ones((6, 1))
    refusal("above 0 and below 1", lambda: fall_rates(STEPS, norm, np.array([100.0]), last=1.0))
