"""The small convolutional network of the examples, alone and as an ensemble of K seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.lab.models.ensemble import Ensemble, EnsembleLinear
from regime_lib.lab.seeding import checked_seed, torch_seeded

_KERNEL = 3


class CNN(nn.Module):
    """Convolutions with ReLUs, then one hidden layer; PyTorch's default initialisation.

    Kernels are 3 x 3 with a border of zeros. The first convolution keeps the size of the image,
    every later one halves it by a stride of two, so that there is no pooling: all that is not
    affine is a rectifier. The modules are called ``conv1, relu1, conv2, relu2, …, hidden, relu,
    output``. The global random generator is left alone.

    Parameters
    ----------
    image_shape : tuple of int
        Channels, height and width of an image.
    channels : sequence of int
        Of each convolution, such as ``(8, 16)``.
    hidden, classes : int
        Units of the hidden layer and of the output.
    seed : int
        Seed of the initial parameters.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        channels: Sequence[int],
        hidden: int,
        classes: int,
        seed: int,
    ) -> None:
        super().__init__()
        _check_sizes(image_shape, channels, hidden, classes)
        self.image_shape, self.seed = tuple(image_shape), checked_seed(seed)
        linear, conv = (partial(kind, device="cpu") for kind in (nn.Linear, nn.Conv2d))
        with torch_seeded(self.seed):
            _add_layers(self, channels, hidden, classes, conv, linear)

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch classes"]:
        """Return the logits."""
        _check_images(images, self.image_shape)
        for layer in self.children():
            images = layer(images)
        return images


class CNNEnsemble(Ensemble[CNN]):
    """K such networks in batched tensors; modules are named as in `CNN`.

    Parameters
    ----------
    image_shape, channels, hidden, classes
        As for `CNN`.
    seeds : sequence of int
        Seed of the initial parameters of each member.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        channels: Sequence[int],
        hidden: int,
        classes: int,
        seeds: Sequence[int],
    ) -> None:
        super().__init__(seeds)
        _check_sizes(image_shape, channels, hidden, classes)
        channels_first, height, width = image_shape
        self.image_shape = channels_first, height, width
        self.channels, self.units, self.classes = tuple(channels), hidden, classes
        conv, linear = (partial(kind, self.members) for kind in (EnsembleConv2d, EnsembleLinear))
        _add_layers(self, channels, hidden, classes, conv, linear)
        self.fill()

    def alone(self, seed: int) -> CNN:
        """Return a new ordinary network of the same shape."""
        return CNN(self.image_shape, self.channels, self.units, self.classes, seed)

    def forward(
        self,
        images: Float[Tensor, "batch channels height width"]
        | Float[Tensor, "members batch channels height width"],
    ) -> Float[Tensor, "members batch classes"]:
        """Return the logits of every member on its own images, or of all on the same ones."""
        _check_images(images, self.image_shape)
        images = self.spread(images, 4)
        for layer in self.children():
            images = layer(images)
        return images


class EnsembleConv2d(nn.Module):
    """K convolutions at once, as one with K groups of channels.

    The parameters are made empty; the ensemble fills them. In memory channels lie last, which the
    CPU computes nearly twice as fast.
    """

    def __init__(
        self, members: int, below: int, above: int, kernel: int, stride: int, padding: int
    ) -> None:
        super().__init__()
        self.stride, self.padding = stride, padding
        self.weight = nn.Parameter(torch.empty(members, above, below, kernel, kernel, device="cpu"))
        self.bias = nn.Parameter(torch.empty(members, above, device="cpu"))

    def forward(
        self, images: Float[Tensor, "members batch below height width"]
    ) -> Float[Tensor, "members batch above _height _width"]:
        """Apply every member's convolution to its own images."""
        members = len(images)
        wide = images.transpose(0, 1).flatten(1, 2).contiguous(memory_format=torch.channels_last)
        kernels, biases = self.weight.flatten(0, 1), self.bias.flatten()
        found = nn.functional.conv2d(
            wide, kernels, biases, self.stride, self.padding, groups=members
        )
        return found.unflatten(1, (members, -1)).transpose(0, 1)


def _add_layers(
    model: CNN | CNNEnsemble,
    channels: Sequence[int],
    hidden: int,
    classes: int,
    conv: Callable[..., nn.Module],
    linear: Callable[..., nn.Module],
) -> None:
    """Give `model` the layers of such a network."""
    first, height, width = model.image_shape
    for number, (below, above) in enumerate(pairwise((first, *channels)), start=1):
        stride = 1 if number == 1 else 2
        model.add_module(f"conv{number}", conv(below, above, _KERNEL, stride, _KERNEL // 2))
        model.add_module(f"relu{number}", nn.ReLU())
        height, width = -(-height // stride), -(-width // stride)
    model.flatten = nn.Flatten(-3)
    model.hidden = linear(channels[-1] * height * width, hidden)
    model.relu = nn.ReLU()
    model.output = linear(hidden, classes)


def _check_sizes(
    image_shape: tuple[int, int, int], channels: Sequence[int], hidden: int, classes: int
) -> None:
    sizes = (*image_shape, *channels, hidden, classes)
    whole = all(isinstance(size, int) and size > 0 for size in sizes)
    if not whole or len(image_shape) != 3 or not channels:
        raise RegimeError(
            f"the image shape is {tuple(image_shape)}, the channels {tuple(channels)}, hidden "
            f"{hidden} and classes {classes}; expected whole numbers above 0, three of them "
            "for the image shape and at least one channel number"
        )


def _check_images(images: Tensor, image_shape: tuple[int, ...]) -> None:
    if images.shape[-3:] != image_shape:
        raise RegimeError(
            f"the images have shape {tuple(images.shape)}, but the network takes (batch, "
            f"{', '.join(map(str, image_shape))}); use data.as_images()"
        )
