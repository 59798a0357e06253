"""Signs of the edge of stability: against counting, and a quadratic that can be solved."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from regime_lib.instrument import RegimeTracker, Trace, edge_of_stability
from regime_lib.instrument.tracking.edge_of_stability import FEWEST, MARGIN
from tests.instrument.cases import Stacked
from tests.instrument.prescribed import random_patterns, tracked
from tests.instrument.runs import small_run
from tests.sentences import refusal


class Valley(nn.Module):
    """Units that read one number, whose distance from the bottom of a quadratic is trained."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.tensor(1.0, dtype=torch.float64))
        self.register_buffer("thresholds", torch.linspace(-1, 1, units, dtype=torch.float64))

    def forward(self, slopes: Tensor) -> Tensor:
        return F.relu(self.place * slopes - self.thresholds)


def descended(scaled: float, steps: int = 40, units: int = 4001) -> Trace:
    """Descend x² λ / 2 at a rate η with η λ = `scaled`, watched by many units."""
    model, probe = Valley(units), torch.ones(1, 1, dtype=torch.float64)
    optimizer = torch.optim.SGD(model.parameters(), lr=scaled)
    with RegimeTracker(model, probe, window=2) as tracker:
        for _ in range(steps):
            optimizer.zero_grad()
            (model.place**2 / 2).backward()
            optimizer.step()
            tracker.update()
    return tracker.trace


@given(st.floats(1.05, 1.95))
@settings(max_examples=12, deadline=None)
def test_on_a_quadratic_the_ratio_is_that_of_the_closed_form(scaled: float) -> None:
    # the first two steps alone: later ones are ever smaller, and a grid of units is coarse
    found = descended(scaled, 4).edge_of_stability(window=4)
    assert found.ratio[0, 0] == pytest.approx(scaled / (2 - scaled), rel=0.05)
    assert bool(found.signs[0, 0]) == (found.ratio[0, 0] >= MARGIN)


@pytest.mark.parametrize("scaled", [0.2, 0.5, 0.9, 1.0])
def test_without_jumping_over_the_bottom_no_bit_flips_back(scaled: float) -> None:
    assert descended(scaled, 4).edge_of_stability(window=4).ratio[0, 0] == pytest.approx(1)


def test_at_the_threshold_all_flips_are_taken_back() -> None:
    found = descended(2.0).edge_of_stability(window=10)
    assert np.isinf(found.ratio).all()
    assert found.signs.all()
    assert not found.estimate.known
    assert "since step 0: two-step ratio without bound" in str(found)


def test_ratios_are_those_of_counting_pair_by_pair() -> None:
    patterns = random_patterns(1, 31, 6, (4, 9))
    trace = tracked(patterns, window=2).trace
    both = np.concatenate(patterns, axis=2)
    for layer, bits in (("all", both), ("relu", patterns[0]), ("relu#2", patterns[1])):
        found = edge_of_stability(trace, window=10, layer=layer)
        assert (found.starts.tolist(), found.stops.tolist()) == ([0, 10, 20], [10, 20, 30])
        for row, start in enumerate(found.starts):
            steps = range(start, start + 10)
            flips = sum(int((bits[t] != bits[t + 1]).sum()) for t in steps)
            net = sum(int((bits[t] != bits[t + 2]).sum()) for t in steps[::2])
            assert found.ratio[row, 0] == pytest.approx(flips / net)
        assert found.estimate.value == pytest.approx(found.ratio[-1, 0])


def alternating(steps: int, since: int, bits: int = 60) -> Trace:
    """Track bits that drift, one a step, and half of which flip back and forth from a step on."""
    drift = np.arange(steps)[:, None, None] > np.arange(bits)[None, None, :]
    blink = (np.arange(steps) % 2 == 0) & (np.arange(steps) >= since)
    flickering = np.repeat(blink[:, None, None], bits, axis=2)
    return tracked([np.concatenate([drift, flickering], axis=1)], window=2).trace


