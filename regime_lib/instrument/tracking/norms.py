"""Norms of updates and distances, in as few passes over memory as possible.

Small networks are copied into one row per observation and measured many at a time, because calling
NumPy would cost more than the arithmetic. Large ones are measured at once, block by block, while a
block is in the processor's cache. Other devices take the same norms through torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

_BLOCK = 1 << 17  # numbers: calls of NumPy are rare, and a block's scratch stays in the cache
_ROWS_BYTES = 2 << 20
_SCRATCH = 1 << 16  # numbers: differences are summed while they are in the cache
_MOST_ROWS = 32
_MOST_OBSERVATIONS = 64  # whose series are written at a time
_FAR_EVERY = 8


@dataclass(frozen=True, eq=False, repr=False)
class Norms:
    """Squared norms by observation, parameter tensor and member."""

    update: Float[np.ndarray, "observations parameters members"]
    """Of the difference to the observation before."""
    size: Float[np.ndarray, "observations parameters members"]
    """Of the parameters themselves."""
    travelled: Float[np.ndarray, "observations parameters members"]
    """Of the difference to the first observation."""
    far: Bool[np.ndarray, " observations"]
    """Where `travelled` is known: every eighth observation of a large network."""


class _Store:
    """Parameters as they were last; `capacity` observations are kept before norms are taken."""

    capacity: int
    filled: int = 0

    @property
    def full(self) -> bool:
        """Whether the norms must be taken before the next observation."""
        return self.filled == self.capacity


class Rows(_Store):
    """Small networks: one row per observation, measured many rows at a time."""

    def __init__(self, parameters: Sequence[Tensor], members: int) -> None:
        self._views = _Views(parameters, members)
        # a model without weights has patterns all the same
        views = self._views.now() or [np.empty((members, 0), np.float32)]
        ends = np.cumsum([view.shape[1] for view in self._views.now()], dtype=int)
        self._parts = [slice(a, b) for a, b in pairwise([0, *ends])]
        self._first = np.concatenate(views, axis=1)
        kind, octets = self._first.dtype, max(1, self._first.nbytes)
        self._most = max(1, min(_MOST_ROWS, _ROWS_BYTES // octets))
        self.capacity = _MOST_OBSERVATIONS // self._most * self._most
        # the observation before, then the observations
        self._rows = np.zeros((1 + self._most, *self._first.shape), kind)
        self._row_of, self._flat = list(self._rows), list(self._rows.reshape(len(self._rows), -1))
        self._row = self.filled = 0
        self._rows[0] = self._first
        largest = max(self._first[:, part].size for part in [*self._parts, slice(0)])
        self._scratch = np.empty(max(largest, _SCRATCH), kind)
        self._found = np.empty((3, self._most, len(self._parts), members), kind)
        self._chunks = self._cut(self._most)
        self._measured: list[NDArray] = []

    def stage(self) -> bool:
        """Copy the parameters into the next row; return whether their norm is finite."""
        if self._row == self._most:  # not in `keep`, which nothing may interrupt for long
            self._measure()
        if self._parts:
            np.concatenate(self._views.now(), axis=1, out=self._row_of[self._row + 1])
        flat = self._flat[self._row + 1]
        return math.isfinite(np.vdot(flat, flat))  # which, unlike dot, does not warn

    def keep(self) -> None:
        """Keep the staged row."""
        self.filled += 1
        self._row += 1

    @property
    def rows_full(self) -> bool:
        """Whether the next row takes the place of the first."""
        return self._row == self._most

    def last_rows(self, number: int) -> list[NDArray]:
        """Return the last rows that were kept, of which there are at most those of one filling."""
        return self._row_of[self._row - number + 1 : self._row + 1]

    def take(self) -> Norms:
        """Return the norms of the kept rows, and forget all but the last."""
        self._measure()
        norms = np.concatenate(self._measured, axis=1)
        self._measured, self.filled = [], 0
        return Norms(norms[0], norms[1], norms[2], np.ones(norms.shape[1], bool))

    def last(self, every: int, into: NDArray | None = None) -> Float[np.ndarray, "members sampled"]:
        """Copy the last kept row; small networks are never sampled."""
        assert every == 1
        row = self._rows[self._row]
        into = np.empty_like(row) if into is None else into
        np.copyto(into, row)
        return into

    def state(self) -> dict[str, Any]:
        """Return what a later process goes on from; no observation may be waiting."""
        return {"last": self._rows[0], "first": self._first}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._rows[0], self._first[:] = state["last"], state["first"]

    def _measure(self) -> None:
        """Take the norms of the waiting rows, of which only the last stays."""
        kept = self._row
        for now, before, first, difference, update, size, travelled in (
            self._chunks if kept == self._most else self._cut(kept)
        ):
            np.subtract(now, before, difference)
            np.vecdot(difference, difference, update)
            np.vecdot(now, now, size)
            np.subtract(now, first, difference)
            np.vecdot(difference, difference, travelled)
        found, last = self._found[:, :kept].astype(np.float64), self._flat[kept]
        # no call from here on: an interruption finds all of this done, or none
        self._measured = [*self._measured, found]
        self._row = 0
        self._flat[0][:] = last

    def _cut(self, kept: int) -> list[tuple[NDArray, ...]]:
        """Return views on what is measured with one call each: some rows of one parameter.

        As many rows as fit into the scratch: for short ones, calls cost more than sums.
        """
        chunks = []
        for index, part in enumerate(self._parts):
            first = self._first[:, part]
            many = max(1, self._scratch.size // max(1, first.size))
            for start in range(0, kept, many):
                rows = slice(start, min(start + many, kept))
                now, before = self._rows[1:][rows, :, part], self._rows[rows, :, part]
                difference = self._scratch[: now.size].reshape(now.shape)
                chunks.append((now, before, first, difference, *self._found[:, rows, index]))
        return chunks


class _Large(_Store):
    """Large networks: measured at once, except the distance to the start."""

    capacity = 8
    _last: list[Any]
    _first: list[Any]

    def __init__(self) -> None:
        self._observations = 0
        self._measured: list[NDArray] = []
        self._size: NDArray = np.empty(0)

    def stage(self) -> bool:
        """Take the size of every parameter; return whether all are finite."""
        self._size = self._sizes()
        return bool(np.isfinite(self._size).all())

    def keep(self) -> None:
        """Measure the staged parameters, and make them the last ones."""
        far = self._observations % _FAR_EVERY == 0
        self._measured.append(self._measure(far))
        self._observations += 1
        self.filled += 1

    def take(self) -> Norms:
        """Return the norms of the kept observations."""
        measured = np.array(self._measured)
        self._measured, self.filled = [], 0
        far = ~np.isnan(measured[:, 0, 2, 0])
        return Norms(measured[:, :, 0], measured[:, :, 1], measured[:, :, 2], far)

    def state(self) -> dict[str, Any]:
        """Return what a later process goes on from; no observation may be waiting."""
        return {"last": self._last, "first": self._first, "observations": self._observations}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._observations = state["observations"]
        for mine, saved in ((self._last, state["last"]), (self._first, state["first"])):
            for one, other in zip(mine, saved, strict=True):
                if isinstance(one, Tensor):
                    one.copy_(torch.from_numpy(other))
                else:
                    np.copyto(one, other)

    def _sizes(self) -> Float[np.ndarray, "parameters members"]:
        raise NotImplementedError

    def _measure(self, far: bool) -> Float[np.ndarray, "parameters 3 members"]:
        """Return update, size and distance to the start (NaN unless `far`)."""
        raise NotImplementedError


class Blocks(_Large):
    """In main memory: a block at a time, so that its scratch stays in the cache."""

    def __init__(self, parameters: Sequence[Tensor], members: int) -> None:
        super().__init__()
        self._views = _Views(parameters, members)
        self._members = members
        self._width = max(1, _BLOCK // members)
        self._first = [view.copy() for view in self._views.now()]
        self._last = [view.copy() for view in self._views.now()]
        kinds = {view.dtype for view in self._last}
        self._scratch = {kind: np.empty((members, self._width), kind) for kind in kinds}

    def last(self, every: int, into: NDArray | None = None) -> Float[np.ndarray, "members sampled"]:
        """Copy the last parameters, or an even sample of each."""
        parts = [last[:, ::every] for last in self._last]
        if into is None:
            size = sum(part.shape[1] for part in parts)
            into = _room((self._members, size), np.result_type(*parts))
        return np.concatenate(parts, axis=1, out=into)

    def _sizes(self) -> Float[np.ndarray, "parameters members"]:
        with np.errstate(over="ignore", invalid="ignore"):
            sizes = [np.vecdot(view, view) for view in self._views.now()]
        return np.array(sizes, dtype=np.float64)

    def _measure(self, far: bool) -> Float[np.ndarray, "parameters 3 members"]:
        norms = np.full((len(self._last), 3, self._members), np.nan)
        norms[:, 1] = self._size
        for row, value, last, first in zip(
            norms, self._views.now(), self._last, self._first, strict=True
        ):
            self._measure_one(row, value, last, first if far else None)
        return norms

    def _measure_one(
        self, norms: NDArray, value: NDArray, last: NDArray, first: NDArray | None
    ) -> None:
        scratch = self._scratch[value.dtype]
        norms[0] = 0.0
        if first is not None:
            norms[2] = 0.0
        for start in range(0, value.shape[1], self._width):
            block = slice(start, start + self._width)
            now, before = value[:, block], last[:, block]
            difference = scratch[:, : now.shape[1]]
            np.subtract(now, before, out=difference)
            norms[0] += np.vecdot(difference, difference)
            if first is not None:
                np.subtract(now, first[:, block], out=difference)
                norms[2] += np.vecdot(difference, difference)
            np.copyto(before, now)


class Device(_Large):
    """On another device, or in half precision."""

    def __init__(self, parameters: Sequence[Tensor], members: int) -> None:
        super().__init__()
        self._parameters, self._members = parameters, members
        self._first = [value.clone() for value in self._now()]
        self._last = [value.clone() for value in self._now()]

    def last(self, every: int, into: NDArray | None = None) -> Float[np.ndarray, "members sampled"]:
        """Copy the last parameters, or an even sample of each."""
        sampled = [last[:, ::every].float() for last in self._last]
        copied = torch.cat(sampled, dim=1).cpu().numpy()
        if into is None:
            return copied
        np.copyto(into, copied)
        return into

    def _now(self) -> list[Tensor]:
        return [as_real(p.detach()).reshape(self._members, -1) for p in self._parameters]

    def _sizes(self) -> Float[np.ndarray, "parameters members"]:
        return torch.stack([_square(value) for value in self._now()]).cpu().numpy()

    def _measure(self, far: bool) -> Float[np.ndarray, "parameters 3 members"]:
        measured = []
        for value, last, first in zip(self._now(), self._last, self._first, strict=True):
            update = _square(value.double() - last)
            travelled = _square(value.double() - first) if far else update * torch.nan
            measured.append(torch.stack([update, update, travelled]))
            last.copy_(value)
        norms = torch.stack(measured).cpu().numpy()
        norms[:, 1] = self._size
        return norms


class _Views:
    """The parameters' own memory, each as (members, size), through NumPy."""

    def __init__(self, parameters: Sequence[Tensor], members: int) -> None:
        self._parameters, self._members = parameters, members
        self._views: list[NDArray] = [np.empty(0)] * len(parameters)
        self._addresses = [-1] * len(parameters)

    def now(self) -> list[NDArray]:
        """Return the views, anew only where the memory moved."""
        addresses = list(map(Tensor.data_ptr, self._parameters))
        if addresses == self._addresses:
            return self._views
        for index, (parameter, address) in enumerate(zip(self._parameters, addresses, strict=True)):
            if address != self._addresses[index]:
                size = parameter.numel() // self._members
                flat = parameter.detach().reshape(self._members, size)
                self._views[index] = flat.numpy()
                # a parameter that is not contiguous was copied: read it again next time
                self._addresses[index] = address if flat.data_ptr() == address else -1
        return self._views


def as_real(values: Tensor) -> Tensor:
    """View complex numbers as two real ones each."""
    return torch.view_as_real(values.resolve_conj()) if values.is_complex() else values


def _room(shape: tuple[int, ...], kind: np.dtype[Any]) -> NDArray:
    """Return memory from torch: NumPy asks for huge pages, which can be slow to find.

    Four times slower than small ones were measured, on a machine that had run for a day.
    """
    octets = torch.empty(math.prod(shape) * kind.itemsize, dtype=torch.uint8)
    return octets.numpy().view(kind).reshape(shape)


def _square(values: Tensor) -> Tensor:
    return (values.double() ** 2).sum(dim=1)
