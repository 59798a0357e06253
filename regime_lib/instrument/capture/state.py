"""What a model holds: kept before a forward pass and put back after it, whatever was written."""

from __future__ import annotations

import random
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from operator import is_
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from regime_lib.instrument.capture.torch_private import (
    all_modules,
    is_lazy,
    keep_versions,
    subclass_parts,
    version_of,
)

_CONTAINERS = frozenset({list, dict, set, deque, OrderedDict})
_INTERNAL = frozenset(vars(nn.Module()))
_GENERATORS: dict[type, tuple[Callable[[Any], Any], Callable[[Any, Any], Any]]] = {
    torch.Generator: (torch.Generator.get_state, torch.Generator.set_state),
    random.Random: (random.Random.getstate, random.Random.setstate),
    np.random.Generator: (
        lambda own: own.bit_generator.state,
        lambda own, state: setattr(own.bit_generator, "state", state),
    ),
    np.random.RandomState: (np.random.RandomState.get_state, np.random.RandomState.set_state),
}


class ModelState:
    """Attributes, buffers and random generators of a model, and those parameters that are written.

    Buffers are copied at every look, because a pass may begin to write to one at any time, and
    because some operators write without counting it. Parameters are too large for that: those that
    the first look wrote to are copied, and of the others the version and the place in memory are
    compared.

    Parameters
    ----------
    model : nn.Module
        The network.
    parameters : iterable of tensor, optional
        Parameters to copy as well; all of them if None.
    generators : iterable of torch.Generator
        Generators that the forward pass draws from and that are no attribute of a module.
    """

    def __init__(
        self,
        model: nn.Module,
        parameters: Iterable[Tensor] | None = None,
        generators: Iterable[torch.Generator] = (),
    ) -> None:
        self._model = model
        self._copied = None if parameters is None else {id(p): p for p in parameters}
        self._copies: dict[int, _Copy] = {}
        self._scans: dict[int, _Attributes] = {}
        self._own = {id(one): one for one in generators}
        self.first_noise: list[Any] = []
        """The state of each generator at the first look, which every look is given again."""

    def take(self) -> list[nn.Module]:
        """Keep everything as it is now; return the model's modules."""
        modules = all_modules(self._model)
        self._dicts: list[tuple[Any, dict[str, Any]]] = []
        self._contents: list[tuple[Any, Any]] = []
        self._scripted: list[tuple[nn.Module, dict[str, Tensor]]] = []
        held: dict[int, Tensor] = {}
        noise: dict[int, Any] = dict(self._own)
        self._watched = []
        for module in modules:
            own, scan = module.__dict__, self._scans.get(id(module))
            if scan is None or scan.own is not own or not scan.holds():
                scan = self._scans[id(module)] = _Attributes(own)
            self._dicts.append((own, scan.before))
            if scan.special:
                held.update((id(one), one) for one in scan.tensors)
                noise.update((id(one), one) for one in scan.generators)
                self._contents += [(one, type(one)(one)) for one in scan.containers]
            if isinstance(module, torch.jit.ScriptModule):
                buffers = dict(module.named_buffers(recurse=False))
                self._scripted.append((module, buffers))
                held.update((id(one), one) for one in buffers.values())
                continue
            for tensors in (own["_buffers"], own["_parameters"]):
                self._dicts.append((tensors, dict(tensors)))
            for one in own["_buffers"].values():
                if one is not None:
                    held[id(one)] = one
            for one in own["_parameters"].values():
                if one is None or id(one) in held or is_lazy(one):
                    continue
                if self._copied is None or id(one) in self._copied:
                    held[id(one)] = one
                else:
                    self._watched.append((one, version_of(one), one.data_ptr()))
        self._keep(held)
        self._noise = [(one, _GENERATORS[type(one)]) for one in noise.values()]
        self._noise_now = [get(one) for one, (get, _) in self._noise]
        self.first_noise += self._noise_now[len(self.first_noise) :]
        for (one, (_, put)), state in zip(self._noise, self.first_noise, strict=False):
            put(one, state)
        return modules

    def put_back(self) -> list[Tensor]:
        """Put back what changed; return the parameters that changed and were not copied."""
        for (one, (_, put)), state in zip(self._noise, self._noise_now, strict=True):
            put(one, state)
        for own, before in self._dicts:
            if len(own) != len(before) or not all(map(is_, own.values(), before.values())):
                _restore(own, before)
        for module, buffers in self._scripted:
            for name, one in buffers.items():
                if getattr(module, name) is not one:
                    setattr(module, name, one)
        for container, contents in self._contents:
            if not _holds_the_same(container, contents):
                _refill(container, contents)
        self.written = [copy.tensor for copy in self._copies.values() if copy.put_back()]
        if self._versions is not None:
            self._versions.__exit__(None, None, None)
        return [
            one
            for one, version, address in self._watched
            if one.data_ptr() != address or version_of(one) != version
        ]

    def _keep(self, held: dict[int, Tensor]) -> None:
        copies = {}
        for key, tensor in held.items():
            copy = self._copies.get(key)
            if copy is None or not copy.take():
                copy = _Copy(tensor)
            copies[key] = copy
        self._copies = copies
        # a graph that was recorded before and needs a buffer must still find its version
        counted = tuple(one for one in held.values() if not one.is_inference())
        self._versions = keep_versions(counted) if counted else None
        if self._versions is not None:
            self._versions.__enter__()


