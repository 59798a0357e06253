"""A data set for each member of an ensemble: of one size and the same classes, but other samples.

So runs that are trained at once can differ in what they learn from and are tested on, not only in
their initial weights.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Int, Shaped
from torch import Tensor

from regime_lib.errors import RegimeError
from regime_lib.lab.data.dataset import Dataset, check_subset, moved


@dataclass(frozen=True, eq=False, repr=False)
class Stack:
    """Inputs and labels of a training and a test set for each of several networks."""

    name: str
    provenance: str  #: where the numbers come from, in words fit for a caption
    classes: tuple[str, ...]
    train_inputs: Shaped[Tensor, "members train *features"]
    train_labels: Int[Tensor, "members train *positions"]
    test_inputs: Shaped[Tensor, "members test *features"]
    test_labels: Int[Tensor, "members test *positions"]

    @property
    def members(self) -> int:
        """The number of data sets."""
        return len(self.train_labels)

    def member(self, index: int) -> Dataset:
        """Return the data set of one network, without copying it."""
        return Dataset(
            self.name,
            self.provenance,
            self.classes,
            self.train_inputs[index],
            self.train_labels[index],
            self.test_inputs[index],
            self.test_labels[index],
        )

    def first(self, members: int) -> Stack:
        """Return the data sets of the first networks."""
        if not 1 <= members <= self.members:
            raise RegimeError(f"{members} of {self.members} data sets were asked for")
        return replace(
            self,
            train_inputs=self.train_inputs[:members],
            train_labels=self.train_labels[:members],
            test_inputs=self.test_inputs[:members],
            test_labels=self.test_labels[:members],
        )

    def subset(self, n_train: int, n_test: int) -> Stack:
        """Return the first samples of every data set."""
        check_subset(self.name, "training samples", n_train, self.train_labels.shape[1])
        check_subset(self.name, "test samples", n_test, self.test_labels.shape[1])
        return replace(
            self,
            train_inputs=self.train_inputs[:, :n_train],
            train_labels=self.train_labels[:, :n_train],
            test_inputs=self.test_inputs[:, :n_test],
            test_labels=self.test_labels[:, :n_test],
        )

    def to(self, like: Tensor) -> Stack:
        """Return the data on the device, and real inputs in the type, of another tensor."""
        return replace(self, **moved(self, like))

    def __repr__(self) -> str:
        return f"Stack of {self.members}, the first one {self.member(0)!r}"


def stacked(parts: Iterable[Dataset]) -> Stack:
    """Stack data sets of one size.

    Raises
    ------
    RegimeError
        If there are none, or they differ in shape or in their classes.
    """
    parts = list(parts)
    if not parts:
        raise RegimeError("a stack needs at least one data set; got none")
    first = parts[0]
    for part in parts:
        if part.classes != first.classes or not _alike(part, first):
            raise RegimeError(
                f"a stack needs data sets of one shape with the same classes; got {first!r} and "
                f"{part!r}"
            )
    return Stack(
        first.name,
        first.provenance,
        first.classes,
        torch.stack([part.train_inputs for part in parts]),
        torch.stack([part.train_labels for part in parts]),
        torch.stack([part.test_inputs for part in parts]),
        torch.stack([part.test_labels for part in parts]),
    )


def _alike(one: Dataset, other: Dataset) -> bool:
    return (one.train_inputs.shape, one.train_labels.shape, one.test_inputs.shape) == (
        other.train_inputs.shape,
        other.train_labels.shape,
        other.test_inputs.shape,
    )
