"""Noise on inputs or on weights, with common random numbers: the same draws at every amplitude.

The model is never changed: noisy weights are handed to it for one call. The noise on the weights of
a layer is g std(W) times standard normal numbers, in all layers at once (arXiv 2501.02436;
reconstructed); biases and the factors of batch normalisation stay. Members of
an ensemble get the same draws, so that each is measured as it would be alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.func import functional_call, vmap

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.isolation import isolated
from regime_lib.instrument.modes.preactivations import as_logits

_ROWS = 1 << 14  # samples times members in one forward pass

Correct = Bool[Tensor, "members draws samples"]


@dataclass(eq=False)
class SampleNoise:
    """Gaussian noise on the inputs, drawn once for each sample."""

    model: nn.Module
    inputs: Tensor
    labels: Tensor
    draws: int
    seed: int
    members: int | None = None
    shared_draws: bool = False  # every sample has draws of its own

    def __post_init__(self) -> None:
        shape = (self.draws, *self.inputs.shape)
        self._noise = _normal(np.random.default_rng(self.seed), shape, self.inputs)

    def correct(self, levels: Float[Tensor, "members samples"]) -> Correct:
        """Return which draws of which samples are classified correctly, each at its own level."""
        levels = levels.to(self.inputs)
        step = max(1, _ROWS // (len(self.inputs) * (self.members or 1)))
        with isolated(self.model):
            parts = [self._run(noise, levels) for noise in self._noise.split(step)]
        return torch.cat(parts, dim=1)

    def _run(self, noise: Tensor, levels: Tensor) -> Correct:
        draws, samples = noise.shape[:2]
        wide = (-1, 1, samples, *[1] * (noise.ndim - 2))
        moved = self.inputs + levels.view(wide) * noise  # members draws samples ...
        rows = moved.flatten(1, 2)
        logits = self.model(rows if self.members else rows[0])
        chosen = as_logits(logits, self.members, draws * samples).argmax(-1)
        return chosen.view(-1, draws, samples) == self.labels


@dataclass(eq=False)
class WeightNoise:
    """Gaussian noise on all weights at once, in units of each layer's standard deviation."""

    model: nn.Module
    inputs: Tensor
    labels: Tensor
    draws: int
    seed: int
    members: int | None = None
    shared_draws: bool = True  # one draw of the weights meets all samples
    _in_one_call: bool | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        random = np.random.default_rng(self.seed)
        lead = 0 if self.members is None else 1
        self._fixed = {name: value.detach() for name, value in self.model.named_parameters()}
        self._noise = {}
        for name, value in self._fixed.items():
            if value.ndim - lead < 2 or not value.is_floating_point():
                continue
            own = value.flatten(lead).double()
            scale = own.std(dim=-1, correction=0).to(value)
            drawn = _normal(random, (self.draws, *value.shape[lead:]), value)
            wide = (-1, *[1] * (value.ndim - 1))
            self._noise[name] = drawn * scale if not lead else drawn[:, None] * scale.view(wide)
        if not self._noise:
            raise RegimeError(
                f"{type(self.model).__name__} has no weights of two or more axes to disturb; "
                "expected linear or convolution layers"
            )

    def correct(self, levels: Float[Tensor, "members samples"]) -> Correct:
        """Return the same as `SampleNoise.correct`, with noise on weights.

        Samples of one level share a forward pass, so that few different levels are cheap.
        """
        found = torch.empty(
            (len(levels), self.draws, levels.shape[1]), dtype=torch.bool, device=self.labels.device
        )
        kinds, which = levels.unique(dim=1, return_inverse=True)
        with isolated(self.model):
            for k in range(kinds.shape[1]):
                own = (which == k).nonzero()[:, 0]
                logits = self._logits(self.inputs[own], kinds[:, k])
                found[:, :, own] = logits.argmax(-1) == self.labels[own]
        return found

    def _logits(self, inputs: Tensor, level: Float[Tensor, " members"]) -> Tensor:
        """Return logits of shape (members, draws, samples, classes)."""

        def noisy(noise: Mapping[str, Tensor]) -> dict[str, Tensor]:
            moved = dict(self._fixed)
            for name, value in noise.items():
                wide = level.to(value).view(-1, *[1] * (value.ndim - 1)) if self.members else None
                factor = level.to(value)[0] if wide is None else wide
                moved[name] = moved[name] + factor * value
            return moved

        def call(noise: Mapping[str, Tensor]) -> Any:
            return functional_call(self.model, noisy(noise), (inputs,))

        if self.members is None and self._vectorised(call):
            block = max(1, _ROWS // len(inputs))
            parts = [
                vmap(call)({name: value[at : at + block] for name, value in self._noise.items()})
                for at in range(0, self.draws, block)
            ]
            return torch.cat(parts)[None]
        each = [
            as_logits(
                call({name: value[draw] for name, value in self._noise.items()}),
                self.members,
                len(inputs),
            )
            for draw in range(self.draws)
        ]
        return torch.stack(each, dim=1)

    def _vectorised(self, call: Callable[[Mapping[str, Tensor]], Any]) -> bool:
        """Whether all draws can go through the model at once; found out at the first call."""
        if self._in_one_call is None:
            try:
                out = vmap(call)({name: value[:1] for name, value in self._noise.items()})
                self._in_one_call = isinstance(out, Tensor) and out.ndim == 3
            except (RuntimeError, NotImplementedError, ValueError):
                self._in_one_call = False  # data-dependent control flow and the like: one by one
        return self._in_one_call


def _normal(random: np.random.Generator, shape: tuple[int, ...], like: Tensor) -> Tensor:
    return torch.from_numpy(random.standard_normal(shape, dtype=np.float32)).to(like)
