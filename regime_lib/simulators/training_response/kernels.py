"""Closed forms of the ReLU response kernel: wide at the start of training, and at its end.

Source: Cho and Saul (2009) for the arc-cosine kernels, Jacot et al. (2018) for their sum; the limit
of long training is our derivation, from the rotation in `rapidity`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from regime_lib.errors import RegimeError


def arc_cosine(inputs: int) -> Float[np.ndarray, " distances"]:
    """Return the kernel of the read-out's gradients alone, over its value at distance zero.

    Parameters
    ----------
    inputs : int
        Length of the strings of -1 and 1; distances run from 0 to this.
    """
    angle = _angles(inputs)
    return (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi


def wide_tangent_kernel(inputs: int, features: int) -> Float[np.ndarray, " distances"]:
    """Return the mean of Θ(x, x_o) over Gaussian initial weights, at each Hamming distance.

    Parameters
    ----------
    inputs : int
        Length of the strings of -1 and 1.
    features : int
        Number of features.
    """
    angle = _angles(inputs)
    readout = features / 2 * arc_cosine(inputs)
    overlap = 1 + inputs - 2 * np.arange(inputs + 1)
    return readout + overlap * (np.pi - angle) / (2 * np.pi) + 1


def oldest(inputs: int) -> Float[np.ndarray, " distances"]:
    """Return the limit of the kernel at infinite age, strings of -1 and 1: (1 - 2d / (n + 1))_+."""
    return np.maximum(0.0, 1 - 2 * np.arange(inputs + 1) / (inputs + 1))


def _angles(inputs: int) -> Float[np.ndarray, " distances"]:
    if inputs < 1:
        raise RegimeError(f"strings have at least one bit, not {inputs}")
    return np.arccos(1 - 2 * np.arange(inputs + 1) / inputs)
