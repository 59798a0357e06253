"""Headlines of the chapter on deep linear networks say the measured numbers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from regime_lib.chapters.deep_linear import headlines as h
from tests.chapters.deep_linear import test_figures as made
from tests.chapters.headlines import one_sentence

HEADLINES = {
    "matrices": (h.matrices(made.FLOW), "at any time is 0."),
    "ladder": (h.critical_points(made.POINTS), "All 3 critical points"),
    "inertia": (h.inertia(made.SADDLES), "1 of the 2 critical points"),
    "small": (h.small_weights(made.SMALL), "0.2 (depth 2) and 0.01 (depth 3)"),
    "race": (h.race(made.RACE), "25% at a ratio of"),
    "staircase": (h.staircase(), "At depth"),
    "raw": (h.correlated_data(made.RAW), "0.2 (depth 2) and 0.1 (depth 3)"),
    "rates": (h.rates(made.RATES, made.BOUND), "at least 1 times as far"),
    "law": (h.scale_law(made.LAW), "0.53; 0.50 is predicted"),
}


@pytest.mark.parametrize("name", HEADLINES)
def test_a_headline_is_one_sentence_with_its_number(name: str) -> None:
    said, number = HEADLINES[name]
    assert number in one_sentence(said)


def test_a_critical_point_off_the_ladder_is_told() -> None:
    off = dataclasses.replace(made.POINTS, found={"depth 2": np.array([1.0, 0.75])})
    assert "within 0.2" in h.critical_points(off)


def test_a_run_that_diverges_is_said_to() -> None:
    first = next(iter(made.STEPS.converged))
    lost = dataclasses.replace(made.STEPS, converged={**made.STEPS.converged, first: False})
    assert f"with {first}" in one_sentence(h.large_steps(lost))
    assert "diverges" in h.large_steps(lost)
