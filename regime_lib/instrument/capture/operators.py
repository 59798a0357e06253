"""The piecewise-linear operators that PyTorch models are built from, and how to read patterns.

One table serves both ways of observing a model: the torch-function mode sees the Python functions
(`torch.relu`, `torch.nn.functional.hardtanh`, `Tensor.clamp_`, ...), the dispatch mode the ATen
operators below them. A pattern is always read from a function's *input*, before the call, because
an in-place rectifier overwrites it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import prod
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from regime_lib.instrument.capture.torch_private import NN_FUNCTIONS

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]
"""What a function was called with."""


class Kind(StrEnum):
    """What a layer's pattern means."""

    RECTIFIER = "rectifier"  # one bit: is the unit on?
    CLIP = "clip"  # two bits: above the lower threshold? above the upper one?
    WINNER = "winner"  # which element of a pooling window is the largest
    SMOOTH = "smooth"  # not piecewise linear: the sign of the input, on request
    GATE = "gate"  # a comparison or absolute value: a rectifier only if its result gates its input


class Reading(NamedTuple):
    """What one call compares: `values` against each threshold, one bit plane each."""

    values: Tensor
    thresholds: tuple[float, ...]
    against: Tensor | None = None
    """A threshold for each unit; which of the two is the unit, the plan settles once."""
    counts: bool = True
    """False of a guard such as ``clamp(min=1e-6)``: settled once, too."""

    def settled(self, swapped: bool) -> Reading:
        """Return the difference of unit and threshold, compared with zero."""
        if self.against is None:
            return self
        unit, threshold = self.values, self.against
        if swapped:
            unit, threshold = threshold, unit
        return Reading(unit - threshold, (0.0,))


@dataclass(frozen=True)
class Rule:
    """How to read the pattern of one piecewise-linear function."""

    op: str
    kind: Kind
    read: Callable[[Args, Kwargs], Reading | None]
    fixed: tuple[float, ...] | None = None
    """Thresholds that no argument changes, so that the input alone need be read."""


def _argument(args: Args, kwargs: Kwargs, position: int, names: str, default: Any) -> Any:
    """Return a call's argument by position or by any of its names."""
    if len(args) > position:
        return args[position]
    for name in names.split():
        if name in kwargs:
            return kwargs[name]
    return default


def _input(args: Args, kwargs: Kwargs) -> Tensor:
    found = args[0] if args else _argument(args, kwargs, 0, "input self", None)
    assert isinstance(found, Tensor)
    return found


def _number(bound: Any) -> float | None:
    """Return a bound given as a number or as a tensor with one element; None for any other."""
    if isinstance(bound, Tensor):
        return float(bound) if bound.numel() == 1 else None
    return float(bound) if isinstance(bound, int | float) else None


def _at(*thresholds: float) -> Callable[[Args, Kwargs], Reading]:
    """Read a function whose pieces meet at fixed thresholds."""
    return lambda args, kwargs: Reading(_input(args, kwargs), thresholds)


def _read_hardtanh(args: Args, kwargs: Kwargs) -> Reading:
    low = float(_argument(args, kwargs, 1, "min_val", -1.0))
    return Reading(_input(args, kwargs), (low, float(_argument(args, kwargs, 2, "max_val", 1.0))))


def _read_threshold(args: Args, kwargs: Kwargs) -> Reading:
    return Reading(_input(args, kwargs), (float(_argument(args, kwargs, 1, "threshold", 0.0)),))


def _read_softshrink(args: Args, kwargs: Kwargs) -> Reading:
    width = float(_argument(args, kwargs, 1, "lambd", 0.5))
    return Reading(_input(args, kwargs), (-width, width))


def _read_clamp(args: Args, kwargs: Kwargs) -> Reading | None:
    """Read clamps at zero and two-sided clamps; a guard such as ``clamp(min=1e-6)`` is none."""
    given = (_argument(args, kwargs, 1, "min", None), _argument(args, kwargs, 2, "max", None))
    return _read_bounds(_input(args, kwargs), [bound for bound in given if bound is not None])


def _read_clamp_max(args: Args, kwargs: Kwargs) -> Reading | None:
    return _read_bounds(_input(args, kwargs), [_argument(args, kwargs, 1, "max", None)])


def _read_bounds(values: Tensor, bounds: list[Any]) -> Reading:
    """Read one or two bounds: numbers, tensors of one number, or one tensor of many."""
    if len(bounds) == 1 and isinstance(bounds[0], Tensor) and bounds[0].numel() != 1:
        return Reading(values, (0.0,), bounds[0])
    numbers = [_number(bound) for bound in bounds]
    known = tuple(number for number in numbers if number is not None)
    counts = len(known) == len(numbers) and (len(numbers) > 1 or known[0] == 0)
    return Reading(values, known, counts=counts)


def _read_maximum(args: Args, kwargs: Kwargs) -> Reading | None:
    """Read the larger of two tensors: the sign of their difference."""
    other = _argument(args, kwargs, 1, "other", None)
    if not isinstance(other, Tensor):
        return None  # torch.max(z, dim) is a reduction
    values = _input(args, kwargs)
    if not (values.is_floating_point() and other.is_floating_point()):
        return None
    return _read_two(values, other)


def _read_comparison(args: Args, kwargs: Kwargs) -> Reading | None:
    """Read ``z > 0`` and its relatives: the first half of a rectifier written by hand."""
    other = _argument(args, kwargs, 1, "other", None)
    values = _input(args, kwargs)
    if not values.is_floating_point():
        return None
    if isinstance(other, Tensor):
        return None if other.dtype is torch.bool else _read_two(values, other)
    bound = _number(other)
    return None if bound is None else Reading(values, (bound,))


