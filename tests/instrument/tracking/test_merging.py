"""Traces of parts of a probe, merged, are the trace of the whole probe."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from regime_lib.instrument import RegimeTracker, Trace, merge_parts
from tests.instrument.cases import ConvNet, TwoLayers, images
from tests.sentences import refusal

OPTIONS = {"window": 3, "still": 2, "unit_times": True, "directions": True}


def tracked(model: nn.Module, probes: list[Tensor], steps: int = 12, **options: Any) -> list[Trace]:
    """Train once and look with a tracker for every probe."""
    torch.manual_seed(3)
    batches = [torch.randn_like(probes[0]) for _ in range(steps)]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with ExitStack() as stack:
        trackers = [stack.enter_context(RegimeTracker(model, p, **options)) for p in probes]
        for batch in batches:
            optimizer.zero_grad()
            model(batch).pow(2).mean().backward()
            optimizer.step()
            for tracker in trackers:
                tracker.update()
    return [tracker.trace for tracker in trackers]


@pytest.mark.parametrize("sizes", [(8, 8, 8), (3, 16, 5), (24,)], ids=str)
@pytest.mark.parametrize("convolutional", [False, True])
def test_the_merged_trace_is_that_of_the_whole_probe(
    convolutional: bool, sizes: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    model = (ConvNet() if convolutional else TwoLayers(nn.ReLU())).double()
    probe = (torch.cat([images(), images()]) if convolutional else torch.randn(24, 6)).double()
    assert len(probe) == 24
    whole, *parts = tracked(model, [probe, *probe.split(sizes)], **OPTIONS)
    merged = merge_parts(parts)
    assert merged.coverage == whole.coverage
    left_out = {"dead", "always_on", "units_settled"}
    assert set(whole.quantities) - set(merged.quantities) == left_out
    for series in merged.all_series:
        (own,) = (one for one in whole.all_series if one.quantity == series.quantity)
        assert own.layers == series.layers
        assert np.array_equal(own.steps, series.steps)
        assert np.allclose(own.values, series.values, rtol=1e-9, equal_nan=True), series.quantity
    assert whole.unit_times is not None
    assert merged.unit_times is not None
    for one, other in zip(whole.unit_times, merged.unit_times, strict=True):
        assert np.array_equal(one, other)
    if len(set(sizes)) > 1:
        assert merged.groups is None
    else:
        assert merged.groups is not None
        change = merged.array("pattern_change")[1]
        assert np.allclose(merged.groups.mean(axis=2), change)
    assert str(merged.regime_change())


def test_what_is_no_run_in_parts_is_refused() -> None:
    torch.manual_seed(0)
    probe = torch.randn(8, 6)
    one, other = (tracked(TwoLayers(nn.ReLU()), [probe])[0] for _ in "ab")
    assert "different weights" in refusal("weight", lambda: merge_parts([one, other]))
    refusal("steps", lambda: merge_parts([one, one.until(4)]))
    refusal("no trace", lambda: merge_parts([]))
