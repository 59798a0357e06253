"""Splitting the probe into groups: only where it changes nothing."""

from __future__ import annotations

import tracemalloc
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from regime_lib.instrument import RegimeTracker, Trace
from regime_lib.instrument.tracking import patterns
from tests.instrument.cases import (
    ARCHITECTURES,
    POOLS,
    SCRIPTED,
    BatchStatistics,
    Case,
    NoisyInEvaluation,
    vectors,
)
from tests.sentences import refusal

SPLIT = [*POOLS, *(case for case in ARCHITECTURES if case.name not in ("batch statistics",))]


class Counted(nn.Module):
    """Notes how many samples each forward pass has, on the class: a look puts a module back."""

    sizes: ClassVar[list[int]] = []

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.sizes.clear()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(x))
        return self.model(x)


def run(model: nn.Module, probe: object, **options: object) -> Trace:
    noise = torch.Generator().manual_seed(0)
    with RegimeTracker(model, probe, **options) as tracker:
        for _ in range(4):
            with torch.no_grad():
                for p in model.parameters():
                    p += 0.1 * torch.randn(p.shape, generator=noise).to(p.dtype)
            tracker.update()
    return tracker.trace


def small_groups(monkeypatch: pytest.MonkeyPatch, size: int = 400) -> None:
    monkeypatch.setattr(patterns, "_GROUP_BYTES", size)


@pytest.mark.parametrize("case", SPLIT, ids=str)
def test_a_probe_split_by_itself_gives_the_values_of_the_probe_at_once(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run(case.model(), case.batch(0), **case.options)
    small_groups(monkeypatch)
    assert run(case.model(), case.batch(0), **case.options).frame.equals(whole.frame)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is:DeprecationWarning")
def test_a_scripted_model_can_be_split() -> None:
    whole = run(SCRIPTED.model(), SCRIPTED.batch(0))
    assert run(SCRIPTED.model(), SCRIPTED.batch(0), group=5).frame.equals(whole.frame)


def test_groups_are_as_large_as_asked_for() -> None:
    model = Counted(nn.Sequential(nn.Linear(6, 5), nn.ReLU()))
    with RegimeTracker(model, vectors(), group=5) as tracker:
        model.sizes.clear()
        tracker.update()
    assert model.sizes == [5, 5, 2]


def test_large_activations_are_split_and_small_ones_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small_groups(monkeypatch, 4 * 4 * 5)  # four samples of five floats
    for width, sizes in ((5, [4, 4, 4]), (2, [10, 2]), (1, [12])):
        model = Counted(nn.Sequential(nn.Linear(6, width), nn.ReLU()))
        with RegimeTracker(model, vectors()) as tracker:
            model.sizes.clear()
            tracker.update()
        assert model.sizes == sizes


@pytest.mark.parametrize("model", [BatchStatistics, NoisyInEvaluation])
def test_a_model_whose_samples_influence_each_other_is_not_split(
    model: type[nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    counted = Counted(model())
    small_groups(monkeypatch, 64)
    with RegimeTracker(counted, vectors()) as tracker:
        counted.sizes.clear()
        tracker.update()
    assert counted.sizes == [12]
    assert (
        tracker.trace.array("pattern_change")[1].tolist() == [[0.0]] or model is NoisyInEvaluation
    )


def test_a_model_whose_samples_influence_each_other_is_not_split_on_request() -> None:
    refusal("influence each other", lambda: run(BatchStatistics(), vectors(), group=4))


def test_samples_that_follow_time_are_split_along_their_axis() -> None:
    case = next(case for case in ARCHITECTURES if case.name == "rnn, time first")
    whole = run(case.model(), case.batch(0), **case.options)
    assert run(case.model(), case.batch(0), group=5, **case.options).frame.equals(whole.frame)


def test_members_are_split_together() -> None:
    from tests.instrument.cases import Stacked

    torch.manual_seed(0)
    state, probe = Stacked(3).state_dict(), torch.randn(3, 10, 6)
    frames = []
    for group in (None, 4):
        model = Stacked(3)
        model.load_state_dict(state)
        frames.append(run(model, probe, members=3, batch_axis=1, group=group).frame)
    assert frames[0].equals(frames[1])


def test_preactivations_of_a_split_probe_are_those_of_the_whole() -> None:
    torch.manual_seed(0)
    state = nn.Sequential(nn.Linear(6, 8), nn.ReLU()).state_dict()
    frames = []
    for group in (None, 5):
        model = nn.Sequential(nn.Linear(6, 8), nn.ReLU())
        model.load_state_dict(state)
        probe = torch.randn(12, 6, generator=torch.Generator().manual_seed(0))
        frames.append(run(model, probe, preactivations=True, group=group).frame)
    assert np.allclose(frames[0]["value"], frames[1]["value"], rtol=1e-5)


def test_patterns_are_kept_at_one_bit_a_unit_and_sample() -> None:
    """First, last and next pattern, and the snapshots; all else is bounded."""
    model, probe = nn.Sequential(nn.Linear(4, 4096), nn.ReLU()), torch.randn(6000, 4)
    size = 4096 * 6000 / 8
    with RegimeTracker(model, probe, snapshots=2) as first:
        first.update()  # caches of torch and NumPy are filled
    tracemalloc.start()
    with RegimeTracker(model, probe, snapshots=2) as tracker:
        for _ in range(2):
            tracker.update()
        held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    kept = len(tracker.trace.array("pattern_from_end")[0])
    assert held < (3 + kept) * size + (3 << 20)
