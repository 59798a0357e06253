"""Running a model so that nothing of it, nor of the training around it, is changed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from regime_lib.errors import RegimeError

_DEVICES_WITH_AUTOCAST = ("cpu", "cuda")
_SHARDED = ("FullyShardedDataParallel", "FSDPModule")


@dataclass(frozen=True)
class RandomState:
    """The state of torch's random generators."""

    cpu: Tensor
    cuda: list[Tensor]

    @classmethod
    def capture(cls) -> RandomState:
        """Read the state of the CPU generator and of every CUDA generator in use."""
        used = torch.cuda.is_initialized()
        return cls(torch.get_rng_state(), torch.cuda.get_rng_state_all() if used else [])

    def restore(self) -> None:
        """Put the generators back into this state."""
        torch.set_rng_state(self.cpu)
        if self.cuda:
            torch.cuda.set_rng_state_all(self.cuda)


@dataclass(frozen=True)
class Precision:
    """Whether autocast is on, by device: a probe must always run in the same precision."""

    autocast: tuple[tuple[str, torch.dtype], ...]

    @classmethod
    def capture(cls) -> Precision:
        """Read the autocast setting of the surrounding code."""
        return cls(
            tuple(
                (device, torch.get_autocast_dtype(device))
                for device in _DEVICES_WITH_AUTOCAST
                if torch.is_autocast_enabled(device)
            )
        )

    def apply(self) -> list[torch.autocast]:
        """Switch autocast on or off as it was captured; return the contexts entered.

        The cast cache stays off: weights that are cast without gradients and kept would later cut
        the training step off from its own parameters.
        """
        wanted = dict(self.autocast)
        entered = []
        for device in _DEVICES_WITH_AUTOCAST:
            if device in wanted or torch.is_autocast_enabled(device):
                on = device in wanted
                context = torch.autocast(
                    device, dtype=wanted.get(device), enabled=on, cache_enabled=False
                )
                context.__enter__()
                entered.append(context)
        return entered


@dataclass(frozen=True)
class Surroundings:
    """What every probe run is given again, as it was when tracking began."""

    noise: RandomState
    precision: Precision
    buffers: tuple[Tensor, ...] = ()
    """Buffers that the model writes to even in evaluation mode."""
    python_random: bool = False
    """Whether the model draws from Python's or NumPy's global generators."""


class Undisturbed:
    """A context in which forward passes change nothing; made once, entered for every look.

    Modules run in evaluation mode and no gradient is recorded; compiled parts run in eager mode and
    are not recompiled; models that are random in evaluation mode see the same noise in every look.
    Afterwards the training flag of every module, the random states and the given buffers are as
    they were before.
    """

    def __init__(self, model: nn.Module, given: Surroundings) -> None:
        self._model, self._given = model, given
        self._no_grad = torch.no_grad()

    def __enter__(self) -> None:
        given = self._given
        self._random = RandomState.capture()
        self._saved = [buffer.detach().clone() for buffer in given.buffers]
        self._python = _python_random_state() if given.python_random else None
        self._training = [module for module in all_modules(self._model) if module.training]
        self._no_grad.__enter__()
        self._eager = torch.compiler.set_stance("force_eager")  # in force from here on
        self._autocast = given.precision.apply()
        _set_training(self._training, False)
        given.noise.restore()

    def __exit__(self, *failure: Any) -> None:
        _set_training(self._training, True)
        for context in reversed(self._autocast):
            context.__exit__(None, None, None)
        self._eager.__exit__(None, None, None)
        self._no_grad.__exit__(None, None, None)
        self._random.restore()
        for buffer, value in zip(self._given.buffers, self._saved, strict=True):
            buffer.data.copy_(value)
        if self._python is not None:
            _restore_python_random(self._python)


@contextmanager
def noting_side_effects(model: nn.Module) -> Iterator[list[Any]]:
    """Yield a list that holds, after the block, what the block wrote to behind the model's back.

    Entries are the buffers whose values changed, and the text "python random" if a global generator
    of Python or NumPy was drawn from; everything is put back.
    """
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    before = _python_random_state()
    found: list[Any] = []
    yield found
    for buffer, value in buffers:
        if not torch.allclose(buffer, value, rtol=0, atol=0, equal_nan=buffer.is_floating_point()):
            found.append(buffer)
            buffer.data.copy_(value)
    after = _python_random_state()
    if before[0] != after[0] or not _same_numpy_state(before[1], after[1]):
        found.append("python random")
        _restore_python_random(before)


def guarded_buffers(found: Sequence[Any]) -> tuple[Tensor, ...]:
    """Pick the buffers out of what `noting_side_effects` found."""
    return tuple(item for item in found if isinstance(item, Tensor))


def unwrap(model: nn.Module) -> nn.Module:
    """Return the network inside data-parallel and compiled wrappers.

    Raises
    ------
    RegimeError
        If the parameters are sharded, so that no process holds the network.
    """
    while True:
        if any(base.__name__ in _SHARDED for base in type(model).__mro__):
            raise RegimeError(
                "the model is wrapped in FullyShardedDataParallel, whose parameters are split over "
                "processes; track an unsharded copy or wrap it in DistributedDataParallel"
            )
        if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            model = model.module
        elif isinstance(inner := getattr(model, "_orig_mod", None), nn.Module):
            model = inner
        else:
            return model


def all_modules(root: nn.Module) -> list[nn.Module]:
    """List a model's modules; several times faster than `root.modules()`, which names them."""
    found, seen = [root], {id(root)}
    for module in found:  # grows while it is walked
        for child in module._modules.values():
            if child is not None and id(child) not in seen:
                seen.add(id(child))
                found.append(child)
    return found


def structure(model: nn.Module) -> list[int]:
    """Return the identities of a model's modules and parameters, in order."""
    found = []
    for module in all_modules(model):
        found.append(id(module))
        found.extend(map(id, module._parameters.values()))
    return found


def _set_training(modules: list[nn.Module], flag: bool) -> None:
    for module in modules:
        if isinstance(module, torch.jit.ScriptModule):
            module.training = flag
        else:  # past nn.Module.__setattr__, whose bookkeeping costs more than a small layer
            module.__dict__["training"] = flag


def _python_random_state() -> tuple[Any, Any]:
    return random.getstate(), np.random.get_state()  # noqa: NPY002


def _restore_python_random(state: tuple[Any, Any]) -> None:
    random.setstate(state[0])
    np.random.set_state(state[1])  # noqa: NPY002


def _same_numpy_state(a: Any, b: Any) -> bool:
    same: Callable[[Any, Any], bool] = np.array_equal
    return all(same(x, y) for x, y in zip(a, b, strict=True))
