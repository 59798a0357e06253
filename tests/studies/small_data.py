"""A made-up data set, small enough for brute force."""

from __future__ import annotations

import torch

from regime_lib.lab import Dataset


def three_classes() -> Dataset:
    """90 + 40 points of 5 features in three classes that a linear map separates."""
    random = torch.Generator().manual_seed(2)
    inputs = torch.randn(130, 5, generator=random)
    labels = (inputs @ torch.randn(5, 3, generator=random)).argmax(dim=1)
    parts = inputs[:90], labels[:90], inputs[90:], labels[90:]
    return Dataset("made up", "drawn at random", ("a", "b", "c"), *parts)
