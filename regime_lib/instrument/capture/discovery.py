"""The first observation of a model: which calls have patterns, their names, what is not seen.

One forward pass runs under both modes. Every piecewise-linear function becomes an event; operators
of that kind that no function event accounts for are events too, seen by the dispatch mode alone. A
comparison with zero, or an absolute value, becomes a rectifier only if its result gates the very
tensor that it was taken from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.layout import Layout
from regime_lib.instrument.capture.module_stack import ModuleStack
from regime_lib.instrument.capture.operators import Args, Kind, Kwargs, Reading, Rule, code_type
from regime_lib.instrument.capture.plan import (
    CUSTOM,
    FUSED,
    HIGHER,
    CallPlan,
    Event,
    Found,
    make_plan,
)
from regime_lib.instrument.capture.probe import Probe
from regime_lib.instrument.capture.torch_private import is_higher_order

_aten = torch.ops.aten
_COMPARISONS = {_aten.gt, _aten.ge, _aten.lt, _aten.le}
_CARRIERS = {_aten._to_copy, _aten.logical_not, _aten.bitwise_not, _aten.view, _aten.clone}
_CARRIERS |= {_aten.unsqueeze, _aten.squeeze, _aten.expand, _aten.permute, _aten.transpose}
_CARRIERS |= {_aten.alias, _aten.detach, _aten._unsafe_view}
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
    "a step function": (_aten.heaviside, _aten.gt_, _aten.ge_, _aten.lt_, _aten.le_),
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
    probe: Probe
    samples: int | None
    smooth: bool
    generators: dict[int, tuple[torch.Generator, Tensor]] = field(default_factory=dict)
    """Generators that an operator drew from, with their states before."""
    events: list[Event] = field(default_factory=list)
    _others: Counter[tuple[str, str]] = field(default_factory=Counter)
    _modules_run: Counter[str] = field(default_factory=Counter)
    _pending: dict[int, tuple[Tensor, Event, Reading]] = field(default_factory=dict)
    _open: tuple[Event, Reading] | None = None
    _used_as_numbers: list[Event] = field(default_factory=list)
    _outputs: list[tuple[int, ...]] = field(default_factory=list)
    _running: ModuleStack = field(init=False)

    def __post_init__(self) -> None:
        self._running = ModuleStack(self.model)

    def on_call(self, rule: Rule, via: str, args: Args, kwargs: Kwargs) -> bool:
        """Note a call of a piecewise-linear function."""
        reading = rule.read(args, kwargs)
        if reading is None:
            return False
        if not reading.counts:
            self._others[self._running.name, f"a {rule.op} at a bound other than 0"] += 1
        event = self._event(rule, via, reading, args, kwargs)
        self.events.append(event)
        self._open = (event, reading) if rule.kind is Kind.GATE else None
        return rule.kind is Kind.WINNER

    def on_winners(self, winners: Tensor) -> None:
        """Take the shape of a max-pool's output, which is that of its winners."""
        self.events[-1].shape = tuple(winners.shape)

    def before_operator(self, operator: Any, kwargs: Kwargs) -> None:
        """Note generators before they are drawn from, and operators that take functions."""
        if isinstance(own := kwargs.get("generator"), torch.Generator):
            self.generators.setdefault(id(own), (own, own.get_state()))
        if is_higher_order(operator) and operator is not torch.ops.higher_order.cond:
            self._others[self._running.name, f"{HIGHER} {operator.name()}"] += 1

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
            event, reading = self._open
            if packet in _COMPARISONS or packet is _aten.abs:
                self._pending[id(result)] = (result, event, reading)
                self._open = None
        elif packet in _CARRIERS and args and id(args[0]) in self._pending:
            _, event, reading = self._pending[id(args[0])]
            self._pending[id(result)] = (result, event, reading)
        elif self._pending:
            self._settle(packet, args, result)

    def _settle(self, packet: Any, args: Args, result: Any) -> None:
        """Mark a comparison that multiplies or selects, or an absolute value added to its input.

        Which of two compared tensors is the unit is settled here: the one that is gated.
        """
        given = list(_flat(args))
        for arg in given:
            if id(arg) not in self._pending:
                continue
            _, event, reading = self._pending[id(arg)]
            if event.rule.op == "abs":
                event.gates |= packet in _FOLDED_BY and _is_in(reading.values, given)
            elif packet in _GATED_BY and _is_in(reading.values, given):
                event.gates = True
            elif packet in _GATED_BY and _is_in(reading.against, given):
                event.gates = event.swapped = True
            elif packet in _GATED_BY:
                self._others[event.where, "a comparison that gates another tensor"] += 1
            elif isinstance(result, Tensor) and result.is_floating_point():
                self._used_as_numbers.append(event)

    def _event(self, rule: Rule, via: str, reading: Reading, args: Args, kwargs: Kwargs) -> Event:
        values, against = reading.values, reading.against
        shape = values.shape
        if against is not None:
            shape = torch.broadcast_shapes(shape, against.shape)
        return Event(
            rule,
            via,
            self._running.name,
            self._running.module,
            tuple(shape),
            values.device,
            planes=len(reading.thresholds),
            itemsize=values.element_size(),
            codes=code_type(rule.op, args, kwargs) if rule.kind is Kind.WINNER else None,
            # maximum(0, z): the unit is z
            swapped=rule.op == "maximum" and against is not None and _is_constant(values),
            counts=reading.counts,
        )

    def on_output(self, output: Any) -> None:
        """Take the shapes of what the model returns."""
        self._outputs = [tuple(one.shape) for one in _tensors_of(output)]

    def _settle_samples(self) -> int:
        """Return the number of samples, or refuse a probe whose inputs do not tell it."""
        if self.samples is not None:
            return self.samples
        shapes = [event.shape for event in self.events if event.counts]
        sizes = self.probe.sizes
        if not sizes and self.probe.runs_itself:  # a callable: the first activation tells
            sizes = tuple(size for size in map(self.layout.lead, shapes[:1]) if size is not None)
            if len(sizes) == 1:
                return sizes[0]
        seen = [self.layout.lead(shape) for shape in (*shapes, *self._outputs)]
        fits = [size for size in sizes if size in seen and (size > 1 or len(sizes) == 1)]
        if len(fits) == 1:
            return fits[0]
        if len(sizes) == 1 and not self.probe.lists_samples:
            folded = {size for size in self.probe.leading_sizes() if size > sizes[0]}
            axes = {size for shape in shapes for size in shape[:-1]}
            if not shapes or folded.intersection(seen) or sizes[0] in axes:
                return sizes[0]
        found = " or ".join(map(str, sizes)) or "unknown"
        raise RegimeError(
            f"the number of samples in the probe is not clear (its inputs suggest {found}); "
            "pass samples= with the right one"
        )

    def following(self) -> AbstractContextManager[None]:
        """Know in this block which module runs."""
        return self._running.following(entered=self._count)

    def _count(self, module: nn.Module) -> None:
        if next(module.children(), None) is None:
            self._modules_run[type(module).__name__] += 1

    def plan(self, keep: frozenset[str] | None = None) -> CallPlan:
        """Settle which layers are tracked (see `plan.make_plan`)."""
        return make_plan(self.found(), smooth=self.smooth, keep=keep)

    def found(self) -> Found:
        """Return what the forward pass showed."""
        samples, others = self._settle_samples(), Counter(self._others)
        for event in self.events:
            event.units = self.layout.units(event.shape, samples)
            event.rows = self.layout.folded(event.shape, samples)
        for event in {id(event): event for event in self._used_as_numbers}.values():
            if not event.gates:
                others[event.where, f"a comparison ({event.rule.op}) whose result is a number"] += 1
        return Found(tuple(self.events), others, self._modules_run, self.layout.members, samples)


def _flat(args: Any) -> Iterator[Any]:
    """Yield arguments, and those inside lists, as `index_put` takes its masks."""
    for arg in args:
        if isinstance(arg, list | tuple):
            yield from _flat(arg)
        else:
            yield arg


def _is_in(tensor: Tensor | None, given: list[Any]) -> bool:
    return tensor is not None and any(other is tensor for other in given)


def _is_constant(values: Tensor) -> bool:
    """Whether a tensor is one number, repeated: the bound of a comparison, not the compared."""
    return values.numel() > 0 and bool((values == values.flatten()[0]).all())


def _tensors_of(output: Any) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping):
        yield from _tensors_of(list(output.values()))
    elif isinstance(output, list | tuple):
        for one in output:
            yield from _tensors_of(one)


def _is_float(args: Args) -> bool:
    return bool(args) and isinstance(args[0], Tensor) and args[0].is_floating_point()
