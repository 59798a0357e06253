"""Gradient descent on deep linear networks: Euler's method on the flow, to be held against it."""

from __future__ import annotations

import numpy as np

from regime_lib.errors import RegimeError
from regime_lib.simulators.deep_linear.flow import FlowPath
from regime_lib.simulators.deep_linear.problem import Layers, LinearTask, check_fit, velocity


def gradient_descent(
    layers: Layers, task: LinearTask, step: float, steps: int, *, every: int = 1
) -> FlowPath:
    """Take steps of gradient descent on all layers at once: Euler's method on the flow.

    Parameters
    ----------
    layers : tuple of array
        Weights at the start.
    task : LinearTask
        What is learnt.
    step : float
        Step size, in units of the flow's time.
    steps : int
        How many steps.
    every : int
        The path holds every so many of them, and the start.

    Returns
    -------
    FlowPath
        Weights may be infinite or NaN where the step size is too large.

    Raises
    ------
    RegimeError
        If network and task do not fit, or a number is not positive.
    """
    check_fit(layers, task)
    if step <= 0 or steps < 1 or every < 1:
        raise RegimeError(
            f"step is {step:g}, steps {steps} and every {every}; expected positive numbers"
        )
    kept = [layers]
    with np.errstate(over="ignore", invalid="ignore"):
        for number in range(1, steps + 1):
            moves = velocity(layers, task)
            layers = tuple(layer + step * move for layer, move in zip(layers, moves, strict=True))
            if number % every == 0:
                kept.append(layers)
    stacked = tuple(np.stack(parts) for parts in zip(*kept, strict=True))
    return FlowPath(task, step * every * np.arange(len(kept)), stacked)
