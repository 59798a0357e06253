"""Norms of the parameters' updates and distances, in as few passes over memory as possible.

Small networks are copied into one row per look and measured many looks at a time, because calling
NumPy would cost more than the arithmetic. Large ones are measured at once, block by block, while a
block is in the processor's cache. Other devices take the same norms through torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.instrument.guard import structure

_BLOCK = 1 << 17  # floats: calls of NumPy are rare, and a block's scratch stays in the cache
_SMALL = 1 << 17  # floats up to which looks are measured many at a time
_ROWS_BYTES = 1 << 20
_MOST_LOOKS = 16
_FAR_EVERY = 8


@dataclass(frozen=True)
class Norms:
    """Squared norms by look, parameter tensor and member."""

    update: Float[np.ndarray, "looks parameters members"]
    """Of the difference to the look before."""
    size: Float[np.ndarray, "looks parameters members"]
    """Of the parameters themselves."""
    travelled: Float[np.ndarray, "looks_far parameters members"]
    """Of the difference to the first look; at every look, or at every eighth of a large network."""
    far: Bool[np.ndarray, " looks"]
    """At which looks `travelled` was taken."""


class WeightMeter:
    """Measures how far the parameters have moved since the last look and since the first.

    Parameters
    ----------
    model : nn.Module
        Whose parameters are measured; shared parameters count once.
    members : int
        Independent networks along the first axis of every parameter.

    Raises
    ------
    RegimeError
        If a parameter has no member axis, or is not initialised yet.
    """

    def __init__(self, model: nn.Module, members: int = 1) -> None:
        self._model, self._members = model, members
        named = list(model.named_parameters())
        for name, parameter in named:
            _check(name, parameter, members)
        self.names = [name for name, _ in named]
        self._parameters = [parameter for _, parameter in named]
        self._identity = [(p.shape, p.device, p.dtype) for p in self._parameters]
        self._structure = structure(model)
        self._ends = np.cumsum([p.numel() // members for p in self._parameters])
        self._store = self._make_store()

    @property
    def full(self) -> bool:
        """Whether the looks must be taken before the next one."""
        return self._store.filled == self._store.capacity

    def look(self) -> bool:
        """Take note of the parameters, unless some are not finite; return whether all are."""
        self.check_same_architecture()
        return self._store.look()

    def take(self) -> Norms:
        """Return the norms of the looks since the last call."""
        return self._store.take()

    def snapshot(self) -> Float[np.ndarray, "members size"]:
        """Copy the parameters as they were at the last look, one row a member."""
        return self._store.last()

    def squared_distance_to_last(
        self, snapshot: Float[np.ndarray, "members size"]
    ) -> Float[np.ndarray, "parameters members"]:
        """Return the squared distance of an earlier snapshot to the last look."""
        difference = snapshot - self._store.last()
        parts = np.split(difference, self._ends[:-1], axis=1)
        return np.array([np.vecdot(part, part) for part in parts], dtype=np.float64)

    def check_same_architecture(self) -> None:
        """Refuse a model whose layers or parameters were replaced, added, removed or moved."""
        if structure(self._model) == self._structure and self._identity == [
            (p.shape, p.device, p.dtype) for p in self._parameters
        ]:
            return
        now = list(self._model.parameters())
        raise RegimeError(
            "the model's layers or parameters changed between updates "
            f"({len(self._parameters)} parameter tensors at the start, {len(now)} now, or another "
            "module, shape, type or device); start a new tracker after changing the architecture"
        )

    def first_not_finite(self) -> str | None:
        """Return the name of the first parameter with NaN or infinite values."""
        for name, parameter in zip(self.names, self._parameters, strict=True):
            if not bool(torch.isfinite(parameter).all()):
                return name
        return None

    def _make_store(self) -> _Rows | _Blocks | _Device:
        on_cpu = all(
            p.device.type == "cpu" and p.dtype in (torch.float32, torch.float64)
            for p in self._parameters
        )
        if not on_cpu:
            return _Device(self._parameters, self._members)
        small = self._ends[-1] * self._members <= _SMALL
        return (_Rows if small else _Blocks)(self._parameters, self._members)


class _Views:
    """The parameters' own memory, each as (members, size), through NumPy."""

    def __init__(self, parameters: Sequence[Tensor], members: int) -> None:
        self._parameters, self._members = parameters, members
        self._views: list[NDArray] = [np.empty(0)] * len(parameters)
        self._addresses = [-1] * len(parameters)

    def now(self) -> list[NDArray]:
        """Return the views, anew only where the memory moved."""
        for index, parameter in enumerate(self._parameters):
            address = parameter.data_ptr()
            if address != self._addresses[index]:
                flat = parameter.detach().reshape(self._members, -1)
                self._views[index] = flat.numpy()
                # a parameter that is not contiguous was copied: read it again next time
                self._addresses[index] = address if flat.data_ptr() == address else -1
        return self._views


