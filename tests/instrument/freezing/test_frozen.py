"""Frozen patterns against networks that are written out with masks, and what must be refused."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regime_lib.instrument import freeze_patterns
from regime_lib.lab import MLP, MLPEnsemble
from tests.companion.refusals import refused


def inputs(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Functions(nn.Module):
    """Functions, methods and calls in place, none of them a module."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Linear(64, 8)

    def forward(self, x: Tensor) -> Tensor:
        seen = F.max_pool2d(self.first(x).relu_(), 2)
        return torch.clamp(self.second(F.leaky_relu(seen, 0.2).flatten(1)), -1, 1)


def conv() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2, stride=1, padding=1),
        nn.Conv2d(4, 3, 3),
        nn.PReLU(3),
        nn.AdaptiveMaxPool2d(2),
        nn.Flatten(),
        nn.Threshold(0.1, -0.5),
        nn.Softshrink(0.2),
        nn.Hardtanh(-0.7, 0.9),
    )


def transformer() -> nn.Module:
    torch.manual_seed(0)
    return nn.TransformerEncoderLayer(8, 2, 16, dropout=0.5, batch_first=True)


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "mlp": (lambda: MLP((5, 8, 6, 3), 0), (20, 5)),
    "conv": (conv, (20, 1, 6, 6)),
    "functions": (Functions, (20, 1, 8, 8)),
    "transformer": (transformer, (20, 3, 8)),
}


@pytest.mark.parametrize("name", MODELS)
def test_nothing_changes_when_patterns_are_frozen(name: str) -> None:
    make, shape = MODELS[name]
    model, x = make(), inputs(*shape)
    model.eval()
    frozen = freeze_patterns(model, x)
    assert torch.equal(frozen(x), model(x))
    new = inputs(*shape, seed=1)
    assert torch.equal(frozen(new), model(new))


@pytest.mark.parametrize("name", MODELS)
def test_stored_patterns_stand_for_the_copy(name: str) -> None:
    make, shape = MODELS[name]
    model, x = make(), inputs(*shape)
    frozen = freeze_patterns(model.eval(), x)
    stored = frozen.store(x, batch=7)
    with torch.no_grad():
        for one in model.parameters():
            one.add_(0.3 * torch.randn_like(one))
    rows = torch.tensor([3, 19, 0, 3])
    assert torch.equal(frozen.with_stored(x[rows], stored, rows), frozen(x[rows]))


def test_a_bit_for_each_unit_and_sample() -> None:
    frozen = freeze_patterns(MLP((5, 64, 16, 3), 0), inputs(4, 5))
    assert frozen.store(inputs(100, 5)).octets == 100 * (64 + 16) // 8


def test_loss_and_gradients_are_those_of_masks() -> None:
    model, x = MLP((5, 8, 6, 3), 0).double(), inputs(30, 5).double()
    frozen = freeze_patterns(model, x)
    with torch.no_grad():
        old = copy.deepcopy(model)
        for one in model.parameters():
            one.add_(0.5 * torch.randn_like(one))
        first = x @ old.hidden1.weight.T + old.hidden1.bias
        second = first.clamp(min=0) @ old.hidden2.weight.T + old.hidden2.bias
    masked = ((x @ model.hidden1.weight.T + model.hidden1.bias) * (first > 0)) @ (
        model.hidden2.weight.T
    ) + model.hidden2.bias
    output = (masked * (second > 0)) @ model.output.weight.T + model.output.bias
    parameters = list(model.parameters())
    torch.testing.assert_close(frozen(x), output, rtol=1e-12, atol=1e-12)
    goal = torch.arange(30) % 3
    found = torch.autograd.grad(F.cross_entropy(frozen(x), goal), parameters)
    truth = torch.autograd.grad(F.cross_entropy(output, goal), parameters)
    torch.testing.assert_close(found, truth, rtol=1e-10, atol=1e-12)


