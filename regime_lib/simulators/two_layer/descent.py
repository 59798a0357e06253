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


@dataclass(frozen=True)
class Watched:
    """Several runs of gradient descent, each pattern watched at every step.

    Attributes
    ----------
    times : array, shape (steps,)
        Sum of the steps before each step.
    f_plus, f_minus : array, shape (steps, runs)
        Outputs before each step.
    last_off, last_on : array, shape (runs, m, 2)
        When a neuron was last seen inactive, and last seen active, on x+ and on x-; -1 if never.
    weights : array, shape (stages, runs, m, 2)
        Weights in the plane at the end of each stage.
    """

    times: Float[np.ndarray, " steps"]
    f_plus: Float[np.ndarray, "steps runs"]
    f_minus: Float[np.ndarray, "steps runs"]
    last_off: Float[np.ndarray, "runs m 2"]
    last_on: Float[np.ndarray, "runs m 2"]
    weights: Float[np.ndarray, "stages runs m 2"]


def watch_descents(
    problem: TwoPoints, starts: Sequence[Neurons], stages: Sequence[tuple[float, float]]
) -> Watched:
    """Train several networks of one width at once, each as `descend` would, and watch patterns.

    Only the plane of the inputs is kept; the other components of the weights do not move.

    Parameters
    ----------
    problem : TwoPoints
        The data and the scale of the output weights.
    starts : sequence of Neurons
        Initial weights, the same number of neurons in each.
    stages : sequence of (float, float)
        Step size, and the time until which it holds; times rise.

    Raises
    ------
    RegimeError
        If the widths differ, a step is not positive or longer than its stage, or times do not rise.
    """
    ends = [0.0, *(end for _, end in stages)]
    if any(step <= 0 for step, _ in stages) or any(np.diff(ends) <= 0):
        raise RegimeError("stages are (step > 0, until) with rising times")
    if any(step > end - begin for (step, end), begin in zip(stages, ends, strict=False)):
        raise RegimeError("a step is longer than its stage; take a smaller one")
    if len({start.m for start in starts}) != 1:
        raise RegimeError("watch networks of one width together; give at least one of them")
    inputs = problem.inputs()
    seen = np.stack([start.projections(problem) for start in starts])  # runs, 2, m
    a = np.stack([start.signs for start in starts]) * problem.kappa2 / math.sqrt(starts[0].m)
    begun, last_off, last_on = seen.copy(), np.full(seen.shape, -1.0), np.full(seen.shape, -1.0)
    times, kept = [], []
    outputs: list[Float[np.ndarray, "runs 2"]] = []
    for (step, until), begin in zip(stages, ends, strict=False):
        now = begin + step * np.arange(round((until - begin) / step))
        # a neuron that no input activates never moves again, so the loop can do without it
        living = (seen > 0).any(axis=1)
        few = np.argsort(~living, axis=1, kind="stable")[:, None, : living.sum(axis=1).max()]
        last_off[:] = np.where(seen > 0, last_off, now[-1])
        parts = [np.take_along_axis(whole, few, axis=2) for whole in (seen, last_off, last_on)]
        _watch_stage(problem, parts, np.take_along_axis(a, few[:, 0], axis=1), step, now, outputs)
        for whole, part in zip((seen, last_off, last_on), parts, strict=True):
            np.put_along_axis(whole, few, part, axis=2)
        times.append(now)
        kept.append(seen.copy())
    both = np.array(outputs)
    plane = np.stack([start.weights[:, :2] for start in starts])
    back = np.linalg.inv(inputs.T)  # a shift of the weights from that of their projections
    weights = np.array([plane + (now - begun).transpose(0, 2, 1) @ back for now in kept])
    return Watched(
        np.concatenate(times),
        both[..., 0],
        both[..., 1],
        last_off.transpose(0, 2, 1),
        last_on.transpose(0, 2, 1),
        weights,
    )


def _watch_stage(
    problem: TwoPoints,
    parts: Sequence[Float[np.ndarray, "runs 2 few"]],
    a: Float[np.ndarray, "runs few"],
    step: float,
    times: Float[np.ndarray, " steps"],
    outputs: list[Float[np.ndarray, "runs 2"]],
) -> None:
    """Descend at one step size: change projections, last off, last on; append the outputs."""
    seen, last_off, last_on = parts
    inputs, share = problem.inputs(), 1 / (1 + problem.p)
    pull = step * (inputs @ inputs.T) * np.array([problem.p * share, -share])  # on i, of j
    sides = np.array([-1.0, 1.0])
    for now in times:
        on = seen > 0
        found = (np.maximum(seen, 0.0) @ a[:, :, None])[..., 0]
        np.copyto(last_on, now, where=on)
        np.copyto(last_off, now, where=~on)
        outputs.append(found)
        strength = pull * np.exp(sides * found)[:, None]  # runs, i, j
        seen += (strength @ on) * a[:, None]


def survivors(problem: TwoPoints, neurons: Neurons) -> Float[np.ndarray, "2"]:
    """Return the fractions of positive and of negative neurons that some input activates."""
    alive = (neurons.projections(problem) > 0).any(axis=0)
    return np.array([(alive & (neurons.signs == sign)).mean() for sign in (1, -1)])
