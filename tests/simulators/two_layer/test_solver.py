"""The exact flow against an integrator, plain gradient descent, and what must hold of any flow."""

from __future__ import annotations

import math

import numpy as np
import pytest

from regime_lib.errors import RegimeError
from regime_lib.simulators.two_layer.descent import descend
from regime_lib.simulators.two_layer.flow import Flow, Pattern
from regime_lib.simulators.two_layer.phases import log_slope
from regime_lib.simulators.two_layer.problem import (
    Neurons,
    TwoPoints,
    even_neurons,
    random_neurons,
)
from regime_lib.simulators.two_layer.reference import integrate
from regime_lib.simulators.two_layer.solver import exact_flow

PROBLEM = TwoPoints(2.0, 0.4)
START = random_neurons(60, 3, kappa1=1e-2)


@pytest.fixture(scope="module")
def flow() -> Flow:
    return exact_flow(PROBLEM, START, 1e4)


@pytest.mark.parametrize(("rtol", "within"), [(1e-6, 1e-5), (1e-8, 1e-7), (1e-10, 1e-9)])
def test_the_integrator_approaches_it_as_its_tolerance_falls(
    flow: Flow, rtol: float, within: float
) -> None:
    found = integrate(PROBLEM, START, 1e4, rtol=rtol)
    np.testing.assert_allclose(found.loss, flow.loss(found.times), rtol=0, atol=within)
    mine = sorted(zip(flow.entry_neuron[60:], flow.entry_pattern[60:], strict=True))
    assert mine == sorted(zip(found.event_neurons, found.event_patterns, strict=True))
    for pattern in (Pattern.SLIDE_V, Pattern.BOTH):
        late = (flow.entry_pattern == pattern) & (flow.entry_time > 10)
        assert found.first(pattern, after=10.0) == pytest.approx(
            flow.entry_time[late][0], rel=100 * within
        )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("p", "delta"), [(1.5, 1.2), (1.0, 0.8), (8.0, 0.1), (0.7, 0.5)])
def test_random_worlds_agree_with_the_integrator(p: float, delta: float, seed: int) -> None:
    problem, start = TwoPoints(p, delta, 0.7), random_neurons(12, seed, d=3, kappa1=0.05)
    found, exact = integrate(problem, start, 300.0), exact_flow(problem, start, 300.0)
    np.testing.assert_allclose(exact.loss(found.times), found.loss, rtol=0, atol=3e-6)
    places, _ = exact.neurons(np.array([300.0]))
    np.testing.assert_allclose(places[0], found.projections, atol=2e-5)


def test_gradient_descent_in_twenty_dimensions_approaches_it_linearly(flow: Flow) -> None:
    errors = []
    for finer in (1, 2):
        stages = [(4e-5 / finer, 0.05), (2e-3 / finer, 10.0), (2e-2 / finer, 300.0)]
        found = descend(PROBLEM, START, stages, np.geomspace(0.01, 299, 40))
        plus, minus = flow.outputs(found.times)
        errors.append(np.abs([found.f_plus - plus, found.f_minus - minus]).max())
        frozen = found.end.weights[:, 2:]
        np.testing.assert_allclose(frozen, START.weights[:, 2:], rtol=0, atol=1e-15)
    assert errors[0] < 2e-3
    assert errors[1] < 0.75 * errors[0]


def test_outputs_are_the_sum_over_neurons(flow: Flow) -> None:
    times = np.geomspace(1e-5, 1e4, 40)
    (u, v), _ = np.moveaxis(flow.neurons(times)[0], 1, 0), None
    a = START.signs / math.sqrt(60)
    plus, minus = flow.outputs(times)
    np.testing.assert_allclose(np.maximum(u, 0) @ a, plus, atol=1e-13)
    np.testing.assert_allclose(np.maximum(v, 0) @ a, minus, atol=1e-13)


