"""Helpers that read a tracker's packed patterns back and compare them with the truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from regime_lib.instrument import Layer, RegimeTracker
from regime_lib.instrument.tracking.packed_bits import row_bytes
from tests.instrument.cases import Truth


def recorded(tracker: RegimeTracker) -> list[tuple[Layer, NDArray]]:
    """Unpack the last patterns: (planes, members, samples, units), or a max-pool's codes.

    The only place in the tests that knows how patterns are packed.
    """
    assert tracker._run.session is not None
    assert tracker._run.session._patterns is not None
    flat = tracker._run.session._patterns.buffer.snapshot()
    coverage = tracker.coverage
    rows = coverage.members * coverage.samples
    packed = sum(layer.planes * rows * row_bytes(layer.units) for layer in coverage.layers)
    code_bytes = (flat.size - packed) // max(1, rows * coverage.winners)  # one pool at most, here
    found, start = [], 0
    for layer in coverage.layers:
        width = row_bytes(layer.units) * layer.planes if layer.planes else layer.units * code_bytes
        part = flat[start : start + rows * width]
        start += rows * width
        shape = (max(1, layer.planes), coverage.members, coverage.samples, -1)
        if layer.planes:
            bits = np.unpackbits(part.reshape(shape), axis=-1)[..., : layer.units]
            found.append((layer, bits.astype(bool)))
        else:
            found.append((layer, part.view({1: np.uint8, 4: np.int32}[code_bytes]).reshape(shape)))
    assert start == flat.size
    return found


def observe(model: nn.Module, probe: Any, **options: Any) -> list[tuple[Layer, NDArray]]:
    """Track a model for one observation."""
    with RegimeTracker(model, probe, **options) as tracker:
        return recorded(tracker)


def assert_is(found: list[tuple[Layer, NDArray]], truth: list[Truth]) -> None:
    """Compare every bit of every layer with the truth."""
    assert [layer.name for layer, _ in found] == [layer.name for layer in truth]
    for (layer, data), true in zip(found, truth, strict=True):
        assert layer.units == true.units, layer.name
        values = in_memory_order(true.values)
        if not true.thresholds:
            codes = data[0, 0]
            assert np.array_equal(codes, values.astype(codes.dtype)), layer.name
            continue
        assert data.shape == (len(true.thresholds), 1, *values.shape), layer.name
        for plane, threshold in zip(data[:, 0], true.thresholds, strict=True):
            clear = np.abs(values - threshold) >= true.margin
            assert clear.mean() > 0.99
            assert np.array_equal(plane[clear], (values > threshold)[clear]), layer.name


def in_memory_order(values: torch.Tensor) -> NDArray:
    """Flatten to (samples, units), channels last where the tensor is stored so."""
    if values.ndim == 4 and not values.is_contiguous():
        values = values.permute(0, 2, 3, 1)
    return values.detach().flatten(1).numpy()