def _read_two(values: Tensor, other: Tensor) -> Reading:
    """Read two tensors that are compared; one of one number is the threshold, by its shape."""
    if other.numel() == 1:
        return Reading(values, (float(other),))
    if values.numel() == 1:
        return Reading(other, (float(values),))
    return Reading(values, (0.0,), other)


RULES = {
    rule.op: rule
    for rule in (
        *(
            Rule(op, Kind.RECTIFIER, _at(0.0), fixed=(0.0,))
            for op in ("relu", "leaky_relu", "prelu", "rrelu")
        ),
        Rule("threshold", Kind.RECTIFIER, _read_threshold),
        Rule("maximum", Kind.RECTIFIER, _read_maximum),
        Rule("clamp_min", Kind.RECTIFIER, _read_clamp),
        Rule("clamp_max", Kind.RECTIFIER, _read_clamp_max),
        Rule("clamp", Kind.CLIP, _read_clamp),
        Rule("relu6", Kind.CLIP, _at(0.0, 6.0)),
        Rule("hardtanh", Kind.CLIP, _read_hardtanh),
        Rule("hardsigmoid", Kind.CLIP, _at(-3.0, 3.0)),
        Rule("hardswish", Kind.CLIP, _at(-3.0, 3.0)),
        Rule("softshrink", Kind.CLIP, _read_softshrink),
        Rule("hardshrink", Kind.CLIP, _read_softshrink),
        *(
            Rule(op, Kind.SMOOTH, _at(0.0))
            for op in ("gelu", "silu", "mish", "elu", "selu", "celu", "softplus")
        ),
        *(Rule(op, Kind.GATE, _read_comparison) for op in ("gt", "ge", "lt", "le")),
        Rule("abs", Kind.GATE, _at(0.0)),
        *(
            Rule(op, Kind.WINNER, lambda args, kwargs: Reading(_input(args, kwargs), ()))
            for op in (
                *(f"max_pool{d}d" for d in (1, 2, 3)),
                *(f"adaptive_max_pool{d}d" for d in (1, 2, 3)),
            )
        ),
    )
}

_SPELLINGS = {
    "clamp": ("clamp", "clamp_", "clip", "clip_"),
    "gt": ("gt", "greater", "__gt__"),
    "ge": ("ge", "greater_equal", "__ge__"),
    "lt": ("lt", "less", "__lt__"),
    "le": ("le", "less_equal", "__le__"),
    "abs": ("abs", "absolute", "__abs__"),
    "maximum": ("maximum", "fmax", "max"),
    **{
        f"{kind}max_pool{d}d": (f"{kind}max_pool{d}d", f"{kind}max_pool{d}d_with_indices")
        for kind in ("", "adaptive_")
        for d in (1, 2, 3)
    },
}

_ATEN_SPELLINGS = {
    "prelu": ("prelu", "_prelu_kernel"),
    "rrelu": ("rrelu", "rrelu_", "rrelu_with_noise", "rrelu_with_noise_"),
    "maximum": ("maximum", "fmax"),
}


def _functions() -> Iterator[tuple[Callable[..., Any], Rule]]:
    for op, rule in RULES.items():
        for name in _SPELLINGS.get(op, (op, f"{op}_")):
            for home in (torch, F, Tensor, NN_FUNCTIONS):
                if (function := getattr(home, name, None)) is not None:
                    yield function, rule


def _operators() -> Iterator[tuple[Any, Rule]]:
    for op, rule in RULES.items():
        for name in _ATEN_SPELLINGS.get(op, _SPELLINGS.get(op, (op, f"{op}_"))):
            if hasattr(torch.ops.aten, name):
                yield getattr(torch.ops.aten, name), rule


FUNCTIONS: dict[Any, Rule] = dict(_functions())
"""Python functions, as a torch-function mode sees them."""

OPERATORS: dict[Any, Rule] = dict(_operators())
"""ATen operators, as a dispatch mode sees them."""


def pool_with_winners(op: str, args: Args, kwargs: Kwargs) -> tuple[Tensor, Tensor]:
    """Run a max-pool so that it also tells the flat position of each winner.

    This is the kernel that PyTorch's plain max-pool runs itself, so its values are the same.
    """
    with_indices = getattr(F, f"{op}_with_indices")
    known = {name: value for name, value in kwargs.items() if name != "return_indices"}
    output, winners = with_indices(*args[:6], **known)
    return output, winners


def code_type(op: str, args: Args, kwargs: Kwargs) -> torch.dtype:
    """Return the smallest type whose wrapped positions tell a window's elements apart.

    A max-pool names its winner by its flat position in the input. Inside one window the positions
    differ by fixed offsets, so that one byte is enough unless two offsets agree modulo 256.
    """
    dims = int(op[-2])
    if op.startswith("adaptive"):
        return torch.int32  # its windows differ in size

    def per_dim(position: int, name: str, default: int) -> tuple[int, ...]:
        value = _argument(args, kwargs, position, name, default)
        return (value,) * dims if isinstance(value, int) else tuple(value) * (dims // len(value))

    kernel = per_dim(1, "kernel_size", 1)
    dilation = per_dim(4, "dilation", 1)
    shape = _input(args, kwargs).shape[-dims:]
    offsets = [0]
    for d in range(dims):
        stride = prod(shape[d + 1 :]) * dilation[d]
        offsets = [offset + stride * k for offset in offsets for k in range(kernel[d])]
    return torch.uint8 if len({offset % 256 for offset in offsets}) == len(offsets) else torch.int32
