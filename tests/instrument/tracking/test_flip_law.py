"""The flip law against simulation, and its limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regime_lib.instrument.tracking.flip_law import flip_law, flip_statistics

DRAWS = 2_000_000


def simulated(mean: float, scale: float, change: float) -> tuple[float, float]:
    """Share of flips of Gaussian pre-activations, and its standard error."""
    random = np.random.default_rng(0)
    before = mean + scale * random.standard_normal(DRAWS)
    after = before + change * random.standard_normal(DRAWS)
    share = np.mean((before > 0) != (after > 0))
    return float(share), float(np.sqrt(share / DRAWS))


@pytest.mark.parametrize("change", [0.003, 0.03, 0.3, 1.0, 10.0])
def test_the_centred_law_is_exact_for_gaussians_of_any_size(change: float) -> None:
    share, error = simulated(0.0, 1.5, change)
    assert abs(float(flip_law(np.array(1.5), np.array(change))) - share) < 4 * error


@pytest.mark.parametrize("mean", [-2.0, -0.5, 0.5, 1.0, 2.0])
def test_the_shifted_law_holds_for_small_steps(mean: float) -> None:
    share, error = simulated(mean, 1.0, 0.02)
    law = float(flip_law(np.array(1.0), np.array(0.02), np.array(mean)))
    assert abs(law - share) < 4 * error + 0.01 * law


def test_small_steps_flip_in_proportion() -> None:
    change = np.geomspace(1e-8, 1e-3, 6)
    assert np.allclose(flip_law(np.ones(6), change), change / np.pi, rtol=1e-6)


def test_equal_scales_flip_a_quarter_and_endless_steps_a_half() -> None:
    assert float(flip_law(np.array(2.0), np.array(2.0))) == pytest.approx(0.25)
    assert float(flip_law(np.array(1.0), np.array(1e12))) == pytest.approx(0.5)


def test_no_change_flips_nothing_and_a_constant_unit_never_flips() -> None:
    assert float(flip_law(np.array(1.0), np.array(0.0))) == 0
    assert float(flip_law(np.array(0.0), np.array(1.0))) == 0
    assert float(flip_law(np.array(0.0), np.array(0.0), np.array(1.0))) == 0


@given(
    scale=st.floats(1e-3, 1e3),
    change=st.floats(0, 1e3),
    mean=st.floats(-1e3, 1e3),
    unit=st.floats(1e-3, 1e3),
)
def test_the_law_is_a_share_even_in_the_mean_and_free_of_units(
    scale: float, change: float, mean: float, unit: float
) -> None:
    law = flip_law(np.array(scale), np.array(change), mean)
    assert 0 <= law <= 0.5
    assert law == flip_law(np.array(scale), np.array(change), -mean)
    scaled = flip_law(np.array(unit * scale), np.array(unit * change), unit * mean)
    assert np.isclose(law, scaled, rtol=1e-9, atol=1e-300)


def test_statistics_are_unit_by_unit() -> None:
    random = np.random.default_rng(0)
    before = random.normal(size=(2, 40, 5)) * np.array([0.1, 1, 2, 3, 4]) + 0.3
    after = before + 0.05 * random.normal(size=before.shape)
    found = flip_statistics(before.astype(np.float32), after.astype(np.float32))
    for member in range(2):
        scales, changes, laws, shifted = [], [], [], []
        for unit in range(5):
            z, moved = before[member, :, unit], after[member, :, unit]
            scales.append(np.sqrt(np.mean((z - z.mean()) ** 2)))
            changes.append(np.sqrt(np.mean((moved - z) ** 2)))
            laws.append(np.arctan(changes[-1] / scales[-1]) / np.pi)
            shifted.append(laws[-1] * np.exp(-(z.mean() ** 2) / (2 * scales[-1] ** 2)))
        assert found.scale[member] == pytest.approx(np.sqrt(np.mean(np.square(scales))), rel=1e-4)
        assert found.change[member] == pytest.approx(np.sqrt(np.mean(np.square(changes))), rel=1e-4)
        assert found.centred[member] == pytest.approx(np.mean(laws), rel=1e-4)
        assert found.shifted[member] == pytest.approx(np.mean(shifted), rel=1e-4)


def test_a_layer_of_random_relu_units_flips_as_the_law_says() -> None:
    """The paper note's own check: random directions, relative steps of 1e-1 to 1e-3."""
    random = np.random.default_rng(1)
    x, weights = random.normal(size=(4000, 64)), random.normal(size=(64, 500))
    for step in (1e-1, 1e-2, 1e-3):
        before, after = x @ weights, x @ (weights + step * random.normal(size=weights.shape))
        flips = np.sum((before > 0) != (after > 0))
        law = flip_statistics(before[None], after[None]).shifted[0] * before.size
        assert abs(law - flips) < 4 * np.sqrt(flips) + 0.01 * flips
