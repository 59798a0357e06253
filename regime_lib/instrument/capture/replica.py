"""A copy of a network that needs nothing but its parameters, on which looks can be made up for.

A look at a small network costs more in calls of Python than in arithmetic. Many looks at a stretch
share these calls, and find the processor's caches warm. So the parameters are recorded after every
step, and looked at later, on a copy: whatever happens to the network in the meantime.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from regime_lib.instrument.capture.isolation import ExecutionState, IsolatedEvaluation
from regime_lib.instrument.capture.modes import FUNCTION, Listener
from regime_lib.instrument.capture.operators import RULES
from regime_lib.instrument.capture.torch_private import (
    HOOK_TABLES,
    MODULE_ATTRIBUTES,
    all_modules,
    is_being_compiled,
    is_observed,
    rectifier,
    rectifies_plainly,
)

#: Layers whose output depends on their parameters and plain attributes only, in evaluation mode.
_PURE = frozenset(
    {
        nn.Sequential,
        nn.Identity,
        nn.Flatten,
        nn.Unflatten,
        nn.Linear,
        nn.LayerNorm,
        nn.Dropout,
        nn.ReLU,
    }
)
_PLAIN = frozenset({bool, int, float, str, tuple, type(None)})
_FORWARD_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_PATIENCE = 8


class Replica:
    """A copy of a network, into which recorded parameters are loaded.

    Parameters
    ----------
    model : nn.Module
        A network that `is_pure`.
    state : ExecutionState
        What every look is given; the network writes to no parameter.
    listener : Listener
        Is told of every rectifier that is called.
    members : int
        Size of the first axis of every parameter, or one.

    Attributes
    ----------
    isolated : IsolatedEvaluation
        In which it is run.
    """

    def __init__(
        self, model: nn.Module, state: ExecutionState, listener: Listener, members: int = 1
    ) -> None:
        with torch.inference_mode(False):
            own = copy.deepcopy(model).requires_grad_(False).eval()
        own.zero_grad(set_to_none=True)
        self.isolated = IsolatedEvaluation(own, replace(state, parameters=()))
        self._steps = [_step(layer, listener) for layer in _in_a_row(own)]
        # what is written through `.data` is not counted: no look takes it for the network's doing
        flat = [p.data.numpy().reshape(members, -1) for p in own.parameters()]
        ends = np.cumsum([0, *(one.shape[1] for one in flat)])
        self._memory = [
            (one, slice(a, b)) for one, (a, b) in zip(flat, pairwise(ends), strict=True)
        ]

    def load(self, row: Float[np.ndarray, "members parameters"]) -> None:
        """Write recorded parameters into the copy's own, which lie in memory as the network's."""
        for memory, part in self._memory:
            np.copyto(memory, row[:, part])

    def run(self, input: Tensor) -> Tensor:
        """Return the copy's output; named as `nn.Sequential` names it, for probes by name."""
        for step in self._steps:
            input = step(input)
        return input


class Postponing:
    """Decides at every step whether its look can wait, and keeps the copy for those that do.

    Parameters
    ----------
    model : nn.Module
        The network that is tracked.
    state : ExecutionState
        What every look is given.
    listener : Listener
        Is told of every rectifier that is called.
    members : int
        Size of the first axis of every parameter, or one.
    """

    def __init__(
        self, model: nn.Module, state: ExecutionState, listener: Listener, members: int = 1
    ) -> None:
        self._model, self._of = model, (state, listener, members)
        self._possible = not (state.parameters or state.generators)  # which a look must put back
        self._stood, self._judged = _PATIENCE, False
        self._hooks: list[dict[int, Any]] = []
        self.replica: Replica | None = None
        """On which the looks that wait are made up for."""

    def may_wait(self, unchanged: bool) -> bool:
        """Tell whether the look of this moment can be made up for later.

        `unchanged` says that the network is made of the objects of the look before. Where it is
        not, no look may be waiting any more, and the next ones are made at once.
        """
        if not unchanged:
            self._stood, self._judged = 0, False
            return False
        self._stood += 1
        if self._stood <= _PATIENCE:  # copying costs more than a look: not at every change of mode
            return False
        if not self._judged:
            self._hooks = [
                vars(m)[name] for m in all_modules(self._model) for name in _FORWARD_HOOKS
            ]
            pure = self._possible and is_pure(self._model)
            self.replica = Replica(self._model, *self._of) if pure else None
            self._judged = True
        undisturbed = rectifies_plainly() and not (is_observed() or is_being_compiled())
        return self.replica is not None and undisturbed and not any(self._hooks)


def _in_a_row(model: nn.Module) -> Iterator[nn.Module]:
    if isinstance(model, nn.Sequential):
        for layer in model:
            yield from _in_a_row(layer)
    else:
        yield model


def _step(layer: nn.Module, listener: Listener) -> Callable[[Tensor], Tensor]:
    """Return what calls a layer, past modes and hooks, of which there are none."""
    if not isinstance(layer, nn.ReLU):
        return layer.forward
    on_call, rule, function = listener.on_call, RULES["relu"], rectifier(layer)

    def rectify(values: Tensor) -> Tensor:
        on_call(rule, FUNCTION, (values,), {})
        return function(values)

    return rectify


def is_pure(model: nn.Module) -> bool:
    """Whether a network's output depends on its parameters only, as long as its objects stay.

    That is known of PyTorch's own layers in a row, without hooks, buffers or anything attached.
    """
    return all(map(_is_pure, all_modules(model))) and all(
        type(p) is nn.Parameter
        and p.device.type == "cpu"
        and p.dtype in (torch.float32, torch.float64)
        and p.is_contiguous()
        for p in model.parameters()
    )


def _is_pure(module: nn.Module) -> bool:
    own = vars(module)
    return (
        type(module) in _PURE
        and not any(own[name] for name in HOOK_TABLES)
        and not own["_buffers"]
        and all(
            type(value) in _PLAIN for name, value in own.items() if name not in MODULE_ATTRIBUTES
        )
    )
