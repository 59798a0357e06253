"""One trace of several that saw parts of one probe while the same network trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from regime_lib.errors import RegimeError
from regime_lib.instrument.tracking.quantities import QUANTITIES
from regime_lib.instrument.tracking.trace import Series, Trace


def merge_parts(traces: Sequence[Trace]) -> Trace:
    """Merge the traces of one run on different parts of a probe, as ranks see them.

    The merged trace is that of the whole probe. Shares of flipped bits are averaged over parts,
    weighted by their samples; what is measured on the weights must be the same in all. Quantities
    that the parts do not determine are left out: a unit that is off on every sample of one part may
    be on in another, and pairs of samples across parts were never compared. So are quantities of
    your own.

    Parameters
    ----------
    traces : sequence of Trace
        In the order of the parts.

    Raises
    ------
    RegimeError
        If there are none, if they are of different networks, or if they were not looked at at the
        same steps with the same weights.
    """
    if not traces:
        raise RegimeError("there is no trace to merge; pass one for each part of the probe")
    first = traces[0]
    for number, trace in enumerate(traces[1:], start=2):
        if _structure(trace) != _structure(first):
            raise RegimeError(
                f"trace {number} is not of the first one's network, options and steps; merge the "
                "ranks of one run, which look at the same steps"
            )
    samples = np.array([trace.coverage.samples for trace in traces], dtype=float)
    how = {one.name: one.merged for one in QUANTITIES}
    series = []
    for index, one in enumerate(first.all_series):
        values = np.stack([trace.all_series[index].values for trace in traces])
        kind = how.get(one.quantity, "")
        if kind == "same" and not np.allclose(values, values[:1], rtol=1e-5, equal_nan=True):
            raise RegimeError(
                f"{one.quantity} differs between the traces, so that they saw different weights; "
                "merge the ranks of one run"
            )
        if kind:
            merged = values[0] if kind == "same" else np.average(values, axis=0, weights=samples)
            series.append(Series(one.quantity, one.layers, one.steps, merged))
    coverage = replace(first.coverage, samples=int(samples.sum()))
    return Trace(coverage, tuple(series), _groups(traces), _unit_times(traces))


def _structure(trace: Trace) -> object:
    """Return what the parts must have in common."""
    layers = [(layer.name, layer.op, layer.units) for layer in trace.coverage.layers]
    series = [(one.quantity, one.layers, one.steps.tolist()) for one in trace.all_series]
    return layers, trace.members, series, trace.unit_times is None


def _groups(traces: Sequence[Trace]) -> np.ndarray | None:
    """Set the parts side by side where they are of one size, which a bootstrap takes them to be."""
    parts = [trace.groups for trace in traces if trace.groups is not None]
    if len(parts) < len(traces) or len({trace.coverage.samples for trace in traces}) > 1:
        return None
    return np.concatenate(parts, axis=2)


def _unit_times(traces: Sequence[Trace]) -> tuple[np.ndarray, ...] | None:
    """Take the latest of each unit's last flips."""
    times = [trace.unit_times for trace in traces if trace.unit_times is not None]
    if len(times) < len(traces):
        return None
    return tuple(np.maximum.reduce(layer) for layer in zip(*times, strict=True))
