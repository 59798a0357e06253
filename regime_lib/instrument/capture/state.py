"""What a model holds: kept before a forward pass and put back after it, whatever was written."""

from __future__ import annotations

import random
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from itertools import chain, repeat
from operator import getitem, is_, itemgetter, setitem
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from regime_lib.instrument.capture.torch_private import (
    HOOK_TABLES,
    MODULE_ATTRIBUTES,
    all_modules,
    is_lazy,
    keep_versions,
    rectifier,
    rectifies_plainly,
    subclass_parts,
    versions_of,
)

_CONTAINERS = frozenset({list, dict, set, deque, OrderedDict})
_PARALLEL = (nn.DataParallel, nn.parallel.DistributedDataParallel)
_TRAINING = itemgetter("training")
_ALL: Callable[[Iterable[object]], object] = partial(deque, maxlen=0)  # runs a loop without Python
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
        self._layout: _Layout | None = None
        self._known = False
        self.written: list[Tensor] = []
        """Buffers and copied parameters that the last look wrote to."""
        self._noise: list[tuple[Any, tuple[Callable[..., Any], Callable[..., Any]]]] = []
        self._noise_now: list[Any] = []
        self._own = {id(one): one for one in generators}
        self.first_noise: list[Any] = []
        """The state of each generator at the first look, which every look is given again."""

    def take(self) -> Callable[[], None]:
        """Keep everything as it is now; return what then readies the modules for a look.

        That lasts until `put_back`.
        """
        if not (self._known or self.unchanged()):
            self._layout = _Layout(self._model, self._copied)
        layout, self._known = self._layout, False
        assert layout is not None
        # most models have none of these, and every line is run at every look
        self._contents = layout.containers and [(one, type(one)(one)) for one in layout.containers]
        self._versions: AbstractContextManager[object] | None = None
        if layout.held or self._copies:
            self._keep(layout.held)
        if layout.generators or self._own or self._noise:
            self._begin_noise(self._own | layout.generators)
        self._marks = _marks(layout.watched)
        return layout.ready

    def unchanged(self) -> bool:
        """Whether the model is made of the same objects as at the last look.

        Nothing may come between this and `take`, which then does not look again.
        """
        self._known = self._layout is not None and self._layout.holds()
        return self._known

    def put_back(self) -> list[Tensor]:
        """Put back what changed; return the parameters that changed and were not copied."""
        layout = self._layout
        assert layout is not None
        if self._noise:
            for (one, (_, put)), state in zip(self._noise, self._noise_now, strict=True):
                put(one, state)
        layout.put_back()
        for container, contents in self._contents:
            if not _holds_the_same(container, contents):
                _refill(container, contents)
        self.written = [one.tensor for one in self._copies.values() if one.put_back()]
        if self._versions is not None:
            self._versions.__exit__(None, None, None)
        now = _marks(layout.watched)
        if now == self._marks:
            return []
        pairs = (zip(*marks, strict=True) for marks in (self._marks, now))
        trios = zip(layout.watched, *pairs, strict=True)
        return [one for one, before, after in trios if before != after]

    def _begin_noise(self, generators: dict[int, Any]) -> None:
        self._noise = [(one, _GENERATORS[type(one)]) for one in generators.values()]
        self._noise_now = [get(one) for one, (get, _) in self._noise]
        self.first_noise += self._noise_now[len(self.first_noise) :]
        for (one, (_, put)), state in zip(self._noise, self.first_noise, strict=False):
            put(one, state)

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
        if counted:
            self._versions = keep_versions(counted)
            self._versions.__enter__()


