"""Plain gradient descent on the two-layer network: all dimensions, no reduction, no sliding rule.

The loop computes the gradient from the weights as anyone would, with relu'(0) = 0. It is the check
of the exact flow that shares least with it, and the place where a step that is too large kills the
negative neurons.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from regime_lib.errors import RegimeError
from regime_lib.simulators.two_layer.problem import Neurons, TwoPoints


@dataclass(frozen=True)
class Descent:
    """A run of gradient descent.

    Attributes
    ----------
    times : array, shape (n,)
        Sum of the steps so far, at the records asked for.
    f_plus, f_minus : array, shape (n,)
        Outputs there.
    end : Neurons
        Weights at the end.
    steps : int
        How many steps were made.
    """

    times: Float[np.ndarray, " n"]
    f_plus: Float[np.ndarray, " n"]
    f_minus: Float[np.ndarray, " n"]
    end: Neurons
    steps: int


def descend(
    problem: TwoPoints,
    start: Neurons,
    stages: Sequence[tuple[float, float]],
    records: Iterable[float] = (),
) -> Descent:
    """Train with gradient descent whose step changes from stage to stage.

    Parameters
    ----------
    problem : TwoPoints
        The data and the scale of the output weights.
    start : Neurons
        Initial weights, in any dimension.
    stages : sequence of (float, float)
        Step size, and the time until which it holds; times rise.
    records : iterable of float
        When to note the outputs: at the first step at or after each time.

    Raises
    ------
    RegimeError
        If a step is not positive, times do not rise, or the loss overflows.
    """
    ends = [0.0, *(end for _, end in stages)]
    if any(step <= 0 for step, _ in stages) or any(np.diff(ends) <= 0):
        raise RegimeError("stages are (step > 0, until) with rising times")
    inputs = problem.inputs(start.weights.shape[1])
    weights, a = start.weights.copy(), start.signs * problem.kappa2 / math.sqrt(start.m)
    wanted = iter(sorted(records))
    due = next(wanted, math.inf)
    noted: list[tuple[float, float, float]] = []
    time, count, share = 0.0, 0, 1 / (1 + problem.p)
    for step, until in stages:
        steps = round((until - time) / step)
        begin = time
        for i in range(steps + 1):
            seen = weights @ inputs.T
            f_plus, f_minus = a @ np.maximum(seen, 0)
            time = begin + i * step
            while due <= time * (1 + 1e-12):
                noted.append((time, f_plus, f_minus))
                due = next(wanted, math.inf)
            if i == steps:
                break
            if not (f_plus > -600 and f_minus < 600):
                raise RegimeError(f"the loss overflows at t = {time:g}; take a smaller step")
            slopes = np.array([problem.p * share * math.exp(-f_plus), -share * math.exp(f_minus)])
            weights += step * ((a[:, None] * (seen > 0)) * slopes) @ inputs
            count += 1
    table = np.array(noted).reshape(-1, 3)
    return Descent(table[:, 0], table[:, 1], table[:, 2], Neurons(weights, start.signs), count)


def survivors(problem: TwoPoints, neurons: Neurons) -> Float[np.ndarray, "2"]:
    """Return the fractions of positive and of negative neurons that some input activates."""
    alive = (neurons.projections(problem) > 0).any(axis=0)
    return np.array([(alive & (neurons.signs == sign)).mean() for sign in (1, -1)])
