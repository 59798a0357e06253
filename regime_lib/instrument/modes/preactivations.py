"""Where a model's activations are: what they read, and a switch to make them linear.

One forward pass under a torch-function mode sees every call of an elementwise activation, whether a
module or a function makes it. The *pre-activation* of a unit is what its activation reads, called
local field by arXiv 2501.02436 (version 5). An `nn.Identity` counts as an
activation, so that a linear network has pre-activations too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.isolation import isolated
from regime_lib.instrument.capture.module_stack import ModuleStack
from regime_lib.instrument.capture.operators import Args, Kwargs
from regime_lib.instrument.capture.probe import checked_inputs
from regime_lib.instrument.shapes import shapes

#: Elementwise activations by the name of the function that computes them.
ACTIVATIONS = frozenset(
    {"relu", "relu6", "leaky_relu", "prelu", "rrelu", "elu", "selu", "celu", "gelu", "silu", "mish"}
    | {"softplus", "softsign", "tanh", "sigmoid", "hardtanh", "hardswish", "hardsigmoid"}
    | {"logsigmoid", "tanhshrink", "softshrink", "hardshrink"}
)
_NOT_AFFINE = frozenset(
    {f"{kind}max_pool{axes}d" for kind in ("", "adaptive_") for axes in (1, 2, 3)}
    | {"softmax", "log_softmax", "layer_norm", "group_norm", "instance_norm", "rms_norm"}
    | {"local_response_norm", "normalize", "scaled_dot_product_attention", "glu"}
    | {"multi_head_attention_forward", "maximum", "minimum", "max", "amax", "abs", "clamp", "clip"}
    | {"where", "exp", "log", "pow", "sqrt", "erf", "sin", "cos"}
)


@dataclass(frozen=True, eq=False)
class PreActivations:
    """The pre-activations of every activation on given inputs, in the order of the calls."""

    layers: tuple[str, ...]
    before: tuple[Float[Tensor, "members samples _units"], ...]
    """What each activation reads; the number of units differs from layer to layer."""
    after: tuple[Float[Tensor, "members samples _units"], ...]
    """What it returns."""
    logits: Float[Tensor, "members samples classes"]

    __repr__ = shapes


class PreActivationMode(TorchFunctionMode):
    """Sees the calls of activations; those beyond the first `keep` return what they read.

    Parameters
    ----------
    model : nn.Module
        Whose layers give the names.
    keep : int, optional
        How many activations, counted from the input, stay; all of them by default.
    instead : callable, optional
        What the last activation that stays returns, made from what it would have returned.
    record : bool
        Whether to keep copies of what activations read and return; on many samples they are large.
    """

    def __init__(
        self,
        model: nn.Module,
        keep: int | None = None,
        instead: Callable[[Tensor], Tensor] | None = None,
        *,
        record: bool = True,
    ) -> None:
        super().__init__()
        self.layers: list[str] = []
        self.before: list[Tensor] = []
        self.after: list[Tensor] = []
        self.suspects: list[str] = []
        self._keep, self._instead, self._record = keep, instead, record
        self._running = ModuleStack(model)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Args = (), kwargs: Kwargs | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "").rstrip("_")
        read = args[0] if args else kwargs.get("input")
        if name in ACTIVATIONS and isinstance(read, Tensor):
            return self._activation(name, read, lambda: func(*args, **kwargs))
        if name in _NOT_AFFINE and self._keep is not None and len(self.layers) >= self._keep:
            self.suspects.append(f"{name} in {self._running.description()}")
        return func(*args, **kwargs)

    def _activation(self, name: str, read: Tensor, call: Callable[[], Tensor]) -> Tensor:
        number = len(self.layers) + 1
        self.layers.append(self._running.unused_name(name, self.layers))
        if self._record:  # a copy, because an activation in place overwrites what it reads
            self.before.append(read.detach().clone())
        result = read if self._keep is not None and number > self._keep else call()
        if number == self._keep and self._instead is not None:
            result = self._instead(result)
        if self._record:
            self.after.append(result.detach().clone())
        return result

    @contextmanager
    def listening(self) -> Iterator[PreActivationMode]:
        """Be in force in this block, and know at every moment which module runs."""

        def left(module: nn.Module, output: Any) -> Any:
            if type(module) is nn.Identity and isinstance(output, Tensor):
                return self._activation("identity", output, lambda: output)
            return None

        with self._running.following(left=left), self:
            yield self


def read_preactivations(
    model: nn.Module, inputs: Tensor, *, members: int | None = None
) -> PreActivations:
    """Run a model once, isolated, and return the pre-activations of all its activations.

    Parameters
    ----------
    model : nn.Module
        Any network with elementwise activations; it is run in evaluation mode.
    inputs : tensor, shape (samples, ...)
        What it is run on.
    members : int, optional
        K if the model is an ensemble of K networks with a leading member axis.

    Raises
    ------
    RegimeError
        If no elementwise activation is called, or outputs and activations do not have one row
        per sample.
    """
    samples = checked_inputs(inputs)
    mode = PreActivationMode(model)
    with isolated(model), mode.listening():
        logits = model(inputs.clone())
    if not mode.layers:
        raise RegimeError(
            f"{type(model).__name__} calls no elementwise activation such as ReLU, Tanh or "
            "nn.Identity, so it has no pre-activations to read"
        )
    before, after = (
        tuple(
            as_rows(values, members, samples, f"the activation '{name}'")
            for name, values in zip(mode.layers, kept, strict=True)
        )
        for kept in (mode.before, mode.after)
    )
    return PreActivations(tuple(mode.layers), before, after, as_logits(logits, members, samples))


def as_rows(
    values: Tensor, members: int | None, samples: int, what: str
) -> Float[Tensor, "members samples units"]:
    """Bring a tensor into (members, samples, units), or say why not."""
    lead = (samples,) if members is None else (members, samples)
    if values.shape[: len(lead)] != lead:
        hint = "pass members=K for a stack" if members is None else "is it a stack of that many?"
        raise RegimeError(
            f"{what} has shape {tuple(values.shape)}, but expected it to start with {lead}; {hint}"
        )
    return values.detach().reshape(members or 1, samples, -1)


def as_logits(
    logits: Any, members: int | None, samples: int
) -> Float[Tensor, "members samples classes"]:
    """Bring the output into (members, samples, classes), or say why not."""
    dims = 2 if members is None else 3
    if not isinstance(logits, Tensor) or logits.ndim != dims:
        shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise RegimeError(
            f"the model returned {shape}; expected logits of shape "
            f"{'(samples, classes)' if members is None else '(members, samples, classes)'}"
        )
    return as_rows(logits, members, samples, "the model's output")


def as_labels(labels: Tensor, samples: int, classes: int) -> Tensor:
    """Return the labels, or refuse what are none of the given samples."""
    whole = isinstance(labels, Tensor) and not labels.is_floating_point()
    if not whole or labels.shape != (samples,):
        raise RegimeError(f"expected {samples} whole-number labels, one for each of the inputs")
    if int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise RegimeError(
            f"the labels go from {int(labels.min())} to {int(labels.max())}, but the model has "
            f"{classes} classes, numbered from 0"
        )
    return labels.long()