class _Rows:
    """Small networks: one row a look, measured many rows at a time."""

    def __init__(self, parameters: Sequence[Tensor], members: int) -> None:
        self._views = _Views(parameters, members)
        views = self._views.now()
        ends = np.cumsum([view.shape[1] for view in views])
        self._parts = [slice(a, b) for a, b in zip([0, *ends[:-1]], ends, strict=True)]
        dtype = np.result_type(*(view.dtype for view in views))
        row_bytes = members * int(ends[-1]) * dtype.itemsize
        self.capacity = max(1, min(_MOST_LOOKS, _ROWS_BYTES // row_bytes))
        self._rows = np.zeros((1 + self.capacity, members, int(ends[-1])), dtype)
        self._scratch = np.empty_like(self._rows[1:])
        self.filled = 0
        np.concatenate(views, axis=1, out=self._rows[0])
        self._first = self._rows[0].copy()

    def look(self) -> bool:
        row = self._rows[self.filled + 1]
        np.concatenate(self._views.now(), axis=1, out=row)
        flat = row.reshape(-1)
        if not math.isfinite(np.dot(flat, flat)):
            return False
        self.filled += 1
        return True

    def take(self) -> Norms:
        rows, scratch = self._rows[: self.filled + 1], self._scratch[: self.filled]
        size = self._squares(rows[1:])
        update = self._squares(np.subtract(rows[1:], rows[:-1], out=scratch))
        travelled = self._squares(np.subtract(rows[1:], self._first, out=scratch))
        norms = Norms(update, size, travelled, np.ones(self.filled, bool))
        np.copyto(self._rows[0], self._rows[self.filled])
        self.filled = 0
        return norms

    def last(self) -> NDArray:
        return self._rows[self.filled].copy()

    def _squares(self, rows: NDArray) -> Float[np.ndarray, "looks parameters members"]:
        parts = [np.vecdot(rows[..., part], rows[..., part]) for part in self._parts]
        return np.stack(parts, axis=1).astype(np.float64)


class _Large:
    """Large networks: measured at once; the distance to the start at every eighth look only."""

    capacity = 8

    def __init__(self) -> None:
        self.filled = 0
        self._looks = 0
        self._measured: list[NDArray] = []

    def look(self) -> bool:
        far = self._looks % _FAR_EVERY == 0
        measured = self._measure(far)
        if measured is None:
            return False
        self._looks += 1
        self._measured.append(measured)
        self.filled += 1
        return True

    def take(self) -> Norms:
        measured = np.array(self._measured)
        self._measured, self.filled = [], 0
        far = ~np.isnan(measured[:, 0, 2, 0])
        return Norms(measured[:, :, 0], measured[:, :, 1], measured[far, :, 2], far)

    def _measure(self, far: bool) -> Float[np.ndarray, "parameters 3 members"] | None:
        """Return update, size and distance to the start (NaN unless `far`); None if not finite."""
        raise NotImplementedError


class _Blocks(_Large):
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

    def last(self) -> NDArray:
        return np.concatenate(self._last, axis=1)

    def _measure(self, far: bool) -> Float[np.ndarray, "parameters 3 members"] | None:
        measured = []
        for value, last, first in zip(self._views.now(), self._last, self._first, strict=True):
            norms = self._measure_one(value, last, first if far else None)
            if norms is None:
                return None
            measured.append(norms)
        return np.array(measured)

    def _measure_one(
        self, value: NDArray, last: NDArray, first: NDArray | None
    ) -> Float[np.ndarray, "3 members"] | None:
        scratch = self._scratch[value.dtype]
        total = np.zeros((3, self._members))
        total[2] = np.nan if first is None else 0.0
        for start in range(0, value.shape[1], self._width):
            block = slice(start, start + self._width)
            now, before = value[:, block], last[:, block]
            size = np.vecdot(now, now)
            if not np.isfinite(size).all():
                return None
            difference = scratch[:, : now.shape[1]]
            np.subtract(now, before, out=difference)
            total[0] += np.vecdot(difference, difference)
            total[1] += size
            if first is not None:
                np.subtract(now, first[:, block], out=difference)
                total[2] += np.vecdot(difference, difference)
            np.copyto(before, now)
        return total


class _Device(_Large):
    """On another device, or in half precision."""

    def __init__(self, parameters: Sequence[Tensor], members: int) -> None:
        super().__init__()
        self._parameters, self._members = parameters, members
        self._first = [value.clone() for value in self._now()]
        self._last = [value.clone() for value in self._now()]

    def last(self) -> NDArray:
        return torch.cat([last.float() for last in self._last], dim=1).cpu().numpy()

    def _measure(self, far: bool) -> Float[np.ndarray, "parameters 3 members"] | None:
        measured = []
        for value, last, first in zip(self._now(), self._last, self._first, strict=True):
            travelled = _square(value - first)
            unknown = torch.full_like(travelled, torch.nan)
            rest = travelled if far else unknown
            measured.append(torch.stack([_square(value - last), _square(value), rest]))
        norms = torch.stack(measured).cpu().numpy()
        if not np.isfinite(norms[:, 1]).all():
            return None
        for last, value in zip(self._last, self._now(), strict=True):
            last.copy_(value)
        return norms

    def _now(self) -> list[Tensor]:
        return [p.detach().reshape(self._members, -1) for p in self._parameters]


def modules_of(names: Sequence[str]) -> dict[str, list[int]]:
    """Group parameter indices by the module that owns them, in order of appearance."""
    groups: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        owner, _, leaf = name.rpartition(".")
        groups.setdefault(owner or leaf, []).append(index)
    return groups


def _check(name: str, parameter: nn.Parameter, members: int) -> None:
    if isinstance(parameter, nn.parameter.UninitializedParameter):
        raise RegimeError(
            f"the parameter {name} of a lazy layer has no shape yet; "
            "run the model once on a batch before tracking it"
        )
    if members > 1 and (parameter.ndim == 0 or parameter.shape[0] != members):
        raise RegimeError(
            f"the parameter {name} has shape {tuple(parameter.shape)}, but with "
            f"members={members} the first axis of every parameter must have size {members}"
        )


def _square(values: Tensor) -> Tensor:
    return (values.double() ** 2).sum(dim=1)
