"""The probe: the fixed inputs on which a model is observed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.torch_private import version_of

ProbeLike = Tensor | Sequence[Any] | Mapping[str, Any] | Callable[[nn.Module], Any]


class Probe:
    """Fixed inputs of a model: a tensor, a tuple, a dict, or a callable from model to output.

    Parameters
    ----------
    inputs : tensor, sequence, mapping or callable
        Called as ``model(x)``, ``model(*inputs)``, ``model(**inputs)`` or ``inputs(model)``.
    batch_axis : int
        The axis of the samples in the input tensors.
    """

    def __init__(self, inputs: ProbeLike, batch_axis: int = 0) -> None:
        self._inputs = inputs
        self._axis = batch_axis
        if callable(inputs) and not isinstance(inputs, Tensor):
            self._tensors: list[Tensor] = []
        elif isinstance(inputs, Tensor | Sequence | Mapping) and not isinstance(inputs, str):
            self._tensors = list(_tensors_of(inputs))
            self._check_not_empty()
        else:
            raise RegimeError(
                f"the probe is of type {type(inputs).__name__}; expected a tensor, a tuple or dict "
                "of the model's inputs, or a callable that takes the model and runs it"
            )
        self._versions = [version_of(tensor) for tensor in self._tensors]

    @property
    def samples(self) -> int | None:
        """Number of samples; None where only the model's activations can tell (a callable)."""
        return self._tensors[0].shape[self._axis] if self._tensors else None

    @property
    def divisible(self) -> bool:
        """Whether the samples can be run in groups: every tensor has the same sample axis."""
        return bool(self._tensors) and all(
            tensor.ndim > self._axis and tensor.shape[self._axis] == self.samples
            for tensor in self._tensors
        )

    def check(self, model: nn.Module) -> None:
        """Refuse a probe on another device than the model's parameters, or that is not finite."""
        home = next((p.device for p in model.parameters()), None)
        for tensor in self._tensors:
            if home is not None and tensor.device != home:
                raise RegimeError(
                    f"the probe lies on {tensor.device} but the model's parameters on {home}; "
                    f"move the probe there with .to({str(home)!r})"
                )
            if tensor.is_meta:
                raise RegimeError(
                    "model and probe lie on the meta device, which holds no values; "
                    "move both to a real one, such as 'cpu'"
                )
            if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
                raise RegimeError("the probe holds NaN or infinite values; pass finite inputs")

    def check_unchanged(self, step: int) -> None:
        """Refuse a probe whose tensors were written to since the start."""
        if [version_of(tensor) for tensor in self._tensors] != self._versions:
            raise RegimeError(
                f"the probe was changed in place before step {step}; a probe must stay the same, "
                "so pass a .clone() of the tensor that your training writes to"
            )

    def run(self, model: nn.Module, rows: slice | None = None) -> Any:
        """Run the model on the probe, or on the given samples of it."""
        inputs = self._inputs if rows is None else _take(self._inputs, rows, self._axis)
        if isinstance(inputs, Tensor):
            return model(inputs)
        if isinstance(inputs, Mapping):
            return model(**inputs)
        if callable(inputs):
            return inputs(model)
        return model(*inputs)

    def _check_not_empty(self) -> None:
        if not self._tensors:
            raise RegimeError(
                "the probe holds no tensor; expected at least one of the model's inputs"
            )
        for tensor in self._tensors:
            if tensor.numel() == 0 or tensor.ndim <= self._axis:
                raise RegimeError(
                    f"the probe is empty: a tensor of shape {tuple(tensor.shape)} holds no sample "
                    f"along axis {self._axis}; pass at least one input of the model"
                )


def checked_inputs(inputs: Tensor) -> int:
    """Return the number of samples, or refuse inputs that cannot be measured on."""
    if not isinstance(inputs, Tensor) or not inputs.is_floating_point() or inputs.ndim < 2:
        raise RegimeError(
            "the inputs must be one floating-point tensor with one row per sample, such as "
            "data.train_inputs"
        )
    if not len(inputs) or not bool(torch.isfinite(inputs).all()):
        raise RegimeError("the inputs are empty or not finite; pass at least one finite input")
    return len(inputs)


def _tensors_of(inputs: Any) -> Iterator[Tensor]:
    if isinstance(inputs, Tensor):
        yield inputs
    elif isinstance(inputs, Mapping):
        for value in inputs.values():
            yield from _tensors_of(value)
    elif isinstance(inputs, Sequence) and not isinstance(inputs, str):
        for value in inputs:
            yield from _tensors_of(value)


def _take(inputs: Any, rows: slice, axis: int) -> Any:
    if isinstance(inputs, Tensor):
        return inputs[(slice(None),) * axis + (rows,)]
    if isinstance(inputs, Mapping):
        return {name: _take(value, rows, axis) for name, value in inputs.items()}
    if isinstance(inputs, Sequence) and not isinstance(inputs, str):
        parts = [_take(value, rows, axis) for value in inputs]
        if hasattr(inputs, "_fields"):  # a named tuple
            return type(inputs)(*parts)
        return tuple(parts) if isinstance(inputs, tuple) else parts
    return inputs
