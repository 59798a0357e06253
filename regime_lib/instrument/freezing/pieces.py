"""What a piecewise-linear function returns once its decision is given: one formula per piece.

A rectifier has two pieces, a clipped unit three, in the order of their inputs. Which of them holds
is decided elsewhere; here it is only computed what each would return. Where the decision is the
function's own, the result is the function's own too, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.operators import Args, Kind, Kwargs, Rule

Pieces = tuple[Tensor | float, ...]
"""What a function returns on each of its pieces, from the lowest inputs to the highest."""


def _value(args: Args, kwargs: Kwargs, position: int, names: str, default: Any) -> Any:
    if len(args) > position:
        return args[position]
    return next((kwargs[name] for name in names.split() if name in kwargs), default)


def read_of(args: Args, kwargs: Kwargs) -> Tensor:
    """Return the tensor that a function is called on."""
    found = _value(args, kwargs, 0, "input self", None)
    assert isinstance(found, Tensor)
    return found


def _relu(x: Tensor, args: Args, kwargs: Kwargs) -> Pieces:
    return 0.0, x


def _leaky(x: Tensor, args: Args, kwargs: Kwargs) -> Pieces:
    return x * _value(args, kwargs, 1, "negative_slope", 0.01), x


def _prelu(x: Tensor, args: Args, kwargs: Kwargs) -> Pieces:
    slope = _value(args, kwargs, 1, "weight", None)
    channels = slope.view(1, -1, *[1] * (x.ndim - 2)) if x.ndim > 1 else slope
    return x * channels, x


def _threshold(x: Tensor, args: Args, kwargs: Kwargs) -> Pieces:
    return float(_value(args, kwargs, 2, "value", 0.0)), x


def _clamp(x: Tensor, args: Args, kwargs: Kwargs) -> Pieces:
    low, high = _value(args, kwargs, 1, "min", None), _value(args, kwargs, 2, "max", None)
    lower = () if low is None else (_bound(low),)
    return (*lower, x) if high is None else (*lower, x, _bound(high))


def _clamp_max(x: Tensor, args: Args, kwargs: Kwargs) -> Pieces:
    return x, _bound(_value(args, kwargs, 1, "max", None))


def _bound(given: Any) -> Tensor | float:
    return given if isinstance(given, Tensor) else float(given)


def _relu6(x: Tensor, args: Args, kwargs: Kwargs) -> Pieces:
    return 0.0, x, 6.0


def _hardtanh(x: Tensor, args: Args, kwargs: Kwargs) -> Pieces:
    low, high = _value(args, kwargs, 1, "min_val", -1.0), _value(args, kwargs, 2, "max_val", 1.0)
    return float(low), x, float(high)


def _softshrink(x: Tensor, args: Args, kwargs: Kwargs) -> Pieces:
    width = float(_value(args, kwargs, 1, "lambd", 0.5))
    return x + width, 0.0, x - width


PIECES: Mapping[str, Callable[[Tensor, Args, Kwargs], Pieces]] = {
    "relu": _relu,
    "leaky_relu": _leaky,
    "prelu": _prelu,
    "threshold": _threshold,
    "clamp_min": _clamp,
    "clamp_max": _clamp_max,
    "clamp": _clamp,
    "relu6": _relu6,
    "hardtanh": _hardtanh,
    "softshrink": _softshrink,
}
"""The elementwise functions whose decisions can be frozen."""


def can_be_frozen(rule: Rule) -> bool:
    """Whether a function's decisions can be given to it."""
    return rule.op in PIECES or rule.kind is Kind.WINNER


def chosen(pieces: Pieces, planes: Sequence[Bool[Tensor, "*shape"]]) -> Shaped[Tensor, "*shape"]:
    """Return the piece that each unit is on: the highest one whose threshold it is above."""
    if len(planes) != len(pieces) - 1:
        raise RegimeError(f"{len(planes)} decisions were given for {len(pieces)} pieces")
    result: Any = pieces[0]
    for plane, piece in zip(planes, pieces[1:], strict=True):
        result = torch.where(plane, piece, result)
    return result


def picked(op: str, x: Shaped[Tensor, "..."], winners: Int[Tensor, "..."]) -> Tensor:
    """Return what a max-pool would, if these positions of each map had won."""
    axes = int(op[-2])
    values = x.flatten(-axes).gather(-1, winners.flatten(-axes))
    return values.view(winners.shape)


def winners_of(op: str, args: Args, kwargs: Kwargs) -> Int[Tensor, "..."]:
    """Return the flat position, in its map, of what wins each window of a max-pool."""
    known = {name: value for name, value in kwargs.items() if name != "return_indices"}
    _, winners = getattr(F, f"{op}_with_indices")(*args[:6], **known)
    return winners
