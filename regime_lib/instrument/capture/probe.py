"""The probe: the fixed inputs on which a model is observed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.torch_private import versions_of

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
        self._given = [] if _runs_itself(inputs) else list(_tensors_of(inputs))
        if not (_runs_itself(inputs) or isinstance(inputs, Tensor | Sequence | Mapping)) or (
            isinstance(inputs, str)
        ):
            raise RegimeError(
                f"the probe is of type {type(inputs).__name__}; expected a tensor, a tuple or dict "
                "of the model's inputs, or a callable that takes the model and runs it"
            )
        if not _runs_itself(inputs):
            self._check_not_empty()
        self._versions = versions_of(self._given)
        self._own: Any = None
        self._writes = True

    @property
    def runs_itself(self) -> bool:
        """Whether the probe is a callable that runs the model."""
        return _runs_itself(self._inputs)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes of the input tensors along the sample axis, each once; none of a callable."""
        long_enough = (t.shape[self._axis] for t in self._given if t.ndim > self._axis)
        return tuple(dict.fromkeys(long_enough))

    @property
    def lists_samples(self) -> bool:
        """Whether an input is a list of tensors, which may be one sample each."""
        inputs: Any = self._inputs
        if _runs_itself(inputs) or isinstance(inputs, Tensor):
            return False
        parts = inputs.values() if isinstance(inputs, Mapping) else inputs
        return any(
            isinstance(part, list) and next(_tensors_of(part), None) is not None for part in parts
        )

    def leading_sizes(self) -> set[int]:
        """Return the products of the first axes of each input: rows that tokens are folded into."""
        return {prod(t.shape[:n]) for t in self._given for n in range(1, t.ndim + 1)}

    def divisible(self, samples: int) -> bool:
        """Whether the samples can be run in groups: every tensor has the same sample axis."""
        return bool(self._given) and all(
            t.ndim > self._axis and t.shape[self._axis] == samples and t.layout == torch.strided
            for t in self._given
        )

    def keep(self) -> None:
        """Take a copy of the inputs, which every later run reads."""
        self._own = self._inputs if _runs_itself(self._inputs) else _copy(self._inputs)

    def check(self, model: nn.Module) -> None:
        """Refuse a probe on another device than the model's parameters, or that is not finite."""
        home = next((p.device for p in model.parameters()), None)
        for tensor in self._given:
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
            if tensor.is_floating_point() and bool(_values_of(tensor).isnan().any()):
                raise RegimeError("the probe holds NaN; pass inputs that are numbers")

    def check_unchanged(self, step: int) -> None:
        """Refuse a probe whose tensors were written to since the start.

        What writes past PyTorch, through NumPy, say, is looked for now and then; the patterns are
        those of the copy in any case.
        """
        same = versions_of(self._given) == self._versions
        if same and step.bit_count() == 1:
            pairs = zip(self._given, _tensors_of(self._own), strict=True) if self._given else ()
            same = all(torch.equal(a, b) for a, b in pairs if a.layout == torch.strided)
        if not same:
            raise RegimeError(
                f"the probe was changed in place before step {step}; a probe must stay the same, "
                "so pass a .clone() of the tensor that your training writes to"
            )

    def first_run(self, model: nn.Module) -> Any:
        """Run the model on copies, and find out whether it writes to its inputs."""
        if self._own is None:
            self.keep()
        if _runs_itself(self._own):
            return self._own(model)
        copies = _copy(self._own)
        tensors = list(_tensors_of(copies))
        before = versions_of(tensors)
        output = _call(model, copies)
        pairs = zip(tensors, _tensors_of(self._own), strict=True)
        self._writes = versions_of(tensors) != before or any(
            a.layout == torch.strided and not torch.equal(a, b) for a, b in pairs
        )
        return output

    def run(self, model: Callable[..., Any], rows: slice | None = None) -> Any:
        """Run the model on the probe, or on the given samples of it."""
        if _runs_itself(self._own):
            return self._own(model)
        inputs = self._own if rows is None else _take(self._own, rows, self._axis)
        return _call(model, _copy(inputs) if self._writes else inputs)

    def _check_not_empty(self) -> None:
        if not self._given:
            raise RegimeError(
                "the probe holds no tensor; expected at least one of the model's inputs"
            )
        for tensor in self._given:
            if tensor.numel() == 0:
                raise RegimeError(
                    f"the probe is empty: a tensor of shape {tuple(tensor.shape)} holds no sample "
                    f"along axis {self._axis}; pass at least one input of the model"
                )
        if not self.sizes:
            raise RegimeError(
                f"the probe is empty along axis {self._axis}: no tensor has such an axis; "
                "pass inputs with an axis of samples, or another batch_axis"
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


def _runs_itself(inputs: Any) -> bool:
    return callable(inputs) and not isinstance(inputs, Tensor)


def _call(model: Callable[..., Any], inputs: Any) -> Any:
    if isinstance(inputs, Tensor):
        return model(inputs)
    return model(**inputs) if isinstance(inputs, Mapping) else model(*inputs)


def _values_of(tensor: Tensor) -> Tensor:
    """Return the numbers that a tensor of any layout stores."""
    if tensor.layout == torch.strided:
        return tensor
    return tensor._values() if tensor.layout == torch.sparse_coo else tensor.values()


def _copy(inputs: Any) -> Any:
    return _map(lambda tensor: tensor.detach().clone().requires_grad_(tensor.requires_grad), inputs)


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
    return _map(lambda tensor: tensor[(slice(None),) * axis + (rows,)], inputs)


def _map(function: Callable[[Tensor], Tensor], inputs: Any) -> Any:
    """Apply a function to every tensor in nested inputs."""
    if isinstance(inputs, Tensor):
        return function(inputs)
    if isinstance(inputs, Mapping):
        return {name: _map(function, value) for name, value in inputs.items()}
    if isinstance(inputs, Sequence) and not isinstance(inputs, str):
        parts = [_map(function, value) for value in inputs]
        if hasattr(inputs, "_fields"):  # a named tuple
            return type(inputs)(*parts)
        return tuple(parts) if isinstance(inputs, tuple) else parts
    return inputs
