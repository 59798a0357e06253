"""Samples that stand still, and the indicator of 2026, against patterns counted by hand."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from regime_lib.instrument import RegimeTracker
from tests.instrument.cases import vectors


def test_samples_that_stand_still_and_the_rarer_side_of_units() -> None:
    torch.manual_seed(0)
    model, probe, patterns = nn.Sequential(nn.Linear(6, 9), nn.ReLU()), vectors(), []

    def look() -> None:
        patterns.append((model[0](probe) > 0).numpy(force=True))

    look()
    with RegimeTracker(model, probe, still=3, oui_batch=True) as tracker:
        for step in range(70):  # more than are compared at once
            with torch.no_grad():
                model[0].weight += torch.randn(9, 6) * 0.4 / (1 + step)
            tracker.update()
            look()
    bits = np.array(patterns)
    still = (bits[1:] == bits[:-1]).all(axis=2)
    steps, found = tracker.trace.array("still")
    assert steps.tolist() == list(range(71))
    for step in range(1, 71):
        # the first look finds its own pattern again, which counts as one
        since = [still[k] for k in range(max(0, step - 3), step)]
        expected = np.logical_and.reduce(since).mean() if step >= 2 else 0.0
        assert found[step, 0] == expected, step
    on = bits.sum(axis=1)
    expected = np.minimum(on, len(probe) - on).mean(axis=1) / (len(probe) // 2)
    assert np.allclose(tracker.trace.array("oui_batch")[1][:, 0], expected)
