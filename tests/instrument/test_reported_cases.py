"""Cases that users reported of monitors and unusual models, beyond the kinds told apart elsewhere.

As `test_no_silent_fault`: bit for bit, or refused in one sentence, or listed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from regime_lib.instrument import RegimeTracker, attack, certify
from tests.instrument.execution_state import assert_same
from tests.instrument.test_no_silent_fault import (
    FEATURES,
    Two,
    bits_of,
    inputs,
    tracked_as_untracked,
)
from tests.sentences import refusal
from tests.two_ranks import in_two_ranks, needs_fork


@pytest.mark.untyped
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_what_surrounds_flexible_attention_is_tracked() -> None:
    """It has no backward pass on the CPU: that part is frozen, the rest is trained."""
    from torch.nn.attention.flex_attention import flex_attention

    class Flexible(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.qkv = nn.Linear(16, 48).requires_grad_(False)
            self.up, self.down = nn.Linear(16, 32), nn.Linear(32, 16)

        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                parts = self.qkv(x).chunk(3, -1)
                heads = (part.unflatten(-1, (2, 8)).transpose(1, 2) for part in parts)
                a = flex_attention(*heads).transpose(1, 2).flatten(2)
            return self.down(F.relu(self.up(x + a)))

    tracker = tracked_as_untracked(Flexible, torch.randn(6, 5, 16))
    assert tracker.coverage.units == 5 * 32


@pytest.mark.parametrize("apart", [0.0, 0.05])
def test_a_gate_behind_a_rectifier_is_a_layer_of_its_own(apart: float) -> None:
    class Autoencoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(FEATURES, 12), nn.Linear(12, 2)
            self.threshold = nn.Parameter(0.05 + apart * torch.rand(12))

        def forward(self, x: Tensor) -> Tensor:
            z = F.relu(self.a(x))
            return self.b(z * (z > self.threshold)) + self.threshold.mean()

    tracker = tracked_as_untracked(Autoencoder, inputs())
    assert [layer.units for layer in tracker.coverage.layers] == [12, 12]


def test_a_buffer_registered_in_the_first_pass_is_gone_after_the_block() -> None:
    class Masks(Two):
        def forward(self, x: Tensor) -> Tensor:
            if "mask" not in self._buffers or len(self.mask) < x.shape[1]:
                self.register_buffer("mask", torch.ones(x.shape[1], x.shape[1]).tril())
            return super().forward(self.mask[: x.shape[1], : x.shape[1]] @ x)

    model = Masks()
    keys = list(model.state_dict())
    with RegimeTracker(model, torch.randn(5, 7, FEATURES)):
        pass
    assert list(model.state_dict()) == keys


def _halve(model: nn.Sequential) -> None:
    model.half()


def _append(model: nn.Sequential) -> None:
    model.append(nn.Sequential(nn.ReLU(), nn.Linear(2, 2)))


def _replace(model: nn.Sequential) -> None:
    model[1] = nn.LeakyReLU()


def _merge(model: nn.Sequential) -> None:
    model[0].weight = nn.Parameter(model[0].weight.detach() + 0.1)


@pytest.mark.parametrize("change", [_halve, _append, _replace, _merge])
def test_another_architecture_amid_a_run_is_refused(
    change: Callable[..., None],
) -> None:
    model = nn.Sequential(nn.Linear(FEATURES, 8), nn.ReLU(), nn.Linear(8, 2))
    with RegimeTracker(model, inputs()) as tracker:
        tracker.update()
        change(model)
        refusal("start a new tracker", tracker.update)


def test_experts_that_are_routed_otherwise_are_refused() -> None:
    class Experts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.route = nn.Linear(FEATURES, 3)
            self.experts = nn.ModuleList(
                nn.Sequential(nn.Linear(FEATURES, 8), nn.ReLU()) for _ in range(3)
            )
            self.last = nn.Linear(8, 2)

        def forward(self, x: Tensor) -> Tensor:
            chosen = self.route(x).argmax(1)
            out = x.new_zeros(len(x), 8)
            for number, expert in enumerate(self.experts):
                own = (chosen == number).nonzero()[:, 0]
                if len(own):
                    out[own] = expert(x[own])
            return self.last(F.relu(out))

    model = Experts()
    with RegimeTracker(model, inputs(0, 32)) as tracker:
        assert tracker.coverage.units == 8  # experts see a part of the samples each
        assert "no axis of the samples" in str(tracker.coverage)
        tracker.update()
        with torch.no_grad():
            model.route.bias += torch.tensor([100.0, 0.0, 0.0])
        refusal("at step 2", tracker.update)


def test_an_averaged_model_is_followed_as_it_is_averaged() -> None:
    def run(tracked: bool) -> list[Any]:
        torch.manual_seed(0)
        model = Two()
        average = torch.optim.swa_utils.AveragedModel(model)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        tracker = RegimeTracker(average, inputs()).start() if tracked else None
        for _ in range(4):
            optimizer.zero_grad()
            model(inputs()).pow(2).mean().backward()
            optimizer.step()
            average.update_parameters(model)
            if tracker is not None:
                tracker.update()
        if tracker is not None:
            tracker.stop()
            assert (tracker.trace.array("weight_change")[1][1:] > 0).all()
        return [bits_of(model), bits_of(average)]

    assert_same(run(False), run(True))


class Bag(nn.Module):
    """A module with a length, empty at first."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[int] = []
        self.f = nn.Linear(FEATURES, 12)

    def __len__(self) -> int:
        return len(self.items)

    def forward(self, x: Tensor) -> Tensor:
        return self.f(x)


