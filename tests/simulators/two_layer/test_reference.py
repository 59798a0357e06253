"""The general integrator and gradient descent, beyond what the exact flow covers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit

from regime_lib.errors import RegimeError
from regime_lib.simulators.two_layer.descent import descend, survivors
from regime_lib.simulators.two_layer.flow import Pattern
from regime_lib.simulators.two_layer.problem import TwoPoints, even_neurons, random_neurons
from regime_lib.simulators.two_layer.reference import integrate

PROBLEM = TwoPoints(2.0, 0.4)


@pytest.mark.parametrize(("loss", "learn"), [("logistic", False), ("exponential", True)])
def test_variants_agree_with_plain_gradient_descent(loss: str, learn: bool) -> None:
    start = even_neurons(24, kappa1=0.05)
    found = integrate(PROBLEM, start, 30.0, loss=loss, train_outputs=learn)  # type: ignore[arg-type]
    weights, a, step = start.weights.copy(), start.signs / math.sqrt(24), 1e-3
    for _ in range(30_000):
        seen = weights @ PROBLEM.inputs().T
        active = np.maximum(seen, 0)
        plus, minus = a @ active
        slope_plus, slope_minus = (
            (expit(-plus), expit(minus)) if loss == "logistic" else np.exp([-plus, minus])
        )
        slopes = np.array([2 * slope_plus, -slope_minus]) / 3
        weights += step * ((a[:, None] * (seen > 0)) * slopes) @ PROBLEM.inputs()
        a = a + step * (active @ slopes) * learn
    plus, minus = a @ np.maximum(weights @ PROBLEM.inputs().T, 0)
    assert found.f_plus[-1] == pytest.approx(plus, abs=5e-3)
    assert found.f_minus[-1] == pytest.approx(minus, abs=5e-3)
    np.testing.assert_allclose(found.outputs, a, atol=2e-3)


def test_trained_outputs_keep_the_difference_of_squares() -> None:
    start = even_neurons(20, kappa1=0.05)
    found = integrate(PROBLEM, start, 20.0, train_outputs=True, rtol=1e-10)
    end = start.moved(PROBLEM, found.projections).weights
    kept = 1 / 20 - (start.weights**2).sum(axis=1)
    np.testing.assert_allclose(found.outputs**2 - (end**2).sum(axis=1), kept, atol=1e-7)


def test_neurons_that_arrive_together_are_both_served() -> None:
    # mirror images about the bisector of the inputs would tie; about x+ they tie in u
    start = even_neurons(40, kappa1=1e-2, phase=0.5)
    found = integrate(PROBLEM, start, 200.0)
    u, v = found.projections
    last = {int(k): int(q) for k, q in zip(found.event_neurons, found.event_patterns, strict=True)}
    lit_u = np.array([last.get(k, 3) in (2, 3, 5) for k in range(40)])
    changed = np.array([k in last for k in range(40)])
    assert (u[lit_u & changed] > -1e-9).all()
    assert found.loss[-1] < found.loss[0]
    assert np.isfinite(v).all()


def test_the_first_time_of_a_pattern_is_nan_without_one() -> None:
    found = integrate(PROBLEM, random_neurons(10, 0), 1e-9)
    assert math.isnan(found.first(Pattern.SLIDE_V))


@pytest.mark.untyped
def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(RegimeError, match="'exponential' or 'logistic'"):
        integrate(PROBLEM, random_neurons(5, 0), 1.0, loss="hinge")  # type: ignore[arg-type]


def test_descent_notes_outputs_when_asked_and_counts_steps() -> None:
    start = random_neurons(10, 0)
    found = descend(PROBLEM, start, [(0.1, 1.0), (0.5, 3.0)], [0.0, 0.25, 2.0])
    assert found.steps == 14
    np.testing.assert_allclose(found.times, [0.0, 0.3, 2.0])
    seen = np.maximum(start.projections(PROBLEM), 0)
    assert found.f_plus[0] == pytest.approx(seen[0] @ start.signs / math.sqrt(10))


def test_large_steps_kill_negative_neurons_and_small_ones_do_not() -> None:
    start = even_neurons(200, kappa1=1e-2)
    problem = TwoPoints(8.0, 0.1)
    gentle = descend(problem, start, [(1e-5, 0.05)]).end
    rough = descend(problem, start, [(1e-2, 0.5)]).end
    assert survivors(problem, gentle)[1] > 0.1
    assert survivors(problem, rough)[1] == 0


@pytest.mark.parametrize(
    ("stages", "says"),
    [([(0.0, 1.0)], "step > 0"), ([(0.1, 1.0), (0.1, 1.0)], "rising times")],
)
def test_stages_that_make_no_sense_are_refused(
    stages: list[tuple[float, float]], says: str
) -> None:
    with pytest.raises(RegimeError, match=says):
        descend(PROBLEM, random_neurons(5, 0), stages)


def test_a_step_that_blows_up_is_told_so() -> None:
    with pytest.raises(RegimeError, match="smaller step"):
        descend(PROBLEM, random_neurons(30, 0, kappa1=0.1), [(1e5, 1e6)])