def test_patterns_are_those_of_the_projections(flow: Flow) -> None:
    places, patterns = flow.neurons(np.geomspace(1e-4, 1e4, 30))
    u, v = np.moveaxis(places, 1, 0)
    tiny = 1e-13
    for pattern, (low_u, low_v) in {
        Pattern.OFF: (u <= tiny, v <= tiny),
        Pattern.MINUS: (u <= tiny, v >= -tiny),
        Pattern.PLUS: (u >= -tiny, v <= tiny),
        Pattern.BOTH: (u >= -tiny, v >= -tiny),
        Pattern.SLIDE_U: (np.abs(u) <= tiny, v >= -tiny),
        Pattern.SLIDE_V: (u >= -tiny, np.abs(v) <= tiny),
    }.items():
        assert (low_u & low_v)[patterns == pattern].all(), pattern


@pytest.mark.parametrize("seed", range(3))
def test_the_loss_never_rises_at_the_slope_that_is_stated(seed: int) -> None:
    flow = exact_flow(TwoPoints(4.0, 0.2), random_neurons(150, seed), 1e8)
    times = np.geomspace(1e-6, 0.9e8, 300)
    loss = flow.loss(times)
    assert np.diff(loss).max() <= 1e-13
    soon = times * (1 + 1e-5)
    calm = np.searchsorted(flow.times, times) == np.searchsorted(flow.times, soon)
    assert calm.mean() > 0.8
    slope = np.log(flow.loss(soon) / loss) / np.log1p(1e-5)
    np.testing.assert_allclose(log_slope(flow, times)[calm], slope[calm], atol=1e-5)


def test_velocities_are_minus_the_gradient_of_the_loss() -> None:
    problem, start = TwoPoints(3.0, 0.5), random_neurons(8, 1, d=3, kappa1=0.3)
    flow, h = exact_flow(problem, start, 1.0), 1e-6

    def loss(weights: np.ndarray) -> float:
        seen = np.maximum(weights @ problem.inputs(3).T, 0)
        plus, minus = (start.signs / math.sqrt(8)) @ seen
        return float(problem.loss(np.array([plus]), np.array([minus]))[0])

    places, _ = flow.neurons(np.array([1e-5]))
    moved = start.moved(problem, places[0]).weights
    for k, i in np.ndindex(8, 3):
        bump = np.zeros((8, 3))
        bump[k, i] = h
        slope = (loss(start.weights + bump) - loss(start.weights - bump)) / (2 * h)
        assert (moved - start.weights)[k, i] / 1e-5 == pytest.approx(-slope, abs=1e-4)


def test_it_is_the_same_for_every_order_of_the_neurons(flow: Flow) -> None:
    order = np.random.default_rng(0).permutation(60)
    mixed = exact_flow(PROBLEM, Neurons(START.weights[order], START.signs[order]), 1e4)
    times = np.geomspace(1e-3, 1e4, 50)
    np.testing.assert_allclose(mixed.loss(times), flow.loss(times), rtol=1e-10)


def test_no_positive_neuron_at_all_leaves_a_loss_that_cannot_vanish() -> None:
    start = Neurons(random_neurons(20, 0).weights, -np.ones(20))
    flow = exact_flow(TwoPoints(4.0, 0.3), start, 1e5)
    plus, minus = flow.outputs(np.array([1e5]))
    assert plus[0] <= 1e-15
    assert minus[0] < 0
    assert flow.loss(np.array([1e5]))[0] >= 0.8


def test_a_long_run_and_a_short_run_agree() -> None:
    problem, start = TwoPoints(4.0, 0.3), even_neurons(60)
    times = np.geomspace(1e-4, 500, 30)
    np.testing.assert_allclose(
        exact_flow(problem, start, 1e12).loss(times), exact_flow(problem, start, 500.0).loss(times),
        rtol=1e-12,
    )  # fmt: skip


@pytest.mark.parametrize("t_end", [0.0, -1.0, math.inf, math.nan])
def test_a_time_that_is_no_time_is_refused(t_end: float) -> None:
    with pytest.raises(RegimeError, match="positive finite time"):
        exact_flow(PROBLEM, START, t_end)
    with pytest.raises(RegimeError, match="positive finite time"):
        integrate(PROBLEM, START, t_end)


def test_a_time_outside_the_run_is_refused(flow: Flow) -> None:
    with pytest.raises(RegimeError, match="run the flow for longer"):
        flow.loss(np.array([2e4]))
