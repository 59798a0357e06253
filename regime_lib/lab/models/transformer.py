"""The small Transformers of the examples: for patches of an image and for characters of a text.

Blocks normalise first (pre-norm): attention, then a feed-forward part with one ReLU layer, each
added to what it was computed from. Alone, or as an ensemble of K seeds trained at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.lab.models.ensemble import (
    Ensemble,
    EnsembleEmbedding,
    EnsembleLayerNorm,
    EnsembleLinear,
)
from regime_lib.lab.seeding import checked_seed, torch_seeded


@dataclass(frozen=True, kw_only=True)
class TransformerShape:
    """The sizes of a Transformer, whole numbers above 0; the heads divide the width.

    Without `text` it predicts once, from the mean over positions.
    """

    tokens: int  #: positions: patches of an image, or characters that are read at once
    inputs: int  #: numbers in a patch; or characters of the alphabet
    outputs: int  #: classes; or characters of the alphabet
    text: bool = False  #: reads whole numbers, predicts the next at every position; else vectors
    width: int = 32  #: size of the vectors
    ffn: int = 64  #: units of each feed-forward part
    heads: int = 2  #: of the attention
    blocks: int = 2

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "text" and (not isinstance(value, int) or value < 1):
                raise RegimeError(f"{field.name} is {value!r}; expected a whole number above 0")
        if self.width % self.heads:
            raise RegimeError(
                f"{self.heads} heads do not divide a width of {self.width}; choose heads that do"
            )


class Block(nn.Module):
    """One block; every module may be that of one network or of an ensemble."""

    def __init__(
        self,
        shape: TransformerShape,
        affine: Callable[[int, int], nn.Module],
        norm: Callable[[int], nn.Module],
    ) -> None:
        super().__init__()
        self.shape = shape
        self.norm1, self.norm2 = norm(shape.width), norm(shape.width)
        self.qkv = affine(shape.width, 3 * shape.width)
        self.merge = affine(shape.width, shape.width)
        self.hidden, self.relu = affine(shape.width, shape.ffn), nn.ReLU()
        self.output = affine(shape.ffn, shape.width)

    def forward(self, rows: Tensor, seen: Tensor | None = None) -> Tensor:
        """Map vectors to vectors; rows have shape (..., samples * tokens, width).

        `seen` says which tokens may be attended to, for padding, shape (samples, 1, 1, tokens).
        """
        rows = rows + self.merge(self._attend(self.qkv(self.norm1(rows)), seen))
        hidden: Tensor = self.relu(self.hidden(self.norm2(rows)))
        return rows + self.output(hidden)

    def _attend(self, qkv: Tensor, seen: Tensor | None) -> Tensor:
        shape = self.shape
        parts = qkv.view(-1, shape.tokens, 3, shape.heads, shape.width // shape.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask=seen, is_causal=shape.text
        )
        return mixed.transpose(1, 2).reshape(*qkv.shape[:-1], shape.width)


class Transformer(nn.Module):
    """A Transformer with PyTorch's default initialisation of each layer.

    Tables of tokens and positions start from Gaussians of standard deviation 0.1. The layers with
    a pattern are called ``blocks.0.relu, blocks.1.relu, …``. The global generator is left alone.

    Parameters
    ----------
    shape : TransformerShape
        The sizes.
    seed : int
        Seed of the initial parameters.
    """

    def __init__(self, shape: TransformerShape, seed: int) -> None:
        super().__init__()
        self.shape, self.seed = shape, checked_seed(seed)
        linear, norm, table = (
            partial(kind, device="cpu") for kind in (nn.Linear, nn.LayerNorm, nn.Embedding)
        )
        with torch_seeded(self.seed):
            _add_parts(self, shape, (), linear, norm, table)
            nn.init.normal_(self.get_parameter("positions"), std=0.1)
            if shape.text:
                nn.init.normal_(self.get_parameter("embed.weight"), std=0.1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits: (batch, classes) of patches, (batch, tokens, characters) of text."""
        _check(inputs, self.shape)
        return _logits(self, inputs, self.shape)


class TransformerEnsemble(Ensemble[Transformer]):
    """K Transformers of one shape in batched tensors; modules are named as in `Transformer`.

    Parameters
    ----------
    shape : TransformerShape
        The sizes.
    seeds : sequence of int
        Seed of the initial parameters of each member.
    """

    def __init__(self, shape: TransformerShape, seeds: Sequence[int]) -> None:
        super().__init__(seeds)
        self.shape = shape
        affine, norm, table = (
            partial(kind, self.members)
            for kind in (EnsembleLinear, EnsembleLayerNorm, EnsembleEmbedding)
        )
        _add_parts(self, shape, (self.members,), affine, norm, table)
        self.fill()

    def alone(self, seed: int) -> Transformer:
        """Return a new ordinary network of the same shape."""
        return Transformer(self.shape, seed)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the logits of every member on its own inputs, or of all on the same ones."""
        _check(inputs, self.shape)
        return _logits(self, self.spread(inputs, 2 if self.shape.text else 3), self.shape)


def _add_parts(
    model: nn.Module,
    shape: TransformerShape,
    members: tuple[int, ...],
    affine: Callable[[int, int], nn.Module],
    norm: Callable[[int], nn.Module],
    table: Callable[[int, int], nn.Module],
) -> None:
    """Give `model` the layers of a Transformer."""
    model.embed = (table if shape.text else affine)(shape.inputs, shape.width)
    model.positions = nn.Parameter(torch.empty(*members, shape.tokens, shape.width, device="cpu"))
    model.blocks = nn.Sequential(*(Block(shape, affine, norm) for _ in range(shape.blocks)))
    model.norm = norm(shape.width)
    model.output = affine(shape.width, shape.outputs)


def _logits(model: Any, inputs: Tensor, shape: TransformerShape) -> Tensor:
    """Run the parts; leading axes are (batch,), or (members, batch) of an ensemble."""
    leading = inputs.shape[: inputs.ndim - (1 if shape.text else 2)]
    members = leading[:-1]
    # one row per token: matrix products then are as large as they can be
    rows = inputs if shape.text else inputs.reshape(*members, -1, shape.inputs)
    grid = model.embed(rows).view(*leading, shape.tokens, shape.width)
    rows = (grid + model.positions.unsqueeze(-3)).view(*members, -1, shape.width)
    rows = model.norm(model.blocks(rows))
    if not shape.text:
        rows = rows.view(*leading, shape.tokens, shape.width).mean(dim=-2)
    logits: Tensor = model.output(rows)
    return logits.view(*leading, shape.tokens, shape.outputs) if shape.text else logits


def _check(inputs: Tensor, shape: TransformerShape) -> None:
    wanted = (shape.tokens,) if shape.text else (shape.tokens, shape.inputs)
    if inputs.ndim <= len(wanted) or inputs.shape[-len(wanted) :] != wanted:
        raise RegimeError(
            f"the inputs have shape {tuple(inputs.shape)}, but the Transformer reads (batch, "
            f"{', '.join(map(str, wanted))})"
        )
