"""Networks drawn from a grammar of constructs: tracked bit for bit, their units counted apart.

What fails is shrunk to the fewest parts. `PARTS` says how many rectified units each part has, by
its definition and not by looking.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import orthogonal, weight_norm
from torch.utils.checkpoint import checkpoint

from regime_lib.instrument import RegimeTracker
from tests.instrument.execution_state import assert_same
from tests.instrument.test_no_silent_fault import FEATURES, bits_of, inputs

WIDTH = 6


class Residual(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(x)


class Function(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class Writes(nn.Module):
    """Keeps a running mean in any mode, in one of several ways."""

    def __init__(self, way: int) -> None:
        super().__init__()
        self.way = way
        self.register_buffer("mean", torch.zeros(WIDTH))
        self.slow = nn.Parameter(torch.zeros(WIDTH), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            if self.way == 0:
                self.mean.lerp_(x.mean(0), 0.1)
            elif self.way == 1:
                self.mean = 0.9 * self.mean + 0.1 * x.mean(0)
            elif self.way == 2:
                self.slow.lerp_(x.mean(0), 0.1)
            else:
                self.slow.data = self.slow.data + 0.01
        return x - self.mean - self.slow


class Holding(nn.Module):
    """Mixes features by a buffer of some layout."""

    def __init__(self, buffer: Tensor) -> None:
        super().__init__()
        self.register_buffer("mixing", buffer)

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.1 * (self.mixing @ x.T).T


class Gated(nn.Module):
    """A rectifier with a learnt threshold for each unit."""

    def __init__(self) -> None:
        super().__init__()
        self.threshold = nn.Parameter(0.01 * torch.arange(WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        return x * (x > self.threshold) + 0.0 * self.threshold


class Complex(nn.Module):
    """Multiplies by complex weights."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.randn(WIDTH, dtype=torch.cfloat))

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.w).real


class OwnNoise(nn.Module):
    """Draws from a generator of its own in every mode."""

    def __init__(self) -> None:
        super().__init__()
        self.own = torch.Generator().manual_seed(1)

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.1 * torch.randn(WIDTH, generator=self.own)


class Sequences(nn.Module):
    """Runs a layer over sequences of one token."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        found = self.layer(x[:, None])
        return (found[0] if isinstance(found, tuple) else found)[:, 0]


class Remembers(nn.Module):
    """Makes its buffer in its first pass, and lists what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("first", None)
        self.seen: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        if self.first is None:
            self.first = x.detach().mean(0)
        self.seen.append(len(x))
        return x - self.first / len(self.seen)


def _mapped() -> nn.Module:
    inner = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU())
    part = Function(lambda z: torch.vmap(inner)(z))
    part.inner = inner
    return part


def _recomputed() -> nn.Module:
    inner = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU())
    part = Function(lambda z: checkpoint(inner, z, use_reentrant=False))
    part.inner = inner
    return part


def _called_functionally() -> nn.Module:
    inner = nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU())
    own = lambda: {name: 1.0 * p for name, p in inner.named_parameters()}  # noqa: E731
    part = Function(lambda z: torch.func.functional_call(inner, own(), (z,)))
    part.inner = inner
    return part


