"""The small convolutional network of the examples."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from regime_lib.errors import RegimeError
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
        sizes = (*image_shape, *channels, hidden, classes)
        whole = all(isinstance(size, int) and size > 0 for size in sizes)
        if not whole or len(image_shape) != 3 or not channels:
            raise RegimeError(
                f"the image shape is {tuple(image_shape)}, the channels {tuple(channels)}, hidden "
                f"{hidden} and classes {classes}; expected whole numbers above 0, three of them "
                "for the image shape and at least one channel number"
            )
        self.image_shape, self.seed = tuple(image_shape), checked_seed(seed)
        first, height, width = image_shape
        with torch_seeded(self.seed):
            for number, (below, above) in enumerate(pairwise((first, *channels)), start=1):
                stride = 1 if number == 1 else 2
                conv = nn.Conv2d(below, above, _KERNEL, stride, _KERNEL // 2, device="cpu")
                self.add_module(f"conv{number}", conv)
                self.add_module(f"relu{number}", nn.ReLU())
                height, width = -(-height // stride), -(-width // stride)
            self.flatten = nn.Flatten()
            self.hidden = nn.Linear(channels[-1] * height * width, hidden, device="cpu")
            self.relu = nn.ReLU()
            self.output = nn.Linear(hidden, classes, device="cpu")

    def forward(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch classes"]:
        """Return the logits."""
        if images.shape[1:] != self.image_shape:
            raise RegimeError(
                f"the images have shape {tuple(images.shape)}, but the network takes (batch, "
                f"{', '.join(map(str, self.image_shape))}); use data.as_images()"
            )
        for layer in self.children():
            images = layer(images)
        return images
