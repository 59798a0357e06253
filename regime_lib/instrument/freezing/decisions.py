"""Reading the decisions of one forward pass, and imposing them on another.

A decision is what a rectifier or a max-pool does with each unit: which piece it is on, or which
position has won. Calls of the two passes are matched by their order, as everywhere here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.overrides import TorchFunctionMode

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.operators import (
    FUNCTIONS,
    Args,
    Kind,
    Kwargs,
    Reading,
    Rule,
    pool_with_winners,
)
from regime_lib.instrument.capture.torch_private import inside_transform
from regime_lib.instrument.freezing.pieces import PIECES, chosen, picked, read_of, winners_of
from regime_lib.instrument.shapes import shapes

_DECIDE = (Kind.RECTIFIER, Kind.CLIP, Kind.WINNER)


@dataclass(frozen=True, eq=False)
class Decision:
    """What one call decided: a plane of bits for each threshold, or who won each window."""

    op: str
    planes: tuple[Bool[Tensor, "*shape"], ...] = ()
    winners: Int[Tensor, "*shape"] | None = None

    __repr__ = shapes


def _reading(rule: Rule, args: Args, kwargs: Kwargs) -> Reading | None:
    """Return what a call compares, or None if it is no call that decides."""
    found = rule.read(args, kwargs) if rule.kind in _DECIDE else None
    return found if found is not None and found.counts else None


class Reads(TorchFunctionMode):
    """Keeps the decisions of a forward pass in `decisions`, and changes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.decisions: list[Decision] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Args = (), kwargs: Kwargs | None = None
    ) -> Any:
        rule, kwargs = FUNCTIONS.get(func), kwargs or {}
        reading = _reading(rule, args, kwargs) if rule and _is_own(args) else None
        if rule is None or reading is None:
            return func(*args, **kwargs)
        if rule.kind is Kind.WINNER:
            output, winners = pool_with_winners(rule.op, args, kwargs)
            self.decisions.append(Decision(rule.op, winners=winners))
            return (output, winners) if _wants_winners(func, kwargs) else output
        planes = tuple(reading.values > threshold for threshold in reading.thresholds)
        self.decisions.append(Decision(rule.op, planes))
        return func(*args, **kwargs)


class Imposes(TorchFunctionMode):
    """Lets every call of a forward pass return what given decisions make of its input.

    Parameters
    ----------
    decisions : sequence of Decision
        One for each call, in their order.
    held : sequence
        For each call: True if all of its units are decided for, False if none is, or which are, as
        bits that broadcast against the decision.

    Raises
    ------
    RegimeError
        If the forward pass makes other calls than the decisions are of.
    """

    def __init__(self, decisions: Sequence[Decision], held: Sequence[bool | Tensor]) -> None:
        super().__init__()
        self._decisions, self._held, self._at = decisions, held, 0

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Args = (), kwargs: Kwargs | None = None
    ) -> Any:
        rule, kwargs = FUNCTIONS.get(func), kwargs or {}
        reading = _reading(rule, args, kwargs) if rule and _is_own(args) else None
        if rule is None or reading is None:
            return func(*args, **kwargs)
        given, held = self._next(rule)
        if held is False:
            return func(*args, **kwargs)
        x = read_of(args, kwargs)
        if rule.kind is Kind.WINNER:
            winners = given.winners
            assert winners is not None
            if held is not True:
                winners = torch.where(held, winners, winners_of(rule.op, args, kwargs))
            output = picked(rule.op, x, winners)
            return (output, winners) if _wants_winners(func, kwargs) else output
        planes = given.planes
        if held is not True:
            own = [reading.values > threshold for threshold in reading.thresholds]
            planes = tuple(torch.where(held, a, b) for a, b in zip(planes, own, strict=True))
        output = chosen(PIECES[rule.op](x, args, kwargs), planes)
        return x.copy_(output) if _in_place(func, kwargs, args) else output

    def finish(self) -> None:
        """Check that every decision was imposed."""
        if self._at != len(self._decisions):
            raise _differs(f"made {self._at} of {len(self._decisions)} calls that decide")

    def _next(self, rule: Rule) -> tuple[Decision, bool | Tensor]:
        if self._at >= len(self._decisions):
            raise _differs(f"made a further call, {rule.op}")
        given, held = self._decisions[self._at], self._held[self._at]
        self._at += 1
        if given.op != rule.op:
            raise _differs(f"called {rule.op} where the frozen copy called {given.op}")
        return given, held


def _differs(what: str) -> RegimeError:
    return RegimeError(
        f"the live network's forward pass differs from that of its frozen copy: it {what}; "
        "freeze a model whose forward pass always makes the same calls"
    )


def _is_own(args: Args) -> bool:
    """Whether a call is the model's own, not one inside a function transform."""
    return not (args and isinstance(args[0], Tensor) and inside_transform(args[0]))


def _wants_winners(func: Callable[..., Any], kwargs: Kwargs) -> bool:
    return func.__name__.endswith("with_indices") or bool(kwargs.get("return_indices"))


_INPLACE_AT = {"relu": 1, "relu6": 1, "leaky_relu": 2, "threshold": 3, "hardtanh": 3}


def _in_place(func: Callable[..., Any], kwargs: Kwargs, args: Args) -> bool:
    name = func.__name__
    at = _INPLACE_AT.get(name, len(args))
    asked = args[at] if len(args) > at else kwargs.get("inplace", False)
    return name.endswith("_") or bool(asked)
