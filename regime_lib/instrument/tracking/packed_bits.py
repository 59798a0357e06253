"""Activation patterns at one bit per unit and sample: packing, comparing and counting them.

A layer's patterns of the last few observations lie in ``slots`` of one pattern each; slot 0 holds
the observation before. Comparing all slots at once spreads the cost of calling NumPy, which is most
of the cost for a small network; a large network gets one slot beside slot 0.

A pattern is a stack of bit planes ``(planes, members, samples, row_bytes)``. A rectifier needs one
plane (is the unit on?), a clipped unit two. Rows are padded with zero bits to whole bytes, so that
patterns compare by XOR and population count. NumPy works on the tensors' own memory where it can
(it packs several times faster than torch on a CPU); other devices keep the same layout in torch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeGuard

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped, UInt8
from numpy.typing import NDArray
from torch import Tensor

_MOST_EXACT = 1 << 18  # words of 64 bits, whose sum a float32 still holds exactly
_SCRATCH_BYTES = 1 << 18  # what is compared is packed while it is in the cache
_HALVES = (torch.bfloat16, torch.float16)

Counts = tuple[NDArray, NDArray]
"""Units by observation and member that are off on every sample, and that are on on every one."""
Pairs = Int[np.ndarray, "2 pairs"]
"""Numbers of two samples each."""


def row_bytes(units: int) -> int:
    """Return the bytes that one sample's bits of `units` units take."""
    return -(-units // 8)


class PackedBits(ABC):
    """Patterns of one layer: `data` has shape (slots, planes, members, samples, bytes)."""

    units: int
    data: Any

    def changed(self, count: int) -> Int[np.ndarray, "count members samples"]:
        """Count the units that changed from each of the first slots to the next one."""
        return self._differing(self.data[1 : count + 1], self.data[:count])

    def flipped(self, count: int) -> Bool[np.ndarray, "count members units"]:
        """Tell the units that changed, on any sample, from each of the first slots to the next."""
        return self._flipped(self.data[1 : count + 1], self.data[:count])

    def from_first(self, first: PackedBits, count: int) -> Int[np.ndarray, "count members samples"]:
        """Count the units that differ from slot 0 of `first`."""
        return self._differing(self.data[1 : count + 1], first.data[0])

    def between(self, pairs: Pairs, count: int) -> Int[np.ndarray, "count members pairs"]:
        """Count the units that differ between the two samples of each pair."""
        now = self.data[1 : count + 1]
        return self._differing(now[..., pairs[0], :], now[..., pairs[1], :])

    def restart(self, slot: int) -> None:
        """Make a slot the one before."""
        if slot:
            self.data[0] = self.data[slot]

    def octets(self, slot: int) -> UInt8[np.ndarray, " octets"]:
        """Return one slot as a flat array in main memory."""
        data = self.data[slot]
        array = data if isinstance(data, np.ndarray) else data.cpu().numpy()
        return np.ascontiguousarray(array).reshape(-1).view(np.uint8)

    def distance(
        self, slot: int, octets: UInt8[np.ndarray, " octets"]
    ) -> Int[np.ndarray, "members samples"]:
        """Count the units in which a slot differs from what `octets` returned of an earlier one."""
        now: Any = self.data[slot : slot + 1]
        before: Any = octets.copy()
        if isinstance(now, Tensor):
            before = torch.from_numpy(before).view(now.dtype).to(now.device)
        return self._differing(now, before.reshape(now.shape))[0]

    @abstractmethod
    def constant(self, count: int) -> Counts:
        """Count the units that are off on every sample, and those that are on (and not clipped)."""

    @abstractmethod
    def unpacked(self) -> Shaped[np.ndarray, "slots members samples units"]:
        """Unpack the first plane: which units are on, or the codes of winners."""

    @abstractmethod
    def _differing(self, a: Any, b: Any) -> NDArray[np.int64]:
        """Count, along the last axis, the units of which any plane differs."""

    @abstractmethod
    def _flipped(self, a: Any, b: Any) -> NDArray[np.bool_]:
        """Tell the units of which any plane differs on any sample."""


class NumpyPackedBits(PackedBits):
    """Patterns in main memory."""

    def __init__(self, slots: int, planes: int, members: int, samples: int, units: int) -> None:
        self.units = units
        shape = (slots, planes, members, samples, row_bytes(units))
        self.data: NDArray[np.uint8] = np.zeros(shape, np.uint8)
        self._rows_at_once = min(samples, max(1, _SCRATCH_BYTES // max(1, members * units)))
        self._scratch: NDArray[np.bool_] | None = None
        self.masks: list[NDArray[np.bool_]] = []
        """Where each plane of a pass lies unpacked, if it is packed with those of other layers."""

    def store(
        self,
        slot: int,
        rows: slice,
        values: Float[Tensor, "*members_rows_units"],
        thresholds: tuple[float, ...],
    ) -> None:
        """Keep which values lie above each threshold, in the given rows of one slot.

        Of any shape, as long as they lie in memory by member, row and unit.
        """
        # halves are widened: NumPy has no bfloat16
        array = (values.float() if values.dtype in _HALVES else values).numpy()
        if self.masks:
            for mask, threshold in zip(self.masks, thresholds, strict=True):
                part = mask if array.size == mask.size else mask[:, rows]
                np.greater(array.reshape(part.shape), threshold, out=part)
            return
        array = array.reshape(self.data.shape[2], -1, self.units)
        if self._scratch is None:  # most are only read
            self._scratch = np.empty((array.shape[0], self._rows_at_once, self.units), bool)
        for plane, threshold in enumerate(thresholds):
            for start in range(0, array.shape[1], self._rows_at_once):
                block = array[:, start : start + self._rows_at_once]
                above = np.greater(block, threshold, out=self._scratch[:, : block.shape[1]])
                first = rows.start + start
                into = self.data[slot, plane, :, first : first + block.shape[1]]
                if self.units % 8 == 0 and above.flags.c_contiguous:
                    into[:] = np.packbits(above).reshape(into.shape)  # flat is faster
                else:
                    into[:] = np.packbits(above, axis=-1)

    def octets(self, slot: int) -> UInt8[np.ndarray, " octets"]:
        """Return one slot as a flat array."""
        return self.data[slot].reshape(-1)

    def constant(self, count: int) -> Counts:
        """Count units that do not depend on the sample."""
        words = _words(self.data)[1 : count + 1]
        ever_on = _fold(np.bitwise_or, words[:, 0], 2)
        always_on = _fold(np.bitwise_and, words[:, 0], 2)
        if words.shape[1] == 2:  # the second plane marks the upper clip of a clipped unit
            always_on = always_on & ~_fold(np.bitwise_or, words[:, 1], 2)
        return self.units - _popcount(ever_on), _popcount(always_on)

    def unpacked(self) -> Bool[np.ndarray, "slots members samples units"]:
        """Unpack the first plane."""
        return np.unpackbits(self.data[:, 0], axis=-1, count=self.units).view(bool)

    def _differing(self, a: Any, b: Any) -> NDArray[np.int64]:
        return _count_units(_words(a) ^ _words(b))

    def _flipped(self, a: Any, b: Any) -> NDArray[np.bool_]:
        octets = _fold(np.bitwise_or, np.bitwise_or.reduce(a ^ b, axis=1), 2)
        return np.unpackbits(octets, axis=-1, count=self.units).view(bool)


class TogetherPacked:
    """Patterns of a small network's layers, side by side in memory, and packed with one call."""

    def __init__(self, layers: Sequence[NumpyPackedBits]) -> None:
        ends = np.cumsum([bits.data[0].size for bits in layers])
        self._packed = np.zeros((len(layers[0].data), ends[-1]), np.uint8)
        self._masks = np.zeros(8 * ends[-1], bool)
        for bits, end in zip(layers, ends, strict=True):
            _, planes, members, samples, row = bits.data.shape
            own = slice(end - bits.data[0].size, end)
            bits.data = self._packed[:, own].reshape(bits.data.shape)
            masks = self._masks[8 * own.start : 8 * own.stop]
            bits.masks = list(masks.reshape(planes, members, samples, 8 * row))

    @staticmethod
    def suits(layers: Sequence[PackedBits]) -> TypeGuard[Sequence[NumpyPackedBits]]:
        """Whether rows are whole bytes, and the masks of one pass stay in the cache."""
        plain = all(isinstance(bits, NumpyPackedBits) and bits.units % 8 == 0 for bits in layers)
        return plain and 8 * sum(bits.data[0].nbytes for bits in layers) <= _SCRATCH_BYTES

    def pack(self, slot: int) -> None:
        """Pack what `store` was given for all rows of a slot."""
        self._packed[slot] = np.packbits(self._masks)


class TorchPackedBits(PackedBits):
    """Patterns on any torch device, in the same layout; only counts leave it."""

    def __init__(
        self, slots: int, planes: int, members: int, samples: int, units: int, device: torch.device
    ) -> None:
        self.units = units
        shape = (slots, planes, members, samples, row_bytes(units))
        self.data: Tensor = torch.zeros(shape, dtype=torch.uint8, device=device)

    def store(
        self,
        slot: int,
        rows: slice,
        values: Float[Tensor, "*members_rows_units"],
        thresholds: tuple[float, ...],
    ) -> None:
        """Keep which values lie above each threshold, in the given rows of one slot.

        Of any shape, as long as they lie in memory by member, row and unit.
        """
        shape = self.data.shape[2], -1, self.units
        for plane, threshold in enumerate(thresholds):
            self.data[slot, plane, :, rows] = pack((values > threshold).reshape(shape))

    def constant(self, count: int) -> Counts:
        """Count units that do not depend on the sample."""
        patterns = self.data[1 : count + 1]
        ever_on = _fold(torch.bitwise_or, patterns[:, 0], 2)
        always_on = _fold(torch.bitwise_and, patterns[:, 0], 2)
        if patterns.shape[1] == 2:
            always_on = always_on & ~_fold(torch.bitwise_or, patterns[:, 1], 2)
        return self.units - _total(popcount(ever_on)), _total(popcount(always_on))

    def unpacked(self) -> Bool[np.ndarray, "slots members samples units"]:
        """Unpack the first plane."""
        return np.unpackbits(self.data[:, 0].cpu().numpy(), axis=-1, count=self.units).view(bool)

    def _differing(self, a: Any, b: Any) -> NDArray[np.int64]:
        changed = a ^ b
        per_unit = changed[:, 0]
        for plane in range(1, changed.shape[1]):
            per_unit = per_unit | changed[:, plane]
        return _total(popcount(per_unit))

    def _flipped(self, a: Any, b: Any) -> NDArray[np.bool_]:
        octets = _fold(torch.bitwise_or, _fold(torch.bitwise_or, a ^ b, 1), 2).cpu().numpy()
        return np.unpackbits(octets, axis=-1, count=self.units).view(bool)


class WinnerBuffer(PackedBits):
    """Which element won each pooling window: one code per window, compared for equality.

    Codes need only differ between the elements of one window, so that the low byte of the winner's
    flat position is enough unless two elements of a window share it (`operators.code_type`).
    """

    def __init__(
        self,
        slots: int,
        members: int,
        samples: int,
        units: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.units = units
        self.data: Tensor = torch.zeros(
            (slots, 1, members, samples, units), dtype=dtype, device=device
        )

    def store(self, slot: int, rows: slice, codes: Int[Tensor, "*members_rows_units"]) -> None:
        """Keep the low part of `codes` in the given rows of one slot."""
        self.data[slot, 0, :, rows] = codes.reshape(self.data.shape[2], -1, self.units)

    def constant(self, count: int) -> Counts:
        """Count units that do not depend on the sample."""
        nothing = np.full((count, self.data.shape[2]), np.nan)  # a pooling window is never off
        return nothing, nothing

    def unpacked(self) -> Int[np.ndarray, "slots members samples units"]:
        """Return the codes."""
        return self.data[:, 0].cpu().numpy()

    def _differing(self, a: Any, b: Any) -> NDArray[np.int64]:
        return _count_true((a != b)[:, 0])

    def _flipped(self, a: Any, b: Any) -> NDArray[np.bool_]:
        return (a != b)[:, 0].any(dim=2).cpu().numpy()


def pack(bits: Bool[Tensor, "*rows units"]) -> UInt8[Tensor, "*rows bytes"]:
    """Pack the last axis, eight units to a byte, the first in the highest bit, as NumPy does."""
    units = bits.shape[-1]
    padded = torch.nn.functional.pad(bits.to(torch.uint8), (0, -units % 8))
    octets = padded.reshape(*bits.shape[:-1], -1, 8)
    weights = torch.tensor([128, 64, 32, 16, 8, 4, 2, 1], dtype=torch.uint8, device=bits.device)
    return (octets * weights).sum(dim=-1, dtype=torch.uint8)


def unpack(octets: UInt8[Tensor, "*rows bytes"], units: int) -> Bool[Tensor, "*rows units"]:
    """Undo `pack`."""
    if octets.device.type == "cpu":
        bits = np.unpackbits(octets.numpy(), axis=-1, count=units)
        return torch.from_numpy(bits).view(torch.bool)
    weights = torch.tensor([128, 64, 32, 16, 8, 4, 2, 1], dtype=torch.uint8, device=octets.device)
    found = (octets.unsqueeze(-1) & weights) != 0
    return found.flatten(-2)[..., :units]


def popcount(octets: UInt8[Tensor, "*shape"]) -> UInt8[Tensor, "*shape"]:
    """Count the set bits of every byte (parallel addition within the byte)."""
    pairs = octets - ((octets >> 1) & 0x55)
    quads = (pairs & 0x33) + ((pairs >> 2) & 0x33)
    return (quads + (quads >> 4)) & 0x0F


def _total(counts: Tensor) -> NDArray[np.int64]:
    return counts.sum(dim=-1, dtype=torch.int64).cpu().numpy()


def _words(octets: NDArray[np.uint8]) -> NDArray[np.unsignedinteger]:
    """Return the same memory in 64-bit words where rows allow it: eight times fewer counts."""
    return octets.view(np.uint64) if octets.shape[-1] % 8 == 0 else octets


def _popcount(words: NDArray[np.unsignedinteger]) -> NDArray[np.int64]:
    """Count the bits along the last axis; as a product with ones, which NumPy sums fastest by."""
    counts = np.bitwise_count(words)
    if counts.shape[-1] >= _MOST_EXACT:
        return counts.sum(axis=-1, dtype=np.int64)
    ones = np.ones(counts.shape[-1], np.float32)
    return (counts.astype(np.float32) @ ones).astype(np.int64)


def _count_units(changed: NDArray[np.unsignedinteger]) -> NDArray[np.int64]:
    """Count units with any changed plane; the planes are the second axis."""
    one_plane = changed.shape[1] == 1
    return _popcount(changed[:, 0] if one_plane else np.bitwise_or.reduce(changed, axis=1))


def _count_true(different: Bool[Tensor, "observations members samples units"]) -> NDArray[np.int64]:
    """Count along the last axis; whole bytes are counted eight at a time where they line up."""
    if different.device.type != "cpu":
        return _total(different)
    octets = different.numpy().view(np.uint8)
    return _popcount(_words(np.ascontiguousarray(octets)))


def _fold(operation: Callable[[Any, Any], Any], values: Any, axis: int) -> Any:
    """Combine all elements along an axis, halving it each time: few calls on long rows."""
    before = (slice(None),) * axis
    while values.shape[axis] > 1:
        half = values.shape[axis] // 2
        folded = operation(
            values[(*before, slice(0, half))], values[(*before, slice(half, 2 * half))]
        )
        if values.shape[axis] % 2:
            rest = (*before, slice(0, 1))
            folded[rest] = operation(folded[rest], values[(*before, slice(2 * half, None))])
        values = folded
    return values[(*before, 0)]
