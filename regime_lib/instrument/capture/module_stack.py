"""Which module runs at each moment of a forward pass, and what to call it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

from torch import nn
from torch.nn.modules import module as module_hooks

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.wrappers import plain_name


class ModuleStack:
    """The modules of a model that are running, outermost first."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._names = {id(module): plain_name(name) for name, module in model.named_modules()}
        self._running: list[nn.Module] = []

    @property
    def module(self) -> nn.Module | None:
        """The innermost module that runs."""
        return self._running[-1] if self._running else None

    @property
    def name(self) -> str:
        """Its name; empty if it has none."""
        return self._names.get(id(self.module), "")

    def description(self) -> str:
        """Name the place for a sentence to the user."""
        running = self.module
        kind = type(self._model if running is None else running).__name__
        return f"layer '{self.name}' ({kind})" if self.name else f"the forward function of {kind}"

    def unused_name(self, function: str, taken: Collection[str]) -> str:
        """Name a call by its module or function, and by its number if that name is taken."""
        name = self.name or function
        return name if name not in taken else f"{name} (call {len(taken) + 1})"

    @contextmanager
    def following(
        self,
        entered: Callable[[nn.Module], None] | None = None,
        left: Callable[[nn.Module, Any], Any] | None = None,
    ) -> Iterator[None]:
        """Know in this block which module runs.

        `entered` is told of every module that begins; `left` of every module that ends, with its
        output, and what it returns takes the output's place. A model whose parts run in another
        thread is refused: no mode of PyTorch sees their calls.
        """
        home, elsewhere = get_ident(), set[str]()

        def before(module: nn.Module, inputs: Any) -> None:
            if get_ident() != home:
                if id(module) in self._names:
                    elsewhere.add(self._names[id(module)] or type(module).__name__)
                return
            self._running.append(module)
            if entered is not None:
                entered(module)

        def after(module: nn.Module, inputs: Any, output: Any) -> Any:
            if get_ident() != home:
                return None
            result = None if left is None else left(module, output)
            self._running.pop()
            return result

        hooks = [
            module_hooks.register_module_forward_pre_hook(before),
            module_hooks.register_module_forward_hook(after, always_call=True),
        ]
        try:
            with warnings.catch_warnings():
                # compiled parts run in eager mode here, where global hooks do no harm
                warnings.filterwarnings("ignore", message=".*global hooks on modules")
                yield
        finally:
            for hook in hooks:
                hook.remove()
        if elsewhere:
            raise RegimeError(
                f"{', '.join(sorted(elsewhere))} ran in another thread, where calls cannot be "
                "seen; let the model run in the thread that observes it, on this probe at least"
            )
