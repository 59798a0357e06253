"""The first observation of a model: which calls have patterns, their names, what is not seen.

One forward pass runs under both modes. Every piecewise-linear function becomes an event; operators
of that kind that no function event accounts for are events too, seen by the dispatch mode alone. A
comparison with zero, or an absolute value, becomes a rectifier only if its result gates the very
tensor that it was taken from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from regime_lib.instrument.capture.layout import Layout
from regime_lib.instrument.capture.module_stack import ModuleStack
from regime_lib.instrument.capture.operators import Args, Kind, Kwargs, Reading, Rule, code_type
from regime_lib.instrument.capture.plan import CUSTOM, FUSED, CallPlan, Event, Found, make_plan

_aten = torch.ops.aten
_COMPARISONS = {_aten.gt, _aten.ge, _aten.lt, _aten.le}
_CARRIERS = {_aten._to_copy, _aten.logical_not, _aten.bitwise_not, _aten.view, _aten.clone}
_GATED_BY = {_aten.mul, _aten.mul_, _aten.where, _aten.masked_fill, _aten.masked_fill_}
_GATED_BY |= {_aten.index_put, _aten.index_put_}
_FOLDED_BY = {_aten.add, _aten.add_, _aten.sub}
_OTHER_BY_NAME = {
    "a maximum over an axis": (_aten.amax, _aten.max),
    "a minimum over an axis": (_aten.amin, _aten.min),
    "a minimum of two tensors": (_aten.minimum,),
    "a sort": (_aten.sort,),
    "a selection of the largest": (_aten.topk,),
    "a selection of the k-th largest": (_aten.kthvalue,),
    "a sign": (_aten.sign,),
    "a step function": (_aten.heaviside,),
    "a rounding": (_aten.round, _aten.floor, _aten.ceil, _aten.trunc),
    "a running maximum": (_aten.cummax,),
    "a running minimum": (_aten.cummin,),
    "a median": (_aten.median,),
    "a fractional max-pool": (_aten.fractional_max_pool2d, _aten.fractional_max_pool3d),
}
_OTHER = {packet: what for what, packets in _OTHER_BY_NAME.items() for packet in packets}
_HIDING = {"_cudnn_rnn", "miopen_rnn", "_transformer_encoder_layer_fwd"}
_OWN_NAMESPACES = {"aten", "prims", "prim", "profiler", "c10d", "_c10d_functional"}


@dataclass
class Discovery:
    """Listens to the first forward pass (`modes.Listener`) and turns it into a `CallPlan`."""

    model: nn.Module
    layout: Layout
    samples: int | None
    smooth: bool
    events: list[Event] = field(default_factory=list)
    _others: Counter[tuple[str, str]] = field(default_factory=Counter)
    _modules_run: Counter[str] = field(default_factory=Counter)
    _pending: dict[int, tuple[Tensor, Event, Tensor]] = field(default_factory=dict)
    _open: tuple[Event, Tensor] | None = None
    _running: ModuleStack = field(init=False)

    def __post_init__(self) -> None:
        self._running = ModuleStack(self.model)

    def on_call(self, rule: Rule, via: str, args: Args, kwargs: Kwargs) -> bool:
        """Note a call of a piecewise-linear function."""
        reading = rule.read(args, kwargs)
        if reading is None:
            if rule.kind in (Kind.CLIP, Kind.RECTIFIER) and rule.op != "maximum":
                self._others[self._running.name, f"a {rule.op} at a bound other than 0"] += 1
            return False
        event = self._event(rule, via, reading, args, kwargs)
        self.events.append(event)
        self._open = (event, reading.values) if rule.kind is Kind.GATE else None
        return rule.kind is Kind.WINNER

    def on_winners(self, winners: Tensor) -> None:
        """Take the shape of a max-pool's output, which is that of its winners."""
        event = self.events[-1]
        event.shape, event.units = tuple(winners.shape), self._units(winners)

    def on_operator(self, operator: Any, args: Args, kwargs: Kwargs, result: Any) -> None:
        """Follow comparisons to what they gate, and note operators with a pattern of their own."""
        packet = operator.overloadpacket
        name = packet.__name__
        if operator.namespace not in _OWN_NAMESPACES:
            self._others[self._running.name, f"{CUSTOM} {operator.namespace}::{name}"] += 1
        if name in _HIDING:
            self._others[self._running.name, f"{FUSED} {name}"] += 1
        if (what := _OTHER.get(packet)) and _is_float(args):
            self._others[self._running.name, what] += 1
        if self._open is not None and isinstance(result, Tensor):
            event, values = self._open
            if packet in _COMPARISONS or packet is _aten.abs:
                self._pending[id(result)] = (result, event, values)
                self._open = None
        elif packet in _CARRIERS and args and id(args[0]) in self._pending:
            _, event, values = self._pending[id(args[0])]
            self._pending[id(result)] = (result, event, values)
        elif packet in _GATED_BY or packet in _FOLDED_BY:
            self._settle(packet, args)

    def _settle(self, packet: Any, args: Args) -> None:
        """Mark a comparison that multiplies or selects, or an absolute value added to its input."""
        given = list(_flat(args))
        for arg in given:
            if id(arg) not in self._pending:
                continue
            _, event, values = self._pending[id(arg)]
            if packet not in (_FOLDED_BY if event.rule.op == "abs" else _GATED_BY):
                continue
            if any(other is values for other in given):
                event.gates = True
            elif event.rule.op != "abs":
                self._others[event.where, "a comparison that gates another tensor"] += 1

    def _event(self, rule: Rule, via: str, reading: Reading, args: Args, kwargs: Kwargs) -> Event:
        pool = rule.kind is Kind.WINNER
        values = reading.values
        return Event(
            rule,
            via,
            self._running.name,
            self._running.module,
            tuple(values.shape),
            values.device,
            planes=len(reading.thresholds),
            itemsize=values.element_size(),
            codes=code_type(rule.op, args, kwargs) if pool else None,
            units=None if pool else self._units(values),
        )

    def _units(self, values: Tensor) -> int | None:
        if self.samples is None:  # a callable probe: the first activation tells
            self.samples = values.shape[self.layout.batch_axis + (self.layout.members > 1)]
        rows = self.layout.rows(values, self.samples)
        return None if rows is None else rows.shape[2]

    def following(self) -> AbstractContextManager[None]:
        """Know in this block which module runs."""
        return self._running.following(entered=self._count)

    def _count(self, module: nn.Module) -> None:
        if not any(module.children()):
            self._modules_run[type(module).__name__] += 1

    def plan(self, keep: frozenset[str] | None = None) -> CallPlan:
        """Settle which layers are tracked (see `plan.make_plan`)."""
        return make_plan(self.found(), smooth=self.smooth, keep=keep)

    def found(self) -> Found:
        """Return what the forward pass showed."""
        return Found(
            tuple(self.events),
            self._others,
            self._modules_run,
            self.layout.members,
            self.samples or 0,
        )


def _flat(args: Any) -> Iterator[Any]:
    """Yield arguments, and those inside lists, as `index_put` takes its masks."""
    for arg in args:
        if isinstance(arg, list | tuple):
            yield from _flat(arg)
        else:
            yield arg


def _is_float(args: Args) -> bool:
    return bool(args) and isinstance(args[0], Tensor) and args[0].is_floating_point()
