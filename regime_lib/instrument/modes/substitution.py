"""The linear substitution map: what a model becomes when all above one layer is made linear.

Every activation above layer l is replaced by the identity (arXiv 2501.02436, version 5, read in an
itemised review of it). The paper's map is the product of the weights above l, with batch
normalisation as its factor gamma / sigma; it has no shifts. Here the map is read from the model by
differentiation, so that it holds for any layers that are affine in evaluation mode, and shifts are
kept, dropped as in the paper, or set anew: the reader chooses, because they change accuracies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.isolation import isolated
from regime_lib.instrument.capture.probe import checked_inputs
from regime_lib.instrument.modes.preactivations import (
    PreActivationMode,
    as_logits,
    read_preactivations,
)
from regime_lib.instrument.shapes import shapes

SHIFTS = ("kept", "dropped", "recentred")
_ROUNDING = {torch.float64: 1e-8, torch.float32: 2e-3}


@dataclass(frozen=True, eq=False)
class SubstitutionMap:
    """The affine map from one layer's activations to the logits, all above it made linear."""

    layer: str
    """The activation whose output the map reads; ``"inputs"`` for the model's own inputs."""
    matrix: Float[Tensor, "members classes units"]
    """The paper's M: products of weights, with gamma / sigma where a batch is normalised."""
    shift: Float[Tensor, "members classes"]
    """What the biases, and the shifts of batch normalisation, add up to; not in the paper's M."""
    error: float
    """Largest deviation from being affine at a random point, over the largest logit there."""

    __repr__ = shapes


def substitution_map(
    model: nn.Module, inputs: Tensor, layer: int, *, members: int | None = None
) -> SubstitutionMap:
    """Return the linear substitution map of one layer.

    Parameters
    ----------
    model : nn.Module
        The network, read in evaluation mode: batch normalisation uses its running statistics.
    inputs : tensor, shape (samples, ...)
        At least one input; the map does not depend on it.
    layer : int
        The activations kept, counted from the input; 0 makes the whole model linear.
    members : int, optional
        K if the model is an ensemble of K networks.

    Raises
    ------
    RegimeError
        If there is no such layer, or what lies above it holds more than affine layers and
        elementwise activations (it is named), such as max-pooling, attention or layer
        normalisation.
    """
    checked_inputs(inputs)
    names = read_preactivations(model, inputs[:1], members=members).layers
    if not 0 <= layer <= len(names):
        raise RegimeError(
            f"layer is {layer}, but {type(model).__name__} has {len(names)} activations "
            f"({', '.join(names)}); expected 0 to {len(names)}"
        )
    one = inputs[:1]
    (root, *_), logits = _linear_above(model, one, layer, lambda value: value, members)
    sums = [logits[..., k].sum() for k in range(logits.shape[-1])]
    rows = [torch.autograd.grad(s, root, retain_graph=True)[0] for s in sums]
    matrix = torch.stack([row.reshape(logits.shape[0], -1) for row in rows], dim=1)
    _, shift = _linear_above(model, one, layer, torch.zeros_like, members)
    (point, *_), there = _linear_above(model, one, layer, _noise_like, members)
    vector = point.detach().reshape(logits.shape[0], -1, 1)
    linear = (matrix @ vector)[..., 0] + shift.detach()[:, 0]
    size = max(float(there.detach().abs().max()), float(linear.abs().max()), 1e-30)
    error = float((there.detach()[:, 0] - linear).abs().max()) / size
    if not error <= _ROUNDING.get(logits.dtype, 5e-2):
        raise RegimeError(_not_affine(model, one, layer, names))
    name = names[layer - 1] if layer else "inputs"
    return SubstitutionMap(name, matrix.detach(), shift.detach()[:, 0], error)


def substitution_matrices(
    model: nn.Module, inputs: Tensor, *, members: int | None = None
) -> tuple[Float[Tensor, "members classes _units"], ...]:
    """Return the matrix of the map above every activation, the first one first.

    They are those of `substitution_map`, layer by layer, but a model that is a plain chain is run
    and differentiated once for all of its layers.
    """
    checked_inputs(inputs)
    one = inputs[:1]
    names = read_preactivations(model, one, members=members).layers
    passed, logits = _linear_above(model, one, 1, lambda value: value, members)
    sums = [logits[..., k].sum() for k in range(logits.shape[-1])]
    rows = [torch.autograd.grad(s, passed, retain_graph=True, allow_unused=True) for s in sums]
    start, still = _linear_above(model, one, 1, torch.zeros_like, members)
    end, moved = _linear_above(model, one, 1, _noise_like, members)
    step = (moved - still).detach()[:, 0]
    matrices = []
    for number in range(len(names)):
        parts = [row[number] for row in rows]
        if len(passed) == len(names) and all(part is not None for part in parts):
            matrix = torch.stack([part.reshape(logits.shape[0], -1) for part in parts], dim=1)
            way = (end[number] - start[number]).detach().reshape(logits.shape[0], -1, 1)
            if _is_step(matrix, way, step):
                matrices.append(matrix)
                continue
        # what bypasses the layer moved the logits too, or it is not affine: look at it alone
        matrices.append(substitution_map(model, one, number + 1, members=members).matrix)
    return tuple(matrices)


