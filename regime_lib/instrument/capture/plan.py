"""From the calls of the first forward pass to the layers that are tracked, and their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn

from regime_lib.errors import RegimeError
from regime_lib.instrument.capture.coverage import Coverage, Layer, Unseen, own_name
from regime_lib.instrument.capture.modes import DISPATCH
from regime_lib.instrument.capture.operators import RULES, Kind, Rule

FUSED = "the fused operator"
CUSTOM = "the custom operator"
HIGHER = "the higher-order operator"


@dataclass
class Event:
    """One call of a piecewise-linear function."""

    rule: Rule
    via: str
    where: str
    owner: nn.Module | None
    shape: tuple[int, ...]
    device: torch.device
    planes: int
    itemsize: int
    codes: torch.dtype | None
    units: int | None = None
    """Units per sample; None if the activation has no axis of the samples."""
    rows: int = 1
    """Rows that count as one sample."""
    swapped: bool = False
    """Whether the unit is the second of two tensors that are compared."""
    counts: bool = True
    """False of a bound at which no unit switches, which is listed as not seen."""
    gates: bool = False
    """Whether a comparison or an absolute value was found to gate the tensor it was taken from."""

    @property
    def kind(self) -> Kind:
        """What the pattern means: gates and one-sided clamps are rectifiers."""
        one_sided = self.rule.kind is Kind.CLIP and self.planes == 1
        return Kind.RECTIFIER if self.gates or one_sided else self.rule.kind


@dataclass(frozen=True)
class Found:
    """What the first observation of a model found."""

    events: tuple[Event, ...]
    others: Mapping[tuple[str, str], int]
    """Other operators with a pattern of their own: (where, what) -> count."""
    modules_run: Counter[str]
    members: int
    samples: int


class Step(NamedTuple):
    """What to expect at one call of a later forward pass."""

    op: str
    layer: int | None
    """Index of the tracked layer, if it is one."""
    swapped: bool = False
    """Whether the unit is the second of two tensors that are compared."""


@dataclass(frozen=True)
class Site:
    """What a tracked layer needs to be recorded."""

    layer: Layer
    device: torch.device
    codes: torch.dtype | None
    itemsize: int


@dataclass(frozen=True)
class CallPlan:
    """The order of calls that every later forward pass must repeat, and what to keep of it."""

    steps: tuple[Step, ...]
    sites: tuple[Site, ...]
    coverage: Coverage
    ops: frozenset[str]
    """Functions of those kinds of which some call is tracked; other calls are passed over."""
    dispatch: bool
    """Whether some layers can only be seen by the dispatch mode."""


def make_plan(found: Found, *, smooth: bool, keep: frozenset[str] | None) -> CallPlan:
    """Settle what is tracked: all layers, or those in `keep`; smooth ones too if asked."""
    unseen = _unseen(found, smooth)
    for item in unseen:
        if item.what.startswith(FUSED):
            raise RegimeError(
                f"{item.what} in {item.where or 'the model'} may hide a rectifier; "
                "run that layer on the CPU, or write its steps out"
            )
    events = [event for event in found.events if _is_tracked(event, smooth)]
    if not events:
        raise RegimeError(_nothing_seen(found, unseen, smooth))
    names = _names(events)
    if keep is not None:
        if unknown := sorted(keep.difference(names)):
            raise RegimeError(
                f"no layer is called {', '.join(unknown)}; the model's layers with a pattern "
                f"are {', '.join(names)}"
            )
        chosen = [(e, name) for e, name in zip(events, names, strict=True) if name in keep]
        events, names = [e for e, _ in chosen], [name for _, name in chosen]
    dispatch = any(event.via == DISPATCH for event in events)
    kinds = {event.rule.kind for event in events}
    ops = frozenset(op for op, rule in RULES.items() if rule.kind in kinds)
    index = {id(event): i for i, event in enumerate(events)}
    steps = tuple(
        Step(event.rule.op, index.get(id(event)), event.swapped)
        for event in found.events
        if event.rule.op in ops and (dispatch or event.via != DISPATCH)
    )
    sites = tuple(_site(event, name) for event, name in zip(events, names, strict=True))
    layers = tuple(site.layer for site in sites)
    coverage = Coverage(layers, unseen, found.samples, found.members)
    return CallPlan(steps, sites, coverage, ops, dispatch)


def _site(event: Event, name: str) -> Site:
    assert event.units is not None
    op = event.rule.op
    layer = Layer(name, op, event.kind, event.via, event.units, event.planes, event.rows)
    return Site(layer, event.device, event.codes, event.itemsize)


def _is_tracked(event: Event, smooth: bool) -> bool:
    kind = event.rule.kind
    wanted = event.gates if kind is Kind.GATE else smooth or kind is not Kind.SMOOTH
    return wanted and event.counts and event.units is not None


def _unseen(found: Found, smooth: bool) -> tuple[Unseen, ...]:
    counts = Counter(found.others)
    for event in found.events:
        if _is_tracked(event, smooth) or not event.counts:
            continue
        if event.rule.kind is Kind.SMOOTH and not smooth:
            what = f"{event.rule.op} (smooth: pass smooth=True to track the sign of its input)"
            counts[event.where, what] += 1
        elif event.rule.op == "abs":
            counts[event.where, "an absolute value"] += 1
        elif event.units is None and (event.rule.kind is not Kind.GATE or event.gates):
            what = f"{event.rule.op} on shape {event.shape}, which has no axis of the samples"
            counts[event.where, what] += 1
    return tuple(Unseen(where, what, n) for (where, what), n in counts.items())


def _nothing_seen(found: Found, unseen: tuple[Unseen, ...], smooth: bool) -> str:
    ran = ", ".join(f"{name} x{n}" for name, n in found.modules_run.most_common()) or "none"
    ops = sorted({event.rule.op for event in found.events if event.rule.kind is Kind.SMOOTH})
    advice = "a regime tracker needs ReLUs or other piecewise-linear functions"
    if ops and not smooth:
        advice = f"its smooth activations ({', '.join(ops)}) are tracked with smooth=True"
    elif unseen:
        advice = f"found but not tracked: {'; '.join(map(str, unseen))}; {advice}"
    return f"no rectifier ran in the model's forward pass over modules {ran}; {advice}"


def _names(events: list[Event]) -> list[str]:
    """Give every call its own readable name."""
    seen: Counter[str] = Counter()
    names = []
    for event in events:
        name = event.where
        if not (name and _is_activation(event.owner)):
            name = f"{name}.{event.rule.op}" if name else event.rule.op
        name = own_name(name)
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return names


def _is_activation(module: nn.Module | None) -> bool:
    """Whether a module is nothing but its activation or pooling function."""
    if module is None or next(module.children(), None) is not None:
        return False
    home = type(module).__module__
    return home in ("torch.nn.modules.activation", "torch.nn.modules.pooling") and not isinstance(
        module, nn.MultiheadAttention
    )
