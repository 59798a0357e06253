"""Norms of updates against float64, and no copies of the parameters beyond those needed."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from torch import nn

from regime_lib.instrument import RegimeTracker
from regime_lib.instrument.tracking.weights import modules_of
from tests.instrument.cases import Stacked, vectors
from tests.sentences import refusal


def test_parameters_are_grouped_by_the_module_that_owns_them() -> None:
    names = ["scale", "0.weight", "0.bias", "block.1.weight", "0.extra", "block.1.bias"]
    assert modules_of(names) == {"scale": [0], "0": [1, 2, 4], "block.1": [3, 5]}


class Wide(nn.Module):
    """Members along the first axis of parameters; one member has such an axis as well."""

    def __init__(self, members: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(members, 1, width))
        self.scale = nn.Parameter(torch.randn(members, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        activation = torch.relu(x * self.weight * self.scale)
        return activation if len(self.weight) > 1 else activation[0]


@pytest.mark.parametrize("members", [1, 2, 5])
@pytest.mark.parametrize("width", [3, 200, 40_000], ids=["small", "medium", "large"])
def test_members_are_measured_apart(members: int, width: int) -> None:
    """Small parameters are measured many at a time, large ones block by block."""
    torch.manual_seed(0)
    model, history = Wide(members, width), []

    def remember() -> None:
        parts = [p.detach().double().reshape(members, -1) for p in model.parameters()]
        history.append(torch.cat(parts, dim=1).numpy())

    probe = torch.randn(members, 1, 1)  # one sample a member
    with RegimeTracker(model, lambda m: m(probe), members=members, samples=1) as tracker:
        remember()
        for step in range(70):  # longer than any block
            with torch.no_grad():
                for p in model.parameters():
                    p.add_(0.01 * torch.randn_like(p))
            tracker.update()
            remember()
            if step in (5, 40):  # reading what there is ends a block
                _ = tracker.trace
    norm, states = np.linalg.norm, np.array(history)
    for quantity, expected in (
        ("weight_norm", norm(states, axis=2)),
        ("weight_change", norm(np.diff(states, axis=0), axis=2)),
        ("weight_from_start", norm(states - states[0], axis=2)),
        ("weight_from_end", norm(states - states[-1], axis=2)),
    ):
        steps, values = tracker.trace.array(quantity)
        rows = expected[steps - (quantity == "weight_change")]
        assert np.allclose(values, rows, rtol=2e-5, atol=1e-5 * expected.max())


@pytest.mark.untyped
def test_parameters_are_cloned_twice_and_for_snapshots_only() -> None:
    """First and last state, and the snapshots: nothing else is of the size of the model."""
    model = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 300_000))
    size = sum(p.numel() * p.element_size() for p in model.parameters())
    with RegimeTracker(model, lambda m: m[1](m[0](vectors())), snapshots=2) as first:
        first.update()
    tracemalloc.start()
    with RegimeTracker(model, lambda m: m[1](m[0](vectors())), snapshots=2) as tracker:
        for _ in range(5):
            tracker.update()
        held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    kept = len(tracker.trace.array("weight_from_end")[0])
    assert kept <= 2
    small = 1 << 16  # bytes of objects that do not grow with the model
    assert held < (2.1 + kept) * size + small


def test_observing_holds_on_to_no_more_memory_than_the_series() -> None:
    model, probe = (
        nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU()),
        vectors(),
    )
    with RegimeTracker(model, probe, snapshots=4) as tracker:
        for _ in range(200):
            tracker.update()
        tracemalloc.start()
        for _ in range(400):
            tracker.update()
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert held < 400 * 2500  # about 12 series of a few numbers, and 32 parts of the probe


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_the_first_parameter_that_is_not_finite_is_named(bad: float) -> None:
    model = Stacked(2)
    with RegimeTracker(model, vectors(), members=2) as tracker:
        with torch.no_grad():
            model.bias[1, 0, 3] = bad
            model.readout[0] = bad
        refusal("the parameter bias", tracker.update)


def test_an_interruption_while_norms_are_taken_loses_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of small networks are measured before the next one is staged, and only then."""
    torch.manual_seed(0)
    model, inner = nn.Sequential(nn.Linear(6, 4), nn.ReLU()), np.vecdot
    states = [torch.cat([p.detach().flatten() for p in model.parameters()])]

    def interrupted(*given: object) -> object:
        monkeypatch.setattr(np, "vecdot", inner)
        raise KeyboardInterrupt

    def train() -> None:
        with tracker:
            for step in range(40):
                if step == 20:
                    monkeypatch.setattr(np, "vecdot", interrupted)
                with torch.no_grad():
                    model[0].weight.add_(0.01)
                tracker.update()
                states.append(torch.cat([p.detach().flatten() for p in model.parameters()]))

    tracker = RegimeTracker(model, vectors())
    with pytest.raises(KeyboardInterrupt):
        train()
    steps, norms = tracker.trace.array("weight_norm")
    assert len(steps) > 20
    assert steps.tolist() == list(range(len(states)))
    assert norms[:, 0] == pytest.approx([float(state.norm()) for state in states], rel=1e-6)
    changes = tracker.trace.array("weight_change")[1][:, 0]
    assert changes == pytest.approx([0.01 * 24**0.5] * len(changes), rel=1e-5)
