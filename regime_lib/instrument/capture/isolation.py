"""Running a model so that nothing of it, nor of the training around it, is changed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from regime_lib.instrument.capture.torch_private import all_modules, keep_versions

_DEVICES_WITH_AUTOCAST = ("cpu", "cuda")


@dataclass(frozen=True, eq=False, repr=False)
class RandomState:
    """The state of the random generators: torch's, and if asked Python's and NumPy's."""

    cpu: Tensor
    cuda: list[Tensor]
    python: tuple[Any, Any] | None

    @classmethod
    def capture(cls, python: bool = False) -> RandomState:
        """Read the state of the CPU generator and of every CUDA generator in use."""
        used = torch.cuda.is_initialized()
        return cls(
            torch.get_rng_state(),
            torch.cuda.get_rng_state_all() if used else [],
            (random.getstate(), np.random.get_state()) if python else None,  # noqa: NPY002
        )

    def restore(self) -> None:
        """Put the generators back into this state."""
        torch.set_rng_state(self.cpu)
        if self.cuda:
            torch.cuda.set_rng_state_all(self.cuda)
        if self.python is not None:
            random.setstate(self.python[0])
            np.random.set_state(self.python[1])  # noqa: NPY002

    def same_python(self, other: RandomState) -> bool:
        """Whether Python's and NumPy's generators are in the same state."""
        assert self.python is not None
        assert other.python is not None
        pairs = zip(self.python[1], other.python[1], strict=True)
        return self.python[0] == other.python[0] and all(np.array_equal(a, b) for a, b in pairs)


@dataclass(frozen=True)
class Precision:
    """Whether autocast is on, by device: a probe must always run in the same precision."""

    autocast: tuple[tuple[str, torch.dtype], ...]

    @classmethod
    def capture(cls) -> Precision:
        """Read the autocast setting of the surrounding code."""
        on = [device for device in _DEVICES_WITH_AUTOCAST if torch.is_autocast_enabled(device)]
        return cls(tuple((device, torch.get_autocast_dtype(device)) for device in on))

    def apply(self) -> list[torch.autocast]:
        """Switch autocast on or off as it was captured; return the contexts entered.

        The cast cache stays off: weights that are cast without gradients and kept would later cut
        the training step off from its own parameters.
        """
        wanted = dict(self.autocast)
        entered = []
        for device in _DEVICES_WITH_AUTOCAST:
            if device in wanted or torch.is_autocast_enabled(device):
                on, dtype = device in wanted, wanted.get(device)
                context = torch.autocast(device, dtype=dtype, enabled=on, cache_enabled=False)
                context.__enter__()
                entered.append(context)
        return entered


@dataclass(frozen=True)
class Place:
    """Where a module keeps a buffer."""

    module: nn.Module
    name: str

    @property
    def tensor(self) -> Tensor:
        """The buffer."""
        return getattr(self.module, self.name)

    def put_back(self, tensor: Tensor, value: Tensor) -> None:
        """Give the module its own buffer again, with the value that it had."""
        tensor.data.copy_(value)
        if self.tensor is not tensor:
            setattr(self.module, self.name, tensor)


@dataclass(frozen=True, eq=False, repr=False)
class ExecutionState:
    """What every probe run is given again, as it was when tracking began."""

    noise: RandomState
    precision: Precision
    buffers: tuple[Place, ...] = ()
    """Buffers that the model writes to even in evaluation mode."""


class IsolatedEvaluation:
    """A context in which forward passes change nothing; made once, entered for every observation.

    Modules run in evaluation mode and no gradient is recorded; compiled parts run in eager mode and
    are not recompiled; models that are random in evaluation mode see the same noise every time.
    Afterwards the training flag of every module, the random states and the buffers are as they were
    before.
    """

    def __init__(self, model: nn.Module, state: ExecutionState) -> None:
        self._model, self._state = model, state
        self._no_grad = torch.no_grad()

    def __enter__(self) -> None:
        state = self._state
        self._random = RandomState.capture(python=state.noise.python is not None)
        self._kept = _Kept(state.buffers) if state.buffers else None
        self._training = [module for module in all_modules(self._model) if module.training]
        self._no_grad.__enter__()
        self._eager = torch.compiler.set_stance("force_eager")  # in force from here on
        self._autocast = state.precision.apply()
        _set_training(self._training, False)
        state.noise.restore()

    def __exit__(self, *failure: Any) -> None:
        _set_training(self._training, True)
        for context in reversed(self._autocast):
            context.__exit__(None, None, None)
        self._eager.__exit__(None, None, None)
        self._no_grad.__exit__(None, None, None)
        self._random.restore()
        if self._kept is not None:
            self._kept.put_back()


def isolated(model: nn.Module) -> IsolatedEvaluation:
    """Return a context for forward passes in the precision and with the noise of this moment."""
    state = ExecutionState(RandomState.capture(python=True), Precision.capture())
    return IsolatedEvaluation(model, state)


class _Kept:
    """Buffers with their values, to be put back so that autograd does not notice either."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = [(place, place.tensor, place.tensor.detach().clone()) for place in places]
        # a graph that was recorded before and needs a buffer must still find its version
        tensors = tuple(tensor for _, tensor, _ in self._places)
        self._versions = keep_versions(tensors)
        self._versions.__enter__()

    def changed(self) -> tuple[Place, ...]:
        """Return where a buffer was written to or replaced."""
        return tuple(
            place
            for place, tensor, value in self._places
            if place.tensor is not tensor or not _same(tensor, value)
        )

    def put_back(self) -> None:
        for place, tensor, value in self._places:
            place.put_back(tensor, value)
        self._versions.__exit__(None, None, None)


@contextmanager
def noting_side_effects(model: nn.Module) -> Iterator[list[Place]]:
    """Yield a list that holds, after the block, the buffers that the block changed.

    They are put back, and so are the generators of Python and NumPy.
    """
    buffers = [
        Place(module, name)
        for module in all_modules(model)
        for name, _ in module.named_buffers(recurse=False)
    ]
    kept, before = _Kept(buffers), RandomState.capture(python=True)
    found: list[Place] = []
    try:
        yield found
    finally:
        found.extend(kept.changed())
        kept.put_back()
        before.restore()


def _set_training(modules: list[nn.Module], flag: bool) -> None:
    for module in modules:
        if "training" in module.__dict__:
            # past nn.Module.__setattr__, whose bookkeeping costs more than a small layer
            module.__dict__["training"] = flag
        else:  # scripted and compiled modules keep it elsewhere
            module.training = flag


def _same(a: Tensor, b: Tensor) -> bool:
    return torch.allclose(a, b, rtol=0, atol=0, equal_nan=a.is_floating_point())
