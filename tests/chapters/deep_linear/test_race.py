"""The race, the saddle of matrices and the coefficients agree with draws and other integrations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from regime_lib.chapters.deep_linear import coefficients, learning, race, saddle_sets
from regime_lib.simulators.deep_linear.initialisation import balanced_init, random_init
from regime_lib.simulators.deep_linear.problem import LinearTask, gram_differences, product
from regime_lib.simulators.deep_linear.settle import settle
from tests.chapters.deep_linear.test_measure import TINY


@pytest.mark.parametrize(("ratio", "scale", "width"), [(1.2, 0.01, 2), (1.02, 0.001, 8)])
def test_the_odds_of_the_race_are_those_of_draws(ratio: float, scale: float, width: int) -> None:
    random, runs = np.random.default_rng(0), 200_000
    times = []
    for sigma in (ratio, 1.0):
        layers = scale * random.standard_normal((2, runs, width))
        start = (layers.sum(axis=0) ** 2).sum(axis=1) / 4
        times.append(np.log(sigma / start - 1) / (2 * sigma))
    share = float((times[0] > times[1]).mean())
    assert race.first_loses(ratio, scale, width) == pytest.approx(share, abs=0.004)


@pytest.mark.parametrize("depth", [2, 3])
def test_own_clocks_do_not_change_who_is_first(depth: int) -> None:
    random, task = np.random.default_rng(4), LinearTask.diagonal([1.3, 1.0])
    start = random_init((2,) * (depth + 1), 0.05, random, runs=40)
    slow = learning.half_times_of(start, task, 1e-10)
    assert race.first_is_first(start, task).tolist() == (slow[:, 0] < slow[:, 1]).tolist()


def test_powers_are_those_of_shares() -> None:
    lost = {scale: np.arange(1000) < count for scale, count in ((0.01, 400), (0.001, 100))}
    found = race.power_of(lost, 0.5, "1000 starts", 0)
    assert found.value == pytest.approx(np.log(4) / np.log(10) / 0.5)
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high
    assert race.in_words(race.over_probability(found, 2.0)).startswith(f"{found.value / 2:.2f} [")


def test_networks_on_the_set_are_balanced_and_keep_their_form() -> None:
    random = np.random.default_rng(5)
    part = saddle_sets.positive_definite(random)
    assert np.linalg.eigvalsh(part)[0] > 0
    start = saddle_sets.on_the_set([-part], 4, random)
    assert max(abs(gap).max() for gap in gram_differences(start)) < 1e-12
    np.testing.assert_allclose(product(start)[0], -part, atol=1e-12)
    end = product(saddle_sets.followed(start, TINY.task, np.array([0.0, 3.0])))[-1, 0]
    np.testing.assert_allclose(end, end.T, atol=1e-9)
    assert np.linalg.eigvalsh(end)[-1] < 0
    turn = saddle_sets.turning(part, random)
    np.testing.assert_allclose(turn, -turn.T)
    assert np.linalg.norm(turn) == pytest.approx(np.linalg.norm(part))


def test_strengths_into_the_saddle_are_those_of_the_flow_of_the_product() -> None:
    random, task = np.random.default_rng(6), TINY.task
    part, times = saddle_sets.positive_definite(random), np.array([0.0, 1.0, 20.0])

    def slope(_: float, state: np.ndarray) -> np.ndarray:
        small = state.reshape(3, 3)  # B with BB = (W₁ᵀW₁), so that the product is -BBB
        cube = small @ small @ small
        change = -(cube @ (task.target + cube) + (task.target + cube) @ cube)
        # solve B' B + B B' = change
        values, basis = np.linalg.eigh(small)
        inner = basis.T @ change @ basis / (values[:, None] + values)
        return (basis @ inner @ basis.T).ravel()

    values, basis = np.linalg.eigh(part)
    root = (basis * values ** (1 / 3)) @ basis.T
    found = solve_ivp(slope, (0, 20), root.ravel(), t_eval=times, rtol=1e-10, atol=1e-14)
    expected = np.linalg.svd(found.y.T.reshape(-1, 3, 3), compute_uv=False)
    start = balanced_init(-part, (3, 3, 3, 3), random)
    stack = tuple(layer[None] for layer in start)
    strengths = saddle_sets.strengths_along(stack, task, times)[:, 0]
    np.testing.assert_allclose(strengths, expected, rtol=1e-6)
    formula = saddle_sets.strength_at(times[1:], 3, TINY.sigma)
    np.testing.assert_allclose(formula[-1], [1 / 20, 1 / 40, 1 / 60])


def test_plateaus_are_where_the_network_is_slowest() -> None:
    path = settle(random_init((3, 3, 3, 3), 0.01, np.random.default_rng(7)), TINY.task, detail=3)
    for rank, value in enumerate((7, 2.5, 0.5, 0)):
        layers = coefficients.plateau_of(path, rank)
        assert TINY.task.loss(product(layers)) == pytest.approx(value, abs=0.01)