class _Attributes:
    """The attributes of a module, and those among them whose contents may change."""

    def __init__(self, own: dict[str, Any]) -> None:
        self.own, self.before = own, dict(own)
        values = [value for name, value in own.items() if name not in _INTERNAL]
        self.containers = [value for value in values if type(value) in _CONTAINERS]
        self.generators = [value for value in values if type(value) in _GENERATORS]
        self.tensors = [value for value in values if isinstance(value, Tensor)]
        self.special = bool(self.containers or self.generators or self.tensors)

    def holds(self) -> bool:
        """Whether every attribute is still the same object."""
        own, before = self.own, self.before
        return len(own) == len(before) and all(map(is_, own.values(), before.values()))


class _Copy:
    """A tensor's own memory, of any layout, with a copy of it."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self._alias = tensor.data
        self._place = _place(tensor)
        self._memory = [(part, part.clone()) for part in _memory_of(self._alias)]

    def take(self) -> bool:
        """Copy the tensor again; return False if it lies elsewhere now."""
        plain = type(self.tensor) in (Tensor, nn.Parameter)
        if not plain or self.tensor.layout != torch.strided or _place(self.tensor) != self._place:
            return False
        for memory, copied in self._memory:
            copied.copy_(memory)
        return True

    def put_back(self) -> bool:
        """Write the copy where the memory differs from it; return whether it did."""
        changed = _place(self.tensor) != self._place
        for memory, copied in self._memory:
            storage = memory.untyped_storage()
            lost = (memory.storage_offset() + memory.numel()) * memory.element_size()
            if storage.nbytes() < lost:  # `resize_` took the memory away
                storage.resize_(int(lost))
                changed = True
            if not torch.equal(memory, copied):
                memory.copy_(copied)
                changed = True
        if _place(self.tensor) != self._place:
            self.tensor.data = self._alias
        return changed


def _place(tensor: Tensor) -> tuple[Any, ...]:
    """Return where and how a tensor lies in memory."""
    if tensor.layout != torch.strided:
        return tensor.layout, tensor.shape, *(part.data_ptr() for part in _sparse_parts(tensor))
    try:
        address = tensor.data_ptr()
    except RuntimeError:  # a subclass without memory of its own
        address = 0
    return address, tensor.shape, tensor.stride()


def _memory_of(tensor: Tensor) -> Iterator[Tensor]:
    """Yield views on all bytes of a tensor, each byte once."""
    if tensor.is_meta:
        return
    if (parts := subclass_parts(tensor)) is not None:
        for part in parts:
            yield from _memory_of(part.data)
        return
    if tensor.layout != torch.strided:
        for part in _sparse_parts(tensor):
            yield from _memory_of(part.data)
    elif tensor.is_contiguous() and not (tensor.is_quantized or tensor.is_nested):
        tensor = tensor.as_subclass(Tensor)
        yield tensor.reshape(-1).view(torch.uint8) if tensor.numel() else tensor.reshape(-1)
    else:  # expanded, transposed, quantised: all of the memory that it looks at
        whole = torch.empty(0, dtype=torch.uint8, device=tensor.device)
        yield whole.set_(tensor.untyped_storage())


def _sparse_parts(tensor: Tensor) -> tuple[Tensor, ...]:
    if tensor.layout == torch.sparse_coo:
        return tensor._indices(), tensor._values()
    if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        return tensor.crow_indices(), tensor.col_indices(), tensor.values()
    if tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
        return tensor.ccol_indices(), tensor.row_indices(), tensor.values()
    return ()  # MKL-DNN tensors are opaque, and nothing writes to them in place


def _holds_the_same(container: Any, contents: Any) -> bool:
    if len(container) != len(contents):
        return False
    if isinstance(container, set):
        return all(map(contents.__contains__, container))
    if isinstance(container, dict) and not all(map(is_, container, contents)):
        return False
    values = (one.values() if isinstance(one, dict) else one for one in (container, contents))
    return all(map(is_, *values))


def _refill(container: Any, contents: Any) -> None:
    container.clear()
    (container.extend if isinstance(container, list | deque) else container.update)(contents)


def _restore(own: dict[str, Any], before: dict[str, Any]) -> None:
    own.clear()  # the order of buffers is that of a checkpoint
    own.update(before)
