"""How to train: validation, learning rates, optimisers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from regime_lib.lab import TrainingConfig
from tests.sentences import refusal


@given(steps=st.integers(1, 60), lr=st.floats(1e-4, 10))
def test_the_cosine_schedule_is_torch_s(steps: int, lr: float) -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    expected = []
    for _ in range(steps):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    config = TrainingConfig(optimizer="sgd", lr=lr, steps=steps, schedule="cosine")
    ours = [config.learning_rate(step) for step in range(steps)]
    np.testing.assert_allclose(ours, expected, rtol=1e-9, atol=1e-9 * lr)


@given(
    steps=st.integers(2, 80),
    warmup=st.integers(0, 79),
    schedule=st.sampled_from(["constant", "cosine"]),
)
def test_warm_up_rises_linearly_to_lr_and_the_rate_never_rises_after(
    steps: int, warmup: int, schedule: str
) -> None:
    warmup = min(warmup, steps - 1)
    config = TrainingConfig(optimizer="adam", lr=0.5, steps=steps, schedule=schedule, warmup=warmup)
    rates = np.array([config.learning_rate(step) for step in range(steps)])
    assert (rates > 0).all()
    assert rates.max() == 0.5
    np.testing.assert_allclose(rates[:warmup], 0.5 * np.arange(1, warmup + 1) / max(warmup, 1))
    assert rates[warmup] == 0.5
    assert (np.diff(rates[warmup:]) <= 0).all()
    if schedule == "constant":
        assert (rates[warmup:] == 0.5).all()


@pytest.mark.parametrize(
    ("name", "kind", "momentum"),
    [
        ("sgd", torch.optim.SGD, 0.0),
        ("momentum", torch.optim.SGD, 0.8),
        ("adam", torch.optim.Adam, None),
        ("adamw", torch.optim.AdamW, None),
    ],
)
def test_the_optimiser_is_the_one_that_is_named(
    name: str, kind: type, momentum: float | None
) -> None:
    config = TrainingConfig(optimizer=name, lr=0.1, steps=5, momentum=0.8, weight_decay=0.01)
    optimizer = config.make_optimizer([nn.Parameter(torch.zeros(2))])
    assert type(optimizer) is kind
    group = optimizer.param_groups[0]
    assert group["lr"] == 0.1
    assert group["weight_decay"] == 0.01
    assert group.get("momentum") == momentum


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"optimizer": "sgdm"}, "sgd, momentum, adam, adamw"),
        ({"schedule": "linear"}, "constant, cosine"),
        ({"loss": "hinge"}, "cross-entropy, squared"),
        ({"lr": 0.0}, "lr is 0.0"),
        ({"lr": float("nan")}, "lr is nan"),
        ({"lr": float("inf")}, "lr is inf"),
        ({"steps": 0}, "steps is 0"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"momentum": 1.0}, "momentum is 1.0"),
        ({"weight_decay": -1.0}, "weight_decay is -1.0"),
        ({"warmup": 10}, "below steps=10"),
        ({"warmup": -1}, "warmup is -1"),
    ],
)
def test_a_value_out_of_range_is_refused(change: dict[str, Any], names: str) -> None:
    right: dict[str, Any] = {"optimizer": "sgd", "lr": 0.1, "steps": 10}
    refusal(names, lambda: TrainingConfig(**{**right, **change}))


def test_a_config_is_a_value() -> None:
    one = TrainingConfig(optimizer="sgd", lr=0.1, steps=10)
    assert one == TrainingConfig(optimizer="sgd", lr=0.1, steps=10)
    assert len({one, TrainingConfig(optimizer="sgd", lr=0.2, steps=10)}) == 2
