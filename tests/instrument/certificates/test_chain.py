"""A model is read as the chain that it is, or refused by the name of what does not fit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regime_lib import certify
from regime_lib.instrument.certificates.chain import read_chain
from regime_lib.lab import MLP, MLPEnsemble
from tests.instrument.chains import copies, images, small_cnn
from tests.sentences import refusal

X = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))


class Functional(nn.Module):
    """Written with functions, an in-place rectifier and a reshape."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.first(x), inplace=True)
        x = F.dropout(x, 0.5, self.training).view(len(x), 2, 3).flatten(1)
        return F.log_softmax(torch.relu_(self.second(x)), dim=1)


class Skipping(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.second(torch.relu(self.first(x))) + x)


class Branching(Skipping):
    def forward(self, x: Tensor) -> Tensor:
        torch.relu(self.first(x))
        return torch.relu(self.second(x))


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(F.linear(x, 2 * self.first.weight, self.first.bias))


def hooked(model: nn.Module, x: Tensor) -> list[Tensor]:
    """What every ReLU module reads, seen by hooks."""
    found: list[Tensor] = []
    handles = [
        module.register_forward_pre_hook(lambda _, given: found.append(given[0].flatten(1).clone()))
        for module in model.modules()
        if isinstance(module, nn.ReLU)
    ]
    model.eval()(x)
    for handle in handles:
        handle.remove()
    return found


@pytest.mark.parametrize(
    ("model", "x"), [(MLP((4, 6, 5, 2), 0), X), (small_cnn(), images())], ids=["mlp", "cnn"]
)
def test_a_chain_computes_what_the_rectifiers_read(model: nn.Module, x: Tensor) -> None:
    chain = read_chain(model, x)
    found = chain.preactivations(dict(model.named_parameters()), x)
    expected = hooked(model, x)
    assert len(found) == len(expected) == len(chain.layers)
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_functions_in_place_calls_and_reshapes_are_followed() -> None:
    model = Functional()
    chain = read_chain(model, X)
    assert chain.parameters == ("first.weight", "first.bias", "second.weight", "second.bias")
    first, second = chain.preactivations(copies(model), X)
    assert torch.allclose(first, model.first(X))
    assert torch.allclose(second, model.second(model.first(X).relu()))
    assert len(set(chain.layers)) == 2


def test_a_direction_moves_every_sample_by_its_own_size() -> None:
    model = small_cnn()
    here, x = copies(model), images()
    chain = read_chain(model, x)
    direction = {name: torch.ones_like(value) for name, value in here.items()}
    sizes = torch.linspace(0, 0.1, len(x))
    found = chain.preactivations(here, x, direction, sizes)
    for row, size in enumerate(sizes):
        moved = {name: value + size for name, value in here.items()}
        for ours, theirs in zip(found, chain.preactivations(moved, x), strict=True):
            assert torch.allclose(ours[row], theirs[row], atol=1e-5)


def test_reading_leaves_the_model_as_it_was() -> None:
    model = Functional().train()
    state, random = copies(model), torch.get_rng_state()
    read_chain(model, X)
    assert model.training
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(value, state[name]) for name, value in model.named_parameters())
    assert all(value.grad is None for value in model.parameters())


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU()), "'1' (BatchNorm1d)"),
        (nn.Sequential(nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 2), nn.ReLU()), "'1' (GELU)"),
        (nn.Sequential(nn.Linear(4, 4), nn.LeakyReLU()), "'1' (LeakyReLU)"),
        (nn.Sequential(nn.Linear(4, 4), nn.Hardtanh()), "'1' (Hardtanh)"),
        (nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 2), nn.ReLU()), "'0' (LayerNorm)"),
        (Skipping(), "add in the forward function of Skipping"),
        (Branching(), "'second' (Linear), which reads an earlier activation"),
        (Scaled(), "linear in the forward function of Scaled"),
        (MLPEnsemble((4, 3, 2), [0, 1]), "forward function of MLPEnsemble"),
        (nn.Sequential(nn.Linear(4, 4), nn.Tanh()), "no rectifier"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_chain_is_refused_by_name(model: nn.Module, names: str) -> None:
    refusal(names, lambda: certify(model, X))


def test_what_follows_the_last_rectifier_does_not_matter() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.LayerNorm(4), nn.GELU(), nn.Softmax(dim=1))
    assert read_chain(model, X).layers == ("1",)


BAD_PROBES: list[tuple[Any, str]] = [
    (torch.zeros(3, 4, dtype=torch.int64), "floating-point"),
    (torch.zeros(4), "one row per sample"),
    (torch.zeros(0, 4), "empty"),
    (torch.full((2, 4), torch.nan), "finite"),
]


@pytest.mark.parametrize(("probe", "names"), BAD_PROBES, ids=[names for _, names in BAD_PROBES])
def test_a_probe_that_does_not_serve_is_refused(probe: Tensor, names: str) -> None:
    refusal(names, lambda: certify(MLP((4, 3, 2), 0), probe))
