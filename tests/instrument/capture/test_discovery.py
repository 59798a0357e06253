"""Telling a gate from a comparison: only what gates its own input is a rectifier."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from regime_lib.instrument import RegimeTracker
from tests.instrument.cases import vectors


class Apply(nn.Module):
    """A function between two linear layers, after a rectifier."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 8), nn.Linear(8, 3)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.function(F.relu(self.first(x)) - 0.1))


def layers_of(function: Callable[[Tensor], Tensor]) -> list[str]:
    with RegimeTracker(Apply(function), vectors()) as tracker:
        tracker.update()
        return [layer.name for layer in tracker.coverage.layers]


NO_RECTIFIER: dict[str, Callable[[Tensor], Tensor]] = {
    "a count of positive units": lambda z: z + (z > 0).float().mean(dim=1, keepdim=True),
    "a check": lambda z: z if bool((z > 0).any()) else -z,
    "an L1 penalty": lambda z: z / (1 + z.abs().sum(dim=1, keepdim=True)),
    "a guard against zero": lambda z: z / z.norm(dim=1, keepdim=True).clamp(min=1e-6),
    "an upper guard": lambda z: z.exp().clamp(max=1e6),
    "a mask of positions": lambda z: z.masked_fill(torch.arange(8) < 2, 0.0),
    "a comparison of integers": lambda z: z * (torch.arange(8) > 2),
    "dropout": lambda z: F.dropout(z, 0.5, training=False),
}


@pytest.mark.parametrize("name", NO_RECTIFIER)
def test_what_is_no_rectifier_is_not_tracked(name: str) -> None:
    assert layers_of(NO_RECTIFIER[name]) == ["relu"]


GATES: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "written in two lines": (lambda z: z.mul((z > 0).type_as(z)), "gt"),
    "through a copied mask": (lambda z: z * (z > 0).clone(), "gt"),
    "through a negated mask": (lambda z: z * (z < 0).logical_not(), "lt"),
    "through a leaky mask": (lambda z: torch.where(z > 0, z, 0.1 * z), "gt"),
    "in place": (lambda z: z.mul_(z > 0), "gt"),
    "one-sided leaky sum": (lambda z: 0.6 * z + 0.4 * z.abs(), "abs"),
}


@pytest.mark.parametrize("name", GATES)
def test_a_gate_is_found_however_it_is_written(name: str) -> None:
    function, op = GATES[name]
    with RegimeTracker(Apply(function), vectors()) as tracker:
        names = [layer.name for layer in tracker.coverage.layers]
        listed = [item.what for item in tracker.coverage.unseen]
    assert names == ["relu", op] or (op == "abs" and listed == ["an absolute value"])


def test_gates_and_other_comparisons_in_one_model_are_told_apart() -> None:
    def both(z: Tensor) -> Tensor:
        share = (z > 0).float().mean()
        return z * (z > 0) * (share > 0)

    with RegimeTracker(Apply(both), vectors()) as tracker:
        for _ in range(3):
            tracker.update()
        assert [layer.op for layer in tracker.coverage.layers] == ["relu", "gt"]


def test_a_gate_beside_a_dispatched_layer_is_followed() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn = nn.RNN(4, 5, nonlinearity="relu", batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            z = self.rnn(x)[0] - 0.1
            return F.hardtanh((z * (z > 0)).bfloat16(), 0.1, 0.2)

    with RegimeTracker(Both(), torch.randn(6, 3, 4)) as tracker:
        for _ in range(3):
            tracker.update()
        assert [layer.op for layer in tracker.coverage.layers] == ["relu"] * 3 + ["gt", "hardtanh"]


def test_every_module_that_ran_is_named_where_nothing_was_seen() -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.Sequential(nn.Tanh(), nn.Dropout()))
    with pytest.raises(ValueError, match=r"Linear x1, Tanh x1, Dropout x1"):
        RegimeTracker(model, vectors()).__enter__()
