"""Second differences inside a pattern: how far from affine the output is, in inputs and parameters.

Where one pattern holds, the output is affine in the input and in the parameters of any one layer,
so that f(+h) - 2 f(0) + f(-h) vanishes for steps h of any size that stay inside: the inputs with
one pattern form a convex set, and so do one layer's parameters (see the book's page on arXiv
2602.08333). In the parameters of all layers together it does not vanish, which shows that the test
can fail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from regime_lib.errors import RegimeError
from regime_lib.instrument.certificates.chain import Chain, PoolStep, read_chain
from regime_lib.instrument.certificates.rounding import exact
from regime_lib.instrument.shapes import shapes

_HALVINGS = 40


@dataclass(frozen=True, eq=False)
class SecondDifferences:
    """Largest second difference over outputs, relative to the largest output; one per input.

    Attributes
    ----------
    inputs : array, shape (samples,)
        Along a random direction of the input.
    layers : mapping from layer to array
        Along a random direction of one layer's weight and bias, for the inputs that keep their
        pattern.
    together : array
        Along a random direction of all parameters, likewise; not zero.
    input_step : array, shape (samples,)
        The length of the step, relative to the input's length.
    """

    inputs: Float[np.ndarray, " samples"]
    layers: Mapping[str, Float[np.ndarray, " _"]]
    together: Float[np.ndarray, " _"]
    input_step: Float[np.ndarray, " samples"]

    __repr__ = shapes


@torch.no_grad()
def second_differences(
    model: nn.Module, probe: Float[Tensor, "samples *features"], *, seed: int = 0
) -> SecondDifferences:
    """Measure how far from affine a network's output is inside activation patterns, in float64.

    Parameters
    ----------
    model : nn.Module
        A chain as for `certify`, without MaxPool.
    probe : tensor, shape (samples, ...)
        The inputs.
    seed : int
        Of the random directions.

    Raises
    ------
    RegimeError
        If the model cannot be certified, holds a max-pool (it is named), or puts out only zeros.
    """
    chain = read_chain(model, probe)
    for part in chain.steps:
        if isinstance(part, PoolStep) and part.largest:
            raise RegimeError(
                f"the max-pool '{part.name}' has winners that may change inside an activation "
                "pattern, and the output bends there; use average pooling"
            )
    meter = _Meter(model, chain, exact(probe), np.random.default_rng(seed))
    along, step = meter.along_inputs()
    layers = {}
    for name in dict.fromkeys(name.rpartition(".")[0] for name in meter.here):
        own = [key for key in meter.here if key.rpartition(".")[0] == name]
        layers[name or "parameters"] = meter.along_parameters(own)
    return SecondDifferences(along, layers, meter.along_parameters(list(meter.here)), step)


class _Meter:
    def __init__(
        self, model: nn.Module, chain: Chain, inputs: Tensor, random: np.random.Generator
    ) -> None:
        self.model, self.chain, self.inputs, self.random = model, chain, inputs, random
        self.here = {name: exact(value) for name, value in model.named_parameters()}

    def along_inputs(self) -> tuple[Float[np.ndarray, " samples"], Float[np.ndarray, " samples"]]:
        """Return the second differences for steps of half the room that each input has."""
        axes = tuple(range(1, self.inputs.ndim))
        direction = torch.from_numpy(self.random.standard_normal(self.inputs.shape))
        direction *= (self.inputs**2).sum(axes, True).sqrt() / (direction**2).sum(axes, True).sqrt()
        size = torch.ones(len(self.inputs), *[1] * len(axes), dtype=torch.float64)
        for _ in range(_HALVINGS):
            outside = ~self._same(self.here, size * direction)
            size[outside] /= 2
        places = [(self.here, self.inputs + sign * size * direction) for sign in (1, 0, -1)]
        return self._difference(places).numpy(), size.flatten().numpy()

    def along_parameters(self, names: list[str]) -> Float[np.ndarray, " _"]:
        """Return them for one step of some parameters, for the inputs that keep their pattern."""
        draw, size = self.random.standard_normal, 1.0
        direction = {name: torch.from_numpy(draw(self.here[name].shape)) for name in names}
        for _ in range(_HALVINGS):
            moved = [self._moved(direction, sign * size) for sign in (1, -1)]
            kept = self._same(moved[0], 0.0) & self._same(moved[1], 0.0)
            if kept.double().mean() >= 0.5:
                break
            size /= 2
        difference = self._difference([(at, self.inputs) for at in (moved[0], self.here, moved[1])])
        return difference[kept].numpy()

    def _moved(self, direction: Mapping[str, Tensor], size: float) -> dict[str, Tensor]:
        return {
            name: value + size * direction[name] if name in direction else value
            for name, value in self.here.items()
        }

    def _same(self, at: Mapping[str, Tensor], shift: Tensor | float) -> Tensor:
        """Tell which inputs have their pattern at other parameters, or at inputs on both sides."""
        here = self.chain.pattern(self.here, self.inputs)
        there = (self.chain.pattern(at, self.inputs + sign * shift) for sign in (1, -1))
        return torch.stack([(one == here).all(dim=1) for one in there]).all(dim=0)

    def _difference(self, at: Sequence[tuple[Mapping[str, Tensor], Tensor]]) -> Tensor:
        above, middle, below = (
            functional_call(self.model, dict(parameters), (inputs,)).flatten(1)
            for parameters, inputs in at
        )
        scale = middle.abs().amax(dim=1)
        if not bool((scale > 0).all()):
            raise RegimeError(
                "the network's output is zero for some input; nothing to compare with"
            )
        return (above - 2 * middle + below).abs().amax(dim=1) / scale
