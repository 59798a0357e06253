"""Certified steps: inputs whose pattern stays as it is all along one update of the parameters.

An optimiser moves the parameters from theta_0 to theta_1. On the segment between them the weights
are W_0 (1 - s) + W_1 s, and while the patterns below are kept every pre-activation of layer l is a
polynomial of degree l in s. Its Bernstein coefficients follow from layer to layer,

    C_k = (l - k)/l W_0 A_k + k/l W_1 A_(k-1),    k = 0 ... l,

with A the coefficients of the layer's inputs, and a polynomial lies between the least and the
largest of its coefficients. If all have one sign, the unit cannot have flipped anywhere on the
segment; if not, de Casteljau's algorithm halves the segment and looks again (our derivation).

Two coarser certificates know less: how far each parameter moved, or only how far the furthest did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.instrument.certificates.chain import Affine, Chain, PoolStep, Rectify, read_chain
from regime_lib.instrument.certificates.radius import BoundPropagation
from regime_lib.instrument.certificates.rounding import error_of, exact

_HALVINGS = 4


@dataclass(frozen=True, eq=False)
class StepCertificate:
    """Which inputs keep their pattern in one step, and who can prove it; one truth value per input.

    Each certificate implies the ones that know more, and all imply `unchanged`.

    Attributes
    ----------
    by_size : array, shape (samples,)
        Proven from the largest movement of any parameter: the update lies in the certified ball.
    by_sizes : array, shape (samples,)
        Proven from the movement of each parameter, whatever its sign.
    by_path : array, shape (samples,)
        Proven for every point of the segment that the parameters moved along.
    unchanged : array, shape (samples,)
        The patterns before and after are the same.
    """

    by_size: Bool[np.ndarray, " samples"]
    by_sizes: Bool[np.ndarray, " samples"]
    by_path: Bool[np.ndarray, " samples"]
    unchanged: Bool[np.ndarray, " samples"]

    def __repr__(self) -> str:
        shares = ", ".join(
            f"{name.replace('_', ' ')} {getattr(self, name).mean():.3f}"
            for name in ("by_size", "by_sizes", "by_path", "unchanged")
        )
        return f"StepCertificate({len(self.unchanged)} inputs: {shares})"


def certify_step(
    model: nn.Module, before: Mapping[str, Tensor], probe: Float[Tensor, "samples *features"]
) -> StepCertificate:
    """Return which inputs provably kept their pattern during the last step.

    Parameters
    ----------
    model : nn.Module
        The network after the step; a chain as for `certify`, without MaxPool.
    before : mapping from name to tensor
        Copies of its parameters before the step.
    probe : tensor, shape (samples, ...)
        The inputs.

    Raises
    ------
    RegimeError
        If the model holds an unsupported layer (it is named), or `before` lacks a parameter.

    Examples
    --------
    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    >>> before = {name: p.detach().clone() for name, p in model.named_parameters()}
    >>> bool(certify_step(model, before, torch.ones(1, 2)).by_path.all())  # nothing moved
    True
    """
    chain = read_chain(model, probe)
    parameters = dict(model.named_parameters())
    return certify_segment(chain, before, parameters, probe)


@torch.no_grad()
def certify_segment(
    chain: Chain,
    before: Mapping[str, Tensor],
    after: Mapping[str, Tensor],
    inputs: Float[Tensor, "samples *features"],
) -> StepCertificate:
    """Certify the segment between two sets of parameters of a chain that was read before."""
    for name in chain.parameters:
        if name not in before or before[name].shape != after[name].shape:
            raise RegimeError(
                f"`before` holds no parameter '{name}' of the model's shape; pass copies of all "
                "parameters before the step: {name: p.detach().clone() for name, p in "
                "model.named_parameters()}"
            )
    inputs = exact(inputs)
    start = {name: exact(before[name]) for name in chain.parameters}
    end = {name: exact(after[name]) for name in chain.parameters}
    sizes = {name: _distance(start[name], end[name]) for name in start}
    largest = torch.stack([size.max() for size in sizes.values()]).max()
    bounds = BoundPropagation(chain, start, inputs)
    one = torch.ones(len(inputs), dtype=torch.float64)
    ball = torch.stack(bounds.slack(None, one * largest)).amin(dim=0) > 1
    box = torch.stack(bounds.slack(sizes, one)).amin(dim=0) > 1
    path = _keeps_signs(chain, start, end, inputs)
    unchanged = torch.ones(len(inputs), dtype=torch.bool)
    ends = (chain.preactivations(parameters, inputs) for parameters in (start, end))
    for first, last in zip(*ends, strict=True):
        unchanged &= ((first > 0) == (last > 0)).all(dim=1)
    return StepCertificate(ball.numpy(), box.numpy(), path.numpy(), unchanged.numpy())


def _distance(start: Tensor, end: Tensor) -> Tensor:
    """Return |end - start|, rounded up."""
    return (end - start).abs() * (1 + 2.0**-50)


def _keeps_signs(
    chain: Chain, start: Mapping[str, Tensor], end: Mapping[str, Tensor], inputs: Tensor
) -> Bool[Tensor, " samples"]:
    """Follow the Bernstein coefficients through the chain."""
    most = {name: torch.maximum(start[name].abs(), end[name].abs()) for name in start}
    kept = torch.ones(len(inputs), dtype=torch.bool)
    coefficients, magnitude, roundings = [inputs], inputs.abs(), 0
    for step in chain.steps:
        match step:
            case Affine():
                coefficients = _times_segment(step, coefficients, start, end)
                magnitude = step.product(magnitude, most[step.weight])
                if step.bias is not None:
                    magnitude = magnitude + step.shift(most[step.bias], magnitude)
                roundings += step.terms + 8
            case Rectify():
                bound = error_of(magnitude, roundings + len(coefficients) * _HALVINGS)
                on = _signs(torch.stack(coefficients), bound, magnitude)
                kept &= (on != 0).flatten(1).all(dim=1)
                coefficients = [torch.where(on > 0, c, 0.0) for c in coefficients]
                magnitude = torch.where(on > 0, magnitude, 0.0)
            case PoolStep(largest=True):
                raise RegimeError(
                    f"a step through the max-pool '{step.name}' cannot be certified along its "
                    "path, because its winners may change; use average pooling, or certify()"
                )
            case PoolStep():
                coefficients = [step.apply(c) for c in coefficients]
                magnitude, roundings = step.apply(magnitude), roundings + step.terms + 1
            case _:
                coefficients = [step.apply(c) for c in coefficients]
                magnitude = step.apply(magnitude)
    return kept


def _times_segment(
    step: Affine, inputs: list[Tensor], start: Mapping[str, Tensor], end: Mapping[str, Tensor]
) -> list[Tensor]:
    """Multiply a polynomial in Bernstein form by the weights; its degree grows by one."""
    degree = len(inputs)  # of the product
    outputs = []
    for k in range(degree + 1):
        share, terms = k / degree, []
        if k < degree:
            terms.append((1 - share) * step.product(inputs[k], start[step.weight]))
        if k > 0:
            terms.append(share * step.product(inputs[k - 1], end[step.weight]))
        total = terms[0] if len(terms) == 1 else terms[0] + terms[1]
        if step.bias is not None:
            bias = (1 - share) * start[step.bias] + share * end[step.bias]
            total = total + step.shift(bias, total)
        outputs.append(total)
    return outputs


def _signs(
    coefficients: Float[Tensor, "k samples *units"], error: Tensor, magnitude: Tensor
) -> Float[Tensor, "samples *units"]:
    """Return 1 where a polynomial is positive on the whole segment, -1 where negative, else 0.

    A unit that is zero whatever happens counts as off.
    """
    low, high = coefficients.amin(dim=0), coefficients.amax(dim=0)
    signs = (low > error).double() - ((high < -error) | (magnitude == 0)).double()
    ends_agree = (coefficients[0] > error) & (coefficients[-1] > error)
    ends_agree |= (coefficients[0] < -error) & (coefficients[-1] < -error)
    for place in torch.nonzero((signs == 0) & ends_agree):
        where = tuple(place.tolist())
        polynomial = coefficients[(slice(None), *where)].numpy()
        signs[where] = _sign(polynomial, float(error[where]), _HALVINGS)
    return signs


def _sign(polynomial: Float[np.ndarray, " k"], error: float, halvings: int) -> int:
    """Return the sign of one polynomial on [0, 1] from its Bernstein coefficients, 0 if open."""
    if polynomial.min() > error:
        return 1
    if polynomial.max() < -error:
        return -1
    if halvings == 0 or abs(polynomial[0]) <= error or abs(polynomial[-1]) <= error:
        return 0
    left, right, row = [polynomial[0]], [polynomial[-1]], polynomial
    while len(row) > 1:
        row = (row[:-1] + row[1:]) / 2
        left.append(row[0])
        right.append(row[-1])
    signs = {_sign(np.array(half), error, halvings - 1) for half in (left, right[::-1])}
    return signs.pop() if len(signs) == 1 else 0
