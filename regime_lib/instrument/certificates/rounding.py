"""Rounding errors of sums of products, bounded: what makes a floating-point certificate safe.

A sum of n products, added up in any order, with or without fused operations, differs from the exact
one by at most gamma_n times the sum of the absolute values (Higham, *Accuracy and Stability of
Numerical Algorithms*, section 3.1). Through several layers the numbers of roundings add up. Every
bound here is itself computed in floating point, so that all of them carry a factor of two.
"""

from __future__ import annotations

import torch
from torch import Tensor

UNIT = 2.0**-53  # of float64
TINY = 1e-290  # above what underflow can hide in sums of fewer than 2**50 terms


def error_of(magnitude: Tensor, roundings: int) -> Tensor:
    """Bound the error of a result whose terms were rounded at most so often.

    Its `magnitude` is the same expression evaluated on absolute values.
    """
    return magnitude * (2 * roundings * UNIT / (1 - roundings * UNIT)) + TINY


def upwards(bound: Tensor, roundings: int) -> Tensor:
    """Enlarge a computed sum of numbers that are not negative to at least its exact value."""
    return bound * (1 + 4 * roundings * UNIT)


def downwards(bound: Tensor) -> Tensor:
    """Shrink a computed difference to at most its exact value; 0 where it is negative."""
    return (bound * (1 - 4 * UNIT)).clamp(min=0)


def exact(tensor: Tensor) -> Tensor:
    """Return the numbers of a tensor in float64, on the CPU, where they are all representable.

    There PyTorch computes linear maps and convolutions as plain sums of products; its shortcuts
    (Winograd, Fourier) are for lower precision, and the bounds above would not hold for them.
    """
    return tensor.detach().to("cpu", torch.float64)
