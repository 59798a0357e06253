"""Small networks of every kind that PyTorch users build."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from tests.instrument.oracles import (
    SAMPLES,
    Case,
    Truth,
    brute_force_winners,
    images,
    linear,
    rectified,
    vectors,
)


class Reused(nn.Module):
    """One activation module called twice, and one linear layer called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.layer, self.act = nn.Linear(6, 8), nn.Linear(8, 8), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        for _ in range(2):
            x = self.act(self.layer(x))
        return x


def _reused_truth(model: Any, x: Tensor) -> list[Truth]:
    first = linear(linear(x, model.embed), model.layer)
    return [Truth("act", first), Truth("act#2", linear(rectified(first), model.layer))]


class ConvNet(nn.Module):
    """Conv, batch norm, in-place rectifier, max-pool, dropout, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(2, 5, 3, padding=1),
            nn.BatchNorm2d(5),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Dropout(0.3),
        )
        self.head = nn.Linear(5 * 3 * 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x).flatten(1))


def _normalised(z: Tensor, norm: Any) -> Tensor:
    return F.batch_norm(
        z, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
    )


def _conv_truth(model: Any, x: Tensor) -> list[Truth]:
    conv, norm = model.features[0], model.features[1]
    z = _normalised(F.conv2d(x, conv.weight, conv.bias, padding=1), norm)
    winners = brute_force_winners(rectified(z), 2, 2)
    if not z.is_contiguous():
        winners = winners.to(memory_format=torch.channels_last)
    return [Truth("features.2", z, margin=1e-6), Truth("features.3", winners, ())]


def _attention(x: Tensor, layer: Any) -> Tensor:
    """Self-attention on (batch, tokens, features), head by head."""
    heads, width = layer.num_heads, x.shape[2]
    query, key, value = (F.linear(x, layer.in_proj_weight, layer.in_proj_bias)).chunk(3, dim=2)
    outputs = []
    for head in range(heads):
        part = slice(head * width // heads, (head + 1) * width // heads)
        scores = query[:, :, part] @ key[:, :, part].transpose(1, 2) / (width / heads) ** 0.5
        outputs.append(scores.softmax(dim=2) @ value[:, :, part])
    return linear(torch.cat(outputs, dim=2), layer.out_proj)


def _encoder_truth(model: Any, x: Tensor) -> list[Truth]:
    layer = model.encoder
    if not layer.self_attn.batch_first:
        x = x.transpose(0, 1)
    attended = layer.norm1(x + _attention(x, layer.self_attn))
    return [Truth("encoder.relu", linear(attended, layer.linear1), margin=1e-5)]


class Encoder(nn.Module):
    """One Transformer encoder layer and a linear readout."""

    def __init__(self, batch_first: bool = True) -> None:
        super().__init__()
        self.encoder = nn.TransformerEncoderLayer(
            8, 2, dim_feedforward=16, dropout=0.1, batch_first=batch_first
        )
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.encoder(x))


class Recurrent(nn.Module):
    """A recurrent layer with rectifiers."""

    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        self.rnn = nn.RNN(4, 7, nonlinearity="relu", batch_first=batch_first)
        self.head = nn.Linear(7, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0])


def _recurrent_truth(model: Any, x: Tensor) -> list[Truth]:
    rnn = model.rnn
    if not rnn.batch_first:
        x = x.transpose(0, 1)
    state = torch.zeros(len(x), 7, dtype=x.dtype)
    found = []
    for step in range(x.shape[1]):
        z = F.linear(x[:, step], rnn.weight_ih_l0, rnn.bias_ih_l0)
        z = z + F.linear(state, rnn.weight_hh_l0, rnn.bias_hh_l0)
        name = "rnn.relu" if step == 0 else f"rnn.relu#{step + 1}"
        found.append(Truth(name, z, margin=1e-5))
        state = rectified(z)
    return found


class Plain(nn.Module):
    """A module and a function, to be scripted, traced, checkpointed."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.act = nn.Linear(6, 9), nn.ReLU()
        self.second, self.last = nn.Linear(9, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(F.relu(self.second(self.act(self.first(x)))))


def _plain_truth(*names: str) -> Callable[[Any, Tensor], list[Truth]]:
    def truth(model: Any, x: Tensor) -> list[Truth]:
        first = linear(x, model.first)
        second = linear(rectified(first), model.second)
        return [Truth(names[0], first), Truth(names[1], second)]

    return truth


class Functional(nn.Module):
    """Runs a network through `functional_call`, with parameters of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Plain()

    def forward(self, x: Tensor) -> Tensor:
        parameters = {name: 1.0 * p for name, p in self.inner.named_parameters()}
        return torch.func.functional_call(self.inner, parameters, (x,))


class Mapped(nn.Module):
    """Runs a network sample by sample through `vmap`."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Plain()

    def forward(self, x: Tensor) -> Tensor:
        return torch.vmap(self.inner)(x)


class Checkpointed(nn.Module):
    """Recomputes its activations in the backward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Plain()

    def forward(self, x: Tensor) -> Tensor:
        return checkpoint(self.inner, x, use_reentrant=False)


def _inner(truth: Callable[[Any, Any], list[Truth]]) -> Callable[[Any, Any], list[Truth]]:
    return lambda model, x: truth(model.inner, x)


class NoisyInEvaluation(nn.Module):
    """Draws from all three random generators, always."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 8)

    def forward(self, x: Tensor) -> Tensor:
        noise = torch.randn(1) + random.random() + float(np.random.rand())  # noqa: NPY002
        return F.relu(self.layer(x) + noise)


class Counting(nn.Module):
    """Writes to its buffers in evaluation mode: one in place, one replaced."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 8)
        self.register_buffer("in_place", torch.zeros(8))
        self.register_buffer("replaced", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        z = self.layer(x)
        self.in_place.mul_(0.9).add_(z.detach().mean(0))
        self.replaced = self.replaced + 1
        return F.relu(z)


class PartlyFrozen(nn.Module):
    """Mixed training flags and frozen parameters, as in fine-tuning."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5))
        self.head = nn.Linear(8, 3)
        self.body[0].weight.requires_grad_(False)
        self.body[1].eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


class Keywords(nn.Module):
    """Takes its inputs by name, one of them without samples."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 8)

    def forward(self, x: Tensor, scale: Tensor, shift: float = 0.0) -> Tensor:
        return F.relu(self.layer(x) * scale + shift)


class BatchStatistics(nn.Module):
    """Normalises with the statistics of its batch: samples influence each other."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(6, 8), nn.BatchNorm1d(8, track_running_stats=False), nn.ReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class WeightNormed(nn.Module):
    """A parametrised weight."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.utils.parametrizations.weight_norm(nn.Linear(6, 8))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.layer(x))


class Stacked(nn.Module):
    """Independent networks along the first axis of everything."""

    def __init__(self, members: int = 3) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(members, 6, 9))
        self.bias = nn.Parameter(torch.randn(members, 1, 9))
        self.readout = nn.Parameter(torch.randn(members, 9, 4))

    def forward(self, x: Tensor) -> Tensor:
        x = x.expand(len(self.bias), *x.shape[-2:])
        return F.relu(torch.baddbmm(self.bias, x, self.weight)) @ self.readout


ARCHITECTURES = [
    Case("module called twice", Reused, vectors, _reused_truth),
    Case("conv-bn-relu-pool", ConvNet, images, _conv_truth),
    Case(
        "conv-bn-relu-pool, channels last",
        lambda: ConvNet().to(memory_format=torch.channels_last),
        lambda: images().to(memory_format=torch.channels_last),
        _conv_truth,
    ),
    Case("encoder layer", Encoder, lambda: torch.randn(SAMPLES, 5, 8), _encoder_truth),
    Case(
        "encoder layer in evaluation",
        lambda: Encoder().eval(),
        lambda: torch.randn(SAMPLES, 5, 8),
        _encoder_truth,
    ),
    Case(
        "encoder layer, time first",
        lambda: Encoder(batch_first=False),
        lambda: torch.randn(5, SAMPLES, 8),
        _encoder_truth,
        {"batch_axis": 1},
    ),
    Case("rnn", lambda: Recurrent(True), lambda: torch.randn(SAMPLES, 5, 4), _recurrent_truth),
    Case(
        "rnn, time first",
        lambda: Recurrent(False),
        lambda: torch.randn(5, SAMPLES, 4),
        _recurrent_truth,
        {"batch_axis": 1},
    ),
    Case("functional_call", Functional, vectors, _inner(_plain_truth("inner.act", "inner.relu"))),
    Case("vmap", Mapped, vectors, _inner(_plain_truth("inner.act", "inner.relu"))),
    Case("checkpointed", Checkpointed, vectors, _inner(_plain_truth("inner.act", "inner.relu"))),
    Case(
        "torch.fx",
        lambda: torch.fx.symbolic_trace(Plain()),
        vectors,
        _plain_truth("act", "relu"),
    ),
    Case(
        "partly frozen",
        PartlyFrozen,
        vectors,
        lambda m, x: [Truth("body.2", _normalised(linear(x, m.body[0]), m.body[1]), margin=1e-6)],
    ),
    Case(
        "keyword inputs",
        Keywords,
        lambda: {"x": vectors(), "scale": torch.rand(8) + 0.5, "shift": 0.1},
        lambda m, x: [Truth("relu", linear(x["x"], m.layer) * x["scale"] + 0.1)],
    ),
    Case(
        "tuple of inputs",
        Keywords,
        lambda: (vectors(), torch.rand(8) + 0.5),
        lambda m, x: [Truth("relu", linear(x[0], m.layer) * x[1])],
    ),
    Case(
        "batch statistics",
        BatchStatistics,
        vectors,
        lambda m, x: [
            Truth(
                "body.2",
                F.batch_norm(
                    linear(x, m.body[0]),
                    None,
                    None,
                    m.body[1].weight,
                    m.body[1].bias,
                    training=True,
                ),
                margin=1e-6,
            )
        ],
    ),
    Case(
        "weight norm",
        WeightNormed,
        vectors,
        lambda m, x: [Truth("relu", linear(x, m.layer))],
    ),
    Case(
        "buffers written in evaluation",
        Counting,
        vectors,
        lambda m, x: [Truth("relu", linear(x, m.layer))],
    ),
]

SCRIPTED = Case(
    "torch.jit.script", lambda: torch.jit.script(Plain()), vectors, _plain_truth("relu", "relu#2")
)