class _Layout:
    """Which objects make up a model: its modules, what their dictionaries hold, and the tensors.

    Scanning a model anew costs more than a small layer, so that it is scanned only where something
    is another object than at the look before; that is one comparison of all there is. The values of
    three tables are compared in order, which is that of a checkpoint, and attributes by name.
    """

    def __init__(self, model: nn.Module, copied: dict[int, Tensor] | None) -> None:
        self.modules = all_modules(model)
        self._parallel: list[nn.Module] = []
        self._parallel += [module for module in self.modules if isinstance(module, _PARALLEL)]
        self.held: dict[int, Tensor] = {}
        self.watched: list[Tensor] = []
        self.containers: list[Any] = []
        self.generators: dict[int, Any] = {}
        self._scripted: list[tuple[nn.Module, dict[str, Tensor]]] = []
        # past nn.Module.__setattr__, whose bookkeeping costs more than a small layer
        self._flagged = [one.__dict__ for one in self.modules if "training" in one.__dict__]
        # scripted and compiled modules keep it elsewhere
        self._others = [one for one in self.modules if "training" not in one.__dict__]
        plain = [m for m in self.modules if type(m) is nn.ReLU and "forward" not in m.__dict__]
        self._rectifiers = [module.__dict__ for module in plain]
        self._functions = list(map(rectifier, plain))
        self._training: list[bool] = []
        self._trained: list[nn.Module] = []
        self._short: list[dict[str, Any]] = []
        self._lazy = False
        attributes = [module.__dict__ for module in self.modules]
        tables: list[dict[str, Any]] = []
        for module, own in zip(self.modules, attributes, strict=True):
            for name, value in own.items():
                if name not in MODULE_ATTRIBUTES:
                    self._scan(value)
            if isinstance(module, torch.jit.ScriptModule):
                buffers = dict(module.named_buffers(recurse=False))
                self._scripted.append((module, buffers))
                self.held.update((id(one), one) for one in buffers.values())
                continue
            tables += [own["_buffers"], own["_parameters"]]
            for one in own["_buffers"].values():
                if one is not None:
                    self.held[id(one)] = one
            for one in own["_parameters"].values():
                if is_lazy(one):
                    self._lazy = True
                elif one is not None and (copied is None or id(one) in copied):
                    self.held[id(one)] = one
                elif one is not None:
                    self.watched.append(one)
        self.watched = [one for one in self.watched if id(one) not in self.held]
        self._dicts = [*attributes, *tables]
        self._before = [dict(own) for own in self._dicts]
        named = [(own, name) for own in attributes for name in own if name not in HOOK_TABLES]
        self._owners, self._names = zip(*named, strict=True)
        children = [module._modules for module in self.modules]
        self._views = [own.values() for own in (*tables, *children)]  # of what is there then
        self._sized = (*self._dicts, *children)
        self._sizes = list(map(len, self._sized))
        self._values = [*map(getitem, self._owners, self._names), *chain.from_iterable(self._views)]

    def holds(self) -> bool:
        """Whether all of them are still the same objects."""
        if self._scripted or self._lazy:  # these change without becoming others
            return False
        return self._same()

    def ready(self) -> None:
        """Put the modules into evaluation mode, and shorten how some are called."""
        self._training = list(map(_TRAINING, self._flagged))
        _ALL(map(setitem, self._flagged, repeat("training"), repeat(False)))
        self._trained = [one for one in self._others if one.training]
        for module in self._trained:
            module.training = False
        for module in self._parallel:  # a rank that looks alone would wait for ever
            module.__dict__["forward"] = module.module
        # a mode sees the same call, without four functions of Python around it
        self._short = self._rectifiers if rectifies_plainly() else []
        _ALL(map(setitem, self._short, repeat("forward"), self._functions))

    def put_back(self) -> None:
        """Give back to every dictionary what it held, and the modules their mode."""
        _ALL(map(dict.pop, self._short, repeat("forward"), repeat(None)))
        _ALL(map(setitem, self._flagged, repeat("training"), self._training))
        for module in self._trained:
            module.training = True
        for module, buffers in self._scripted:
            for name, one in buffers.items():
                if getattr(module, name) is not one:
                    setattr(module, name, one)
        if not self._same():
            for own, before in zip(self._dicts, self._before, strict=True):
                if len(own) != len(before) or not all(map(is_, own.values(), before.values())):
                    _restore(own, before)

    def _same(self) -> bool:
        if list(map(len, self._sized)) != self._sizes:
            return False
        attributes = map(getitem, self._owners, self._names)
        try:
            return all(map(is_, chain(attributes, *self._views), self._values))
        except KeyError:  # one attribute came and another one went
            return False

    def _scan(self, value: Any) -> None:
        if type(value) in _CONTAINERS:
            self.containers.append(value)
        elif type(value) in _GENERATORS:
            self.generators[id(value)] = value
        elif isinstance(value, Tensor):
            self.held[id(value)] = value


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


def _marks(tensors: list[Tensor]) -> tuple[list[int], list[int]]:
    """Return what a write to each tensor changes, and what a change of its place in memory."""
    return versions_of(tensors), list(map(Tensor.data_ptr, tensors))


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
