"""The law of the two-step ratio: against fine grids of units, and what noise and momentum do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.chapters.edge_of_stability.quadratic import expected, quadratic_of


@given(st.floats(0.05, 3.0).filter(lambda s: abs(s - 2) > 0.01))
def test_the_closed_form_is_that_of_counting_thresholds(scaled: float) -> None:
    places = (1 - scaled) ** np.arange(3)
    steps = np.abs(np.diff(places)).sum()  # thresholds that are passed, were they dense
    assert expected(scaled) == pytest.approx(steps / abs(places[2] - places[0]), rel=1e-9)


def test_random_units_follow_the_law_and_noise_alone_the_root_of_two() -> None:
    found = quadratic_of(range(12))
    law = found.claims["tb-edge-law"]
    assert law.n == 12
    assert law.value == pytest.approx(1, abs=0.03)
    ratio = np.median(found.ratio, axis=1)
    assert ratio == pytest.approx([expected(float(s)) for s in found.scaled], rel=0.05)
    assert found.numbers["noise-alone"] == pytest.approx(math.sqrt(2), rel=0.05)
    assert expected(2.0) == np.inf


@pytest.mark.parametrize(("share", "ratio"), [(0.8, 2.24), (0.95, 4.5)])
def test_momentum_turns_and_its_ratio_is_that_of_the_turn(share: float, ratio: float) -> None:
    """What the chapter's prose says of heavy ball: 1 / cos(θ / 2), two at 0.8, four at 0.95."""
    beta, curvature = 0.9, share * 3.8
    theta = math.acos((1 + beta - curvature) / (2 * math.sqrt(beta)))
    assert 1 / math.cos(theta / 2) == pytest.approx(ratio, rel=0.01)
    place, before, path = 1.0, 1.0, [1.0]
    for _ in range(400):
        place, before = place + beta * (place - before) - curvature * place, place
        path.append(place)
    scaled = np.array(path) / beta ** (0.5 * np.arange(401))  # without the decay
    flips = np.abs(np.diff(scaled)).sum()
    assert flips / np.abs(scaled[2::2] - scaled[:-2:2]).sum() == pytest.approx(ratio, rel=0.05)
