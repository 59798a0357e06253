"""Running a model so that nothing of it, nor of the training around it, is changed."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.state import ModelState
from regime_lib.instrument.capture.torch_private import (
    eager,
    no_parametrization_cache,
    set_gradients,
)

_DEVICES_WITH_AUTOCAST = ("cpu", "cuda")


class RandomState(NamedTuple):
    """The state of the random generators: torch's, and if asked Python's and NumPy's."""

    cpu: Tensor
    cuda: list[Tensor]
    python: tuple[Any, Any] | None

    @classmethod
    def capture(cls, python: bool = False) -> RandomState:
        """Read the state of the CPU generator and of every CUDA generator in use."""
        used = torch.cuda.is_initialized()
        return cls(
            torch.default_generator.get_state(),
            torch.cuda.get_rng_state_all() if used else [],
            (random.getstate(), np.random.get_state()) if python else None,  # noqa: NPY002
        )

    def restore(self) -> None:
        """Put the generators back into this state."""
        torch.default_generator.set_state(self.cpu)
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

    def apply(self, then: Callable[[Callable[[], Any]], None]) -> None:
        """Switch autocast on or off as it was captured; hand `then` what ends it.

        The cast cache stays off: weights that are cast without gradients and kept would later cut
        the training step off from its own parameters.
        """
        if not (self.autocast or any(map(torch.is_autocast_enabled, _DEVICES_WITH_AUTOCAST))):
            return
        wanted = dict(self.autocast)
        for device in _DEVICES_WITH_AUTOCAST:
            if device in wanted or torch.is_autocast_enabled(device):
                on, dtype = device in wanted, wanted.get(device)
                context = torch.autocast(device, dtype=dtype, enabled=on, cache_enabled=False)
                context.__enter__()
                then(partial(context.__exit__, None, None, None))


@dataclass(frozen=True, eq=False, repr=False)
class ExecutionState:
    """What every probe run is given again, as it was when tracking began."""

    noise: RandomState
    precision: Precision
    parameters: tuple[Tensor, ...] | None = None
    """Parameters that the model writes to; None if that is not known, so that all are copied."""
    generators: tuple[torch.Generator, ...] = ()
    """Generators that the model draws from, beside the global ones and those of its modules."""


class IsolatedEvaluation:
    """A context in which forward passes change nothing; made once, entered for every observation.

    Modules run in evaluation mode and no gradient is recorded; compiled parts run in eager mode and
    are not recompiled; parts that run in parallel do not talk to other processes; models that are
    random in evaluation mode see the same noise every time. Afterwards the training flag of every
    module, the random states and all that the model holds are as they were before.

    Raises
    ------
    RegimeError
        On leaving, if the model wrote to a parameter that was not copied; on entering, inside a
        compiled function.
    """

    def __init__(self, model: nn.Module, state: ExecutionState) -> None:
        self._state, self.noise = state, state.noise
        self.held = ModelState(model, state.parameters, state.generators)
        self._names = model.named_parameters
        self._undo: list[Callable[[], Any]] = []  # cheaper than an ExitStack, at every look
        self._lost: list[Tensor] = []

    def __enter__(self) -> None:
        self._undo, self._lost = [], []
        then = self._undo.append
        try:
            then(_noise_of_now(python=self.noise.python is not None))
            ready = self.held.take()
            then(self._put_back)
            ready()
            then(partial(set_gradients, torch.is_grad_enabled()))
            set_gradients(False)
            then(_eager())
            self._state.precision.apply(then)
            if parametrize._cache_enabled:
                cache = no_parametrization_cache()
                cache.__enter__()
                then(partial(cache.__exit__, None, None, None))
            self.noise.restore()
        except BaseException:
            self._leave()
            raise

    def __exit__(self, *failure: Any) -> None:
        self._leave()
        if self._lost and failure[0] is None:
            names = {id(tensor): name for name, tensor in self._names()}
            lost = ", ".join(names.get(id(tensor), "of no name") for tensor in self._lost)
            raise RegimeError(
                f"the model's forward pass wrote to the parameter {lost}, which it did not do when "
                "tracking began, so that it was not kept and cannot be put back; update it outside "
                "of forward, or make it a buffer"
            )

    def _leave(self) -> None:
        """Undo everything, the last first, also where one of them fails."""
        failed = None
        for undo in reversed(self._undo):
            try:
                undo()
            except BaseException as error:
                failed = error
        if failed is not None:
            raise failed

    def _put_back(self) -> None:
        self._lost = self.held.put_back()


def isolated(model: nn.Module) -> IsolatedEvaluation:
    """Return a context for forward passes in the precision and with the noise of this moment."""
    state = ExecutionState(RandomState.capture(python=True), Precision.capture())
    return IsolatedEvaluation(model, state)


def _noise_of_now(python: bool) -> Callable[[], object]:
    """Return what puts the generators back into the state of this moment."""
    if python or torch.cuda.is_initialized():
        return RandomState.capture(python).restore
    # most looks, for which a tuple of all generators costs as much as reading the one
    generator = torch.default_generator
    return partial(generator.set_state, generator.get_state())


def _eager() -> Callable[[], object]:
    """Run compiled parts in eager mode from here on; return what ends that."""
    try:
        return eager()
    except RuntimeError:
        raise RegimeError(
            "a model cannot be observed inside a compiled function; call the tracker outside of it"
        ) from None
