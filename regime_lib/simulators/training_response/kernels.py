"""Closed forms of the ReLU response kernel: wide at the start of training, and at its end.

Source: Cho and Saul (2009) for the arc-cosine kernels, Jacot et al. (2018) for their sum; the limit
of long training is our derivation, from the rotation in `hyperbolic`.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from regime_lib.errors import RegimeError


def arc_cosine(bits: int) -> Float[np.ndarray, " distances"]:
    """Return the kernel of the read-out's gradients alone, over its value at distance zero."""
    angle = _angles(bits)
    return (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / np.pi


def limit_kernel(bits: int) -> Float[np.ndarray, " distances"]:
    """Return the limit of the kernel at infinite time, inputs of -1 and 1: (1 - 2d / (n + 1))_+."""
    return np.maximum(0.0, 1 - 2 * np.arange(bits + 1) / (bits + 1))


def _angles(bits: int) -> Float[np.ndarray, " distances"]:
    if bits < 1:
        raise RegimeError(f"inputs have at least one bit, not {bits}")
    return np.arccos(1 - 2 * np.arange(bits + 1) / bits)
