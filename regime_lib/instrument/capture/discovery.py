"""The first look at a model: which calls have patterns, what they are called, what is not seen.

One forward pass runs under both modes. Every function with a kink becomes an event; operators with
a kink that no function event accounts for are events too, seen by the dispatch mode alone. A
comparison with zero, or an absolute value, becomes a rectifier only if its result gates the very
tensor that it was taken from.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as module_hooks

from regime_lib.instrument.capture.layout import Layout
from regime_lib.instrument.capture.operators import Kind, Reading, Rule, code_type
from regime_lib.instrument.capture.plan import CUSTOM, FUSED, CallPlan, Event, Found, make_plan
from regime_lib.instrument.capture.wrappers import plain_name

_aten = torch.ops.aten
_COMPARISONS = {_aten.gt, _aten.ge, _aten.lt, _aten.le}
_CARRIERS = {_aten._to_copy, _aten.logical_not, _aten.bitwise_not, _aten.view, _aten.clone}
_GATED_BY = {
    _aten.mul,
    _aten.mul_,
    _aten.where,
    _aten.masked_fill,
    _aten.masked_fill_,
    _aten.index_put,
    _aten.index_put_,
}
_FOLDED_BY = {_aten.add, _aten.add_, _aten.sub}
_OTHER_KINKS = {
    _aten.amax: "a maximum over an axis",
    _aten.max: "a maximum over an axis",
    _aten.amin: "a minimum over an axis",
    _aten.min: "a minimum over an axis",
    _aten.minimum: "a minimum of two tensors",
    _aten.sort: "a sort",
    _aten.topk: "a selection of the largest",
    _aten.sign: "a sign",
    _aten.heaviside: "a step function",
    _aten.round: "a rounding",
    _aten.floor: "a rounding",
    _aten.ceil: "a rounding",
    _aten.trunc: "a rounding",
    _aten.cummax: "a running maximum",
    _aten.cummin: "a running minimum",
    _aten.median: "a median",
    _aten.kthvalue: "a selection of the k-th largest",
    _aten.fractional_max_pool2d: "a fractional max-pool",
    _aten.fractional_max_pool3d: "a fractional max-pool",
}
_HIDING = {"_cudnn_rnn", "miopen_rnn", "_transformer_encoder_layer_fwd"}
_OWN_NAMESPACES = {"aten", "prims", "prim", "profiler", "c10d", "_c10d_functional"}


@dataclass
class Discovery:
    """Listens to the first forward pass (`capture.Listener`) and turns it into a `CallPlan`."""

    model: nn.Module
    layout: Layout
    samples: int | None
    smooth: bool
    events: list[Event] = field(default_factory=list)
    _stack: list[nn.Module] = field(default_factory=list)
    _others: Counter[tuple[str, str]] = field(default_factory=Counter)
    _modules_run: Counter[str] = field(default_factory=Counter)
    _pending: dict[int, tuple[Tensor, Event, Tensor]] = field(default_factory=dict)
    _open: tuple[Event, Tensor] | None = None
    _names: dict[int, str] = field(init=False)

    def __post_init__(self) -> None:
        self._names = {id(module): plain_name(name) for name, module in self.model.named_modules()}

    def on_call(
        self, rule: Rule, via: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> bool:
        """Note a call with a kink."""
        reading = rule.read(args, kwargs)
        if reading is None:
            if rule.kind in (Kind.CLIP, Kind.RECTIFIER) and rule.op != "maximum":
                self._others[self._where(), f"a {rule.op} at a bound other than 0"] += 1
            return False
        event = self._event(rule, via, reading, args, kwargs)
        self.events.append(event)
        self._open = (event, reading.values) if rule.kind is Kind.GATE else None
        return rule.kind is Kind.WINNER

    def on_winners(self, winners: Tensor) -> None:
        """Take the shape of a max-pool's output, which is that of its winners."""
        event = self.events[-1]
        event.shape, event.units = tuple(winners.shape), self._units(winners)

    def on_operator(
        self, operator: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any
    ) -> None:
        """Follow comparisons to what they gate, and note operators that may hide a kink."""
        packet = operator.overloadpacket
        name = packet.__name__
        if operator.namespace not in _OWN_NAMESPACES:
            self._others[self._where(), f"{CUSTOM} {operator.namespace}::{name}"] += 1
        if name in _HIDING:
            self._others[self._where(), f"{FUSED} {name}"] += 1
        if (what := _OTHER_KINKS.get(packet)) and _is_float(args):
            self._others[self._where(), what] += 1
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

    def _settle(self, packet: Any, args: tuple[Any, ...]) -> None:
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

    def _event(
        self,
        rule: Rule,
        via: str,
        reading: Reading,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Event:
        pool = rule.kind is Kind.WINNER
        values = reading.values
        return Event(
            rule,
            via,
            self._where(),
            self._stack[-1] if self._stack else None,
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

    def _where(self) -> str:
        return self._names.get(id(self._stack[-1]), "") if self._stack else ""

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Know at every moment which module runs."""

        def entered(module: nn.Module, inputs: Any) -> None:
            self._stack.append(module)
            if not any(module.children()):
                self._modules_run[type(module).__name__] += 1

        def left(module: nn.Module, inputs: Any, output: Any) -> None:
            self._stack.pop()

        hooks = [
            module_hooks.register_module_forward_pre_hook(entered),
            module_hooks.register_module_forward_hook(left, always_call=True),
        ]
        try:
            with warnings.catch_warnings():
                # compiled parts run in eager mode here, where global hooks do no harm
                warnings.filterwarnings("ignore", message=".*global hooks on modules")
                yield
        finally:
            for hook in hooks:
                hook.remove()

    def plan(self, keep: frozenset[str] | None = None) -> CallPlan:
        """Settle which layers are tracked (see `plan.make_plan`)."""
        return make_plan(self.found(), smooth=self.smooth, keep=keep)

    def found(self) -> Found:
        """Return what the first look found."""
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


def _is_float(args: tuple[Any, ...]) -> bool:
    return bool(args) and isinstance(args[0], Tensor) and args[0].is_floating_point()
