"""Every way to write a rectifier, and other functions, in a network of two layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch import relu as relu_taken_before

from tests.instrument.oracles import Case, Truth, linear, rectified, vectors


class TwoLayers(nn.Module):
    """Linear, activation, linear, activation, linear, with any activation."""

    def __init__(self, activation: Callable[[Tensor], Tensor], width: int = 10) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, width), nn.Linear(width, width)
        self.last = nn.Linear(width, 3)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        x = self.activation(self.first(x))
        return self.last(self.activation(self.second(x)))


def _two_layers(
    name: str,
    activation: Callable[[], Callable[[Tensor], Tensor]],
    formula: Callable[[Tensor], Tensor],
    thresholds: tuple[float, ...] = (0.0,),
    op: str = "relu",
    **options: Any,
) -> Case:
    def truth(model: Any, x: Tensor) -> list[Truth]:
        first = linear(x, model.first)
        second = linear(formula(first), model.second)
        at = "activation" if isinstance(model.activation, nn.Module) else op
        return [Truth(at, first, thresholds), Truth(f"{at}#2", second, thresholds)]

    return Case(name, lambda: TwoLayers(activation()), vectors, truth, options)


def _spelled(name: str, function: Callable[[Tensor], Tensor], op: str = "relu") -> Case:
    return _two_layers(name, lambda: function, rectified, op=op)


class _OwnBackward(torch.autograd.Function):
    """A rectifier with a hand-written gradient."""

    @staticmethod
    def forward(ctx: Any, z: Tensor) -> Tensor:
        ctx.save_for_backward(z)
        return z.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (z,) = ctx.saved_tensors
        return gradient * (z > 0)


RECTIFIERS = [
    _two_layers("nn.ReLU", nn.ReLU, rectified),
    _two_layers("nn.ReLU(inplace)", lambda: nn.ReLU(inplace=True), rectified),
    _spelled("F.relu", F.relu),
    _spelled("F.relu(input=z)", lambda z: F.relu(input=z)),
    _spelled("F.relu(inplace)", lambda z: F.relu(z, inplace=True)),
    _spelled("torch.relu", torch.relu),
    _spelled("torch.relu(input=z)", lambda z: torch.relu(input=z)),
    _spelled("relu taken before", relu_taken_before),
    _spelled("torch.relu_", torch.relu_),
    _spelled("z.relu()", lambda z: z.relu()),
    _spelled("z.relu_()", lambda z: z.relu_()),
    _spelled("z.clamp(min=0)", lambda z: z.clamp(min=0), "clamp"),
    _spelled("z.clamp(0)", lambda z: z.clamp(0), "clamp"),
    _spelled("z.clamp_(min=0)", lambda z: z.clamp_(min=0), "clamp"),
    _spelled("torch.clamp(input=z, min=0)", lambda z: torch.clamp(input=z, min=0), "clamp"),
    _spelled("z.clamp_min(0)", lambda z: z.clamp_min(0), "clamp_min"),
    _spelled("z.clamp_min_(0)", lambda z: z.clamp_min_(0), "clamp_min"),
    _spelled("torch.clamp_min(z, 0)", lambda z: torch.clamp_min(z, 0), "clamp_min"),
    _spelled("z.clip(0, None)", lambda z: z.clip(0, None), "clamp"),
    _spelled("torch.clip(z, min=0)", lambda z: torch.clip(z, min=0), "clamp"),
    _spelled("-(-z).clamp(max=0)", lambda z: z - z.clamp(max=0), "clamp"),
    _spelled("maximum(z, zeros)", lambda z: torch.maximum(z, torch.zeros_like(z)), "maximum"),
    _spelled("maximum(z, 0.)", lambda z: torch.maximum(z, torch.tensor(0.0)), "maximum"),
    _spelled("maximum(zeros, z)", lambda z: torch.maximum(torch.zeros_like(z), z), "maximum"),
    _spelled("maximum(0., z)", lambda z: torch.maximum(torch.tensor(0.0), z), "maximum"),
    _spelled("torch.max(z, zeros)", lambda z: torch.max(z, torch.zeros_like(z)), "maximum"),
    _spelled("fmax(z, zeros)", lambda z: torch.fmax(z, torch.zeros_like(z)), "maximum"),
    _spelled("F.threshold(z, 0, 0)", lambda z: F.threshold(z, 0.0, 0.0), "threshold"),
    _two_layers("nn.Threshold", lambda: nn.Threshold(0.0, 0.0), rectified),
    _spelled("z * (z > 0)", lambda z: z * (z > 0), "gt"),
    _spelled("(z > 0) * z", lambda z: (z > 0) * z, "gt"),
    _spelled("z * (0 < z)", lambda z: z * (0 < z), "gt"),  # noqa: SIM300
    _spelled("z * (z > 0).float()", lambda z: z * (z > 0).float(), "gt"),
    _spelled("z * z.gt(0).to(z.dtype)", lambda z: z * z.gt(0).to(z.dtype), "gt"),
    _spelled("z.mul(torch.ge(z, 0))", lambda z: z.mul(torch.ge(z, 0)), "ge"),
    _spelled("z * ~(z <= 0)", lambda z: z * ~(z <= 0), "le"),
    _spelled("where(z > 0, z, 0)", lambda z: torch.where(z > 0, z, 0.0), "gt"),
    _spelled("where(z < 0, zeros, z)", lambda z: torch.where(z < 0, torch.zeros_like(z), z), "lt"),
    _spelled("z.masked_fill(z <= 0, 0)", lambda z: z.masked_fill(z <= 0, 0.0), "le"),
    _spelled("z.masked_fill_(z <= 0, 0)", lambda z: z.masked_fill_(z <= 0, 0.0), "le"),
    _spelled("(z + |z|) / 2", lambda z: (z + z.abs()) / 2, "abs"),
    _spelled("(|z| + z) / 2", lambda z: (torch.abs(z) + z) / 2, "abs"),
    _spelled("custom autograd.Function", _OwnBackward.apply, "clamp"),
]

PIECEWISE = [
    _two_layers(
        "nn.LeakyReLU", lambda: nn.LeakyReLU(0.1), lambda z: torch.where(z > 0, z, 0.1 * z)
    ),
    _two_layers(
        "F.leaky_relu_",
        lambda: lambda z: F.leaky_relu_(z, 0.2),
        lambda z: torch.where(z > 0, z, 0.2 * z),
        op="leaky_relu",
    ),
    _two_layers("nn.PReLU", nn.PReLU, lambda z: torch.where(z > 0, z, 0.25 * z)),
    _two_layers("nn.RReLU", nn.RReLU, lambda z: F.leaky_relu(z, (1 / 8 + 1 / 3) / 2)),
    _two_layers("nn.ReLU6", nn.ReLU6, lambda z: z.clip(0, 6), (0.0, 6.0)),
    _two_layers("F.relu6", lambda: F.relu6, lambda z: z.clip(0, 6), (0.0, 6.0), "relu6"),
    _two_layers("nn.Hardtanh", nn.Hardtanh, lambda z: z.clip(-1, 1), (-1.0, 1.0)),
    _two_layers(
        "nn.Hardtanh(-0.3, 0.7)",
        lambda: nn.Hardtanh(-0.3, 0.7),
        lambda z: z.clip(-0.3, 0.7),
        (-0.3, 0.7),
    ),
    _two_layers(
        "F.hardtanh_", lambda: F.hardtanh_, lambda z: z.clip(-1, 1), (-1.0, 1.0), "hardtanh"
    ),
    _two_layers(
        "z.clamp(0, 1)",
        lambda: lambda z: z.clamp(0, 1),
        lambda z: z.clip(0, 1),
        (0.0, 1.0),
        "clamp",
    ),
    _two_layers(
        "F.threshold(z, 0.2, 0)",
        lambda: lambda z: F.threshold(z, 0.2, 0.0),
        lambda z: z * (z > 0.2),
        (0.2,),
        "threshold",
    ),
    _two_layers("nn.Hardswish", nn.Hardswish, F.hardswish, (-3.0, 3.0)),
    _two_layers("nn.Hardsigmoid", nn.Hardsigmoid, F.hardsigmoid, (-3.0, 3.0)),
    _two_layers(
        "nn.Softshrink", lambda: nn.Softshrink(0.3), lambda z: F.softshrink(z, 0.3), (-0.3, 0.3)
    ),
    _two_layers(
        "nn.Hardshrink", lambda: nn.Hardshrink(0.3), lambda z: F.hardshrink(z, 0.3), (-0.3, 0.3)
    ),
    *(
        _two_layers(f"{module.__name__}, on request", module, module(), smooth=True)
        for module in (nn.GELU, nn.SiLU, nn.Mish, nn.ELU, nn.SELU, nn.CELU, nn.Softplus)
    ),
]
