"""Larger or smaller initial scales: every parameter times one number (Liu et al., Omnigrok)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from regime_lib.errors import RegimeError


def scale_parameters(model: nn.Module, factor: float | Sequence[float]) -> None:
    """Multiply all parameters, biases included, in place.

    Parameters
    ----------
    model : nn.Module
        Any network.
    factor : float or sequence of float
        Above 0; a sequence gives one number per member of an ensemble.
    """
    factors = [factor] if isinstance(factor, int | float) else list(factor)
    if not all(math.isfinite(f) and f > 0 for f in factors):
        raise RegimeError(f"the factors are {factors}; expected finite numbers above 0")
    several = not isinstance(factor, int | float)
    members = getattr(model, "members", None)
    if several and members != len(factors):
        raise RegimeError(
            f"there are {len(factors)} factors for "
            f"{'a plain model' if members is None else f'{members} members'}; "
            "give one number, or one per member of an ensemble"
        )
    with torch.no_grad():
        for parameter in model.parameters():
            scale = torch.tensor(factors).to(parameter)
            parameter.mul_(scale.view(-1, *[1] * (parameter.ndim - 1)) if several else scale[0])
