"""Every private name of PyTorch that the instrument uses, and why; tested one by one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import cache, partial
from itertools import chain
from operator import attrgetter, is_, methodcaller
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.grad_mode import _unsafe_preserve_version_counter
from torch.nn.modules import activation
from torch.nn.modules import module as modules
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize
from torch.utils._python_dispatch import TorchDispatchMode, is_traceable_wrapper_subclass

__all__ = [
    "COMPILED_ORIGINAL",
    "HOOK_TABLES",
    "MODULE_ATTRIBUTES",
    "NN_FUNCTIONS",
    "Structure",
    "TorchDispatchMode",
    "all_modules",
    "eager",
    "inside_transform",
    "is_being_compiled",
    "is_compiled",
    "is_higher_order",
    "is_lazy",
    "is_observed",
    "keep_versions",
    "no_parametrization_cache",
    "rectifier",
    "rectifies_plainly",
    "set_gradients",
    "subclass_parts",
    "version_of",
    "versions_of",
]

# The only way to see operators below the Python functions; documented, but at a private place.
_ = TorchDispatchMode

#: Where `torch.nn.functional` takes activations from; a mode may be handed these themselves.
NN_FUNCTIONS = torch._C._nn

#: Puts buffers back without that autograd takes them for changed; public only as `.data`, which
#: does not undo a change of the version that a forward pass has made.
keep_versions = _unsafe_preserve_version_counter

#: Tells a tensor inside `torch.vmap` or `grad`, whose calls are not the model's own; `torch.func`
#: offers no test for it.
inside_transform = torch._C._functorch.is_functorch_wrapped_tensor

#: Switches gradients on and off without the object of a context manager at every look.
set_gradients = torch._C._set_grad_enabled

#: The attribute under which `torch.compile` keeps the module that it wraps; there is no accessor.
COMPILED_ORIGINAL = "_orig_mod"

#: What every module has, and which of that are tables that torch fills and never replaces.
MODULE_ATTRIBUTES = frozenset(vars(nn.Module()))
_MODULE_TABLES = frozenset({"_parameters", "_buffers", "_modules"})
HOOK_TABLES = (
    frozenset(n for n, v in vars(nn.Module()).items() if isinstance(v, dict | set)) - _MODULE_TABLES
)

_VALUES, _VERSION = methodcaller("values"), attrgetter("_version")


_RELU, _RELU_FORWARD = F.relu, nn.ReLU.forward
_UNTOUCHED = all(
    getattr(getattr(function, "__code__", None), "co_filename", None) == home.__file__
    for function, home in ((_RELU, F), (_RELU_FORWARD, activation))
)


@contextmanager
def no_parametrization_cache() -> Iterator[None]:
    """Neither read nor write what `torch.nn.utils.parametrize.cached` keeps."""
    kept, parametrize._cache = parametrize._cache, {}
    try:
        yield
    finally:
        parametrize._cache = kept


def eager() -> Callable[[], object]:
    """Run compiled parts in eager mode from here on; return what ends that.

    This is what `torch.compiler.set_stance` does, which also makes objects for a decorator and
    imports a name, at every look.

    Raises
    ------
    RuntimeError
        Inside a compiled function.
    """
    if is_being_compiled():
        raise RuntimeError("a stance cannot be taken inside a compiled function")
    home, stance, _ = _stance()
    end = partial(setattr, home, "_stance", home._stance)
    home._stance = stance
    return end


def is_being_compiled() -> bool:
    """Whether this runs inside a compiled function."""
    found = _stance()[2]()
    return found is not None and found is not False


@cache
def _stance() -> tuple[Any, Any, Callable[[], Any]]:
    from torch._C._dynamo.eval_frame import get_eval_frame_callback
    from torch._dynamo import eval_frame  # importing it with torch would take seconds

    return eval_frame, eval_frame.DynamoStance("force_eager"), get_eval_frame_callback


def is_higher_order(operator: object) -> bool:
    """Tell an operator that takes functions, such as `torch.cond`, from an ATen operator."""
    return isinstance(operator, torch._ops.HigherOrderOperator)


def subclass_parts(tensor: Tensor) -> list[Tensor] | None:
    """Return the tensors that a wrapper without memory of its own is made of; None of any other."""
    wrapper: Any = tensor
    if type(tensor) in (Tensor, nn.Parameter) or not is_traceable_wrapper_subclass(wrapper):
        return None
    names, _ = wrapper.__tensor_flatten__()
    return [getattr(tensor, name) for name in names]


def is_compiled(model: nn.Module) -> bool:
    """Tell whether `torch.compile` or `Module.compile` was called on a model or a part of it.

    The second leaves but a private attribute behind.
    """
    # hasattr(module, ...) would cost an exception with its message for every plain module
    return any(
        COMPILED_ORIGINAL in module._modules
        or getattr(module, "_compiled_call_impl", None) is not None
        for module in all_modules(model)
    )


def all_modules(root: nn.Module) -> list[nn.Module]:
    """List a model's modules; several times faster than `modules()`, which names them."""
    found, seen = [root], {id(root)}
    for module in found:  # grows while it is walked
        for child in module._modules.values():
            if child is not None and id(child) not in seen:
                seen.add(id(child))
                found.append(child)
    return found


class Structure:
    """The modules and parameters of a model at one moment, each under its own module.

    Comparing the tables in which modules keep them costs a third of walking over the modules.
    """

    def __init__(self, model: nn.Module) -> None:
        modules = all_modules(model)
        self._tables = [t for one in modules for t in (one._modules, one._parameters)]
        self._held = self._now()
        self._sizes = list(map(len, self._tables))

    def holds(self) -> bool:
        """Whether all of them are still the same objects, in the same places."""
        return list(map(len, self._tables)) == self._sizes and all(
            map(is_, self._now(), self._held)
        )

    def _now(self) -> list[object]:
        # a scripted module makes its tables anew whenever they are read
        return [*chain.from_iterable(map(_VALUES, self._tables))]


def rectifies_plainly() -> bool:
    """Whether `nn.ReLU` does no more than call `torch.relu`: nobody put anything in its place."""
    return _UNTOUCHED and F.relu is _RELU and nn.ReLU.forward is _RELU_FORWARD


def rectifier(module: nn.ReLU) -> Callable[[Tensor], Tensor]:
    """Return the function that a module calls which `rectifies_plainly`."""
    return torch.relu_ if module.inplace else torch.relu


def is_observed() -> bool:
    """Whether a hook of all modules, or a mode, sees what runs: there is no public question."""
    return bool(
        modules._has_any_global_hook()
        or torch._C._len_torch_function_stack()
        or torch._C._len_torch_dispatch_stack()
    )


def version_of(tensor: Tensor) -> int:
    """Return how often a tensor was written to in place; -1 of one that does not count it.

    To compare values instead would cost a copy and a pass over memory at every step.
    """
    return -1 if tensor.is_inference() else tensor._version


def versions_of(tensors: Collection[Tensor]) -> list[int]:
    """Return them of many tensors, in one loop without Python: it runs at every look."""
    try:
        return list(map(_VERSION, tensors))
    except RuntimeError:  # an inference tensor
        return list(map(version_of, tensors))
