"""Checks of the exercises of the chapter on four phases."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from regime_lib.chapters.checking import checks, hint
from regime_lib.simulators.two_layer.phases import living_at, measure_phases
from regime_lib.simulators.two_layer.problem import TwoPoints, random_neurons
from regime_lib.simulators.two_layer.solver import exact_flow


@partial(checks, name="living negative neurons")
def living_negative(solution: Callable[[float, float], float]) -> None:
    """Check a function that returns the expected fraction of living negative neurons."""
    for p, delta in ((4.0, 0.1), (2.0, 0.6), (8.0, 0.3)):
        problem = TwoPoints(p, delta)
        flow = exact_flow(problem, random_neurons(3000, 0, kappa1=1e-5), 1e-2)
        truth = float((living_at(flow, 1e-2) < 0).mean())
        found = solution(p, delta)
        if not abs(found - 0.25) > 1e-9:
            hint("A quarter holds for positive neurons; negative ones can also die on x+.")
        if not abs(found / truth - 1) < 0.09:
            hint(
                f"At p = {p:g} and an angle of {delta:g} the exact flow leaves {truth:.3f} of all "
                f"neurons alive and negative, your function says {found:.3f}. Only half of the "
                "neurons are negative; which arc of directions never loses both inputs?"
            )


@checks
def sliding(solution: Callable[[float, float, float], tuple[float, float]]) -> None:
    """Check a function for a negative neuron that slides on u = 0: active share and speed."""
    for loss_plus, loss_minus, delta in ((0.8, 0.2, 0.1), (0.4, 0.3, 0.7), (0.5, 0.5, 0.3)):
        c = math.cos(delta)
        share, speed = solution(loss_plus, loss_minus, delta)
        if not 0 <= share <= 1:
            hint(f"The share of time must lie in 0..1, not {share:.3g}.")
        drift = -(loss_plus * share - loss_minus * c)
        if not abs(drift) < 1e-9:
            hint(
                f"With A = {loss_plus:g}, B = {loss_minus:g} and an active share of {share:.3g} it "
                f"leaves u = 0 at speed {drift:.3g}. Choose the share that makes it stay."
            )
        chattered = _chatter(loss_plus, loss_minus, delta)
        if not abs(speed / chattered - 1) < 0.02:
            hint(
                f"Tiny steps of gradient descent make v grow at {chattered:.4g}, you say "
                f"{speed:.4g}. Put the share into dv/dt = -(A C share - B)."
            )


@checks
def plateau(solution: Callable[[float], tuple[float, float]]) -> None:
    """Check a function that returns output and loss of a net that cannot tell the inputs apart."""
    for p in (2.0, 4.0, 30.0):
        z = np.linspace(-1, 3, 400_001)
        loss = (p * np.exp(-z) + np.exp(z)) / (1 + p)
        best = int(np.argmin(loss))
        output, height = solution(p)
        if not abs(output - z[best]) < 1e-4:
            hint(
                f"At p = {p:g} the best common output is {z[best]:.3f}, you say {output:.3f}. Set "
                "the derivative of p exp(-z) + exp(z) to zero."
            )
        if not abs(height / loss[best] - 1) < 1e-6:
            hint(
                f"The output is right; the loss there is {loss[best]:.4f}, you say {height:.4f}. "
                "Average over n+ + n- samples."
            )


@partial(checks, name="time of full accuracy")
def accuracy_time(solution: Callable[[float, float, float, float], float]) -> None:
    """Check a function that predicts when the smaller class is learnt."""
    for p, delta, seed in ((4.0, 0.05, 1), (9.0, 0.03, 2), (2.5, 0.02, 3)):
        flow = exact_flow(TwoPoints(p, delta), random_neurons(400, seed, kappa1=1e-4), 1e7)
        run = measure_phases(flow)
        found = solution(p, delta, run.alive_plus, run.alive_minus)
        advice = (
            "The angle enters squared: the two outputs part only by sin Delta squared."
            if abs(found / run.accurate - 1) > 3
            else "Solve (2 sqrt(p)/(1+p)) / (1 + t/t_half) for the loss at which f(x-) is 0."
        )
        if not abs(found / run.accurate - 1) < 0.03:
            hint(
                f"At p = {p:g}, angle {delta:g} the exact flow needs {run.accurate:.4g}, your "
                f"function says {found:.4g}. {advice}"
            )


@checks
def coupling(solution: Callable[..., np.ndarray]) -> None:
    """Check a function that returns H, by which the pulls of the points act on each other."""
    random = np.random.default_rng(4)
    inputs, labels = random.standard_normal((5, 3)), np.array([1.0, -1.0, 1.0, 1.0, -1.0])
    weights, a = random.standard_normal((7, 3)) / 10, random.choice([-0.5, 0.5], 7)

    def pulls(b: np.ndarray) -> np.ndarray:
        return np.exp(-labels * (a @ np.maximum(b @ inputs.T, 0))) / 5

    g, active, step = pulls(weights), weights @ inputs.T > 0, 1e-7
    velocity = a[:, None] * ((active * labels * g) @ inputs)
    seen = np.log(pulls(weights + step * velocity) / pulls(weights - step * velocity)) / (2 * step)
    found = np.asarray(solution(inputs, labels, active, a), dtype=float)
    if found.shape != (5, 5):
        hint(f"H couples 5 points, so its shape is (5, 5), not {found.shape}.")
    if not np.allclose(-found @ g, seen, rtol=1e-5, atol=1e-7):
        hint(
            f"A small step changes the pulls' logarithms at {np.round(seen, 4)}, your -H g is "
            f"{np.round(-found @ g, 4)}. Two points couple through the neurons active on both: the "
            "sum of their a squared, times x_i . x_j, times both labels."
        )


@partial(checks, name="way down")
def way_down(solution: Callable[[float, float], float]) -> None:
    """Check a function that returns the most negative curvature of a neuron that says nothing."""
    for p, delta in ((4.0, 0.1), (2.0, 0.6)):
        pull = np.array([p, -1.0]) / (1 + p) @ TwoPoints(p, delta).inputs()
        truth = np.linalg.eigvalsh(np.block([[np.zeros((2, 2)), -pull[:, None]], [-pull, 0]]))[0]
        found = solution(p, delta)
        if found > 0:
            hint("A way down has a negative curvature.")
        if not abs(found / truth - 1) < 1e-9:
            hint(
                f"At p = {p:g} and an angle of {delta:g} it is {truth:.4f}, not {found:.4f}. With "
                "b = 0 and a = 0 only the mixed second derivatives are left: minus the pull, which "
                "is the mean of the labels times the inputs."
            )


def _chatter(loss_plus: float, loss_minus: float, delta: float, step: float = 1e-5) -> float:
    """Return the speed of v of a neuron pushed back and forth across u = 0 by descent."""
    u, v, c, steps = 0.0, 1.0, math.cos(delta), 20_000
    for _ in range(steps):
        on = u > 0
        u, v = (
            u - step * (loss_plus * on - loss_minus * c),
            v - step * (loss_plus * c * on - loss_minus),
        )
    return (v - 1.0) / (step * steps)
