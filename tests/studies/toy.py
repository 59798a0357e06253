"""A small data set that a linear map separates, mostly."""

from __future__ import annotations

import torch

from regime_lib.lab import Dataset


def _toy() -> Dataset:
    random = torch.Generator().manual_seed(1)
    inputs = torch.randn(70, 6, generator=random)
    labels = (inputs @ torch.randn(6, 3, generator=random)).argmax(dim=1)
    train, test = (inputs[:50], labels[:50]), (inputs[50:], labels[50:])
    return Dataset("toy", "drawn at random", ("a", "b", "c"), *train, *test)


TOY = _toy()
