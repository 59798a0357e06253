"""Reading a model as a chain: affine maps, rectifiers and pools, one after the other.

Certificates need to know what lies between two rectifiers, not only the rectifiers. One forward
pass under a torch-function mode tells: every call must read what the call before it returned. What
comes after the last rectifier has no pattern and is left out. Anything else is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.isolation import isolated
from regime_lib.instrument.capture.module_stack import ModuleStack
from regime_lib.instrument.capture.operators import FUNCTIONS, Args, Kind, Kwargs
from regime_lib.instrument.capture.probe import checked_inputs

_SAME_ORDER = {"flatten", "reshape", "view", "squeeze", "unsqueeze"}
_SAME_ORDER |= {"contiguous", "clone", "detach"}
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
        """Return a bias in the shape of the outputs: one number per channel, or per unit."""
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
        affine = [step for step in self.steps if isinstance(step, Affine)]
        used = [name for step in affine for name in (step.weight, step.bias) if name is not None]
        return tuple(dict.fromkeys(used))

    def preactivations(
        self,
        parameters: Mapping[str, Tensor],
        inputs: Float[Tensor, "samples *features"],
        direction: Mapping[str, Tensor] | None = None,
        scale: Float[Tensor, " samples"] | float = 0.0,
    ) -> list[Float[Tensor, "samples units"]]:
        """Run the chain; return what every rectifier reads, one row per sample.

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

    def pattern(self, *where: Any) -> Bool[Tensor, "samples units"]:
        """Tell which units of all layers are on; arguments as for `preactivations`."""
        return torch.cat(self.preactivations(*where), dim=1) > 0

    @staticmethod
    def _affine(step: Affine, parameters: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
        outputs = step.product(inputs, parameters[step.weight])
        if step.bias is not None:
            outputs = outputs + step.shift(parameters[step.bias], outputs)
        return outputs


def read_chain(model: nn.Module, inputs: Tensor) -> Chain:
    """Run a model once, in evaluation mode, and return it as a chain.

    A rectifier behind a layer that is none of the supported ones is refused (the layer is named),
    and so is one that reads anything but the layer before it.
    """
    checked_inputs(inputs)
    inputs = inputs.clone()  # a forward pass may work in place on what it is given
    recorder = _Recorder(model, inputs)
    with recorder.running.following(), isolated(model), recorder:
        model(inputs)
    steps = recorder.steps
    last = max((k for k, step in enumerate(steps) if isinstance(step, Rectify)), default=-1)
    if last < 0:
        raise RegimeError(
            f"{type(model).__name__} has no rectifier that a certificate could be about; "
            "it needs at least one ReLU"
        )
    first = next(step for step in steps if isinstance(step, Affine | Rectify))
    if isinstance(first, Rectify):
        raise RegimeError(
            f"{first.name} rectifies the inputs themselves, before any weight, so that its pattern "
            "never changes; leave it out, and pass inputs that are rectified"
        )
    return Chain(tuple(steps[: last + 1]))


def _is_random(args: Args, kwargs: Kwargs) -> bool:
    """Whether a call of dropout drops anything: functions do so in evaluation mode as well."""
    given = dict(zip(("input", "p", "training"), args, strict=False)) | dict(kwargs)
    # torch's own function spells its third argument `train`, and has no defaults
    return given.get("p", 0.5) != 0 and bool(given.get("training", given.get("train", True)))


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
        self.running = ModuleStack(self.model)
        self._parameters = {id(p): name for name, p in self.model.named_parameters()}

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Args = (), kwargs: Kwargs | None = None
    ) -> Any:
        kwargs = kwargs or {}
        given = [arg for arg in (*args, *kwargs.values()) if isinstance(arg, Tensor)]
        read = args[0] if args and isinstance(args[0], Tensor) else kwargs.get("input")
        follows, known = read is self._current, any(id(t) in self._known for t in given)
        lost = next((self._lost[id(t)] for t in given if id(t) in self._lost), None)
        result = func(*args, **kwargs)
        name = getattr(func, "__name__", str(func)).rstrip("_")
        rule = FUNCTIONS.get(func)
        piecewise = rule is not None and rule.kind is not Kind.SMOOTH
        if piecewise and (lost or not known):
            self._refuse(
                lost
                or f"what {self.running.description()} reads, which no PyTorch function computed"
            )
        if not known or not isinstance(result, Tensor):
            return result
        step = None if lost else self._step(name, args, kwargs, result)
        if step is not None and follows:
            self._advance(step, result)
        elif result is not read or step is None:
            reason = lost or f"{name} in {self.running.description()}"
            if step is not None:
                reason = (
                    f"{self.running.description()}, which reads an earlier activation a second time"
                )
            if piecewise:
                self._refuse(reason)
            self._keep(result)
            self._lost[id(result)] = reason
        return result

    def _step(self, name: str, args: Args, kwargs: Kwargs, result: Tensor) -> Step | None:
        """Return what a call does, or None if a chain cannot hold it."""
        values = args[0] if args else kwargs["input"]
        if name == "linear" or name in _CONVOLUTIONS:
            return self._affine(name, args, kwargs)
        if name == "relu":
            taken = {step.name for step in self.steps if isinstance(step, Rectify)}
            return Rectify(self.running.unused_name("relu", taken))
        if name in _AVERAGES or name.startswith("max_pool"):
            function = getattr(F, name)
            rest = args[1:]
            return PoolStep(
                self.running.name,
                lambda x: function(x, *rest, **kwargs),
                name[0] == "m",
                values[0].numel(),
            )
        idle = name in _SAME_ORDER and not any(isinstance(arg, torch.dtype) for arg in args)
        idle |= name == "dropout" and not _is_random(args, kwargs)
        if idle and result.numel() == values.numel() and len(result) == len(values):
            return Reshape(tuple(result.shape[1:]))
        return None

    def _affine(self, name: str, args: Args, kwargs: Kwargs) -> Affine | None:
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
            self.running.name,
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
