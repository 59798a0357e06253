"""How an activation tensor is read as (members, samples, units)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Shaped
from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """Where the members and the probe samples lie in the model's activations.

    Parameters
    ----------
    members : int
        Independent networks stacked along the first axis of every parameter and activation; 1 for
        an ordinary model, whose activations have no such axis.
    batch_axis : int
        The axis of the samples (after the member axis, if there is one).
    """

    members: int = 1
    batch_axis: int = 0

    def rows(
        self, values: Shaped[Tensor, "*shape"], samples: int
    ) -> Shaped[Tensor, "members samples units"] | None:
        """View an activation with one row per member and sample; None if it has no sample axis.

        Tokens that were folded into the batch, as in ``(samples * tokens, features)``, are
        unfolded. The order of units follows memory, so that channels-last activations are not
        copied.
        """
        values = values.detach()
        if self.members == 1:
            values = values.unsqueeze(0)
        elif values.ndim == 0 or values.shape[0] != self.members:
            return None
        axis = self._sample_axis(values, samples)
        if axis is None:
            return None
        if values.shape[axis] != samples:  # tokens folded into the sample axis
            folded = (values.shape[axis] // samples, samples)
            if self.batch_axis == 0:
                folded = (samples, values.shape[axis] // samples)
            values = values.unflatten(axis, folded)
            axis += self.batch_axis
        return _in_memory_order(values.movedim(axis, 1)).reshape(self.members, samples, -1)

    def units(self, shape: Sequence[int], samples: int) -> int | None:
        """Return the units per sample of an activation's shape; None if it has no sample axis."""
        rows = self.rows(torch.empty(tuple(shape), device="meta"), samples)
        return None if rows is None else rows.shape[2]

    def lead(self, shape: Sequence[int]) -> int | None:
        """Return the size of a shape where its sample axis should be; None if it has none."""
        axis = self.batch_axis + (self.members > 1)
        return shape[axis] if len(shape) > axis else None

    def folded(self, shape: Sequence[int], samples: int) -> int:
        """Return how many rows count as one sample, which divisibility alone may suggest."""
        values = torch.empty(tuple(shape) if self.members > 1 else (1, *shape), device="meta")
        axis = self._sample_axis(values, samples)
        return 1 if axis is None or values.shape[axis] == samples else values.shape[axis] // samples

    def is_plain(self, shape: torch.Size, size: tuple[int, int, int]) -> bool:
        """Whether an activation lies in memory as `size`: members, samples, units."""
        members, samples, units = size
        leading = shape[:2] == (members, samples) if members > 1 else shape[:1] == (samples,)
        return leading and self.batch_axis == 0 and shape.numel() == members * samples * units

    def _sample_axis(self, values: Tensor, samples: int) -> int | None:
        for axis in (1 + self.batch_axis, 1, 2):
            # features must follow a later axis, or it is the features' own
            long_enough = values.ndim > axis + (axis > 1)
            if long_enough and values.shape[axis] == samples:
                return axis
        if values.ndim > 1 and values.shape[1] and values.shape[1] % samples == 0:
            return 1
        return None


def _in_memory_order(values: Tensor) -> Tensor:
    """Permute the unit axes so that the tensor is contiguous, where a permutation can do it."""
    if values.is_contiguous():
        return values
    units = sorted(range(2, values.ndim), key=values.stride, reverse=True)
    permuted = values.permute(0, 1, *units)
    return permuted if permuted.is_contiguous() else values
