"""The exact Hessian of the two-layer network's loss, where no neuron is on a boundary.

Inside a pattern f(x) = sum_k a_k b_k . x over the active neurons: linear in the input weights, and
bilinear in input and output weights. So the Hessian is a closed form. Components of the weights
outside the plane of the inputs add zeros alone and are left out.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from regime_lib.simulators.two_layer.flow import Flow, Pattern

_NEGATIVE = 1e-9  # of the largest eigenvalue in size
_ON = {
    0: (Pattern.PLUS, Pattern.BOTH, Pattern.SLIDE_V),  # active on x+
    1: (Pattern.MINUS, Pattern.BOTH, Pattern.SLIDE_U),
}


def hessian(flow: Flow, time: float, *, outputs: bool) -> Float[np.ndarray, "k k"]:
    """Return the Hessian of the loss at a time.

    Parameters
    ----------
    flow : Flow
        A solved run.
    time : float
        When; a neuron that slides counts as off on the input at whose boundary it is.
    outputs : bool
        Whether the output weights are coordinates beside the input weights.

    Returns
    -------
    array, shape (2 m, 2 m) or (3 m, 3 m)
        Coordinates: both input weights of every neuron in the plane, then the output weights.
    """
    problem, start = flow.problem, flow.start
    (seen,), (patterns,) = flow.neurons(np.array([time]))
    on = np.array([np.isin(patterns, _ON[i]) for i in (0, 1)], dtype=float)
    a, inputs = start.signs * problem.kappa2 / math.sqrt(start.m), problem.inputs()
    f_plus, f_minus = flow.outputs(np.array([time]))
    losses = np.concatenate(problem.class_losses(f_plus, f_minus))
    slopes = losses * (-1, 1)  # d loss / d f
    gradients = np.einsum("k,ik,id->ikd", a, on, inputs).reshape(2, -1)  # of f, by input weights
    if outputs:
        gradients = np.hstack([gradients, on * seen])
    found: Float[np.ndarray, "k k"] = np.einsum("i,ij,ik->jk", losses, gradients, gradients)
    if outputs:  # the second derivative of f itself: b_k and a_k of one neuron
        mixed = np.einsum("i,ik,id->kd", slopes, on, inputs)
        for k in range(start.m):
            found[2 * k : 2 * k + 2, 2 * start.m + k] += mixed[k]
            found[2 * start.m + k, 2 * k : 2 * k + 2] += mixed[k]
    return found


def negative_curvatures(matrix: Float[np.ndarray, "k k"]) -> int:
    """Return how many eigenvalues are below zero by more than rounding."""
    values = np.linalg.eigvalsh(matrix)
    return int((values < -_NEGATIVE * np.abs(values).max()).sum())
