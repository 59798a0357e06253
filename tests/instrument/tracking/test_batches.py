"""Patterns of the training's own forward passes, against a dictionary of last visits."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from regime_lib.instrument import RegimeTracker, Trace
from tests.instrument.cases import ConvNet, Plain, Stacked, TwoLayers, linear, rectified, vectors
from tests.sentences import refusal

N = 30


def data() -> torch.Tensor:
    return torch.randn(N, 6, generator=torch.Generator().manual_seed(0)).double()


def network() -> TwoLayers:
    torch.manual_seed(1)
    return TwoLayers(nn.ReLU()).double()


def patterns_of(model: TwoLayers, x: torch.Tensor) -> np.ndarray:
    """Patterns of both layers side by side, by formula."""
    first = linear(x, model.first)
    second = linear(rectified(first), model.second)
    return (torch.cat([first, second], dim=1) > 0).numpy()


def train(
    model: TwoLayers, tracker: RegimeTracker, batches: list[np.ndarray], *, whole: bool = False
) -> list[np.ndarray]:
    """Train on batches of sample numbers; return the patterns of every pass, by formula."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    x, seen = data(), []
    for numbers in batches:
        optimizer.zero_grad()
        seen.append(patterns_of(model, x[numbers]))
        with tracker.watch() if whole else tracker.watch(numbers):
            output = model(x[numbers])
        (output**2).mean().backward()
        optimizer.step()
        tracker.update()
    return seen


def test_full_batches_give_the_change_per_step_of_a_probe() -> None:
    every = [np.arange(N)] * 90
    with RegimeTracker(network(), data()) as probing:
        model = probing.model
        optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
        for _ in every:
            optimizer.zero_grad()
            (model(data()) ** 2).mean().backward()
            optimizer.step()
            probing.update()
    model = network()
    with RegimeTracker(model, data()[:5], batches=N) as watching:
        train(model, watching, every, whole=True)
    probe, watched = probing.trace, watching.trace
    for quantity in ("pattern_change", "pattern_from_start", "dead", "always_on"):
        steps, values = watched.array(quantity)
        expected = probe.array(quantity)
        known = np.isin(expected[0], steps)
        assert np.array_equal(values, expected[1][known])
    assert watched.array("pattern_change")[0].tolist() == list(range(1, 90))
    for quantity in (q for q in probe.quantities if q.startswith("weight")):
        for one, other in zip(probe.array(quantity), watched.array(quantity), strict=True):
            assert np.array_equal(one, other)


@pytest.mark.parametrize("seed", range(4))
def test_each_sample_is_compared_with_its_own_last_visit(seed: int) -> None:
    random = np.random.default_rng(seed)
    batches = [random.permutation(N)[: random.integers(1, N + 1)] for _ in range(40)]
    model = network()
    with RegimeTracker(model, data()[:4], batches=N) as tracker:
        seen = train(model, tracker, batches)
    trace = tracker.trace
    last: dict[int, tuple[int, np.ndarray]] = {}
    first: dict[int, np.ndarray] = {}
    changes, lags, from_start = {}, {}, {}
    for step, (numbers, patterns) in enumerate(zip(batches, seen, strict=True)):
        known = [n in last for n in numbers]
        flips = [
            (p != last[n][1]).mean() for n, p in zip(numbers, patterns, strict=True) if n in last
        ]
        if all(known):
            changes[step] = np.mean(flips)
            lags[step] = np.mean([step - last[n][0] for n in numbers])
        for n, pattern in zip(numbers, patterns, strict=True):
            first.setdefault(n, pattern)
            last[n] = (step, pattern)
        from_start[step] = np.mean(
            [(p != first[n]).mean() for n, p in zip(numbers, patterns, strict=True)]
        )
    assert changes
    for quantity, expected in (
        ("pattern_change", changes),
        ("lag", lags),
        ("pattern_from_start", from_start),
    ):
        steps, values = trace.array(quantity)
        assert steps.tolist() == list(expected)
        assert np.allclose(values[:, 0], list(expected.values()))


def test_epochs_in_any_order_give_the_change_per_epoch() -> None:
    random = np.random.default_rng(0)
    batches = [part for _ in range(5) for part in np.split(random.permutation(N), 3)]
    model = network()
    with RegimeTracker(model, data()[:4], batches=N) as tracker:
        train(model, tracker, batches)
    assert tracker.trace.array("pattern_change")[0].tolist() == list(range(3, 15))
    refusal("last visit", tracker.trace.regime_change)


def test_a_full_batch_trace_can_be_asked_for_its_regime_change() -> None:
    model = network()
    with RegimeTracker(model, data()[:4], batches=N) as tracker:
        train(model, tracker, [np.arange(N)] * 60, whole=True)
    assert tracker.trace.regime_change("cum@0.9").runs == 1


def test_a_full_batch_may_be_named_sample_by_sample() -> None:
    traces: list[Trace] = []
    for whole in (True, False):
        model = network()
        with RegimeTracker(model, data()[:4], batches=N) as tracker:
            train(model, tracker, [np.arange(N)] * 8, whole=whole)
        traces.append(tracker.trace)
    for one, other in zip(*(trace.array("pattern_change") for trace in traces), strict=True):
        assert np.array_equal(one, other)


