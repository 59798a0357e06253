"""The closed forms of the phases against the exact flow and against each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from regime_lib.errors import RegimeError
from regime_lib.simulators.two_layer import theory
from regime_lib.simulators.two_layer.phases import (
    largest_angle,
    living_at,
    measure_phases,
    measure_plateau,
    pattern_counts,
    when_below,
)
from regime_lib.simulators.two_layer.problem import Neurons, TwoPoints, random_neurons
from regime_lib.simulators.two_layer.solver import exact_flow


@pytest.mark.untyped  # thousands of events: too slow with every call checked
@pytest.mark.parametrize(("p", "delta"), [(4.0, math.pi / 15), (2.0, 0.6), (8.0, 0.1)])
def test_living_fractions_match_a_monte_carlo_of_the_frozen_field(p: float, delta: float) -> None:
    problem = TwoPoints(p, delta)
    flow = exact_flow(problem, random_neurons(2500, 1, kappa1=1e-5), 1e-3)
    living = living_at(flow, 1e-3)
    for sign, expected in zip((1, -1), theory.living_fractions(problem), strict=True):
        share = (living == sign).mean()
        assert share == pytest.approx(expected, abs=3.5 * math.sqrt(share * (1 - share) / 2500))


@pytest.mark.untyped  # thousands of events: too slow with every call checked
@pytest.mark.parametrize(("p", "delta"), [(4.0, 0.1), (2.0, 0.4)])
def test_the_start_decides_which_neurons_live(p: float, delta: float) -> None:
    problem, start = TwoPoints(p, delta), random_neurons(800, 3, kappa1=1e-6)
    flow = exact_flow(problem, start, 1e-3)
    fated = theory.fates(problem, start)
    assert np.count_nonzero(fated != living_at(flow, 1e-3)) <= 1  # one may start on a border
    assert set(fated) == {-1.0, 0.0, 1.0}


def test_the_loss_is_at_a_level_when_it_is_said() -> None:
    flow = exact_flow(TwoPoints(4.0, 0.1), random_neurons(100, 0), 1e5)
    for level in (0.98, 0.81, 0.1):
        time = np.array([when_below(flow, level)])
        assert flow.loss(time)[0] == pytest.approx(level, rel=1e-4)
        assert flow.loss(time)[0] <= level < flow.loss(0.999 * time)[0]
    assert when_below(flow, 2.0) == 0
    assert math.isnan(when_below(flow, 1e-9))


@pytest.mark.parametrize("delta", [0.05, 0.02])
@pytest.mark.parametrize("p", [2.0, 5.0])
def test_every_time_of_a_small_angle_follows_its_formula(p: float, delta: float) -> None:
    problem = TwoPoints(p, delta, 0.8)
    flow = exact_flow(problem, random_neurons(600, 2, kappa1=1e-5), 1e14)
    run = measure_phases(flow)
    alive = (run.alive_plus, run.alive_minus)
    assert run.accurate == pytest.approx(theory.accuracy_time(problem, *alive), rel=10 * delta**2)
    off = theory.deactivation_time(problem, *alive)
    assert run.off_first == pytest.approx(off, rel=30 * delta**2)
    delay = theory.reactivation_delay(problem, *alive)
    assert run.on_first - run.off_last == pytest.approx(delay, rel=30 * delta**2)
    assert run.on_ratio == pytest.approx(problem.cos, rel=1e-9)
    end = np.array([1e14])
    constant = theory.final_constant(problem, *alive)
    assert flow.loss(end)[0] * 1e14 == pytest.approx(constant, rel=1e-6)
    assert run.off_share == run.on_share == 1
    assert run.later_events == 0
    flat = measure_plateau(flow, run)
    assert flat.loss == pytest.approx(theory.plateau_loss(problem), rel=0.02)
    assert flat.accuracy == theory.plateau_accuracy(problem)
    assert run.condensed < run.peak < run.accurate < run.off_first < run.on_first


def test_the_final_pulls_are_those_of_the_flow() -> None:
    problem, t_end = TwoPoints(3.0, 0.3), 1e12
    flow = exact_flow(problem, random_neurons(300, 5), t_end)
    run = measure_phases(flow)
    end = np.array([t_end])
    a, b = theory.final_pulls(problem, run.alive_plus, run.alive_minus)
    loss_plus, loss_minus = problem.class_losses(*flow.outputs(end))
    assert loss_plus[0] * t_end == pytest.approx(a, rel=1e-5)
    assert loss_minus[0] * t_end == pytest.approx(b, rel=1e-5)
    moved = flow.start.moved(problem, flow.neurons(end)[0][0])
    living = living_at(flow, t_end)
    aims = theory.final_directions(problem, run.alive_plus, run.alive_minus)
    for sign, aim in zip((1, -1), aims, strict=True):
        assert largest_angle(moved.weights[living == sign], aim) < 2e-3
    # the margin of the normalised network is 1 / sqrt(a + b)
    norm = np.linalg.norm(moved.weights[living != 0])
    margin = min(flow.outputs(end)[0][0], -flow.outputs(end)[1][0]) / norm
    assert margin == pytest.approx(1 / math.sqrt(a + b), rel=0.15)


def test_the_rise_solves_the_flow_at_zero_angle() -> None:
    problem, a_plus = TwoPoints(4.0, 0.1, 0.9), 0.25
    # with one input direction both outputs grow alike: f' = kappa2^2 a+ (A - B)
    speed = problem.kappa2**2 * a_plus / 5
    found = solve_ivp(
        lambda _, f: speed * (4 * np.exp(-f) - np.exp(f)), (0, 30), [0.0],
        t_eval=np.linspace(0, 30, 20), rtol=1e-10, atol=1e-12,
    )  # fmt: skip
    np.testing.assert_allclose(theory.rise(problem, a_plus, found.t), np.exp(found.y[0]), rtol=1e-7)


def test_the_drift_ends_where_full_accuracy_begins() -> None:
    problem, alive = TwoPoints(4.0, 0.1), (0.25, 0.14)
    end = np.array([theory.accuracy_time(problem, *alive)])
    assert theory.drift(problem, *alive, end)[0] == pytest.approx(2 / 5)
    assert theory.drift(problem, *alive, np.zeros(1))[0] == pytest.approx(
        theory.plateau_loss(problem)
    )


def test_without_a_majority_the_switch_never_comes() -> None:
    problem = TwoPoints(4.0, 0.1)
    assert math.isinf(theory.deactivation_time(problem, 0.2, 0.2))
    assert math.isinf(theory.reactivation_delay(problem, 0.2, 0.2001))
    start = random_neurons(400, 0)
    keep = ~((start.signs > 0) & (np.arange(400) % 2 == 0))
    run = measure_phases(exact_flow(problem, Neurons(start.weights[keep], start.signs[keep]), 1e9))
    assert run.alive_minus > run.alive_plus
    assert math.isnan(run.off_first)
    assert math.isnan(run.on_first)


def test_what_the_formulas_cannot_do_is_refused() -> None:
    with pytest.raises(RegimeError, match="more than 1"):
        theory.living_fractions(TwoPoints(1.0, 0.3))
    with pytest.raises(RegimeError, match="living fractions are"):
        theory.half_time(TwoPoints(), 0.2, 0.0)


def test_condensation_directions_are_perpendicular_to_what_they_must_be() -> None:
    problem = TwoPoints(4.0, 0.3)
    positive, negative = theory.condensation_directions(problem)
    plus, minus = problem.inputs()
    assert negative @ plus == pytest.approx(0, abs=1e-12)
    assert positive @ plus > 0
    assert positive @ minus > 0


def test_counts_add_up_and_end_as_the_flow_does() -> None:
    flow = exact_flow(TwoPoints(4.0, 0.3), random_neurons(80, 1), 1e8)
    times, counts = pattern_counts(flow)
    assert (counts.sum(axis=(1, 2)) == 80).all()
    assert len(times) == flow.events + 1
    _, patterns = flow.neurons(np.array([1e8]))
    for row, sign in ((0, 1), (1, -1)):
        held = patterns[0][flow.start.signs == sign]
        np.testing.assert_array_equal(counts[-1, row], np.bincount(held, minlength=6))


def test_tiny_angles_keep_their_digits() -> None:
    vectors = np.array([[1.0, 1e-7, 0.0], [2.0, 0.0, 1e-7]])
    assert largest_angle(vectors, np.array([1.0, 0.0])) == pytest.approx(0.5e-14, rel=1e-6)
    assert largest_angle(-vectors, np.array([1.0, 0.0])) == pytest.approx(2)
