"""Closed forms of the ReLU response kernel: wide at the start of training, and at its end.

Source: Cho and Saul (2009) for the arc-cosine kernels, Jacot et al. (2018) for their sum; the limit
of long training is our derivation, from the rotation in `hyperbolic`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from regime_lib.errors import RegimeError


def arc_cosine(bits: int) -> Float[np.ndarray, " distances"]:
    """Return the kernel of the read-out's gradients alone, over its value at distance zero.

    Parameters
    ----------
    bits : int
        Length of the inputs of -1 and 1; distances run from 0 to this.
    """
    angle = _angles(bits)
    return (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi


def wide_tangent_kernel(bits: int, features: int) -> Float[np.ndarray, " distances"]:
    """Return the mean of Θ(x, x_o) over Gaussian initial weights, at each Hamming distance.

    Parameters
    ----------
    bits : int
        Length of the inputs of -1 and 1.
    features : int
        Number of features.
    """
    angle = _angles(bits)
    readout = features / 2 * arc_cosine(bits)
    overlap = 1 + bits - 2 * np.arange(bits + 1)
    return readout + overlap * (np.pi - angle) / (2 * np.pi) + 1


def limit_kernel(bits: int) -> Float[np.ndarray, " distances"]:
    """Return the limit of the kernel at infinite time, inputs of -1 and 1: (1 - 2d / (n + 1))_+."""
    return np.maximum(0.0, 1 - 2 * np.arange(bits + 1) / (bits + 1))


def _angles(bits: int) -> Float[np.ndarray, " distances"]:
    if bits < 1:
        raise RegimeError(f"inputs have at least one bit, not {bits}")
    return np.arccos(1 - 2 * np.arange(bits + 1) / bits)
