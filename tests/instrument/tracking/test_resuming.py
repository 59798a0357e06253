"""A run that is stopped, saved and continued has the trace of the run that was not."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from regime_lib.instrument import RegimeTracker, Trace
from tests.instrument.cases import NoisyInEvaluation, Plain, vectors
from tests.instrument.traces import assert_same_trace
from tests.sentences import refusal

torch.manual_seed(7)
PROBE, BATCHES = vectors(), [vectors() for _ in range(12)]


class Wide(nn.Module):
    """Of more parameters than are kept row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.f = nn.Sequential(nn.Linear(6, 400), nn.ReLU(), nn.Linear(400, 400), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return self.f(x)


class OwnNoise(Plain):
    """Draws from a generator of its own in every mode."""

    def __init__(self) -> None:
        super().__init__()
        self.own = torch.Generator().manual_seed(3)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x + 0.3 * torch.randn(6, generator=self.own))


def layers_in_a_row() -> nn.Module:
    """Return a network at which the tracker looks later."""
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3))


def train(model: nn.Module, optimizer: Any, tracker: RegimeTracker, batches: list[Tensor]) -> None:
    for batch in batches:
        optimizer.zero_grad()
        model(batch).pow(2).mean().backward()
        optimizer.step()
        tracker.update()


def run(make: Callable[[], nn.Module], stop: int | None, options: dict[str, Any]) -> list[Trace]:
    """Train on all batches; in two processes, as it were, if `stop` is given."""
    torch.manual_seed(1)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    model = make()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    with RegimeTracker(model, PROBE, **options) as tracker:
        train(model, optimizer, tracker, BATCHES[:stop])
        if stop is not None:
            own = getattr(model, "own", torch.Generator()).get_state()
            file = io.BytesIO()
            torch.save(
                [model.state_dict(), optimizer.state_dict(), tracker.state_dict(), own,
                 torch.get_rng_state()],
                file,
            )  # fmt: skip
    if stop is not None:
        others = random.getstate(), np.random.get_state()  # noqa: NPY002
        file.seek(0)
        torch.manual_seed(99)
        random.seed(99)
        state, steps, tracked, own, noise = torch.load(file, weights_only=True)
        model = make()
        model.load_state_dict(state)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
        optimizer.load_state_dict(steps)
        getattr(model, "own", torch.Generator()).set_state(own)
        torch.set_rng_state(noise)
        random.setstate(others[0])
        np.random.set_state(others[1])  # noqa: NPY002
        tracker = RegimeTracker(model, PROBE, **options)
        tracker.load_state_dict(tracked)
        with tracker:
            train(model, optimizer, tracker, BATCHES[stop:])
    return [tracker.trace, *([tracker.ema_trace] if "ema" in options else [])]


@pytest.mark.untyped  # the type checker draws from Python's generator
@pytest.mark.parametrize("stop", [1, 7])
@pytest.mark.parametrize(
    ("make", "options"),
    [
        (Plain, {}),
        (layers_in_a_row, {"unit_times": True}),
        (Plain, {"window": 3, "oui": 4, "preactivations": True}),
        (Plain, {"ema": 0.9, "snapshots": 4}),
        (Plain, {"schedule": lambda step: step % 3 == 0}),
        (Plain, {"directions": True, "unit_times": True, "still": 2}),
        (Wide, {"directions": True}),
        (NoisyInEvaluation, {}),
        (OwnNoise, {}),
    ],
    ids=[
        "plain",
        "in a row",
        "options",
        "average",
        "schedule",
        "directions",
        "wide",
        "noise",
        "own noise",
    ],
)
def test_a_stopped_run_goes_on_bit_for_bit(
    make: Callable[[], nn.Module], options: dict[str, Any], stop: int
) -> None:
    for whole, halves in zip(run(make, None, options), run(make, stop, options), strict=True):
        assert_same_trace(halves, whole)


def test_a_state_of_another_network_is_refused() -> None:
    with RegimeTracker(Plain(), PROBE) as tracker:
        state = tracker.state_dict()
    other = RegimeTracker(Wide(), PROBE)
    other.load_state_dict(state)
    refusal("other layers", other.__enter__)


def test_a_state_is_that_of_a_running_tracker_with_a_probe() -> None:
    tracker = RegimeTracker(Plain(), PROBE)
    refusal("outside", tracker.state_dict)
    with RegimeTracker(Plain(), PROBE, batches=12) as watching:
        refusal("batches", watching.state_dict)
