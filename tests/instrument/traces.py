"""Traces made by hand, of which every number is known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from regime_lib.instrument import Coverage, Kind, Layer, Trace
from regime_lib.instrument.tracking.trace import Series


def coverage_of(members: int = 1, layers: tuple[str, ...] = ("one", "two")) -> Coverage:
    made = tuple(Layer(name, "relu", Kind.RECTIFIER, "function", 10, 1) for name in layers)
    return Coverage(made, (), 64, members)


def made_trace(
    series: Mapping[str, NDArray], groups: NDArray | None = None, steps: NDArray | None = None
) -> Trace:
    """Make a trace of series of shape (steps,) or (steps, members), over all layers."""
    made = []
    members = 1
    for quantity, values in series.items():
        table = values[:, None] if values.ndim == 1 else values
        members = table.shape[1]
        at = np.arange(1, len(table) + 1) if steps is None else steps
        made.append(Series(quantity, ("all",), at, table[:, None, :].astype(float)))
    return Trace(coverage_of(members), tuple(made), groups)


def assert_same_trace(one: Trace, other: Trace) -> None:
    """Demand the same series, bit for bit."""
    assert one.quantities == other.quantities
    for mine, its in zip(one.all_series, other.all_series, strict=True):
        assert mine.layers == its.layers
        assert np.array_equal(mine.steps, its.steps), mine.quantity
        assert np.array_equal(mine.values, its.values, equal_nan=True), mine.quantity
    for found in (
        (one.groups, other.groups),
        *zip(one.unit_times or (), other.unit_times or (), strict=True),
    ):
        assert (found[0] is None) == (found[1] is None)
        if found[0] is not None:
            assert np.array_equal(*found)


def decaying(
    pattern_tau: NDArray | float, weight_tau: NDArray | float, length: int = 2000
) -> Trace:
    """Make a trace in which both changes decay exponentially; one member a time constant."""
    t = np.arange(length)[:, None]
    return made_trace(
        {
            "pattern_change": np.exp(-t / np.atleast_1d(pattern_tau)),
            "weight_change": np.exp(-t / np.atleast_1d(weight_tau)),
        }
    )
