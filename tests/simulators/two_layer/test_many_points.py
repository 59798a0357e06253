"""The flow on any points agrees with the exact one on two, with descent, and with closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from regime_lib.errors import RegimeError
from regime_lib.simulators.two_layer.flow import Pattern
from regime_lib.simulators.two_layer.many_points import Points, follow
from regime_lib.simulators.two_layer.problem import Neurons, TwoPoints, random_neurons
from regime_lib.simulators.two_layer.reference import integrate
from regime_lib.simulators.two_layer.solver import exact_flow

PROBLEM = TwoPoints(2.0, 0.4)


def drawn(seed: int, n: int, d: int) -> Points:
    random = np.random.default_rng(seed)
    inputs = random.standard_normal((n, d))
    labels = np.where(inputs @ random.standard_normal(d) > 0, 1.0, -1.0)
    shares = random.random(n) + 0.5
    return Points(inputs, labels, shares / shares.sum(), 0.8)


@pytest.mark.untyped  # every step of the integrator would be checked
class TestFollowed:
    """Runs on two points and on more."""

    @pytest.mark.parametrize("seed", [0, 4])
    def test_two_points_are_followed_as_the_exact_flow_does(self, seed: int) -> None:
        start, times = random_neurons(30, seed, d=4, kappa1=1e-3), np.geomspace(1e-4, 3e3, 40)
        exact, errors = exact_flow(PROBLEM, start, times[-1]), []
        for rtol in (1e-7, 1e-11):
            found = follow(Points.of(PROBLEM, 4), start, times, rtol=rtol)
            errors.append(np.abs(found.outputs.T - exact.outputs(times)).max())
        assert errors[1] < 1e-7
        assert errors[1] < errors[0]
        assert found.event_times == pytest.approx(exact.entry_time[30:], rel=1e-6)
        assert found.loss == pytest.approx(exact.loss(times), rel=1e-7)
        accuracy = exact.problem.accuracy(*exact.outputs(times))
        assert found.accuracy == pytest.approx(accuracy)
        np.testing.assert_allclose(found.weights[-1], exact.weights(times[-1]), atol=1e-7)
        held = (exact.entry_pattern[-1] == Pattern.SLIDE_V) or found.held[-1].any()
        assert held

    def test_two_points_are_followed_as_the_general_integrator_does(self) -> None:
        start = random_neurons(20, 3, d=2, kappa1=1e-2)
        found = follow(Points.of(PROBLEM), start, np.array([50.0]), rtol=1e-11)
        other = integrate(PROBLEM, start, 50.0, rtol=1e-10)
        assert found.event_times == pytest.approx(other.event_times, rel=1e-6)
        assert found.outputs[-1] == pytest.approx([other.f_plus[-1], other.f_minus[-1]], abs=1e-7)

    @pytest.mark.parametrize("seed", [1, 2])
    def test_descent_approaches_it_in_proportion_to_its_step(self, seed: int) -> None:
        points, end = drawn(seed, 5, 3), 6.0
        start = random_neurons(16, seed, d=3, kappa1=0.1)
        found = follow(points, start, np.array([0.5, end]))
        a, errors = start.signs * points.kappa2 / 4, []
        for step in (2e-3, 5e-4):
            weights = start.weights.copy()
            for _ in range(round(end / step)):
                seen = weights @ points.inputs.T
                outputs = a @ np.maximum(seen, 0)
                pulls = points.shares * np.exp(-points.labels * outputs) * points.labels
                weights += step * a[:, None] * ((seen > 0) * pulls @ points.inputs)
            outputs = a @ np.maximum(weights @ points.inputs.T, 0)
            errors.append(np.abs(outputs - found.outputs[-1]).max())
        assert errors[1] < min(0.6 * errors[0], 2e-3)

    def test_orthogonal_points_do_not_see_each_other(self) -> None:
        # each is learnt by its own neurons alone: y f = log(exp(y f(0)) + H t)
        points = Points(np.eye(3), np.array([1.0, -1.0, 1.0]), np.array([0.5, 0.3, 0.2]))
        start = Neurons(np.array([[0.1, -0.2, 0.3], [-0.1, 0.2, -0.1]]), np.array([1.0, -1.0]))
        times = np.geomspace(0.01, 1e4, 20)
        found = follow(points, start, times)
        size, begin = 0.5, np.array([0.1, 0.2, 0.3]) * math.sqrt(0.5)
        truth = np.log(np.exp(begin) + np.outer(times, size * points.shares))
        assert found.outputs * points.labels == pytest.approx(truth, rel=1e-8)
        assert not len(found.event_times)
        np.testing.assert_allclose(found.coupling, size * np.eye(3))

    def test_doubled_points_are_one_of_twice_the_share(self) -> None:
        points, times = drawn(5, 4, 3), np.geomspace(1e-3, 100, 10)
        start = random_neurons(12, 5, d=3, kappa1=0.05)
        half = np.append(points.shares[:3], [points.shares[3] / 2] * 2)
        order = [0, 1, 2, 3, 3]
        doubled = Points(points.inputs[order], points.labels[order], half, points.kappa2)
        truth = follow(points, start, times)
        found = follow(doubled, start, times)
        np.testing.assert_allclose(found.outputs[:, :4], truth.outputs, atol=1e-7)

    def test_the_loss_falls_by_the_squared_speed_of_the_weights(self) -> None:
        times = np.linspace(0.01, 8, 4000)
        found = follow(drawn(7, 6, 4), random_neurons(20, 7, d=4, kappa1=0.05), times)
        fallen = found.loss[0] - found.loss[-1]
        assert np.trapezoid(found.fall, times) == pytest.approx(fallen, rel=1e-4)
        way = np.diff(found.weights[[2000, 2001]], axis=0).ravel() / np.diff(times[[2000, 2001]])
        assert way @ way == pytest.approx(found.fall[2000:2002].mean(), rel=1e-2)
        assert (np.diff(found.loss) < 0).all()
        seen = found.weights @ found.points.inputs.T
        assert (seen[found.active] >= -1e-9).all()
        assert np.abs(seen[found.held]).max(initial=0) < 1e-9


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"labels": np.array([1.0, 0.0])}, "labels"), ({"shares": np.array([0.5, 0.6])}, "sum to 1")],
)
def test_points_that_make_no_sense_are_refused(change: dict, sentence: str) -> None:
    whole = {"inputs": np.eye(2), "labels": np.array([1.0, -1.0]), "shares": np.array([0.5, 0.5])}
    with pytest.raises(RegimeError, match=sentence):
        Points(**{**whole, **change})


def test_times_and_dimensions_must_fit() -> None:
    points = Points.of(PROBLEM, 3)
    with pytest.raises(RegimeError, match="dimensions"):
        follow(points, random_neurons(4, 0, d=2), np.array([1.0]))
    with pytest.raises(RegimeError, match="rise"):
        follow(points, random_neurons(4, 0, d=3), np.array([2.0, 1.0]))