@pytest.mark.untyped
def test_modules_whose_truth_is_not_true_are_ordinary() -> None:
    class Bagged(Two):
        def __init__(self) -> None:
            super().__init__()
            self.a = Bag()  # type: ignore[assignment]

    assert tracked_as_untracked(Bagged, inputs()).coverage.units == 12
    compiled = nn.ModuleDict({"net": torch.compile(Two(), backend="eager")})
    with RegimeTracker(compiled, lambda model: model["net"](inputs())) as tracker:
        assert tracker.coverage.units == 12


def test_a_step_function_is_listed() -> None:
    class Steps(Two):
        def forward(self, x: Tensor) -> Tensor:
            return self.b(F.relu(torch.heaviside(self.a(x) - 0.3, torch.tensor(0.0))))

    with RegimeTracker(Steps(), inputs()) as tracker:
        assert tracker.coverage.units == 24 or tracker.coverage.unseen


# --- certificates --------------------------------------------------------------------------------


def test_a_layer_that_is_used_twice_is_certified_soundly() -> None:
    torch.manual_seed(0)
    one = nn.Linear(FEATURES, FEATURES)
    model = nn.Sequential(one, nn.ReLU(), one, nn.ReLU(), nn.Linear(FEATURES, 2))
    found = certify(model, inputs())
    assert attack(model, inputs(), found.radius, random=20, targets=4).flips == 0


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(
            nn.Conv1d(1, 4, 3, padding="same", padding_mode="reflect"), nn.ReLU(), nn.Flatten()
        ),
        nn.Sequential(spectral_norm(nn.Linear(FEATURES, 6)), nn.ReLU()),
    ],
    ids=["reflected", "reparametrised"],
)
def test_what_is_no_chain_is_refused_by_name(model: nn.Module) -> None:
    x = inputs()[:, None] if isinstance(model[0], nn.Conv1d) else inputs()  # type: ignore[index]
    assert "cannot follow" in refusal("layer '0'", lambda: certify(model, x))


def test_grouped_convolutions_are_certified_soundly_or_refused() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv1d(2, 4, 3, padding="same", groups=2), nn.ReLU(),
        nn.MaxPool1d(2, ceil_mode=True), nn.Flatten(), nn.Linear(8, 5), nn.ReLU(),
    )  # fmt: skip
    x = inputs().view(-1, 2, 3)
    found = certify(model, x)
    assert attack(model, x, found.radius, random=20).flips == 0


# --- two processes -------------------------------------------------------------------------------

IMPORTS = """
from regime_lib import RegimeTracker

class Whole(nn.Module):
    def __init__(self, inside):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU())
        self.head = nn.Linear(16, 2)
        if inside:
            self.encoder = nn.parallel.DistributedDataParallel(self.encoder)
            self.head = nn.parallel.DistributedDataParallel(self.head)

    def forward(self, x):
        return self.head(self.encoder(x))
"""
STEPS = """
model = Whole(inside)
model = model if inside else nn.parallel.DistributedDataParallel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
x = torch.randn(32, 6, generator=torch.Generator().manual_seed(1))
tracker = RegimeTracker(model, x[:8]).start() if tracked and rank == 0 else None
for step in range(6):
    optimizer.zero_grad()
    model(x[rank::2] + 0.1 * step).pow(2).mean().backward()
    optimizer.step()
    if tracker is not None:
        tracker.update()
if tracker is not None:
    assert tracker.coverage.units == 16
torch.save([model.state_dict(), torch.get_rng_state()], folder / f"{rank}.pt")
"""


@pytest.mark.untyped
@needs_fork
@pytest.mark.parametrize("inside", [False, True], ids=["around the model", "inside the model"])
def test_one_of_two_ranks_looks_and_neither_waits(tmp_path: Path, inside: bool) -> None:
    """Of a model inside `DistributedDataParallel`, or made of such parts."""
    states = []
    for tracked in (False, True):
        folder = tmp_path / str(tracked)
        folder.mkdir()
        in_two_ranks(folder, IMPORTS, f"inside, tracked = {inside}, {tracked}\n{STEPS}")
        states.append([torch.load(folder / f"{rank}.pt") for rank in (0, 1)])
    assert_same(*states)
