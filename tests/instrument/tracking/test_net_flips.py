"""Flips per net flip against counting bits one by one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from regime_lib.instrument import RegimeTracker, Trace, flips_per_net_flip
from regime_lib.instrument.tracking.trace import Series
from tests.instrument.cases import ARCHITECTURES, Stacked
from tests.instrument.prescribed import random_patterns, tracked
from tests.instrument.runs import small_run, trainer
from tests.instrument.traces import coverage_of
from tests.sentences import refusal

WINDOW = 4


def counted(patterns: NDArray, start: int, stop: int) -> tuple[float, float]:
    """Flips and net flips of one layer, as shares of its bits, counted bit by bit."""
    flips = net = 0
    _, samples, units = patterns.shape
    for sample in range(samples):
        for unit in range(units):
            life = [bool(bit) for bit in patterns[start : stop + 1, sample, unit]]
            flips += sum(a != b for a, b in pairwise(life))
            net += life[0] != life[-1]
    return flips / (samples * units), net / (samples * units)


@pytest.fixture(scope="module")
def run() -> tuple[list[NDArray], Trace]:
    patterns = random_patterns(0, 23, 5, (3, 11))
    return patterns, tracked(patterns, window=WINDOW).trace


@pytest.mark.parametrize("over", ["window", "start", "end"])
def test_every_window_of_every_layer_is_that_of_counting(
    run: tuple[list[NDArray], Trace], over: str
) -> None:
    patterns, trace = run
    both = np.concatenate(patterns, axis=2)
    for layer, own in (("all", both), ("relu", patterns[0]), ("relu#2", patterns[1])):
        found = trace.flips_per_net_flip(over, layer)
        expected = [counted(own, a, b) for a, b in zip(found.starts, found.stops, strict=True)]
        assert np.allclose(found.flips[:, 0], [flips for flips, _ in expected])
        assert np.allclose(found.net[:, 0], [net for _, net in expected])
        assert np.allclose(found.ratio[:, 0], [flips / net for flips, net in expected])
        pooled = sum(flips for flips, _ in expected) / sum(net for _, net in expected)
        assert found.pooled == pytest.approx(pooled)


def test_windows_follow_each_other_and_begin_at_the_start(
    run: tuple[list[NDArray], Trace],
) -> None:
    _, trace = run
    windows = trace.flips_per_net_flip()
    assert windows.starts.tolist() == [0, 4, 8, 12, 16]
    assert windows.stops.tolist() == [4, 8, 12, 16, 20]
    start, end = trace.flips_per_net_flip("start"), trace.flips_per_net_flip("end")
    assert (start.starts.tolist(), start.stops.tolist()) == ([0] * 22, list(range(1, 23)))
    assert (end.starts.tolist(), end.stops.tolist()) == (list(range(22)), [22] * 22)
    assert "5 windows over steps 0 to 20" in repr(windows)


@given(arrays(bool, (9, 2, 3)))
@settings(max_examples=12, deadline=None)
def test_there_are_never_fewer_flips_than_net_flips(patterns: NDArray) -> None:
    trace = tracked([patterns], window=4).trace
    for over in ("window", "start", "end"):
        found = flips_per_net_flip(trace, over)
        assert (found.flips >= found.net - 1e-12).all()
        # a bit that differs flipped an odd number of times
        assert (np.round((found.flips - found.net) * 6) % 2 == 0).all()


def test_nothing_flipped_and_everything_back_are_told_apart() -> None:
    still = np.zeros((9, 3, 4), bool)
    windows = tracked([still], window=4).trace.flips_per_net_flip()
    assert np.isnan(windows.ratio).all()
    assert np.isnan(windows.pooled).all()
    blinking = still.copy()
    blinking[1::2] = True
    blinking[5:] = True  # on for good after step 4, where it was off
    windows = tracked([blinking], window=4).trace.flips_per_net_flip()
    assert windows.ratio[:, 0].tolist() == [np.inf, 1.0]
    assert windows.pooled[0] == pytest.approx(5.0)


@pytest.mark.parametrize("case", [c for c in ARCHITECTURES if "conv" in c.name][:1], ids=str)
def test_a_trained_network_agrees_with_the_distances_that_are_measured_anyway(case: object) -> None:
    model, probe = case.model(), case.batch(99)  # type: ignore[attr-defined]
    step = trainer(model, case.batch)  # type: ignore[attr-defined]
    with RegimeTracker(model, probe, window=6) as tracker:
        for number in range(7):
            step(number)
            tracker.update()
    trace = tracker.trace
    for layer in ("all", *(row.name for row in trace.coverage.layers)):
        windows = trace.flips_per_net_flip("window", layer)
        assert windows.net[0, 0] == trace.series("pattern_from_start", layer)[6]
        assert windows.flips[0, 0] == pytest.approx(
            trace.series("pattern_change", layer)[:6].sum(), abs=1e-12
        )
        assert windows.ratio[0, 0] >= 1


def test_members_have_flips_of_their_own() -> None:
    torch.manual_seed(0)
    model, probe = Stacked(), torch.randn(20, 6)
    with RegimeTracker(model, probe, members=3, window=2) as tracker:
        for _ in range(6):
            with torch.no_grad():
                model.weight.add_(torch.randn_like(model.weight) * torch.rand(3, 1, 1))
            tracker.update()
    windows = tracker.trace.flips_per_net_flip()
    assert windows.ratio.shape == (3, 3)
    assert len(np.unique(windows.flips)) == 9


def test_a_saved_trace_and_a_shorter_one_keep_their_windows(tmp_path: object) -> None:
    trace = small_run(12, window=5)
    loaded = Trace.load(trace.save(tmp_path / "trace"))  # type: ignore[operator]
    before, after = trace.flips_per_net_flip(), loaded.flips_per_net_flip()
    assert np.array_equal(before.flips, after.flips)
    assert trace.until(9).flips_per_net_flip().stops.tolist() == [5]


def test_the_window_changes_no_other_quantity() -> None:
    plain, windowed = small_run(12), small_run(12, window=5)
    frame = windowed.frame
    kept = frame[frame["quantity"] != "pattern_net_change"].astype({"quantity": str})
    assert kept.reset_index(drop=True).equals(plain.frame.astype({"quantity": str}))


def test_what_cannot_be_counted_is_refused() -> None:
    trace = small_run(12)
    refusal("window=N", lambda: trace.flips_per_net_flip())
    refusal("window, start, end", lambda: trace.flips_per_net_flip("epoch"))
    refusal("its layers are", lambda: trace.flips_per_net_flip("start", "nowhere"))
    sparse = small_run(20, window=5, schedule=lambda step: step % 5 == 0)
    refusal("leave out schedule", lambda: sparse.flips_per_net_flip())
    refusal("window is 0", lambda: small_run(2, window=0))
    refusal("window is for a probe", lambda: small_run(2, window=5, batches=30))
    visits = Series("lag", ("all",), np.arange(1, 4), np.full((3, 1, 1), 7.0))
    change = Series("pattern_change", ("all",), np.arange(1, 4), np.zeros((3, 1, 1)))
    away = Series("pattern_from_start", ("all",), np.arange(4), np.zeros((4, 1, 1)))
    lagging = Trace(coverage_of(), (change, away, visits), None)
    refusal("last visit", lambda: lagging.flips_per_net_flip("start"))
