"""Certified radius: how far all parameters may move without any change of an input's pattern.

Let every parameter move by at most delta. A pre-activation of the first layer moves by at most
delta (|x|_1 + 1). While the patterns of the layers below are kept, a unit that is off passes
nothing on, and one that is on passes its own movement on. With e the movement of a layer's inputs a
the next pre-activations move by at most

    E(delta) = |W| e + delta (|a| + e) 1 + delta.

E is convex in delta and vanishes at 0. The radius is the largest delta at which E < |z| for every
unit of every layer (induction over layers; our derivation, see the book's page on arXiv
2602.08333). Rounding is bounded on every side, so that the radius holds for exact arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regime_lib.instrument.certificates.chain import Affine, Chain, PoolStep, Rectify, read_chain
from regime_lib.instrument.certificates.rounding import downwards, error_of, exact, upwards

_ROUNDS = 24
_ENOUGH = 1e-3  # how much of the largest radius that can be proven may be left


@dataclass(frozen=True, eq=False)
class Certificate:
    """How far every parameter may move before an input's pattern can change.

    Attributes
    ----------
    radius : array, shape (samples,)
        If no parameter moves by more, the pattern of that input stays as it is. 0 if a
        pre-activation is too near zero for its sign to be certain.
    ceiling : array, shape (samples,)
        A movement of this size that changes the pattern exists (of one unit's own weights), so
        that the largest radius lies between `radius` and `ceiling`.
    layer : array, shape (samples,)
        Index into `layers` of the layer that limits the radius.
    layers : tuple of str
        Names of the rectifiers, in order.
    """

    radius: Float[np.ndarray, " samples"]
    ceiling: Float[np.ndarray, " samples"]
    layer: Int[np.ndarray, " samples"]
    layers: tuple[str, ...]

    def __repr__(self) -> str:
        middle, tight = np.median(self.radius), np.median(self.tightness)
        return (
            f"Certificate({len(self.radius)} inputs, median radius {middle:.3g}, "
            f"at least {tight:.3f} of the largest one)"
        )

    @property
    def tightness(self) -> Float[np.ndarray, " samples"]:
        """Radius over ceiling: 1 where nothing can be gained."""
        return np.divide(
            self.radius, self.ceiling, out=np.zeros_like(self.radius), where=self.ceiling > 0
        )


def certify(model: nn.Module, probe: Float[Tensor, "samples *features"]) -> Certificate:
    """Return how far a model's parameters may move without a change of any input's pattern.

    The movement is measured by its largest entry over all weights and biases. The network may be
    fully connected or convolutional; pools and reshapes may lie in between. What counts is the
    network that the parameters define in exact arithmetic, in evaluation mode.

    Parameters
    ----------
    model : nn.Module
        A chain of Linear, Conv, ReLU, AvgPool, MaxPool and Flatten layers, as modules or functions.
    probe : tensor, shape (samples, ...)
        The inputs.

    Raises
    ------
    RegimeError
        If the model holds another layer before its last rectifier; it is named.

    Examples
    --------
    >>> from torch import nn
    >>> model = nn.Sequential(nn.Linear(2, 1), nn.ReLU())
    >>> with torch.no_grad():
    ...     _ = model[0].weight.copy_(torch.tensor([[1.0, -2.0]])), model[0].bias.zero_()
    >>> certify(model, torch.tensor([[3.0, 1.0]])).radius.round(6)  # 1 / (3 + 1 + 1)
    array([0.2])
    """
    chain = read_chain(model, probe)
    parameters = dict(model.named_parameters())
    return certify_chain(chain, {name: parameters[name] for name in chain.parameters}, probe)


@torch.no_grad()
def certify_chain(
    chain: Chain, parameters: Mapping[str, Tensor], inputs: Float[Tensor, "samples *features"]
) -> Certificate:
    """Certify a chain that was read before, at parameters given by name."""
    parameters = {name: exact(value) for name, value in parameters.items()}
    bounds = BoundPropagation(chain, parameters, exact(inputs))
    ceiling = bounds.ceiling()
    radius, layer = _largest(bounds, ceiling)
    return Certificate(radius.numpy(), ceiling.numpy(), layer.numpy(), chain.layers)


class BoundPropagation:
    """A chain at given parameters: what every bound around them starts from."""

    def __init__(self, chain: Chain, parameters: Mapping[str, Tensor], inputs: Tensor) -> None:
        self.chain, self.samples = chain, len(inputs)
        self.weights = {name: value.abs() for name, value in parameters.items()}
        self.above: list[Tensor] = []  # bounds on |a| before each affine map, from above
        self.below: list[Tensor] = []  # and from below
        self.margins: list[Tensor] = []  # |z| from below; inf where z is 0 whatever happens
        self.far: list[Tensor] = []  # |z| from above
        self.on: list[Tensor] = []
        values, magnitude, roundings = inputs, inputs.abs(), 0
        for step in chain.steps:
            match step:
                case Affine():
                    error = error_of(magnitude, roundings)
                    reached = magnitude > 0
                    self.above.append(torch.where(reached, values.abs() + error, 0.0))
                    self.below.append(downwards(values.abs() - error))
                    values = step.product(values, parameters[step.weight])
                    magnitude = step.product(magnitude, self.weights[step.weight])
                    roundings += step.terms + 2
                    if step.bias is not None:
                        values = values + step.shift(parameters[step.bias], values)
                        magnitude = magnitude + step.shift(self.weights[step.bias], magnitude)
                case Rectify():
                    error = error_of(magnitude, roundings)
                    self.margins.append(downwards(values.abs() - error))
                    self.far.append(upwards(values.abs() + error, 2))
                    self.on.append(values > 0)
                    values, magnitude = values.relu(), magnitude * (values > 0)
                case PoolStep():
                    values, magnitude = step.apply(values), step.apply(magnitude)
                    roundings += step.terms + 1
                case _:
                    values, magnitude = step.apply(values), step.apply(magnitude)

    def slack(
        self, sizes: Mapping[str, Tensor] | None, delta: Tensor
    ) -> list[Float[Tensor, " samples"]]:
        """Return, for each layer, the least of margin over movement; all above 1: certified.

        The parameters are those of `ratios`.
        """
        return [ratio.flatten(1).amin(dim=1) for ratio in self.ratios(sizes, delta)]

    def ratios(
        self, sizes: Mapping[str, Tensor] | None, delta: Tensor
    ) -> list[Float[Tensor, "samples *units"]]:
        """Return margin over movement for every unit of every layer.

        Each parameter may move by its entry of `sizes` (one by default), times `delta`, which has
        an entry per input.
        """
        moved: Tensor | None = None
        found: list[Tensor] = []
        affine = 0
        for step in self.chain.steps:
            match step:
                case Affine():
                    moved = self._moved(step, self.above[affine], moved, sizes, delta)
                    affine += 1
                case Rectify():
                    assert moved is not None
                    layer = len(found)
                    found.append(torch.where(moved > 0, self.margins[layer] / moved, torch.inf))
                    moved = torch.where(self.on[layer], moved, 0.0)
                case PoolStep():
                    moved = None if moved is None else upwards(step.apply(moved), step.terms + 1)
                case _:
                    moved = None if moved is None else step.apply(moved)
        return found

    def ceiling(self) -> Float[Tensor, " samples"]:
        """Return a size of movement that is enough to bring some pre-activation to zero."""
        least = torch.full((self.samples,), torch.inf, dtype=torch.float64)
        affine, reached, used = 0, None, set()
        layer = 0
        for step in self.chain.steps:
            if isinstance(step, Affine):
                own = step.product(self.below[affine], torch.ones_like(self.weights[step.weight]))
                own = own + (step.bias is not None)
                fresh = step.weight not in used and (step.bias is None or step.bias not in used)
                reached = own if fresh else None
                used |= {step.weight, step.bias}
                affine += 1
            elif isinstance(step, Rectify):
                if reached is not None:
                    needed = torch.where(reached > 0, self.far[layer] / reached, torch.inf)
                    least = torch.minimum(least, needed.flatten(1).amin(dim=1))
                layer, reached = layer + 1, None
            elif reached is not None:
                reached = None if isinstance(step, PoolStep) else step.apply(reached)
        return upwards(least, max(s.terms for s in self.chain.steps if isinstance(s, Affine)) + 4)

    def _moved(
        self,
        step: Affine,
        above: Tensor,
        moved: Tensor | None,
        sizes: Mapping[str, Tensor] | None,
        delta: Tensor,
    ) -> Tensor:
        """Bound how far an affine map's outputs move (E of the module's docstring)."""
        weight = self.weights[step.weight]
        size = torch.ones_like(weight) if sizes is None else sizes[step.weight]
        most = above if moved is None else above + moved
        own = step.product(most, size)
        if step.bias is not None:
            ones = torch.ones_like(self.weights[step.bias])
            own = own + step.shift(ones if sizes is None else sizes[step.bias], own)
        own = own * delta.view(-1, *[1] * (own.ndim - 1))
        if moved is not None:
            own = own + step.product(moved, weight)
        return upwards(own, step.terms + 6)


def _largest(bounds: BoundPropagation, ceiling: Tensor) -> tuple[Tensor, Tensor]:
    """Search the largest radius that the bound proves: between 0 and the ceiling.

    Because E is convex and 0 at 0, a try with slack r < 1 shows that r times it is inside, and one
    with slack r > 1 that r times it is outside; each end is then tried itself.
    """
    radius, outer = torch.zeros_like(ceiling), ceiling.clone()
    layer = torch.zeros_like(ceiling, dtype=torch.int64)
    tried = torch.where(torch.isfinite(ceiling), ceiling, 1.0)
    for _ in range(_ROUNDS):
        slack = torch.stack(bounds.slack(None, tried))
        least, where = slack.min(dim=0)
        inside = least > 1
        layer = torch.where(inside | (radius == 0), where, layer)
        reached = torch.where(torch.isinf(least), torch.inf, tried)  # nothing can change here
        radius = torch.where(inside, torch.maximum(radius, reached), radius)
        outer = torch.minimum(outer, tried * least.clamp(min=1))
        known = torch.where(inside, tried, tried * least * (1 - 1e-9))
        if bool((radius >= outer * (1 - _ENOUGH)).all()):
            break
        target = torch.where(radius < known, known, (radius + outer) / 2)
        tried = torch.where(radius >= outer * (1 - _ENOUGH), tried, target)
    return radius, layer
