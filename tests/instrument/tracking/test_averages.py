"""The moving average of the weights: its arithmetic, what is seen of it, no disturbance."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from regime_lib.instrument import RegimeTracker, WeightAverage
from tests.instrument.cases import ARCHITECTURES, RECTIFIERS, Case, ConvNet, Plain, images, vectors
from tests.instrument.execution_state import assert_same, state_of
from tests.instrument.references import SlowTracker, as_series, assert_equal
from tests.instrument.runs import doubled, small_run, trainer
from tests.sentences import refusal

DECAY = 0.8
NAMED = {case.name: case for case in (*ARCHITECTURES, RECTIFIERS[0])}
SOME = [
    NAMED[name]
    for name in (
        RECTIFIERS[0].name,
        "conv-bn-relu-pool",
        "encoder layer",
        "weight norm",
        "buffers written in evaluation",
    )
]


class ByHand:
    """The same average with a formula in NumPy, in double precision, in a network of its own."""

    def __init__(self, model: nn.Module, twin: nn.Module) -> None:
        self.model, self.twin = model, twin
        twin.load_state_dict(model.state_dict())

    def update(self) -> None:
        mine, live = self.twin.state_dict(), self.model.state_dict()
        for name, value in live.items():
            if value.is_floating_point():
                new = DECAY * mine[name].numpy() + (1 - DECAY) * value.numpy()
                value = torch.from_numpy(np.asarray(new))
            mine[name].copy_(value)


@pytest.mark.parametrize("case", SOME[:4], ids=str)
def test_what_is_seen_of_the_average_is_what_a_slow_second_version_sees(case: Case) -> None:
    model, probe = case.model().double(), doubled(case.batch(99))
    batches = [doubled(case.batch(number)) for number in range(8)]
    step = trainer(model, batches.__getitem__)
    by_hand = ByHand(model, case.model().double())
    slow = SlowTracker(case, by_hand.twin, probe)
    with RegimeTracker(model, probe, ema=DECAY, **case.options) as tracker:
        for number in range(8):
            step(number)
            tracker.update()
            by_hand.update()
            slow.observe()
    found = as_series(tracker.ema_trace.frame)
    assert any(0 < value < 1 for value in found["pattern_change", "all"].values())
    assert_equal(found, slow.series(), rel=1e-9)


def run(case: Case, ema: float | None) -> list[Any]:
    """Train for some steps; return the state of the world after every step."""
    batches = [case.batch(step) for step in range(4)]
    probe = case.batch(99)
    model = case.model()
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=0.01)
    tracker = None if ema is None else RegimeTracker(model, probe, ema=ema, **case.options)
    states = []
    with tracker or nullcontext():
        for batch in batches:
            optimizer.zero_grad()
            (model(batch).float() ** 2).mean().backward()
            optimizer.step()
            if tracker is not None:
                tracker.update()
            states.append(state_of(model, optimizer))
    return [*states, state_of(model, optimizer)]


@pytest.mark.parametrize("case", SOME, ids=str)
def test_a_run_whose_average_is_tracked_is_the_untracked_run(case: Case) -> None:
    assert_same(run(case, None), run(case, DECAY))


def test_the_raw_trace_is_that_of_a_tracker_without_an_average() -> None:
    assert small_run(12).frame.equals(small_run(12, ema=0.9).frame)


def test_the_average_begins_at_the_weights_and_follows_them_slowly() -> None:
    model = nn.Sequential(nn.Linear(1, 2), nn.ReLU())
    average = WeightAverage(model, decay=0.9)
    before = model[0].weight.detach().clone()
    assert torch.equal(average.model[0].weight, before)
    with torch.no_grad():
        model[0].weight.add_(1.0)
    for _ in range(3):
        average.update()
    gap = (model[0].weight - average.model[0].weight).detach()
    assert gap.flatten().tolist() == pytest.approx([0.9**3] * 2, rel=1e-5)
    assert not any(p.requires_grad for p in average.model.parameters())
    assert all(p.requires_grad for p in model.parameters())


def test_running_statistics_are_averaged_and_counters_are_copied() -> None:
    torch.manual_seed(0)
    model = ConvNet()
    average = WeightAverage(model, decay=0.75)
    norm = next(m for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    own = next(m for m in average.model.modules() if isinstance(m, nn.BatchNorm2d))
    expected = norm.running_mean.clone()
    for _ in range(3):
        model(images())
        average.update()
        expected = 0.75 * expected + 0.25 * norm.running_mean
    assert torch.allclose(own.running_mean, expected, rtol=1e-5)
    assert not torch.allclose(own.running_mean, norm.running_mean, rtol=1e-2)
    assert own.num_batches_tracked.item() == norm.num_batches_tracked.item() == 3


def test_masks_with_infinities_stay_masks() -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mask", torch.full((2, 2), -torch.inf).triu(1))
            self.layer = nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(self.layer(x)) + self.mask

    model = Masked()
    average = WeightAverage(model)
    average.update()
    assert torch.equal(average.model.mask, model.mask)  # type: ignore[arg-type]


def test_a_schedule_observes_the_average_of_every_step() -> None:
    def traces(**options: Any) -> Any:
        torch.manual_seed(4)
        model, probe = Plain(), vectors()
        batches = torch.randn(200, 20, 6)
        step = trainer(model, batches.__getitem__)
        with RegimeTracker(model, probe, ema=0.9, **options) as tracker:
            for number in range(12):
                step(number)
                tracker.update()
        return tracker.ema_trace

    full, sparse = traces(), traces(schedule=lambda step: step % 4 == 0)
    steps, values = sparse.array("weight_change")
    assert steps.tolist() == [4, 8, 12]
    assert np.allclose(values[:, 0], full.series("weight_change")[steps])


def test_a_schedule_of_its_own_is_that_of_a_second_tracker_made_by_hand() -> None:
    def run(by_hand: bool) -> list[Any]:
        torch.manual_seed(4)
        model, probe = ConvNet(), images()
        average = WeightAverage(model, 0.9)
        beneath = RegimeTracker(average.model, probe, schedule=lambda step: step % 5 == 0)
        options: dict[str, Any] = {} if by_hand else {"ema": 0.9, "ema_every": 5}
        step = trainer(model, lambda number: images())
        with RegimeTracker(model, probe, **options) as tracker, beneath:
            for number in range(23):
                step(number)
                tracker.update()
                average.update()
                beneath.update()
        return [tracker.trace.frame, (beneath.trace if by_hand else tracker.ema_trace).frame]

    for mine, other in zip(run(True), run(False), strict=True):
        assert mine.equals(other)


def test_an_average_damps_what_flickers_and_keeps_what_drifts() -> None:
    """Weights that jump back and forth about a drift: a closed form for the average's steps."""
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU())
    drift, noise, decay = 0.01, 0.01, 0.9
    with torch.no_grad():
        model[0].weight.zero_()
    with RegimeTracker(model.double(), torch.ones(1, 1).double(), ema=decay) as tracker:
        for t in range(1, 301):
            with torch.no_grad():
                model[0].weight.fill_(drift * t + noise * (-1) ** t)
            tracker.update()
    raw = tracker.trace.series("weight_change").iloc[-100:].mean()
    average = tracker.ema_trace.series("weight_change").iloc[-100:].mean()
    assert raw == pytest.approx(2 * noise, rel=0.01)
    # an alternation of size one moves the average by 2 (1 - decay) / (1 + decay) a step only
    assert 2 * noise * (1 - decay) / (1 + decay) < drift / 5
    assert average == pytest.approx(drift, rel=0.01)


def test_what_cannot_be_averaged_is_refused() -> None:
    tracker = RegimeTracker(Plain(), vectors())
    refusal("pass ema=0.99", lambda: tracker.ema_trace)
    refusal("enter", lambda: RegimeTracker(Plain(), vectors(), ema=0.9).ema_trace)
    for wrong in (0.0, 1.0, -0.5):
        refusal("between 0 and 1", lambda wrong=wrong: RegimeTracker(Plain(), vectors(), ema=wrong))
    refusal("ema is for a probe", lambda: RegimeTracker(Plain(), vectors(), ema=0.9, batches=12))
    uncopyable = Plain()
    uncopyable.extra = (torch.ones(1, requires_grad=True) * 2,)  # type: ignore[assignment]
    refusal("cannot be copied", RegimeTracker(uncopyable, vectors(), ema=0.9).__enter__)
    model = Plain()
    average = WeightAverage(model)
    model.register_buffer("late", torch.ones(1))
    refusal("buffers changed", average.update)
