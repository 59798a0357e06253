"""Plateaus are found where they were put, and only there."""

from __future__ import annotations

import numpy as np

from regime_lib.simulators.deep_linear.plateaus import find_plateaus, match_plateaus
from regime_lib.simulators.deep_linear.solutions import sigmoid_of_depth_two
from tests.companion.refusals import refused

TIMES = np.linspace(0, 60, 6001)


def falling(moments: tuple[float, ...], heights: tuple[float, ...]) -> np.ndarray:
    """A loss that falls by given heights at given moments, each within about a unit of time."""
    return sum(h / (1 + np.exp(4 * (TIMES - m))) for m, h in zip(moments, heights, strict=True))


def test_plateaus_are_found_between_transitions() -> None:
    losses = falling((15, 30, 45), (4.0, 2.0, 1.0))
    found = find_plateaus(TIMES, losses, (abs(np.gradient(losses, TIMES)) + 1e-10) ** 0.5)
    np.testing.assert_allclose(found.losses, [7, 3, 1], rtol=1e-6)
    match = match_plateaus(found, np.array([7.0, 3.0, 1.0]))
    assert match.nearest.tolist() == [0, 1, 2]
    assert match.missed == ()
    assert match.worst < 1e-6


def test_a_smooth_fall_has_no_plateau_but_its_start() -> None:
    strength = sigmoid_of_depth_two(TIMES, 1.0, 1e-4)
    losses = 0.5 * (1 - strength) ** 2
    found = find_plateaus(TIMES, losses, np.maximum(strength**0.5 * (1 - strength), 1e-300))
    assert found.losses.tolist() == [losses[0]]
    match = match_plateaus(found, np.array([0.5, 0.2]))
    assert match.missed == (0.2,)
    assert match.worst == 1.0


def test_a_small_dent_is_no_plateau() -> None:
    losses = falling((15,), (1.0,))
    speeds = np.exp(-abs(TIMES - 15) / 5) * (1 + 0.2 * np.sin(3 * TIMES))
    assert len(find_plateaus(TIMES, losses, speeds).losses) == 1
    assert len(find_plateaus(TIMES, losses, speeds, prominence=1.1).losses) > 1


def test_bad_input_is_told_in_a_sentence() -> None:
    with refused("equally long"):
        find_plateaus(TIMES, TIMES[1:], TIMES)
    with refused("not finite"):
        find_plateaus(TIMES, np.full_like(TIMES, np.nan), TIMES)
    with refused("positive critical values"):
        match_plateaus(find_plateaus(TIMES, TIMES + 1, TIMES + 1), np.array([1.0, 0.0]))