def test_onsets_and_stretches_are_where_the_flicker_begins() -> None:
    found = alternating(61, since=30).edge_of_stability(window=10)
    assert found.signs[:, 0].tolist() == [False] * 3 + [True] * 3
    assert found.onset.tolist() == [40]
    assert found.stretches() == [(30, 60)]
    assert found.window == 10
    never = alternating(61, since=99).edge_of_stability(window=10, margin=2.0)
    assert np.isinf(never.onset).all()
    assert never.stretches() == []
    assert "no signs of the edge of stability: two-step ratio" in str(never)
    assert str(never) in repr(never)


def test_earlier_signs_are_told() -> None:
    steps, bits = 60, 40
    blink = (np.arange(steps) % 2 == 0) & (np.arange(steps) < 20)
    drift = np.arange(steps)[:, None, None] > np.arange(bits)[None, None, :]
    both = [np.concatenate([drift, np.repeat(blink[:, None, None], bits, axis=2)], axis=1)]
    found = tracked(both, window=2).trace.edge_of_stability(window=10)
    assert found.stretches() == [(0, 20)]
    assert "earlier signs, last in steps 0 to 20" in str(found)


def test_windows_with_few_flips_are_left_open() -> None:
    few = np.zeros((21, 1, FEWEST), bool)
    few[1:11:2, 0, :3] = True  # 30 flips, and then none
    found = tracked([few], window=2).trace.edge_of_stability(window=10)
    assert found.open[:, 0].tolist() == [False, True]
    assert not found.signs[1, 0]
    assert not found.estimate.known
    fewer = few.copy()
    fewer[1:11:2, 0, 1:] = False  # ten flips
    assert tracked([fewer], window=2).trace.edge_of_stability(window=10).open.all()


def test_members_have_signs_of_their_own() -> None:
    model, probe = Stacked(), torch.randn(200, 6)
    start = model.weight.detach().clone()
    with RegimeTracker(model, probe, members=3, window=2) as tracker:
        for step in range(20):
            with torch.no_grad():
                model.weight[0].neg_()  # back and forth
                model.weight[1:].copy_(start[1:].roll(step % 5 + 1, -1))
            tracker.update()
    found = tracker.trace.edge_of_stability(window=10)
    assert np.isinf(found.ratio[:, 0]).all()
    assert np.isfinite(found.ratio[:, 1:]).all()
    assert found.onset[0] == 10
    assert "of 3 networks in the last 10 steps" in str(found)


def test_the_interval_is_over_the_pairs_of_the_last_window() -> None:
    found = tracked(random_patterns(2, 61, 8, (30,)), window=2).trace.edge_of_stability(window=40)
    assert found.estimate.n == 20
    assert found.estimate.low is not None
    assert found.estimate.over == "20 pairs of steps"


def test_what_cannot_be_asked_is_refused() -> None:
    refusal("window=2", lambda: small_run(12).edge_of_stability())
    refusal("5 steps long", lambda: small_run(12, window=5).edge_of_stability())
    trace = small_run(12, window=2)
    refusal("12 steps, less than one window of 50", lambda: trace.edge_of_stability())
    refusal("even number", lambda: trace.edge_of_stability(window=5))
    refusal("even number", lambda: trace.edge_of_stability(window=2))
    refusal("above 1", lambda: trace.edge_of_stability(window=4, margin=1.0))
    refusal("its layers are", lambda: trace.edge_of_stability(window=4, layer="nowhere"))


def test_the_report_has_a_line_on_it(tmp_path: object) -> None:
    # without parts of the probe, of which the report's other lines draw thousands of resamples
    trace = dataclasses.replace(small_run(60, window=2), groups=None)
    said = str(trace.edge_of_stability())
    text = trace.report(tmp_path / "run.html").read_text()  # type: ignore[operator]
    assert said in text
    assert all(spot in text for spot in trace.edge_of_stability().blind_spots)
    assert said in trace._repr_html_()
    plain = dataclasses.replace(small_run(60), groups=None)
    text = plain.report(tmp_path / "plain.html").read_text()  # type: ignore[operator]
    assert "edge of stability" not in text
