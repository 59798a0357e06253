"""Windows of made-up runs are sorted, counted and dated as by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from regime_lib.chapters.edge_of_stability.runs import Watched
from regime_lib.chapters.edge_of_stability.settings import Settings
from regime_lib.chapters.edge_of_stability.windows import (
    RIM,
    count,
    date_error,
    date_errors,
    kinds,
    most,
    share_with_signs,
)
from regime_lib.estimate import Estimate, no_number
from regime_lib.instrument.tracking.edge_of_stability import EdgeOfStability

SETTINGS = Settings(
    dataset="digits", n_seeds=6, samples=9, probe_size=5, width=4, steps=200, lr=1.0, seed=0
)


def made(level: NDArray, ratio: NDArray) -> Watched:
    """Make runs with one look at the end of each window of 50 steps."""
    stops = 50 * np.arange(1, len(level) + 1)
    signs = EdgeOfStability(stops - 50, stops, ratio, 4.0, no_number())
    return Watched(stops, level, signs, {}, np.zeros(level.shape[1]))


def runs(*columns: tuple[list[float], list[float]]) -> Watched:
    """Make runs, a pair of sharpness and ratio each."""
    return made(np.array([c[0] for c in columns]).T, np.array([c[1] for c in columns]).T)


RISES = ([0.3, 1.0, 1.0, 1.1], [1.0, 2.0, 3.0, 9.0])
STAYS = ([0.3, 0.5, 0.7, 0.79], [1.0, 1.0, 5.0, 1.0])
FALLS = ([1.2, 1.1, 1.05, 0.5], [2.0, 6.0, np.inf, np.nan])


def test_windows_are_deep_only_a_window_after_the_arrival() -> None:
    found = kinds(runs(RISES, STAYS, FALLS))
    assert found.below.T.tolist() == [[1, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 1]]
    assert found.deep.T.tolist() == [[0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 1, 0]]
    assert np.array_equal(found.close, ~found.below)
    assert not (found.rim & found.deep).any()
    assert pytest.approx(0.8) == RIM


def test_a_window_has_the_mean_of_the_looks_in_it() -> None:
    own = runs(RISES)
    twice = Watched(
        np.array([10, 50, 60, 100]), np.array([[0.2], [0.6], [1.0], [2.0]]), own.signs, {},
        np.zeros(1),
    )  # fmt: skip
    two = EdgeOfStability(np.array([0, 50]), np.array([50, 100]), np.ones((2, 1)), 4.0, no_number())
    assert Watched(twice.steps, twice.sharpness, two, {}, np.zeros(1)).level[:, 0].tolist() == [
        pytest.approx(0.4), pytest.approx(1.5),
    ]  # fmt: skip


def test_shares_are_those_of_counting_over_all_settings() -> None:
    one, other = runs(RISES, STAYS, FALLS), runs(STAYS, STAYS, STAYS)
    deep = share_with_signs([one, other], "deep", SETTINGS)
    assert (deep.value, deep.n) == (1.0, 2)  # seeds without a deep window are left out
    below = share_with_signs([one, other], "below", SETTINGS)
    assert below.value == pytest.approx((1 + 3) / (6 + 12))  # what is open shows no signs
    assert share_with_signs([other], "deep", SETTINGS).value is None
    assert count([one, other], "below") == 18


def test_the_worst_setting_is_the_one_with_the_largest_share() -> None:
    shares = {"a": Estimate(0.1), "b": no_number(), "c": Estimate(0.3)}
    assert most(shares).value == 0.3
    assert most({"b": no_number()}).value is None


def test_a_run_without_signs_is_dated_by_its_end_at_least() -> None:
    silent = (RISES[0], [1.0, 1.0, 1.0, 1.0])
    least, upper = date_errors(runs(RISES, STAYS, FALLS, silent))
    assert least.tolist() == [200 - 100, 100 - 50, 200 - 100]
    assert upper.tolist() == [100, 50, np.inf]


def test_the_date_is_that_of_the_setting_that_fits_worst() -> None:
    early = ([0.3, 1.0, 1.0, 1.0], [1.0, 9.0, 9.0, 9.0])
    found = date_error({"good": runs(*[early] * 6), "bad": runs(*[FALLS] * 6), "few": runs(RISES)})
    assert (found.value, found.unit) == (50.0, "steps")
    assert "bad" in found.over
    assert date_error({"never": runs(*[STAYS] * 6)}).value is None
    silent = (RISES[0], [1.0] * 4)
    half = date_error({"half": runs(*[silent] * 4, early, early)})
    assert half.value is None  # more than half are censored: the median has no upper end
