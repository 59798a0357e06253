"""What is asked of networks on any points, against small cases that can be worked out."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from scipy.optimize import minimize

from regime_lib.chapters.multi_phase import any_points as many
from regime_lib.simulators.two_layer import theory
from regime_lib.simulators.two_layer.many_points import Followed, Points, follow
from regime_lib.simulators.two_layer.phases import measure_phases
from regime_lib.simulators.two_layer.problem import Neurons, TwoPoints, random_neurons
from regime_lib.simulators.two_layer.solver import exact_flow


@pytest.fixture(scope="module")
def run() -> Followed:
    """The chapter's two points, to the end of all phases."""
    problem = TwoPoints(4.0, 0.1)
    starts = (random_neurons(60, seed, d=3, kappa1=1e-3) for seed in itertools.count())
    start = next(
        one for one in starts if measure_phases(exact_flow(problem, one, 1e5)).on_first < 1e5
    )
    return follow(Points.of(problem, 3), start, np.geomspace(1e-5, 1e6, 331))


@pytest.mark.untyped
class TestOutcome:
    """One run, asked everything."""

    def test_on_two_points_it_is_what_the_exact_flow_says(self, run: Followed) -> None:
        problem = TwoPoints(4.0, 0.1)
        exact = exact_flow(problem, run.start, 1e6)
        phases, found = measure_phases(exact), many.outcome(run)
        assert phases.on_first < 1e5
        assert found.learnt
        assert found.plateau
        assert found.changes
        assert found.settled
        assert found.in_order
        law = theory.accuracy_time(problem, phases.alive_plus, phases.alive_minus)
        assert found.accurate == pytest.approx(phases.accurate / law, rel=0.08)  # of the records
        constant = theory.final_constant(problem, phases.alive_plus, phases.alive_minus)
        assert many.multipliers(run.coupling).sum() == pytest.approx(constant, rel=1e-6)
        assert found.constant == pytest.approx(1, abs=0.1)
        assert found.richer > 1.5

    def test_the_plateau_is_where_the_loss_is_flattest(self, run: Followed) -> None:
        left = int(np.argmax(run.loss <= 0.98))
        flat = many.plateau_of(run, left)
        accurate = run.times[left + np.argmax(run.accuracy[left:] > 0.99)]
        assert run.times[left] < flat < accurate
        assert np.interp(flat, run.times, run.loss) == pytest.approx(0.8, rel=0.05)

    def test_without_a_second_fall_there_is_no_plateau(self) -> None:
        start = Neurons(np.array([[0.1, 0.1], [-0.1, -0.1]]), np.array([1.0, -1.0]))
        points = Points(np.eye(2), np.ones(2), np.array([0.5, 0.5]))
        found = follow(points, start, np.geomspace(1e-3, 1e4, 211))
        assert np.isnan(many.plateau_of(found, int(np.argmax(found.loss <= 0.98 * found.loss[0]))))

    def test_switching_off_and_on_needs_both_in_order(self, run: Followed) -> None:
        assert many.switches_off_and_on(run, 10.0)
        last = run.event_states[-1]
        assert last == 1
        cut = np.flatnonzero((run.event_times > 10) & (run.event_states == 1))[0]
        shorter = {
            name: getattr(run, name)[:cut]
            for name in ("event_times", "event_neurons", "event_points", "event_states")
        }
        assert not many.switches_off_and_on(dataclasses.replace(run, **shorter), 10.0)
        assert not many.switches_off_and_on(run, float(run.event_times[cut]))

    def test_neurons_find_neighbours(self, run: Followed) -> None:
        left = int(np.argmax(run.loss <= 0.98))
        living = np.flatnonzero((run.active[left] | run.held[left]).any(axis=1))
        signs = run.start.signs
        near = []
        for weights in (run.weights[left], run.start.weights):
            unit = weights / np.linalg.norm(weights, axis=1, keepdims=True)
            least = [
                min(1 - unit[i] @ unit[j] for j in living if j != i and signs[i] == signs[j])
                for i in living
            ]
            near.append(np.median(least))
        assert many.condensed(run, left) == pytest.approx(near[0] / near[1], rel=1e-6, abs=1e-12)


def test_multipliers_are_those_of_the_largest_margin() -> None:
    features = np.random.default_rng(3).standard_normal((6, 4)) + np.array([2.0, 0, 0, 0])
    found = many.multipliers(features @ features.T)
    slack = features @ features.T @ found - 1
    assert found.min() >= 0
    assert slack.min() > -1e-9
    assert np.abs(found * slack).max() < 1e-9
    bounds = {"type": "ineq", "fun": lambda w: features @ w - 1}
    shortest = minimize(lambda w: w @ w, np.ones(4) * 3, constraints=bounds, tol=1e-12)
    assert found.sum() == pytest.approx(shortest.fun, rel=1e-6)
    assert np.isnan(many.multipliers(np.outer([1.0, -1.0], [1.0, -1.0]))).all()


def test_random_points_are_separable_and_of_all_sizes() -> None:
    drawn = [many.random_points(number, 100 + number) for number in range(9)]
    sizes = {(len(points.inputs), points.inputs.shape[1]) for points in drawn}
    assert sizes == set(itertools.product((4, 6, 8), (2, 4, 8)))
    for points in drawn:
        assert set(points.labels) == {-1.0, 1.0}
        np.testing.assert_allclose(np.linalg.norm(points.inputs, axis=1), 1)
        gram = np.outer(points.labels, points.labels) * (points.inputs @ points.inputs.T)
        assert np.isfinite(
            many.multipliers(gram)
        ).all()  # a plane through the origin separates them


def test_five_points_are_nearly_two() -> None:
    points = many.nearly_two(1, 7)
    near, far = np.arccos(np.clip(points.inputs @ points.inputs.T, -1, 1))[0, [1, 4]]
    assert near < 0.03
    assert far == pytest.approx(0.1, abs=0.03)
    assert points.labels.tolist() == [1, 1, 1, 1, -1]
