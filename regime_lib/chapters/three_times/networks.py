"""The small ReLU networks of the studies: convolutional, and Transformers for images and text.

A Transformer here is pre-norm, with learned positions and a ReLU feed-forward part, which is where
its activation patterns lie (arXiv 2602.08333 records them there). Convolutions are followed by
average pooling, so that rectifiers are the only kinks.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.lab.data.text import PADDING
from regime_lib.lab.training.seeding import torch_seeded


class SmallCNN(nn.Module):
    """Two convolutions of 3x3, each with ReLU and 2x2 average pooling, and one hidden layer.

    Parameters
    ----------
    image_shape : tuple of int
        Channels, height and width of an image; both sides multiples of four.
    classes : int
        Logits.
    channels : pair of int
        Channels of the two convolutions.
    hidden : int
        Units of the hidden layer.
    seed : int
        Seed of the initial parameters (PyTorch's defaults); the global generator is left alone.

    Raises
    ------
    RegimeError
        If a side of the image is no multiple of four.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        classes: int,
        *,
        channels: tuple[int, int] = (8, 16),
        hidden: int = 64,
        seed: int,
    ) -> None:
        super().__init__()
        depth, height, width = self.image_shape = image_shape
        if height % 4 or width % 4:
            raise RegimeError(
                f"the images are {height} x {width}; two poolings of 2x2 need multiples of four"
            )
        with torch_seeded(seed):
            self.conv1 = nn.Conv2d(depth, channels[0], 3, padding=1)
            self.relu1 = nn.ReLU()
            self.conv2 = nn.Conv2d(channels[0], channels[1], 3, padding=1)
            self.relu2 = nn.ReLU()
            self.hidden3 = nn.Linear(channels[1] * height * width // 16, hidden)
            self.relu3 = nn.ReLU()
            self.output = nn.Linear(hidden, classes)

    def forward(self, inputs: Float[Tensor, "batch pixels"]) -> Float[Tensor, "batch classes"]:
        """Return the logits of flattened images."""
        images = inputs.view(-1, *self.image_shape)
        maps = nn.functional.avg_pool2d(self.relu1(self.conv1(images)), 2)
        maps = nn.functional.avg_pool2d(self.relu2(self.conv2(maps)), 2)
        logits: Tensor = self.output(self.relu3(self.hidden3(maps.flatten(1))))
        return logits


class EncoderBlock(nn.Module):
    """One pre-norm Transformer block: attention, then a feed-forward part with ReLU.

    Parameters
    ----------
    width, heads, hidden : int
        Features of a token, attention heads, units of the feed-forward part.
    causal : bool
        Whether a token sees only itself and what came before.
    """

    def __init__(self, width: int, heads: int, hidden: int, causal: bool) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mix_in, self.mix_out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.relu, self.down = (
            nn.Linear(width, hidden),
            nn.ReLU(),
            nn.Linear(hidden, width),
        )

    def forward(
        self, tokens: Float[Tensor, "batch length width"], seen: Tensor | None = None
    ) -> Float[Tensor, "batch length width"]:
        """Apply the block; `seen` marks, where given, the tokens that may be attended to."""
        batch, length, width = tokens.shape
        shape = (batch, length, 3, self.heads, width // self.heads)
        queries, keys, values = self.mix_in(self.norm1(tokens)).view(shape).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(
            queries, keys, values, attn_mask=seen, is_causal=self.causal
        )
        tokens = tokens + self.mix_out(mixed.transpose(1, 2).reshape(batch, length, width))
        return tokens + self.down(self.relu(self.up(self.norm2(tokens))))


class PatchTransformer(nn.Module):
    """A small vision Transformer: patches of an image are tokens, their mean is classified.

    Parameters
    ----------
    image_shape : tuple of int
        Channels, height and width of an image.
    classes : int
        Logits.
    patch : pair of int
        Height and width of a patch; they divide the image's.
    width, heads, hidden, depth : int
        Features of a token, attention heads, units of a feed-forward part, blocks.
    seed : int
        Seed of the initial parameters.

    Raises
    ------
    RegimeError
        If the patches do not tile the image.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        classes: int,
        *,
        patch: tuple[int, int] = (2, 4),
        width: int = 32,
        heads: int = 2,
        hidden: int = 64,
        depth: int = 2,
        seed: int,
    ) -> None:
        super().__init__()
        channels, rows, columns = self.image_shape = image_shape
        if rows % patch[0] or columns % patch[1]:
            raise RegimeError(
                f"patches of {patch[0]} x {patch[1]} do not tile images of {rows} x {columns}"
            )
        self.patch = patch
        count = (rows // patch[0]) * (columns // patch[1])
        with torch_seeded(seed):
            self.embed = nn.Linear(channels * patch[0] * patch[1], width)
            self.position = nn.Parameter(0.02 * torch.randn(count, width))
            blocks = [EncoderBlock(width, heads, hidden, causal=False) for _ in range(depth)]
            self.blocks = nn.ModuleList(blocks)
            self.norm, self.output = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, inputs: Float[Tensor, "batch pixels"]) -> Float[Tensor, "batch classes"]:
        """Return the logits of flattened images."""
        channels, rows, columns = self.image_shape
        high, wide = self.patch
        grid = inputs.view(-1, channels, rows // high, high, columns // wide, wide)
        patches = grid.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
        tokens = self.embed(patches) + self.position
        for block in self.blocks:
            tokens = block(tokens)
        logits: Tensor = self.output(self.norm(tokens).mean(dim=1))
        return logits


class TextTransformer(nn.Module):
    """A small Transformer for text: next token at every place, or one label a sentence.

    Parameters
    ----------
    symbols : int
        Distinct tokens.
    length : int
        Tokens of an input at most.
    classes : int, optional
        Labels of a sentence. Without it the model is causal and predicts the next token.
    width, heads, hidden, depth : int
        Features of a token, attention heads, units of a feed-forward part, blocks.
    seed : int
        Seed of the initial parameters.
    """

    def __init__(
        self,
        symbols: int,
        length: int,
        classes: int | None = None,
        *,
        width: int = 32,
        heads: int = 2,
        hidden: int = 128,
        depth: int = 2,
        seed: int,
    ) -> None:
        super().__init__()
        self.classes = classes
        with torch_seeded(seed):
            self.embed = nn.Embedding(symbols, width)
            nn.init.normal_(self.embed.weight, std=0.1)
            self.position = nn.Parameter(0.02 * torch.randn(length, width))
            blocks = [
                EncoderBlock(width, heads, hidden, causal=classes is None) for _ in range(depth)
            ]
            self.blocks = nn.ModuleList(blocks)
            self.norm = nn.LayerNorm(width)
            self.output = nn.Linear(width, symbols if classes is None else classes)

    def forward(self, inputs: Int[Tensor, "batch length"]) -> Float[Tensor, "batch *length out"]:
        """Return logits of the next token at every place, or of a sentence's label.

        For labels, token 0 is padding: nothing attends to it and the mean leaves it out.
        """
        tokens = self.embed(inputs) + self.position[: inputs.shape[1]]
        if self.classes is None:
            for block in self.blocks:
                tokens = block(tokens)
            following: Tensor = self.output(self.norm(tokens))
            return following
        words = inputs != PADDING
        for block in self.blocks:
            tokens = block(tokens, words[:, None, None, :])
        empty = ~words.any(dim=1, keepdim=True)  # nothing to average: all weights stay 0
        weights = words / (words.sum(dim=1, keepdim=True) + empty)
        label: Tensor = self.output((self.norm(tokens) * weights[..., None]).sum(dim=1))
        return label
