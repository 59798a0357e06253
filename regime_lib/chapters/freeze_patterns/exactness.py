"""What must hold exactly of frozen patterns, checked on small networks of every supported kind.

The networks that frozen ones are compared with are written out by hand, with masks: they share no
code with the instrument.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from regime_lib.instrument.freezing.frozen import FrozenPatterns, freeze_patterns
from regime_lib.lab.models.mlp import MLP
from regime_lib.lab.models.transformer import Transformer, TransformerShape
from regime_lib.lab.seeding import generator, torch_seeded

_SAMPLES = 12
_CLASSES = 4
_STEP = 0.3  # of every parameter, relative to it and random, between freezing and the comparison


class Convolutional(nn.Module):
    """Two convolutions, batch normalisation, a rectifier in place, a max-pool and a clip."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.relu, self.pool = nn.ReLU(inplace=True), nn.MaxPool2d(2)
        self.conv2, self.clip = nn.Conv2d(4, 6, 3, padding=1), nn.ReLU6()
        self.output = nn.Linear(6 * 16, _CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits."""
        pooled = self.pool(self.relu(self.norm(self.conv1(images))))
        return self.output(self.clip(self.conv2(pooled)).flatten(1))


class Functional(nn.Module):
    """Functions instead of modules, a leaky slope, and a path around a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(16, 16), nn.Linear(16, 16)
        self.output = nn.Linear(16, _CLASSES)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the logits."""
        hidden = F.relu(self.first(inputs))
        hidden = hidden + F.leaky_relu(self.second(hidden), 0.1)
        return self.output(hidden.clamp(min=0))


@dataclass(frozen=True)
class Kind:
    """A kind of network: how one is made, on which inputs, and what may be asked of it."""

    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    multi_affine: bool  # not with soft-max or layer normalisation, which are no patterns
    masked: Callable[[nn.Module, list[Any], Tensor], Tensor] | None  # written out by hand


def _masked_mlp(model: Any, decisions: list[Any], x: Tensor) -> Tensor:
    first, second = (one.planes[0].double() for one in decisions)
    hidden = (x @ model.hidden1.weight.T + model.hidden1.bias) * first
    hidden = (hidden @ model.hidden2.weight.T + model.hidden2.bias) * second
    return hidden @ model.output.weight.T + model.output.bias


def _masked_convolutional(model: Any, decisions: list[Any], x: Tensor) -> Tensor:
    on, won, clip = decisions
    norm = model.norm
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    shift = norm.bias - norm.running_mean * scale
    seen = F.conv2d(x, model.conv1.weight, model.conv1.bias, padding=1)
    seen = (seen * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)) * on.planes[0].double()
    # a max-pool as a sum over its map, of which one entry counts
    chosen = F.one_hot(won.winners, seen.shape[-2] * seen.shape[-1]).double()
    pooled = torch.einsum("nchwp,ncp->nchw", chosen, seen.flatten(2))
    deep = F.conv2d(pooled, model.conv2.weight, model.conv2.bias, padding=1)
    above, over = (plane.double() for plane in clip.planes)
    deep = deep * above * (1 - over) + 6.0 * over
    return deep.flatten(1) @ model.output.weight.T + model.output.bias


def _transformer() -> nn.Module:
    shape = TransformerShape(tokens=4, inputs=4, outputs=_CLASSES, width=8, ffn=16, blocks=1)
    return Transformer(shape, 0)


KINDS: dict[str, Kind] = {
    "MLP": Kind(lambda: MLP((16, 12, 8, _CLASSES), 0), (16,), True, _masked_mlp),
    "CNN with batch normalisation and max-pool": Kind(
        Convolutional, (1, 8, 8), True, _masked_convolutional
    ),
    "functions and a path around": Kind(Functional, (16,), True, None),
    "Transformer with ReLU": Kind(_transformer, (4, 4), False, None),
}


@dataclass(frozen=True)
class Exactness:
    """The largest deviations, by kind of network."""

    at_freezing: dict[str, float]
    """Between the outputs, at the moment of freezing."""
    within_layers: dict[str, float]
    """Second differences along single layers, relative to the output."""
    together: dict[str, float]
    """The same along all layers at once: not zero."""
    from_masks: dict[str, float]
    """Of loss and gradients, from the network with masks."""
    layers: int
    """How many layers were checked."""


def exactness(seed: int = 0) -> Exactness:
    """Check every kind of network."""
    at_freezing, within, together, masks, layers = {}, {}, {}, {}, 0
    for name, kind in KINDS.items():
        frozen, inputs = _frozen(kind, seed)
        with torch.no_grad():
            at_freezing[name] = float((frozen(inputs) - frozen.live(inputs)).abs().max())
        _move(frozen.live, seed)
        if kind.multi_affine:
            found = second_differences(frozen, inputs, seed)
            together[name] = found.pop("all")
            within[name] = max(found.values())
            layers += len(found)
        if kind.masked is not None:
            masks[name] = _from_masks(frozen, inputs, kind.masked)
    return Exactness(at_freezing, within, together, masks, layers)


def _frozen(kind: Kind, seed: int) -> tuple[FrozenPatterns, Tensor]:
    draw = generator(seed, "inputs of the checks")
    inputs = torch.from_numpy(draw.standard_normal((_SAMPLES, *kind.shape)))
    with torch_seeded(seed):
        model = kind.make().double()
        model.train()
        with torch.no_grad():
            model(inputs)  # running statistics that are not those of the start
    model.eval()
    return freeze_patterns(model, inputs), inputs


@torch.no_grad()
def _move(model: nn.Module, seed: int) -> None:
    draw = generator(seed, "move of the live weights")
    for one in model.parameters():
        noise = torch.from_numpy(draw.standard_normal(one.shape))
        one.add_(_STEP * one.abs().mean() * noise)


@torch.no_grad()
def second_differences(frozen: FrozenPatterns, inputs: Tensor, seed: int) -> dict[str, float]:
    """Return the output's relative second difference along a step of each layer, and of all.

    A step is as long as the layer's own parameters: no room inside a pattern is asked for.
    """
    here = dict(frozen.live.named_parameters())
    draw = generator(seed, "directions of the checks")
    step = {}
    for name, one in here.items():
        random = torch.from_numpy(draw.standard_normal(one.shape))
        step[name] = random * one.norm() / random.norm()
    names = [name.rpartition(".")[0] for name in here]
    found = {}
    for layer in (*dict.fromkeys(names), "all"):
        moves = [name for name in here if layer in ("all", name.rpartition(".")[0])]
        at = [
            _at(frozen, inputs, {n: here[n] + sign * step[n] for n in moves}) for sign in (1, 0, -1)
        ]
        bend = (at[0] - 2 * at[1] + at[2]).abs().max() / at[1].abs().max()
        found[layer] = float(bend)
    return found


def _at(
    frozen: FrozenPatterns, inputs: Tensor, moved: dict[str, Tensor]
) -> Float[Tensor, "samples classes"]:
    named = {f"live.{name}": value for name, value in moved.items()}
    found: Tensor = functional_call(frozen, named, (inputs,))
    return found


def _from_masks(
    frozen: FrozenPatterns,
    inputs: Tensor,
    masked: Callable[[nn.Module, list[Any], Tensor], Tensor],
) -> float:
    labels = torch.from_numpy(np.arange(_SAMPLES) % _CLASSES)
    parameters = list(frozen.live.parameters())
    one = F.cross_entropy(frozen(inputs), labels)
    other = F.cross_entropy(masked(frozen.live, frozen.decisions(inputs), inputs), labels)
    slopes = zip(
        torch.autograd.grad(one, parameters), torch.autograd.grad(other, parameters), strict=True
    )
    errors = [float((a - b).abs().max() / b.abs().max().clamp_min(1e-30)) for a, b in slopes]
    return max(float((one - other).detach().abs()), *errors)
