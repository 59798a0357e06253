"""Closed forms and starts: each formula against an integrated flow or its own definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from regime_lib.simulators.deep_linear.flow import gradient_flow
from regime_lib.simulators.deep_linear.hessian import hessian
from regime_lib.simulators.deep_linear.initialisation import (
    aligned_init,
    balanced_init,
    chain,
    decoupled_init,
)
from regime_lib.simulators.deep_linear.problem import LinearTask, gram_differences, product
from regime_lib.simulators.deep_linear.solutions import (
    escape_time,
    learning_curve,
    learning_time,
    loss_bound,
    rate_at_minimum,
    sigmoid_of_depth_two,
    unbalanced_pair,
)
from tests.companion.refusals import refused


def strength(depth: int, sigma: float, start: float, times: np.ndarray) -> np.ndarray:
    """ds/dt = h s^(2-2/h) (σ - s), integrated."""
    found = solve_ivp(
        lambda _, s: depth * s ** (2 - 2 / depth) * (sigma - s),
        (0, times[-1]),
        [start],
        t_eval=times,
        rtol=1e-11,
        atol=1e-13,
        method="DOP853",
    )
    return found.y[0]


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 6])
@pytest.mark.parametrize(("sigma", "start"), [(2.0, 0.01), (0.5, 0.2)])
def test_the_learning_time_inverts_the_equation(depth: int, sigma: float, start: float) -> None:
    times = np.array([0.2, 0.9, 1.7])
    for time, value in zip(times, strength(depth, sigma, start, times), strict=True):
        assert learning_time(float(value), depth, sigma, start) == pytest.approx(time, rel=1e-7)


@pytest.mark.parametrize("depth", [1, 2, 3, 5])
def test_the_curve_for_drawing_lies_on_the_learning_time(depth: int) -> None:
    times, values = learning_curve(depth, 2.0, 1e-3, points=20)
    assert len(times) == 21
    assert values[-1] == pytest.approx(0.999 * 2)
    for time, value in zip(times[1:], values[1:], strict=True):
        assert time == pytest.approx(learning_time(float(value), depth, 2.0, 1e-3), rel=2e-4)


def test_depth_two_is_the_sigmoid() -> None:
    times = np.linspace(0, 3, 7)
    values = sigmoid_of_depth_two(times, 2.0, 0.05)
    np.testing.assert_allclose(values, 2 / (1 + (2 / 0.05 - 1) * np.exp(-4 * times)))


@pytest.mark.parametrize(
    ("first", "second"),
    [(0.1, 0.3), (0.3, 0.1), (-0.2, 0.6), (0.2, -0.2), (1.0, 1.0), (2.0, 2.0), (5.0, 0.1)],
)
def test_a_pair_from_any_start_has_its_closed_form(first: float, second: float) -> None:
    task = LinearTask.diagonal([1.5])
    times = np.linspace(0, 3, 31)
    path = gradient_flow((np.array([[first]]), np.array([[second]])), task, times)
    found = unbalanced_pair(times, 1.5, first, second)
    np.testing.assert_allclose(found, path.products.ravel(), atol=2e-8)


def test_the_rates_are_eigenvalues_of_the_hessian_at_the_minimum() -> None:
    sigma = (3.0, 2.0, 0.5)
    task = LinearTask.diagonal(sigma)
    for depth in (1, 2, 3, 4):
        minimum = balanced_init(task.target, (3,) * (depth + 1), np.random.default_rng(0))
        found = np.linalg.eigvalsh(hessian(minimum, task))[-9:]
        powers = 2 * np.arange(depth) / depth  # of the mode between two singular values
        expected = sorted((a ** powers[::-1] * b**powers).sum() for a in sigma for b in sigma)
        np.testing.assert_allclose(found, expected, rtol=1e-9)
        assert rate_at_minimum(depth, 0.5) == pytest.approx(expected[0])
    pair = hessian((np.array([[0.5]]), np.array([[4.0]])), LinearTask.diagonal([2.0]))
    rate = np.hypot(4.0**2 - 0.5**2, 2 * 2.0)  # √(δ² + 4σ²)
    assert np.linalg.eigvalsh(pair)[-1] == pytest.approx(rate)


def test_the_escape_time_is_the_limit_of_the_learning_time() -> None:
    for depth in (3, 4, 5):
        distance = 1e-3
        exact = learning_time(1.0, depth, 2.0, distance**depth)
        assert exact / escape_time(depth, 2.0, distance) == pytest.approx(1, abs=0.01)


def test_the_bound_starts_at_the_loss_and_falls() -> None:
    bound = loss_bound(np.array([0.0, 1.0]), 3.0, 2, 0.5)
    assert bound.tolist() == pytest.approx([3.0, 3 * np.exp(-4 * 0.5)])


@given(st.floats(1e-6, 50), st.integers(1, 6), st.floats(-20, 20))
def test_a_chain_has_its_product_and_its_imbalance(value: float, depth: int, delta: float) -> None:
    numbers = chain(value, depth, delta)
    assert len(numbers) == depth
    assert (numbers > 0).all()
    assert np.prod(numbers) == pytest.approx(value, rel=1e-6)
    if abs(delta) > 1e-6:
        np.testing.assert_allclose(np.diff(numbers**2), delta, rtol=1e-6)


@given(st.integers(2, 4), st.integers(0, 10**6))
def test_balanced_starts_are_balanced_and_have_their_product(depth: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = rng.standard_normal((2, 3))
    layers = balanced_init(network, (3, *[3] * (depth - 1), 2), rng)
    np.testing.assert_allclose(product(layers), network, atol=1e-12)
    assert max(abs(gap).max() for gap in gram_differences(layers)) < 1e-12


def test_aligned_and_decoupled_starts_have_the_modes_that_were_asked_for() -> None:
    rng = np.random.default_rng(0)
    task = LinearTask(rng.standard_normal((3, 4)))
    strengths = np.array([[0.1, 0.2, 0.3], [1.0, 2.0, 0.5]])
    for start in (
        decoupled_init(task, (4, 5, 3), strengths),
        aligned_init(task, (4, 5, 3), strengths, rng),
    ):
        np.testing.assert_allclose(task.modes(product(start)), [0.1, 0.4, 0.15])
        later = gradient_flow(start, task, np.array([0.0, 1.0])).products[-1]
        left, _, right = np.linalg.svd(task.target, full_matrices=False)
        mixed = left.T @ later @ right.T
        assert abs(mixed - np.diag(np.diag(mixed))).max() < 1e-10


def test_bad_input_is_told_in_a_sentence() -> None:
    task = LinearTask.diagonal([2.0, 1.0])
    with refused("between zero and it"):
        learning_time(3.0, 2, 2.0, 0.1)
    with refused("at least one layer"):
        learning_time(1.0, 0, 2.0, 0.1)
    with refused("from depth 3 on"):
        escape_time(2, 1.0, 0.1)
    with refused("both above zero"):
        chain(-1.0, 2)
    with refused("do not fit through"):
        decoupled_init(task, (2, 1, 2), np.ones((2, 2)))
    with refused("do not fit a target"):
        decoupled_init(task, (2, 2, 2), np.ones((3, 2)))
    with refused("white inputs"):
        decoupled_init(LinearTask(task.target, np.eye(2)), (2, 2, 2), np.ones((2, 2)))
