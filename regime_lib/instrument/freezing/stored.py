"""Decisions on a fixed set of inputs, kept at one bit for each unit and sample.

So a frozen network trains on them without a forward pass of the copy that decides. The winner of a
pooling window is kept as a position, in two bytes where a map is small enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int, Shaped, UInt8
from torch import Tensor

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.coverage import Coverage
from regime_lib.instrument.freezing.decisions import Decision
from regime_lib.instrument.shapes import shapes
from regime_lib.instrument.tracking.packed_bits import pack, unpack

_SMALL_MAP = torch.iinfo(torch.int16).max


@dataclass(frozen=True, eq=False)
class StoredLayer:
    """The decisions of one call on every sample; the leading axes are (members,) samples."""

    op: str
    shape: tuple[int, ...]  #: of one sample's decisions
    planes: tuple[UInt8[Tensor, "*rows octets"], ...]
    winners: Shaped[Tensor, "..."] | None

    __repr__ = shapes

    def rows(self, rows: Int[Tensor, "..."], members: int) -> Decision:
        """Return the decisions on some samples."""
        found = tuple(
            unpack(_taken(plane, rows, members), int(np.prod(self.shape))) for plane in self.planes
        )
        planes = tuple(plane.view(*plane.shape[:-1], *self.shape) for plane in found)
        winners = self.winners
        if winners is not None:
            winners = _taken(winners, rows, members).long()
        return Decision(self.op, planes, winners)


@dataclass(frozen=True, eq=False)
class StoredPatterns:
    """The decisions of a frozen network on a fixed set of inputs; see `FrozenPatterns.store`."""

    layers: tuple[StoredLayer, ...]
    samples: int
    members: int

    __repr__ = shapes

    @property
    def octets(self) -> int:
        """Bytes that they take."""
        kept = [one for layer in self.layers for one in (*layer.planes, layer.winners)]
        return sum(one.numel() * one.element_size() for one in kept if one is not None)

    def decisions(self, rows: Int[Tensor, "..."]) -> list[Decision]:
        """Return the decisions on the samples of these numbers.

        Parameters
        ----------
        rows : tensor of int, shape (batch,) or (members, batch)
            The second if every member of an ensemble sees samples of its own.

        Raises
        ------
        RegimeError
            If there is no such sample.
        """
        if rows.numel() and not 0 <= int(rows.min()) <= int(rows.max()) < self.samples:
            raise RegimeError(
                f"rows go from {int(rows.min())} to {int(rows.max())}, but {self.samples} samples "
                "are stored, numbered from 0"
            )
        return [layer.rows(rows, self.members) for layer in self.layers]


def stored_patterns(
    decide: Callable[[Tensor], Sequence[Decision]],
    inputs: Tensor,
    coverage: Coverage,
    sample_axis: int,
    batch: int,
) -> StoredPatterns:
    """Let `decide` run over all inputs, and keep what it decides."""
    members, samples = coverage.members, inputs.shape[sample_axis]
    parts = [decide(part) for part in inputs.split(batch, sample_axis)]
    sizes = [part.shape[sample_axis] for part in inputs.split(batch, sample_axis)]
    layers = []
    for number, layer in enumerate(coverage.layers):
        own = [part[number] for part in parts]
        for size, one in zip(sizes, own, strict=True):
            _check(one, layer.name, size, members)
        layers.append(_stored(own, members))
    return StoredPatterns(tuple(layers), samples, members)


def _stored(parts: Sequence[Decision], members: int) -> StoredLayer:
    lead = 1 if members == 1 else 2
    first = parts[0]
    if first.winners is not None:
        winners = torch.cat([_winners(part) for part in parts], dim=lead - 1)
        small = int(winners.max()) <= _SMALL_MAP
        winners = winners.to(torch.int16 if small else torch.int32)
        return StoredLayer(first.op, tuple(winners.shape[lead:]), (), winners)
    planes = tuple(
        torch.cat([pack(part.planes[k].flatten(lead)) for part in parts], dim=lead - 1)
        for k in range(len(first.planes))
    )
    return StoredLayer(first.op, tuple(first.planes[0].shape[lead:]), planes, None)


def _winners(part: Decision) -> Tensor:
    assert part.winners is not None
    return part.winners


def _check(one: Decision, name: str, size: int, members: int) -> None:
    values = one.winners if one.winners is not None else one.planes[0]
    lead = (size,) if members == 1 else (members, size)
    if values.shape[: len(lead)] != lead or values.ndim == len(lead):
        raise RegimeError(
            f"the layer {name} decides in shape {tuple(values.shape)}; to store its patterns it "
            f"must begin with {lead}, one row for each sample"
        )


def _taken(kept: Tensor, rows: Int[Tensor, "..."], members: int) -> Tensor:
    if members == 1:
        return kept[rows]
    if rows.ndim == 1:
        return kept[:, rows]
    return kept[torch.arange(members, device=kept.device).unsqueeze(1), rows]