def test_two_passes_between_steps_are_refused() -> None:
    """Gradient accumulation visits other samples; line searches visit the same ones again."""
    model, x = network(), data()
    with RegimeTracker(model, x[:4], batches=N) as tracker:
        for again in (np.arange(15, N), np.arange(15)):
            with tracker.watch(np.arange(15)):
                model(x[:15])
            refusal("one forward pass per optimiser step", lambda again=again: tracker.watch(again))
            tracker.update()


@pytest.mark.parametrize("kind", [torch.tensor, np.array, list, lambda n: torch.tensor(n).int()])
def test_numbers_may_come_as_any_integers(kind: Any) -> None:
    model, x = network(), data()
    with RegimeTracker(model, x[:4], batches=N) as tracker:
        for _ in range(2):
            with tracker.watch(kind([3, 1, 2])):
                model(x[[3, 1, 2]])
            tracker.update()
    assert tracker.trace.array("pattern_change")[1].tolist() == [[0.0]]


def test_members_are_watched_apart() -> None:
    model, x = Stacked(3), vectors()
    with RegimeTracker(model, x, members=3, batches=12) as tracker:
        for _ in range(2):
            with tracker.watch():
                model(x)
            with torch.no_grad():
                model.bias[1] += 50.0
            tracker.update()
    changes = tracker.trace.array("pattern_change")[1][0]
    assert changes[[0, 2]].tolist() == [0, 0]
    assert changes[1] > 0.1


def test_max_pools_are_watched() -> None:
    model, x = ConvNet(), torch.randn(12, 2, 6, 6)
    with RegimeTracker(model, x, batches=12) as tracker:
        for _ in range(3):
            with tracker.watch():
                model(x)
            with torch.no_grad():
                model.features[0].weight.neg_()
            tracker.update()
    assert tracker.trace.array("pattern_change", "features.3")[1].min() > 0.2


def test_a_batch_of_another_size_than_its_numbers_is_refused() -> None:
    model, x = network(), data()

    def watch(numbers: list[int], rows: int) -> None:
        with RegimeTracker(model, x[:4], batches=N) as tracker, tracker.watch(np.array(numbers)):
            model(x[:rows])

    refusal("(5, 10)", lambda: watch([0, 1, 2], 5))
    refusal("(6, 10)", lambda: watch([0, 1, 2], 6))  # twice as many look like two tokens a sample


def test_a_watched_block_without_a_forward_pass_or_with_two_is_refused() -> None:
    model, x = network(), data()

    def watch(passes: int) -> None:
        with RegimeTracker(model, x[:4], batches=N) as tracker, tracker.watch():
            for _ in range(passes):
                model(x)

    refusal("0 of 2", lambda: watch(0))
    refusal("further call", lambda: watch(2))


@pytest.mark.parametrize(
    ("numbers", "names"),
    [
        ([], "integers"),
        ([[1, 2]], "one-dimensional"),
        ([0.5, 1.0], "integers"),
        ([True, False], "integers"),
        (3, "one-dimensional"),
        (["a"], "integers"),
        ([-1, 2], "-1"),
        ([0, N], "batches=N"),
        ([1, 1], "twice"),
    ],
    ids=str,
)
def test_wrong_numbers_are_refused(numbers: Any, names: str) -> None:
    model = network()
    with RegimeTracker(model, data()[:4], batches=N) as tracker:
        refusal(names, lambda: tracker.watch(np.array(numbers)))


def test_watch_needs_batches_and_a_block() -> None:
    model = Plain()
    with RegimeTracker(model, vectors()) as tracker:
        refusal("batches=N", tracker.watch)
    outside = RegimeTracker(model, vectors(), batches=12)
    refusal("inside", outside.watch)
    with outside:
        outside.update()
    refusal("inside", outside.watch)


def test_a_compiled_model_is_not_watched() -> None:
    model = torch.compile(Plain(), backend="eager")
    with RegimeTracker(model, vectors(), batches=12) as tracker:
        refusal("compiled", tracker.watch)


def test_numbers_and_whole_batches_do_not_mix() -> None:
    model, x = network(), data()
    with RegimeTracker(model, x[:4], batches=N) as tracker:
        with tracker.watch():
            model(x)
        tracker.update()
        refusal("sample numbers", lambda: tracker.watch(np.arange(5)))
    with RegimeTracker(model, x[:4], batches=N) as tracker:
        with tracker.watch(np.arange(5)):
            model(x[:5])
        tracker.update()
        refusal("sample numbers", tracker.watch)


def test_samples_of_one_bit_a_unit_are_kept() -> None:
    """Two patterns of every training sample, first and last: 1/4 byte a unit."""
    model, x = nn.Sequential(nn.Linear(6, 512), nn.ReLU()), torch.randn(500, 6)
    with RegimeTracker(model, x, batches=40_000) as tracker:
        tracemalloc.start()
        for start in range(0, 40_000, 500):
            with tracker.watch(np.arange(start, start + 500)):
                model(x)
            tracker.update()
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert held < 2 * 40_000 * 512 / 8 + (2 << 20)
