"""Reading a model as a chain: affine maps, rectifiers and pools, one after the other.

Certificates need to know what lies between two rectifiers, not only the rectifiers. One forward
pass under a torch-function mode tells: every call must read what the call before it returned. What
comes after the last rectifier has no pattern and is left out. Anything else is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.modules import module as module_hooks
from torch.overrides import TorchFunctionMode

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.isolation import (
    ExecutionState,
    IsolatedEvaluation,
    Precision,
    RandomState,
)
from regime_lib.instrument.capture.operators import FUNCTIONS, Kind

_SAME_ORDER = {
    "flatten",
    "reshape",
    "view",
    "squeeze",
    "unsqueeze",
    "contiguous",
    "clone",
    "detach",
}
_CONVOLUTIONS = {"conv1d", "conv2d", "conv3d"}
_AVERAGES = {"avg_pool1d", "avg_pool2d", "avg_pool3d"}
_SUPPORTED = "Linear, Conv, ReLU, AvgPool, MaxPool, Flatten and reshapes"


@dataclass(frozen=True)
class Affine:
    """An affine map; `product` is its bilinear part, from inputs and weight to outputs."""

    name: str
    weight: str
    bias: str | None
    product: Callable[[Tensor, Tensor], Tensor]
    terms: int
    """Products in one output's sum."""

    def shift(self, bias: Tensor, like: Tensor) -> Tensor:
        """Return a bias in the shape of the outputs: one number a channel, or a unit."""
        axis = 1 if self.product is not F.linear else like.ndim - 1
        return bias.view([-1 if place == axis else 1 for place in range(like.ndim)])


@dataclass(frozen=True)
class Rectify:
    """A rectifier: the sign of its input is the pattern."""

    name: str


@dataclass(frozen=True)
class PoolStep:
    """An average (`largest` False) or a maximum over windows."""

    name: str
    apply: Callable[[Tensor], Tensor]
    largest: bool
    terms: int
    """Not fewer than the numbers in one window."""


@dataclass(frozen=True)
class Reshape:
    """The same numbers in another shape."""

    shape: tuple[int, ...]
    """Without the samples."""

    def apply(self, values: Tensor) -> Tensor:
        """Bring the values into the shape."""
        return values.reshape(len(values), *self.shape)


Step = Affine | Rectify | PoolStep | Reshape


