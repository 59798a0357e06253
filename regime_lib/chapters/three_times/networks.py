"""The small ReLU networks of the runs: convolutional, residual, and Transformers.

Transformers are made of the lab's blocks; rectifiers are all that has patterns in any of them.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.lab.data.text import PADDING
from regime_lib.lab.models.transformer import Block, TransformerShape
from regime_lib.lab.seeding import torch_seeded

_CHANNELS = (8, 16)  # of the two convolutions


def small_cnn(
    image_shape: tuple[int, int, int], classes: int, *, hidden: int = 64, seed: int
) -> nn.Sequential:
    """Return two convolutions, each with ReLU and 2x2 average pooling, and one hidden layer."""
    depth, height, width = image_shape
    if height % 4 or width % 4:
        raise RegimeError(
            f"the images are {height} x {width}; two poolings of 2x2 need multiples of four"
        )
    first, second = _CHANNELS
    with torch_seeded(seed):
        return nn.Sequential(
            OrderedDict(
                image=nn.Unflatten(1, image_shape),
                conv1=nn.Conv2d(depth, first, 3, padding=1),
                relu1=nn.ReLU(),
                pool1=nn.AvgPool2d(2),
                conv2=nn.Conv2d(first, second, 3, padding=1),
                relu2=nn.ReLU(),
                pool2=nn.AvgPool2d(2),
                flat=nn.Flatten(),
                hidden3=nn.Linear(second * height * width // 16, hidden),
                relu3=nn.ReLU(),
                output=nn.Linear(hidden, classes),
            )
        )


class ResidualBlock(nn.Module):
    """Two convolutions with batch normalisation beside a shortcut, and ReLU after their sum.

    Where size or channels change the shortcut is a convolution of 1x1, normalised too.
    """

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.norm1, self.relu1 = nn.BatchNorm2d(channels), nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2, self.relu2 = nn.BatchNorm2d(channels), nn.ReLU()
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or channels_in != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, maps: Float[Tensor, "batch _ _ _"]) -> Float[Tensor, "batch _ _ _"]:
        """Return the maps after the block."""
        inner = self.norm2(self.conv2(self.relu1(self.norm1(self.conv1(maps)))))
        found: Tensor = self.relu2(inner + self.shortcut(maps))
        return found


class _ImageChannelsLast(nn.Unflatten):
    """Images whose channels lie side by side: with few of them, convolutions are a third faster."""

    def forward(self, rows: Float[Tensor, "batch _"]) -> Float[Tensor, "batch _ _ _"]:
        return super().forward(rows).contiguous(memory_format=torch.channels_last)


def small_resnet(
    image_shape: tuple[int, int, int], classes: int, *, hidden: int = 8, seed: int
) -> nn.Sequential:
    """Return a residual network of three blocks, of `hidden` channels, then twice, then four times.

    Each block after the first halves the size. The mean over places of the last maps is classified.
    """
    depth, height, width = image_shape
    if height % 4 or width % 4:
        raise RegimeError(
            f"the images are {height} x {width}; to be halved twice they need multiples of four"
        )
    with torch_seeded(seed):
        return nn.Sequential(
            OrderedDict(
                image=_ImageChannelsLast(1, image_shape),
                conv=nn.Conv2d(depth, hidden, 3, padding=1, bias=False),
                norm=nn.BatchNorm2d(hidden),
                relu=nn.ReLU(),
                block1=ResidualBlock(hidden, hidden, 1),
                block2=ResidualBlock(hidden, 2 * hidden, 2),
                block3=ResidualBlock(2 * hidden, 4 * hidden, 2),
                pool=nn.AdaptiveAvgPool2d(1),
                flat=nn.Flatten(),
                output=nn.Linear(4 * hidden, classes),
            )
        )


class _Encoder(nn.Module):
    """The lab's blocks between an embedding and logits; positions start smaller than the lab's."""

    embed: nn.Module

    def __init__(self, shape: TransformerShape, embed: type[nn.Module], seed: int) -> None:
        super().__init__()
        self.shape = shape
        with torch_seeded(seed):
            self.embed = embed(shape.inputs, shape.width)
            if isinstance(self.embed, nn.Embedding):
                nn.init.normal_(self.embed.weight, std=0.1)
            self.position = nn.Parameter(0.02 * torch.randn(shape.tokens, shape.width))
            blocks = [Block(shape, nn.Linear, nn.LayerNorm) for _ in range(shape.blocks)]
            self.blocks = nn.ModuleList(blocks)
            self.norm = nn.LayerNorm(shape.width)
            self.output = nn.Linear(shape.width, shape.outputs)

    def encode(self, inputs: Tensor, seen: Tensor | None = None) -> Tensor:
        """Return a vector per token, shape (batch, tokens, width); see `Block` for `seen`."""
        tokens = self.embed(inputs) + self.position
        rows = tokens.flatten(0, 1)
        for block in self.blocks:
            rows = block(rows, seen)
        encoded: Tensor = self.norm(rows).view(tokens.shape)
        return encoded


class PatchTransformer(_Encoder):
    """A small vision Transformer: patches of an image are tokens, their mean is classified."""

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        classes: int,
        *,
        patch: tuple[int, int] = (2, 4),
        hidden: int = 64,
        seed: int,
    ) -> None:
        channels, rows, columns = image_shape
        if rows % patch[0] or columns % patch[1]:
            raise RegimeError(
                f"patches of {patch[0]} x {patch[1]} do not tile images of {rows} x {columns}"
            )
        size = patch[0] * patch[1]
        shape = TransformerShape(
            tokens=rows * columns // size, inputs=channels * size, outputs=classes, ffn=hidden
        )
        super().__init__(shape, nn.Linear, seed)
        self.image_shape, self.patch = image_shape, patch

    def forward(self, inputs: Float[Tensor, "batch pixels"]) -> Float[Tensor, "batch classes"]:
        """Return the logits of flattened images."""
        channels, rows, columns = self.image_shape
        high, wide = self.patch
        grid = inputs.view(-1, channels, rows // high, high, columns // wide, wide)
        patches = grid.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
        logits: Tensor = self.output(self.encode(patches).mean(dim=1))
        return logits


class TextTransformer(_Encoder):
    """A small Transformer for text: one label per sentence, or causal, the next token."""

    def __init__(
        self, symbols: int, length: int, classes: int | None = None, *, hidden: int = 128, seed: int
    ) -> None:
        shape = TransformerShape(
            tokens=length,
            inputs=symbols,
            outputs=classes or symbols,
            text=classes is None,
            ffn=hidden,
        )
        super().__init__(shape, nn.Embedding, seed)

    def forward(self, inputs: Int[Tensor, "batch length"]) -> Float[Tensor, "batch *length out"]:
        """Return logits of the next token at every place, or of a sentence's label.

        For labels, token 0 is padding: nothing attends to it and the mean leaves it out.
        """
        if self.shape.text:
            following: Tensor = self.output(self.encode(inputs))
            return following
        words = inputs != PADDING
        empty = ~words.any(dim=1, keepdim=True)  # nothing to average: all weights stay 0
        weights = words / (words.sum(dim=1, keepdim=True) + empty)
        encoded = self.encode(inputs, words[:, None, None, :])
        label: Tensor = self.output((encoded * weights[..., None]).sum(dim=1))
        return label


def with_activation(model: nn.Module, activation: str) -> nn.Module:
    """Return the network with GELU for every rectifier, if that is asked for."""
    if activation == "gelu":
        for module in list(model.modules()):
            for name, child in module.named_children():
                if isinstance(child, nn.ReLU):
                    setattr(module, name, nn.GELU())
    return model
