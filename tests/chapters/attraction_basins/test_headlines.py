"""Headlines of the chapter on basins say the measured numbers."""

from __future__ import annotations

import numpy as np

from regime_lib.chapters.attraction_basins import headlines as h
from regime_lib.chapters.attraction_basins.measure import Classes, Starts
from regime_lib.chapters.attraction_basins.predictors import Predictors
from regime_lib.chapters.attraction_basins.scans import BasinScan, ClassBasins
from regime_lib.estimate import Estimate
from tests.chapters.attraction_basins import test_figures as made
from tests.chapters.bare import bare
from tests.chapters.headlines import one_sentence


def test_factors_are_those_of_the_medians() -> None:
    first, last = np.median(made.VALUES[0]), np.median(made.VALUES[-1])
    said = one_sentence(h.basins(made.FOUND, "hidden layers"))
    assert "from 1 to 4 hidden layers" in said
    assert f"{last / first:.2f} (sample basin)" in said
    assert f"{first / last:.2f} (weight basin)" in said


def test_digits_are_named_by_the_size_of_their_basin() -> None:
    basin = np.tile([3.0, 1.0, 2.0], (4, 1))
    classes = Classes({}, {}, ("zero", "one", "two"), ClassBasins(basin, basin))
    said = one_sentence(h.by_class(classes))
    assert "the zero has the largest basin, 3.00, and the one the smallest, 1.00" in said


def test_answers_on_the_plane_and_gains_of_width_are_counted() -> None:
    said = one_sentence(h.planes(made.PLANE))
    assert "3 (1 hidden layer) and 3 (4 hidden layers) different digits" in said
    scan = bare(BasinScan, accuracy=np.array([[0.5, 0.7], [0.7, 0.8]]))
    starts = bare(Starts, scans={"usual": scan})
    assert "by +15.0 (usual start) points" in one_sentence(h.two_starts(starts))


def test_the_best_predictor_is_the_one_with_the_largest_correlation() -> None:
    plain = {"mnist": {"margin": Estimate(0.5), "norm": Estimate(-0.9), "slope": Estimate(None)}}
    beyond = {"mnist": {"margin": Estimate(0.1), "norm": Estimate(0.25)}}
    said = one_sentence(h.rivals(bare(Predictors, plain=plain, beyond=beyond)))
    assert "the margin as measured (0.50) and the norm beyond the settings (0.25)" in said