@dataclass(frozen=True)
class Chain:
    """What a model does to one input, up to its last rectifier."""

    steps: tuple[Step, ...]

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the rectifiers, in order."""
        return tuple(step.name for step in self.steps if isinstance(step, Rectify))

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters that decide the pattern."""
        used = [
            name
            for step in self.steps
            if isinstance(step, Affine)
            for name in (step.weight, step.bias)
            if name is not None
        ]
        return tuple(dict.fromkeys(used))

    def preactivations(
        self,
        parameters: Mapping[str, Tensor],
        inputs: Float[Tensor, "samples *features"],
        direction: Mapping[str, Tensor] | None = None,
        scale: Float[Tensor, " samples"] | float = 0.0,
    ) -> list[Float[Tensor, "samples units"]]:
        """Run the chain; return what every rectifier reads, a row a sample.

        With a `direction`, every sample is run at parameters of its own: moved along it by its
        entry of `scale`.
        """
        found = []
        for step in self.steps:
            match step:
                case Affine():
                    before = inputs
                    inputs = self._affine(step, parameters, before)
                    if direction is not None:
                        moved = self._affine(step, direction, before)
                        shape = (-1, *[1] * (moved.ndim - 1))
                        inputs = inputs + torch.as_tensor(scale).reshape(shape) * moved
                case Rectify():
                    found.append(inputs.flatten(1))
                    inputs = inputs.relu()
                case _:
                    inputs = step.apply(inputs)
        return found

    @staticmethod
    def _affine(step: Affine, parameters: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        outputs = step.product(inputs, parameters[step.weight])
        if step.bias is not None:
            outputs = outputs + step.shift(parameters[step.bias], outputs)
        return outputs


def read_chain(model: nn.Module, inputs: Tensor) -> Chain:
    """Run a model once, undisturbed, and return it as a chain.

    Parameters
    ----------
    model : nn.Module
        The network, in whatever mode; it is read in evaluation mode.
    inputs : tensor, shape (samples, ...)
        What it is run on.

    Raises
    ------
    RegimeError
        If a rectifier lies behind a layer that is none of the supported ones (it is named), reads
        anything but the layer before it, or if there is no rectifier at all.
    """
    if not isinstance(inputs, Tensor) or not inputs.is_floating_point() or inputs.ndim < 2:
        raise RegimeError(
            "a certificate needs the probe as one floating-point tensor with a row a sample; "
            "pass the inputs that the model takes, such as data.test_inputs"
        )
    if not len(inputs) or not bool(torch.isfinite(inputs).all()):
        raise RegimeError("the probe is empty or not finite; pass at least one finite input")
    recorder = _Recorder(model, inputs)
    surroundings = ExecutionState(RandomState.capture(python=True), Precision.capture())
    with recorder.naming(), IsolatedEvaluation(model, surroundings), recorder:
        model(inputs)
    steps = recorder.steps
    last = max((k for k, step in enumerate(steps) if isinstance(step, Rectify)), default=-1)
    if last < 0:
        raise RegimeError(
            f"{type(model).__name__} has no rectifier that a certificate could be about; "
            "it needs at least one ReLU"
        )
    return Chain(tuple(steps[: last + 1]))


@dataclass(eq=False)
class _Recorder(TorchFunctionMode):
    """Notes every call that leads from the inputs to a rectifier."""

    model: nn.Module
    inputs: Tensor
    steps: list[Step] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._current = self.inputs
        self._kept = [self.inputs]  # keeps tensors alive, so that no address is used twice
        self._known = {id(self.inputs)}
        self._lost: dict[int, str] = {}
        self._stack: list[nn.Module] = []
        self._names = {id(module): name for name, module in self.model.named_modules()}
        self._parameters = {id(p): name for name, p in self.model.named_parameters()}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        given = [arg for arg in (*args, *kwargs.values()) if isinstance(arg, Tensor)]
        read = args[0] if args and isinstance(args[0], Tensor) else kwargs.get("input")
        follows, known = read is self._current, any(id(t) in self._known for t in given)
        lost = next((self._lost[id(t)] for t in given if id(t) in self._lost), None)
        result = func(*args, **kwargs)
        name = getattr(func, "__name__", str(func)).rstrip("_")
        rule = FUNCTIONS.get(func)
        kink = rule is not None and rule.kind is not Kind.SMOOTH
        if kink and (lost or not known):
            self._refuse(lost or f"what {self._here()} reads, which no PyTorch function computed")
        if not known or not isinstance(result, Tensor):
            return result
        step = None if lost else self._step(name, args, kwargs, result)
        if step is not None and follows:
            self._advance(step, result)
        elif result is not read or step is None:
            reason = lost or f"{name} in {self._here()}"
            if step is not None:
                reason = f"{self._here()}, which reads an earlier activation a second time"
            if kink:
                self._refuse(reason)
            self._keep(result)
            self._lost[id(result)] = reason
        return result

    def _step(
        self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Tensor
    ) -> Step | None:
        """Return what a call does, or None if a chain cannot hold it."""
        values = args[0] if args else kwargs["input"]
        if name == "linear" or name in _CONVOLUTIONS:
            return self._affine(name, args, kwargs)
        if name == "relu":
            return Rectify(self._unused_name())
        if name in _AVERAGES or name.startswith("max_pool"):
            function = getattr(F, name)
            rest = args[1:]
            return PoolStep(
                self._name(),
                lambda x: function(x, *rest, **kwargs),
                name[0] == "m",
                values[0].numel(),
            )
        idle = name == "dropout" or name in _SAME_ORDER
        if idle and result.numel() == values.numel() and len(result) == len(values):
            return Reshape(tuple(result.shape[1:]))
        return None

    def _affine(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Affine | None:
        names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
        given = dict(zip(names, args, strict=False)) | dict(kwargs)
        weight, bias = given["weight"], given.get("bias")
        if id(weight) not in self._parameters or (
            bias is not None and id(bias) not in self._parameters
        ):
            return None
        product: Callable[[Tensor, Tensor], Tensor] = F.linear
        if name != "linear":
            function, geometry = getattr(F, name), {k: given[k] for k in names[3:] if k in given}
            product = lambda x, w: function(x, w, None, **geometry)  # noqa: E731
        return Affine(
            self._name(),
            self._parameters[id(weight)],
            None if bias is None else self._parameters[id(bias)],
            product,
            weight[0].numel(),
        )

    def _advance(self, step: Step, result: Tensor) -> None:
        self.steps.append(step)
        self._keep(result)
        self._current = result

    def _keep(self, result: Tensor) -> None:
        self._kept.append(result)
        self._known.add(id(result))

    def _refuse(self, reason: str) -> None:
        raise RegimeError(f"a certificate cannot follow {reason}; it knows chains of {_SUPPORTED}")

    def _name(self) -> str:
        return self._names.get(id(self._stack[-1]), "") if self._stack else ""

    def _here(self) -> str:
        kind = type(self._stack[-1] if self._stack else self.model).__name__
        name = self._name()
        return f"layer '{name}' ({kind})" if name else f"the forward function of {kind}"

    def _unused_name(self) -> str:
        taken = {step.name for step in self.steps if isinstance(step, Rectify)}
        name = self._name() or "relu"
        return name if name not in taken else f"{name} (call {len(taken) + 1})"

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Know at every moment which module runs."""

        def entered(module: nn.Module, inputs: Any) -> None:
            self._stack.append(module)

        def left(module: nn.Module, inputs: Any, output: Any) -> None:
            self._stack.pop()

        hooks = [
            module_hooks.register_module_forward_pre_hook(entered),
            module_hooks.register_module_forward_hook(left, always_call=True),
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