#: Parts that keep the width, each with the rectified units that it adds.
PARTS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "linear": (lambda: nn.Linear(WIDTH, WIDTH), 0),
    "relu": (nn.ReLU, WIDTH),
    "in place": (lambda: nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.ReLU(inplace=True)), WIDTH),
    "leaky": (lambda: nn.LeakyReLU(0.1), WIDTH),
    "clip": (nn.ReLU6, WIDTH),
    "gate": (lambda: Function(lambda z: z * (z > 0)), WIDTH),
    "hidden": (lambda: nn.Sequential(nn.Linear(WIDTH, 9), nn.ReLU(), nn.Linear(9, WIDTH)), 9),
    "norm": (lambda: nn.BatchNorm1d(WIDTH), 0),
    "batch": (lambda: nn.BatchNorm1d(WIDTH, track_running_stats=False), 0),
    "layer norm": (lambda: nn.LayerNorm(WIDTH), 0),
    "dropout": (lambda: nn.Dropout(0.3), 0),
    "always dropout": (lambda: Function(lambda z: F.dropout(z, 0.2)), 0),
    "python noise": (lambda: Function(lambda z: z * random.random()), 0),
    "orthogonal": (lambda: orthogonal(nn.Linear(WIDTH, WIDTH)), 0),
    "spectral": (lambda: nn.utils.spectral_norm(nn.Linear(WIDTH, WIDTH)), 0),
    "weight norm": (lambda: weight_norm(nn.Linear(WIDTH, WIDTH)), 0),
    "smooth": (nn.GELU, 0),
    "maximum": (lambda: Function(lambda z: torch.maximum(z, torch.zeros_like(z))), WIDTH),
    "two-sided": (nn.Hardtanh, WIDTH),
    "shrink": (lambda: nn.Softshrink(0.1), WIDTH),
    "thresholds": (Gated, WIDTH),
    "complex": (Complex, 0),
    "own noise": (OwnNoise, 0),
    "remembers": (Remembers, 0),
    "mapped": (_mapped, WIDTH),
    "recomputed": (_recomputed, WIDTH),
    "functional": (_called_functionally, WIDTH),
    "recurrent": (
        lambda: Sequences(nn.RNN(WIDTH, WIDTH, nonlinearity="relu", batch_first=True)),
        WIDTH,
    ),
    "encoder": (
        lambda: Sequences(nn.TransformerEncoderLayer(WIDTH, 2, 10, batch_first=True)),
        10,
    ),
    "expanded": (lambda: Holding(torch.full((1, 1), 0.3).expand(WIDTH, WIDTH)), 0),
    "sparse": (lambda: Holding(torch.eye(WIDTH).roll(1, 0).to_sparse()), 0),
    **{f"writes {way}": (lambda way=way: Writes(way), 0) for way in range(4)},
}
PART = st.sampled_from(sorted(PARTS)).map(lambda name: (name, False))
SKIPPED = PART.map(lambda part: (part[0], True))


@pytest.mark.untyped  # the type checker draws from Python's generator
@pytest.mark.filterwarnings("ignore:`torch.nn.utils.spectral_norm`:FutureWarning")
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(parts=st.lists(PART | SKIPPED, min_size=1, max_size=6), cached=st.booleans())
def test_networks_of_a_grammar_are_trained_as_if_untracked(
    parts: list[tuple[str, bool]], cached: bool
) -> None:
    parts = [*parts, ("relu", False)]

    def make() -> nn.Module:
        torch.manual_seed(1)
        built = [PARTS[name][0]() for name, _ in parts]
        skipped = [Residual(m) if skip else m for m, (_, skip) in zip(built, parts, strict=True)]
        return nn.Sequential(nn.Linear(FEATURES, WIDTH), *skipped, nn.Linear(WIDTH, 2))

    def run(tracked: bool) -> tuple[Any, RegimeTracker | None]:
        model = make()
        torch.manual_seed(2)
        random.seed(2)
        optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.05)
        tracker = RegimeTracker(model, inputs(5, 10)) if tracked else None
        with tracker or nullcontext():
            for _ in range(3):
                with parametrize.cached() if cached else nullcontext():
                    optimizer.zero_grad()
                    model(inputs(6)).pow(2).mean().backward()
                    optimizer.step()
                    if tracker is not None:
                        tracker.update()
        return (bits_of(model), random.getstate()), tracker

    (plain, _), (seen, tracker) = run(False), run(True)
    assert_same(plain, seen)
    assert tracker is not None
    assert tracker.coverage.units == sum(PARTS[name][1] for name, _ in parts)
