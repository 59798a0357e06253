"""Headlines of the chapter on neuron modes say the measured numbers."""

from __future__ import annotations

import numpy as np
import pytest

from regime_lib.chapters.neuron_modes import headlines as h
from regime_lib.chapters.neuron_modes.measure import VeryDeep
from regime_lib.chapters.neuron_modes.measure_units import ByDepth
from tests.chapters.headlines import one_sentence
from tests.chapters.neuron_modes import test_figures as made

GLUED = {"slope-peak-long": 1.5, "slope-peak-step-long": 57, "slope-end-long": 0.56,
         "accuracy-end-long": 0.97, "slope-end": 1.15}  # fmt: skip
HEADLINES = {
    "slope": (h.slope_over_training(made.SLOPE.numbers), "peaks at 0.50 at step 100"),
    "long run": (
        h.slope_over_training(GLUED, "MNIST", "-long"),
        "On MNIST the slope peaks at 1.50 at step 57 and ends at 0.56",
    ),
    "three": (h.three_networks(made.THREE), "points behind with 25 samples"),
    "deep": (h.deep_layers(made.DEEP), "of 3 runs"),
    "very deep": (h.very_deep_layers(VeryDeep({}, {}, made.LAYERS)), "of their mean"),
    "truncation": (h.truncation(made.LATE), "instead of 0.96"),
    "by depth": (h.by_depth(ByDepth({}, {}, {2: np.array([1.0, 2.0])})), "1.5 of 2"),
    "rule": (h.rule(made.RULE), "rank correlation"),
}


@pytest.mark.parametrize("name", HEADLINES)
def test_a_headline_is_one_sentence_with_its_number(name: str) -> None:
    said, number = HEADLINES[name]
    assert number in one_sentence(said)
