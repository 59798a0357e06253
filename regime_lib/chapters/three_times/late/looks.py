"""Looks at a network in training: what a step changes in its pre-activations, and what flips.

The share of signs that a step flips in one layer is, exactly, a product of seven factors::

    flips = step * spread * alignment * near * density / scale * remainder

``step`` is the norm of the step. ``spread`` is what a random step of norm one changes in a
pre-activation on average, ``alignment`` how many times more the actual step changes, ``near`` how
much more than others those pre-activations change that are close to zero. ``density`` is that of
pre-activations at zero, in units of their root mean square, ``scale``. The ``remainder`` is what
the first-order law leaves out: it is near one where a step is small against the width in which the
density is taken. (Our derivation.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Shaped, UInt8
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from regime_lib.lab.training.loop import evaluate

#: The factors of the flips of a step, in the order in which they are multiplied.
FACTORS = ("step", "spread", "alignment", "near", "density", "scale", "remainder")
#: The modules whose inputs' signs make the pattern.
ACTIVATIONS = (nn.ReLU, nn.GELU)
_NEAR = 0.05  # of the root mean square: closer to zero is near


@dataclass(frozen=True, eq=False)
class State:
    """A network at one step of training."""

    parameters: Float[np.ndarray, " parameters"]
    signs: tuple[UInt8[np.ndarray, "samples _"], ...]  # by layer, eight to a byte
    units: tuple[int, ...]  # of each layer, on one sample


@dataclass(frozen=True)
class LayerFlips:
    """What a step did to one layer."""

    layer: int
    units: int
    flips: float  # share of signs
    factors: tuple[float, ...]  # see `FACTORS`; NaN where nothing flipped or is near zero


class Looker:
    """Runs a probe through a network, and keeps the inputs of its activations."""

    def __init__(self, model: nn.Module, probe: Shaped[Tensor, "samples *features"]) -> None:
        self.model, self.probe = model, probe
        self.layers = [one for one in model.modules() if isinstance(one, ACTIVATIONS)]

    def preactivations(self) -> list[Float[Tensor, "samples _"]]:
        """Return the inputs of every activation, in the order of the modules."""
        found: dict[int, Tensor] = {}

        def keep(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            found[id(module)] = inputs[0].detach().clone().reshape(len(self.probe), -1)

        hooks = [layer.register_forward_pre_hook(keep) for layer in self.layers]
        try:
            evaluate(self.model, self.probe)
        finally:
            for hook in hooks:
                hook.remove()
        return [found[id(layer)] for layer in self.layers]

    def state(self) -> tuple[State, list[Float[Tensor, "samples _"]]]:
        """Return the state of the network, and its pre-activations."""
        values = self.preactivations()
        signs = tuple(np.packbits((z > 0).numpy(), axis=1) for z in values)
        units = tuple(z.shape[1] for z in values)
        return State(self.parameters(), signs, units), values

    def parameters(self) -> Float[np.ndarray, " parameters"]:
        """Return a copy of all parameters."""
        return parameters_to_vector(self.model.parameters()).detach().numpy().copy()

    @contextmanager
    def moved(self, parameters: Float[np.ndarray, " parameters"]) -> Iterator[None]:
        """Within the block the parameters are others; then they are as before, bit for bit."""
        kept = [one.data for one in self.model.parameters()]
        vector_to_parameters(torch.from_numpy(parameters), self.model.parameters())
        try:
            yield
        finally:
            for one, old in zip(self.model.parameters(), kept, strict=True):
                one.data = old


def random_step(
    norm: float, parameters: int, generator: np.random.Generator
) -> Float[np.ndarray, " parameters"]:
    """Return a step in a direction drawn uniformly."""
    drawn = generator.standard_normal(parameters).astype(np.float32)
    return drawn * np.float32(norm / np.linalg.norm(drawn))


def flips_of_step(
    before: Sequence[Float[Tensor, "samples _"]],
    after: Sequence[Float[Tensor, "samples _"]],
    random: Sequence[Float[Tensor, "samples _"]],
    norm: float,
) -> list[LayerFlips]:
    """Return what a step of some norm did to every layer, and the factors of its flips.

    Parameters
    ----------
    before, after : sequence of tensors
        Pre-activations of every layer before and after the step.
    random : sequence of tensors
        Pre-activations after a random step of the same norm instead.
    norm : float
        Of the step.
    """
    layers = enumerate(zip(before, after, random, strict=True))
    return [
        LayerFlips(i, z.shape[1], float(((z > 0) != (moved > 0)).double().mean()), f)
        for i, (z, moved, other) in layers
        for f in [_factors(z.double(), moved.double(), other.double(), norm)]
    ]


def distance(one: State, other: State) -> float:
    """Return the share of signs, over all layers, in which two states differ."""
    flips = sum(
        int(np.bitwise_count(a ^ b).sum()) for a, b in zip(one.signs, other.signs, strict=True)
    )
    return flips / (len(one.signs[0]) * sum(one.units))


def differs(one: State, other: State) -> Shaped[np.ndarray, " samples"]:
    """Return on which samples the patterns of two states differ at all."""
    parts = zip(one.signs, other.signs, strict=True)
    return np.any([(a != b).any(axis=1) for a, b in parts], axis=0)


def _factors(z: Tensor, moved: Tensor, other: Tensor, norm: float) -> tuple[float, ...]:
    flips = ((z > 0) != (moved > 0)).double().mean()
    change, random = (moved - z).abs(), (other - z).abs().mean()
    scale = z.square().mean().sqrt()
    near = z.abs() < _NEAR * scale
    density = near.double().mean() / (2 * _NEAR)  # times the scale
    mean, close = change.mean(), change[near].mean()
    first_order = density / scale * close
    found = (norm, random / norm, mean / random, close / mean, density, scale, flips / first_order)
    values = tuple(float(one) for one in found)
    usable = flips > 0 and all(np.isfinite(values)) and min(values) > 0
    return values if usable else (*values[:6], float("nan"))