def test_only_the_live_network_learns() -> None:
    model, x = conv(), inputs(20, 1, 6, 6)
    frozen = freeze_patterns(model, x)
    before = copy.deepcopy(frozen.frozen.state_dict())
    assert frozen.live is model
    frozen.train()
    assert model.training
    assert not frozen.frozen.training
    frozen(x).square().sum().backward()
    assert all(one.grad is not None for one in model.parameters())
    after = frozen.frozen.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(one.grad is None for one in frozen.frozen.parameters())


def test_the_chosen_layers_alone_are_frozen() -> None:
    model, x = MLP((5, 8, 6, 3), 0), inputs(30, 5)
    frozen = freeze_patterns(model, x, layers=["relu2"])
    with torch.no_grad():
        old = copy.deepcopy(model)
        for one in model.parameters():
            one.add_(0.5 * torch.randn_like(one))
        second = old.hidden2(old.hidden1(x).clamp(min=0)) > 0
        truth = model.output(model.hidden2(model.hidden1(x).clamp(min=0)) * second)
        torch.testing.assert_close(frozen(x), truth)


def test_the_chosen_units_alone_are_frozen() -> None:
    model, x = MLP((5, 8, 3), 0), inputs(30, 5)
    held = torch.arange(8) < 3
    frozen = freeze_patterns(model, x, units={"relu1": held})
    with torch.no_grad():
        old = copy.deepcopy(model)
        for one in model.parameters():
            one.add_(0.5 * torch.randn_like(one))
        now = model.hidden1(x)
        gates = torch.where(held, old.hidden1(x) > 0, now > 0)
        torch.testing.assert_close(frozen(x), model.output(now * gates))


def test_members_of_an_ensemble_are_frozen_each() -> None:
    model, x = MLPEnsemble((5, 8, 6, 3), (0, 1, 2)), inputs(3, 40, 5)
    frozen = freeze_patterns(model, x[0, :4], members=3)
    alone = [freeze_patterns(model.member(k), x[k]) for k in range(3)]
    stored = frozen.store(x, sample_axis=1, batch=16)
    rows = torch.stack([torch.randperm(40)[:7] for _ in range(3)])
    batch = x[torch.arange(3).unsqueeze(1), rows]
    with torch.no_grad():
        for name, one in model.named_parameters():
            one.add_(0.1)
            for solo in alone:
                solo.live.get_parameter(name).add_(0.1)
    truth = torch.stack([solo(batch[k]) for k, solo in enumerate(alone)])
    torch.testing.assert_close(frozen(batch), truth)
    assert torch.equal(frozen.with_stored(batch, stored, rows), frozen(batch))
    every = torch.arange(5)
    assert torch.equal(frozen.with_stored(x[:, every], stored, every), frozen(x[:, :5]))


class ByHand(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x) + x * (x > 1)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (nn.GELU(), ["gelu in 2"]),
        (nn.RReLU(), ["rrelu in 2"]),
        (nn.Hardswish(), ["hardswish in 2"]),
        (nn.RNN(8, 8, nonlinearity="relu"), ["relu", "in 2"]),
        (ByHand(), ["gt in 2"]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_what_cannot_be_frozen_is_named(layer: nn.Module, words: list[str]) -> None:
    model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), layer)
    with refused("cannot be frozen", *words):
        freeze_patterns(model, inputs(20, 5))


def test_unknown_layers_and_rows_are_refused() -> None:
    model, x = MLP((5, 8, 3), 0), inputs(20, 5)
    with refused("no layer is called relu9", "relu1"):
        freeze_patterns(model, x, layers=["relu9"])
    frozen = freeze_patterns(model, x)
    with refused("20 samples", "20"):
        frozen.with_stored(x[:1], frozen.store(x), torch.tensor([20]))


class Changing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear, self.twice = nn.Linear(5, 5), False

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.linear(x))
        return torch.relu(x) if self.twice else x


def test_another_forward_pass_is_refused() -> None:
    model, x = Changing(), inputs(20, 5)
    frozen = freeze_patterns(model, x)
    model.twice = True
    with refused("a further call, relu"):
        frozen(x)
    frozen.frozen.twice, model.twice = True, False  # type: ignore[assignment]
    with refused("made 1 of 2 calls"):
        frozen(x)
