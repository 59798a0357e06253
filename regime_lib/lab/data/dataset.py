"""A labelled data set: what every loader of classification data returns and `train` takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Int, Shaped, UInt8
from torch import Tensor

from regime_lib.errors import RegimeError
from regime_lib.lab.seeding import generator

_TENSORS = ("train_inputs", "train_labels", "test_inputs", "test_labels")


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Inputs and labels of a training and a test set.

    The rows of both sets are shuffled once (the same way for everyone), so that the first n of them
    are a fair sample: the published test sets of MNIST and CIFAR-10 are not in random order.
    """

    name: str
    provenance: str  #: where the numbers come from, in words fit for a caption
    classes: tuple[str, ...]
    train_inputs: Shaped[Tensor, "train *features"]  #: float32, standardised; int64 tokens of text
    train_labels: Int[Tensor, "train *positions"]  #: int64; one per position of continued text
    test_inputs: Shaped[Tensor, "test *features"]
    test_labels: Int[Tensor, "test *positions"]
    image_shape: tuple[int, int, int] | None = None  #: channels, height, width; None: no images
    mean: float = 0.0  #: of all raw pixels of the full training set, subtracted
    std: float = 1.0  #: their standard deviation about it, then divided by

    def subset(self, n_train: int, n_test: int) -> Dataset:
        """Return the first rows of both sets; standardised as before, by the full training set."""
        check_subset(self.name, "training samples", n_train, len(self.train_labels))
        check_subset(self.name, "test samples", n_test, len(self.test_labels))
        return replace(  # copies, so that the full set can be freed
            self,
            train_inputs=self.train_inputs[:n_train].clone(),
            train_labels=self.train_labels[:n_train].clone(),
            test_inputs=self.test_inputs[:n_test].clone(),
            test_labels=self.test_labels[:n_test].clone(),
        )

    def redrawn(self, seed: int) -> Dataset:
        """Pool training and test set and draw a new split of the same sizes.

        So runs can differ in what they learn from and in what they are tested on. The pool is
        shuffled by ``generator(seed, "split")``. The standardisation stays that of the training
        set as published. A subset should be taken afterwards, so that it is drawn from all there
        is: ``data.redrawn(seed).subset(1000, 500)``.
        """
        n_train = len(self.train_labels)
        order = torch.from_numpy(
            generator(seed, "split").permutation(n_train + len(self.test_labels))
        ).to(self.train_labels.device)
        inputs = torch.cat([self.train_inputs, self.test_inputs])
        labels = torch.cat([self.train_labels, self.test_labels])
        return replace(
            self,
            train_inputs=inputs[order[:n_train]],
            train_labels=labels[order[:n_train]],
            test_inputs=inputs[order[n_train:]],
            test_labels=labels[order[n_train:]],
        )

    def as_images(self) -> Dataset:
        """Return the same data with inputs of shape (samples, channels, height, width)."""
        if self.image_shape is None:
            raise RegimeError(f"the inputs of {self.name} are no images; use them as they are")
        return replace(
            self,
            train_inputs=self.train_inputs.view(-1, *self.image_shape),
            test_inputs=self.test_inputs.view(-1, *self.image_shape),
        )

    def as_patches(self, height: int, width: int) -> Dataset:
        """Return the images as sequences of patches, row by row: (samples, patches, pixels)."""
        images = self.as_images()
        assert self.image_shape is not None
        channels, full_height, full_width = self.image_shape
        if height < 1 or width < 1 or full_height % height or full_width % width:
            raise RegimeError(
                f"patches of {height} x {width} pixels do not tile images of {full_height} x "
                f"{full_width}; choose sides that divide them"
            )
        down, across = full_height // height, full_width // width

        def cut(inputs: Tensor) -> Tensor:
            grid = inputs.view(-1, channels, down, height, across, width)
            patches = grid.permute(0, 2, 4, 1, 3, 5)
            return patches.reshape(len(inputs), down * across, channels * height * width)

        return replace(
            self,
            train_inputs=cut(images.train_inputs),
            test_inputs=cut(images.test_inputs),
            image_shape=None,
        )

    def to(self, like: Tensor) -> Dataset:
        """Return the data on the device, and real inputs in the type, of another tensor."""
        return replace(self, **moved(self, like))

    def __repr__(self) -> str:
        return (
            f"Dataset({self.name!r}, {len(self.train_labels)} training and "
            f"{len(self.test_labels)} test samples of shape {tuple(self.train_inputs.shape[1:])}, "
            f"{len(self.classes)} classes)"
        )


def check_subset(name: str, what: str, wanted: int, there: int) -> None:
    """Refuse a part of a data set that is empty or more than there is."""
    if not 1 <= wanted <= there:
        raise RegimeError(
            f"a subset of {wanted} {what} of {name} was asked for; expected 1 to {there}"
        )


def moved(samples: object, like: Tensor) -> dict[str, Any]:
    """Return the tensors of a `Dataset` or a `Stack`, by name, where another tensor is.

    They are on its device, and real ones are of its type.
    """
    found = {name: getattr(samples, name) for name in _TENSORS}
    return {
        name: values.to(like) if values.is_floating_point() else values.to(like.device)
        for name, values in found.items()
    }


@dataclass(frozen=True, eq=False)
class Pixels:
    """A classification set of images as published: whole-number pixels, in the published order."""

    train_pixels: UInt8[np.ndarray, "train pixels"]
    train_labels: UInt8[np.ndarray, " train"]
    test_pixels: UInt8[np.ndarray, "test pixels"]
    test_labels: UInt8[np.ndarray, " test"]


def standardised(
    name: str,
    provenance: str,
    classes: tuple[str, ...],
    image_shape: tuple[int, int, int],
    raw: Pixels,
) -> Dataset:
    """Shuffle and standardise images by mean and deviation of all training pixels, exactly.

    Dividing the pixels by their largest value first, as is often done, would change nothing.
    """
    levels, counts = np.arange(256), np.zeros(256, np.int64)
    for image in raw.train_pixels:  # one by one: counting takes eight bytes for each pixel
        counts += np.bincount(image, minlength=256)
    mean = float((levels * counts).sum() / counts.sum())
    std = float(np.sqrt(((levels - mean) ** 2 * counts).sum() / counts.sum()))
    tensors = {}
    for part, pixels, labels in (
        ("train", raw.train_pixels, raw.train_labels),
        ("test", raw.test_pixels, raw.test_labels),
    ):
        order = generator(0, f"{name} {part}").permutation(len(labels))
        inputs = torch.from_numpy(pixels[order]).to(torch.float32).sub_(mean).div_(std)
        tensors[f"{part}_inputs"] = inputs
        tensors[f"{part}_labels"] = torch.from_numpy(labels[order].astype(np.int64))
    return Dataset(
        name, provenance, classes, **tensors, image_shape=image_shape, mean=mean, std=std
    )