class LinearSubstitute(nn.Module):
    """A model with every activation above layer `keep` replaced by the identity.

    It shares the weights of the model and is evaluated like it: with its running statistics,
    without gradients, and leaving all of it as it was.

    Parameters
    ----------
    model : nn.Module
        The network.
    inputs : tensor, shape (samples, ...)
        Inputs to find the layers with, and the reference of ``shifts="recentred"``.
    keep : int
        How many activations stay, counted from the input.
    shifts : str
        ``kept``: all biases and batch-normalisation shifts as trained (their means were gathered
        behind activations that are now gone). ``dropped``: the paper's M alone, no shift at all.
        ``recentred``: as kept, plus one number per class that makes the mean logits over `inputs`
        those of the whole model.
    members : int, optional
        K if the model is an ensemble of K networks.

    Raises
    ------
    RegimeError
        As for `substitution_map`, and for an unknown kind of shifts.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Tensor,
        keep: int,
        *,
        shifts: str = "kept",
        members: int | None = None,
    ) -> None:
        super().__init__()
        if shifts not in SHIFTS:
            raise RegimeError(f"shifts is {shifts!r}; expected one of {', '.join(SHIFTS)}")
        self.model, self.keep, self.shifts, self.members = model, keep, shifts, members
        self.names = read_preactivations(model, inputs[:1], members=members).layers
        self.shift = substitution_map(model, inputs, keep, members=members).shift
        self.offset: Tensor | None = None
        if shifts == "recentred":
            whole = read_preactivations(model, inputs, members=members).logits
            self.offset = (whole - self._run(inputs)).mean(dim=1, keepdim=True)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the logits: (samples, classes), or (members, samples, classes) for an ensemble."""
        logits = self._run(inputs)
        if self.shifts == "dropped":
            logits = logits - self.shift[:, None]
        if self.offset is not None:
            logits = logits + self.offset
        return logits[0] if self.members is None else logits

    def _run(self, inputs: Tensor) -> Tensor:
        mode = PreActivationMode(self.model, self.keep, record=False)
        with isolated(self.model), mode.listening():
            logits = self.model(inputs.clone())
        return as_logits(logits, self.members, inputs.shape[-2] if self.members else len(inputs))


class _Tap(PreActivationMode):
    """Holds what activations return, for differentiation."""

    def __init__(self, model: nn.Module, keep: int, instead: Callable[[Tensor], Tensor]) -> None:
        super().__init__(model, keep, instead, record=False)
        self.passed: list[Tensor] = []

    def _activation(self, name: str, read: Tensor, call: Callable[[], Tensor]) -> Tensor:
        result = super()._activation(name, read, call)
        self.passed.append(result if result.requires_grad else result.requires_grad_())
        return result.clone()  # what follows may work in place


def _linear_above(
    model: nn.Module,
    inputs: Tensor,
    layer: int,
    instead: Callable[[Tensor], Tensor],
    members: int | None,
) -> tuple[list[Tensor], Tensor]:
    """Replace a layer's output and make all above it linear.

    Return what this layer and those above hand on, and the logits, with a graph between them.
    """

    def start(value: Tensor) -> Tensor:
        return instead(value).detach().clone().requires_grad_()

    mode = _Tap(model, layer, start)
    with isolated(model), torch.enable_grad():
        if layer == 0:  # an ensemble reads the same inputs for all members: give each its own
            inputs = start(inputs.expand(members, *inputs.shape) if members else inputs)
        with mode.listening():
            logits = model(inputs.clone())
    passed = mode.passed[layer - 1 :] if layer else [inputs, *mode.passed]
    return passed, logits if members else logits.unsqueeze(0)


def _noise_like(value: Tensor) -> Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.randn(value.shape, generator=random, dtype=torch.float64).to(value)


def _is_step(matrix: Tensor, way: Tensor, step: Tensor) -> bool:
    """Tell whether the logits moved as the matrix says, by anything at all."""
    expected = (matrix @ way)[..., 0]
    size = max(float(step.abs().max()), float(expected.abs().max()))
    error = float((step - expected).abs().max())
    return bool(size > 0 and error <= _ROUNDING.get(step.dtype, 5e-2) * size)


def _not_affine(model: nn.Module, inputs: Tensor, layer: int, names: tuple[str, ...]) -> str:
    with isolated(model), PreActivationMode(model, layer).listening() as mode:
        model(inputs.clone())
    where = f"above layer '{names[layer - 1]}'" if layer else "in the model"
    found = mode.suspects[0] if mode.suspects else f"the forward function of {type(model).__name__}"
    return (
        f"what lies {where} is not affine even with its activations replaced, because of {found}; "
        "a substitution map needs linear, convolution, average-pooling, batch normalisation and "
        "reshaping layers"
    )
