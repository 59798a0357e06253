"""Two modes that watch a forward pass and hand every call with a kink to a listener.

The torch-function mode sees what module hooks cannot: functions, methods, in-place calls, modules
called twice, the encoder layer's fused path (which PyTorch takes only where no mode watches). The
dispatch mode, one level below, sees what the function mode cannot: recurrent layers, scripted
modules, anything written in C++. It runs only where a first look found such calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from regime_lib.instrument.capture.operators import (
    FUNCTIONS,
    OPERATORS,
    Kind,
    Rule,
    pool_with_winners,
)

FUNCTION, DISPATCH = "function", "dispatch"


@runtime_checkable
class Listener(Protocol):
    """Who is told of the calls."""

    def on_call(
        self, rule: Rule, via: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> bool:
        """Read a call before it runs; return whether its winners are wanted as well."""

    def on_winners(self, winners: Tensor) -> None:
        """Take the winners of the max-pool just announced."""

    def on_operator(
        self, operator: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any
    ) -> None:
        """Take note of any ATen operator that has run (first look only)."""


class _Muted:
    """True while a function with a rule runs, so that the operators below it are not told again."""

    def __init__(self) -> None:
        self.active = False


class _FunctionMode(TorchFunctionMode):
    def __init__(self, listener: Listener, muted: _Muted) -> None:
        super().__init__()
        self._listener, self._muted = listener, muted

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        rule, kwargs = FUNCTIONS.get(func), kwargs or {}
        if rule is None or not _plain(args):
            return func(*args, **kwargs)
        wants_winners = self._listener.on_call(rule, FUNCTION, args, kwargs)
        self._muted.active = True
        try:
            if not wants_winners:
                return func(*args, **kwargs)
            output, winners = pool_with_winners(rule.op, args, kwargs)
        finally:
            self._muted.active = False
        self._listener.on_winners(winners)
        return (output, winners) if func.__name__.endswith("with_indices") else output


class _DispatchMode(TorchDispatchMode):
    def __init__(self, listener: Listener, muted: _Muted, every_operator: bool) -> None:
        super().__init__()
        self._listener, self._muted, self._every_operator = listener, muted, every_operator

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        rule = None if self._muted.active else OPERATORS.get(func.overloadpacket)
        wants_winners = False
        if rule is not None:
            wants_winners = self._listener.on_call(rule, DISPATCH, args, kwargs)
        result = func(*args, **kwargs)
        if wants_winners:
            self._listener.on_winners(result[1])
        if self._every_operator:
            self._listener.on_operator(func, args, kwargs, result)
        return result


def _plain(args: tuple[Any, ...]) -> bool:
    """Tell an ordinary tensor from one inside a function transform such as `torch.vmap`."""
    return not (
        args
        and isinstance(args[0], Tensor)
        and torch._C._functorch.is_functorch_wrapped_tensor(args[0])
    )


def watch(
    listener: Listener, *, dispatch: bool = False, every_operator: bool = False
) -> AbstractContextManager[object]:
    """Return a context in which `listener` is told of every call with a kink.

    Parameters
    ----------
    listener : Listener
        Who is told.
    dispatch : bool
        Whether to look below the Python functions too.
    every_operator : bool
        Whether to tell of every ATen operator (needs `dispatch`).
    """
    muted = _Muted()
    function_mode = _FunctionMode(listener, muted)
    if not dispatch:
        return function_mode
    return _both(_DispatchMode(listener, muted, every_operator), function_mode)


@contextmanager
def _both(dispatch_mode: _DispatchMode, function_mode: _FunctionMode) -> Iterator[None]:
    # the encoder layer's fused operator hides its rectifier from a dispatch mode
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with dispatch_mode, function_mode:
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)


__all__ = ["DISPATCH", "FUNCTION", "Kind", "Listener", "watch"]
