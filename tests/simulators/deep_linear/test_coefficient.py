"""Learning coefficients agree with other formulas, and chains with integrals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import dblquad

from regime_lib.simulators.deep_linear import coefficient
from regime_lib.simulators.deep_linear.coefficient import exact_coefficient, langevin_coefficient
from tests.companion.refusals import refused


def of_two_layers(inputs: int, hidden: int, outputs: int, rank: int) -> float:
    """Return the coefficient of reduced rank regression (Aoyagi and Watanabe 2005), by cases."""
    m, h, n, r = inputs, hidden, outputs, rank
    if m + h < n + r:
        return (h * m - h * r + n * r) / 2
    if n + h < m + r:
        return (h * n - h * r + m * r) / 2
    if m + n < h + r:
        return m * n / 2
    even = (m + h + n + r) % 2
    return (-((h + r) ** 2) - m**2 - n**2 + 2 * (h + r) * (m + n) + 2 * m * n + even) / 8


def test_two_layers_are_those_of_reduced_rank_regression() -> None:
    for inputs in range(1, 7):
        for hidden in range(1, 7):
            for outputs in range(1, 7):
                for rank in range(min(inputs, hidden, outputs) + 1):
                    found = exact_coefficient((inputs, hidden, outputs), rank)
                    assert found == pytest.approx(of_two_layers(inputs, hidden, outputs, rank))


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_known_coefficients_of_chains_and_of_regular_minima(depth: int) -> None:
    # of a product of numbers at zero it is one half, and if all is learnt half the size of the map
    assert exact_coefficient((1,) * (depth + 1), 0) == pytest.approx(0.5)
    assert exact_coefficient((3,) * (depth + 1), 3) == pytest.approx(4.5)
    assert exact_coefficient((2, *[4] * (depth - 1), 5), 2) == pytest.approx(5)


def test_a_rank_that_does_not_fit_is_refused() -> None:
    with refused("the rank is 3 for layers of (3, 2, 3) units; expected 0 to 2"):
        exact_coefficient((3, 2, 3), 3)


def test_chains_sample_the_regular_case() -> None:
    target = np.array([[1.0, 0.0], [0.0, 0.5]])
    random = np.random.default_rng(0)
    targets = np.stack([target, 0.3 * target])
    found = langevin_coefficient((targets,), targets, random, steps=2000, burn_in=300, chains=16)
    assert found.shape == (2, 16)
    np.testing.assert_allclose(found.mean(axis=1), 2.0, rtol=0.06)


def test_a_batch_that_sees_less_than_all_directions_is_refused() -> None:
    target = np.eye(3)[None]
    with refused("a batch holds 2 inputs; give at least 3, one a unit"):
        langevin_coefficient((target,), target, np.random.default_rng(0), batch=2)


def test_moments_are_those_of_batches_that_are_drawn() -> None:
    random, batch, runs = np.random.default_rng(3), 5, 100_000
    inputs = random.standard_normal((runs, 3, batch))
    drawn = np.moveaxis(inputs @ inputs.mT / batch, 0, -1)
    found = coefficient._moments(3, batch, runs, random)
    np.testing.assert_allclose(found, found.swapaxes(0, 1))
    for power in (1, 2, 3):
        np.testing.assert_allclose(
            (found**power).mean(axis=-1), (drawn**power).mean(axis=-1), atol=0.02 * 3**power
        )
    logs = [np.linalg.slogdet(np.moveaxis(own, -1, 0))[1] for own in (found, drawn)]
    assert logs[0].mean() == pytest.approx(logs[1].mean(), abs=0.02)
    assert logs[0].std() == pytest.approx(logs[1].std(), abs=0.02)


def test_chains_sample_the_integral_of_a_pair_at_zero() -> None:
    heat = 1000 / np.log(1000)

    def density(x: float, y: float, power: int) -> float:
        loss = 0.5 * (x * y) ** 2
        return float(loss**power * np.exp(-heat * loss - 0.5 * (x**2 + y**2)))

    parts = [dblquad(density, -5, 5, -5, 5, args=(power,), epsabs=1e-3)[0] for power in (0, 1)]
    zero = np.zeros((1, 1, 1))
    found = langevin_coefficient(
        (zero, zero),
        zero,
        np.random.default_rng(1),
        samples=1000,
        steps=3000,
        burn_in=1000,
        chains=150,
    )
    assert found.mean() == pytest.approx(heat * parts[1] / parts[0], rel=0.1)
    assert found.mean() < 0.5  # the coefficient, which it is only at low temperature
