"""Controls at equal loss: means by hand, either direction, and runs that never come so low."""

from __future__ import annotations

import numpy as np
import pytest

from regime_lib.chapters.attraction_basins import figures_networks as draw
from regime_lib.chapters.attraction_basins.controls import family_of, growth, moved
from regime_lib.chapters.attraction_basins.measure import QUICK, Settings, controls
from regime_lib.companion.figures.theme import Theme
from tests.chapters.attraction_basins.networks import made_up

SETTINGS = Settings(**QUICK, draws=8, lr=0.001, batch_size=64, seed=0)


def test_what_doubles_has_moved_by_two_and_what_stays_by_one() -> None:
    found = controls(SETTINGS, {"networks": made_up()})
    for family in ("rate", "batch"):
        sample = found.claims[f"nd-{family}-sample-basin"]
        weight = found.claims[f"nd-{family}-weight-basin"]
        assert (sample.value, sample.n) == (pytest.approx(2), 12)
        assert weight.value == pytest.approx(1)
        assert found.numbers[f"equal-{family}-gain-digits"] == pytest.approx(1)


def test_a_fall_counts_as_much_as_a_rise() -> None:
    random = np.random.default_rng(0)
    ends = random.uniform(1, 2, (2, 12)) * np.array([[1.0], [2.0]])
    up, down = moved(ends, 0), moved(ends[::-1], 0)
    assert up.value == pytest.approx(ends[1].mean() / ends[0].mean()) == down.value
    assert up.low is not None
    assert up.value is not None
    assert up.low < up.value
    assert growth(ends) * growth(ends[::-1]) == pytest.approx(1)


def test_a_run_that_misses_the_loss_once_is_left_out() -> None:
    networks = made_up()
    rate = networks[(networks["dataset"] == "mnist") & (networks["family"] == "rate")].copy()
    rate.loc[(rate["setting"] == 0) & (rate["run"] == 3), "steps"] = np.nan
    scan, steps = family_of(rate, "lr")
    assert scan.values == (0.01, 0.1)
    assert scan.sample_basin.shape == steps.shape == (2, 11)
    assert 1.03 not in scan.sample_basin[0]


def test_a_basin_outside_the_bracket_is_no_number() -> None:
    assert not moved(np.array([[1.0, np.inf], [1.0, 2.0]]), 0).known
    assert not moved(np.empty((2, 0)), 0).known


@pytest.mark.parametrize("dark", [False, True])
def test_both_families_are_drawn(dark: bool) -> None:
    found = controls(SETTINGS, {"networks": made_up()})
    figure = draw.at_equal_loss(Theme(dark=dark, narrow=dark), found)
    assert len(figure.axes) == 2
    assert "sample basin 2.00" in draw.at_equal_loss_alt(found)
