"""Where the tracker's time goes: CPU microseconds a step, by part, while a network trains.

Every method named below is wrapped in a clock; what a method calls is not counted twice. A part
costs several times what it costs in a loop of its own, because the training step between two
observations empties the processor's caches. The garbage collector is off: one full collection,
which would fall on whichever part happens to allocate, takes as long as observing a small network
many times.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from benchmarks.workloads import Workload, train_step, workloads
from regime_lib import RegimeTracker
from regime_lib.instrument.capture.isolation import IsolatedEvaluation
from regime_lib.instrument.capture.probe import Probe
from regime_lib.instrument.capture.replica import Postponing, Replica
from regime_lib.instrument.tracking.norms import Blocks, Rows
from regime_lib.instrument.tracking.packed_bits import NumpyPackedBits, PackedBits
from regime_lib.instrument.tracking.pattern_buffer import PatternBuffer
from regime_lib.instrument.tracking.patterns import PatternMeter
from regime_lib.instrument.tracking.recorder import Recorder
from regime_lib.instrument.tracking.series_builder import SeriesBuilder
from regime_lib.instrument.tracking.session import Session
from regime_lib.instrument.tracking.weights import WeightMeter

Method = tuple[type, str]
FORWARD, PACKING = "forward pass of the probe, listened to", "packing its patterns"
COMPARING = "comparing patterns, a block of observations at a time"
NORMS, BARE = "norms of the parameters", "the bare probe's forward pass"
PARTS: dict[str, list[Method]] = {
    FORWARD: [(Probe, "run")],
    PACKING: [(Recorder, "on_call"), (Recorder, "on_winners"), (PatternBuffer, "pack")],
    COMPARING: [
        (PackedBits, "changed"),
        (PackedBits, "from_first"),
        (NumpyPackedBits, "constant"),
        (PatternBuffer, "restart"),
    ],
    NORMS: [(store, name) for store in (Rows, Blocks) for name in ("stage", "keep", "take")],
    "snapshots for the distances to the end": [(Session, "_take_snapshot")],
    "leaving model, generators and compiler as they were": [
        (IsolatedEvaluation, "__enter__"),
        (IsolatedEvaluation, "__exit__"),
    ],
    "is it the same network, and can the look wait": [
        (WeightMeter, "check_same_architecture"),
        (PatternMeter, "unchanged"),
        (Postponing, "may_wait"),
    ],
    "loading earlier parameters into a copy of the network": [(Replica, "load")],
    "writing the series": [(SeriesBuilder, "write")],
    "the rest": [(RegimeTracker, "update")],
}


def measure(work_name: str, rounds: int) -> list[dict[str, Any]]:
    """Train and track, and return the microseconds a step of every part, with its share."""
    torch.set_num_threads(1)
    work = next(work for work in workloads() if work.name == work_name)
    steps = rounds * work.steps
    spent = dict.fromkeys(PARTS, 0)
    gc.disable()
    with clocked(PARTS, spent):
        trained = _run(work, steps, spent)
    bare = _bare_probe(work, steps)
    gc.enable()
    rows = {BARE: bare} | spent
    return [
        {
            "workload": work.name,
            "part": part,
            "us": nanoseconds / steps / 1e3,
            "of_bare_step": nanoseconds / (trained + bare),
        }
        for part, nanoseconds in rows.items()
    ]


def _run(work: Workload, steps: int, spent: dict[str, int]) -> int:
    """Train with a tracker; return the nanoseconds of the training steps alone."""
    torch.manual_seed(0)
    model = work.build()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    trained = 0
    with RegimeTracker(model, work.probe) as tracker:
        for step in range(-(steps // 4), steps):
            if step == 0:  # warm
                trained = 0
                spent.update(dict.fromkeys(spent, 0))
            start = time.thread_time_ns()
            train_step(model, optimizer, work)
            trained += time.thread_time_ns() - start
            tracker.update()
        measured = dict(spent)
    spent.update(measured)  # without what leaving the block costs
    return trained


def _bare_probe(work: Workload, steps: int) -> int:
    """Train with a bare probe after every step; return the nanoseconds of the probes alone."""
    torch.manual_seed(0)
    model = work.build()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    probing = 0
    for step in range(-(steps // 4), steps):
        train_step(model, optimizer, work)
        start = time.thread_time_ns()
        with torch.no_grad():
            model(work.probe)
        probing += time.thread_time_ns() - start if step >= 0 else 0
    return probing


@contextmanager
def clocked(parts: dict[str, list[Method]], spent: dict[str, int]) -> Iterator[None]:
    """Add what the methods of each part take by themselves to `spent`, in nanoseconds."""
    inner: list[int] = []  # of every method that runs: what the clocked methods below it took
    methods = [(owner, name, part) for part, found in parts.items() for owner, name in found]
    own = {(owner, name): vars(owner).get(name) for owner, name, _ in methods}
    try:
        for owner, name, part in methods:
            setattr(owner, name, _with_clock(getattr(owner, name), part, spent, inner))
        yield
    finally:
        for (owner, name), method in own.items():
            if method is None:
                delattr(owner, name)  # inherited
            else:
                setattr(owner, name, method)


def _with_clock(
    method: Callable[..., Any], part: str, spent: dict[str, int], inner: list[int]
) -> Callable[..., Any]:
    def clocked(*args: Any, **kwargs: Any) -> Any:
        inner.append(0)
        start = time.thread_time_ns()
        try:
            return method(*args, **kwargs)
        finally:
            took = time.thread_time_ns() - start
            spent[part] += took - inner.pop()
            if inner:
                inner[-1] += took

    return clocked
