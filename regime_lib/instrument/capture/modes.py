"""Two modes that hand every call of a piecewise-linear function to a listener.

The torch-function mode sees what module hooks cannot: functions, methods, in-place calls, modules
called twice, the encoder layer's fused path (which PyTorch takes only where no mode is on). The
dispatch mode, one level below, sees what the function mode cannot: recurrent layers, scripted
modules, anything written in C++. It runs only where the first observation found such calls.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from regime_lib.instrument.capture.operators import (
    FUNCTIONS,
    OPERATORS,
    Args,
    Kwargs,
    Rule,
    pool_with_winners,
)
from regime_lib.instrument.capture.torch_private import (
    TorchDispatchMode,
    inside_transform,
    is_higher_order,
)

FUNCTION, DISPATCH = "function", "dispatch"


@runtime_checkable
class Listener(Protocol):
    """Who is told of the calls."""

    def on_call(self, rule: Rule, via: str, args: Args, kwargs: Kwargs) -> bool:
        """Read a call before it runs; return whether its winners are wanted as well."""

    def on_winners(self, winners: Tensor) -> None:
        """Take the winners of the max-pool just announced."""

    def before_operator(self, operator: Any, kwargs: Kwargs) -> None:
        """Take note of any operator that is about to run (first observation only)."""

    def on_operator(self, operator: Any, args: Args, kwargs: Kwargs, result: Any) -> None:
        """Take note of any ATen operator that has run (first observation only)."""


class _Muted:
    """True while a function with a rule runs, so that the operators below it are not told again."""

    def __init__(self) -> None:
        self.active = False


class _FunctionMode(TorchFunctionMode):
    def __init__(self, listener: Listener, muted: _Muted) -> None:
        super().__init__()
        self._listener, self._on_call, self._muted = listener, listener.on_call, muted

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Args = (), kwargs: Kwargs | None = None
    ) -> Any:
        rule = FUNCTIONS.get(func)
        if rule is None:  # most calls
            return func(*args, **kwargs) if kwargs else func(*args)
        kwargs = kwargs or {}
        # a tensor inside a function transform such as `torch.vmap` is not the model's own
        if args and isinstance(args[0], Tensor) and inside_transform(args[0]):
            return func(*args, **kwargs)
        wants_winners = self._on_call(rule, FUNCTION, args, kwargs)
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
    supports_higher_order_operators = True

    def __init__(self, listener: Listener, muted: _Muted, every_operator: bool) -> None:
        super().__init__()
        self._listener, self._muted, self._every_operator = listener, muted, every_operator

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Args = (), kwargs: Kwargs | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if self._every_operator:
            self._listener.before_operator(func, kwargs)
        if is_higher_order(func):
            if func is not torch.ops.higher_order.cond:
                return func(*args, **kwargs)
            condition, on_true, on_false, operands = args
            with self:  # its branches are parts of the model
                return (on_true if condition else on_false)(*operands)
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


def intercept_calls(
    listener: Listener, *, dispatch: bool = False, every_operator: bool = False
) -> AbstractContextManager[object]:
    """Return a context in which `listener` is told of every call of a piecewise-linear function.

    With `dispatch` also of those below the Python functions, and then, if asked, of any operator.
    It may be entered again and again.
    """
    muted = _Muted()
    function_mode = _FunctionMode(listener, muted)
    if not dispatch:
        return function_mode
    return _Both(_DispatchMode(listener, muted, every_operator), function_mode)


class _Both(AbstractContextManager[object]):
    def __init__(self, dispatch_mode: _DispatchMode, function_mode: _FunctionMode) -> None:
        self._modes = dispatch_mode, function_mode

    def __enter__(self) -> None:
        # the encoder layer's fused operator hides its rectifier from a dispatch mode
        self._fused = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        for mode in self._modes:
            mode.__enter__()

    def __exit__(self, *failure: Any) -> None:
        for mode in reversed(self._modes):
            mode.__exit__(*failure)
        torch.backends.mha.set_fastpath_enabled(self._fused)
