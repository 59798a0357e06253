"""What is put back after a forward pass, and what is looked through."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from regime_lib.instrument import RegimeTracker
from regime_lib.instrument.capture.isolation import (
    ExecutionState,
    IsolatedEvaluation,
    Precision,
    RandomState,
)
from regime_lib.instrument.capture.wrappers import unwrap
from tests.instrument.cases import Plain, vectors
from tests.sentences import refusal


@pytest.mark.parametrize(
    "wrap",
    [
        nn.DataParallel,
        lambda m: torch.compile(m, backend="eager"),
        lambda m: torch.compile(nn.DataParallel(m), backend="eager"),
        lambda m: nn.DataParallel(torch.compile(m, backend="eager")),
        lambda m: m,
    ],
)
def test_wrappers_are_looked_through(wrap: Any) -> None:
    model = Plain()
    assert unwrap(wrap(model)) is model


def test_a_sharded_model_is_refused_wherever_the_shards_are() -> None:
    class FullyShardedDataParallel(nn.Module):
        """As the class of PyTorch is called."""

        def __init__(self, module: nn.Module) -> None:
            super().__init__()
            self.module = module

    class FSDPModule:
        """Is mixed into modules by `fully_shard`."""

    class FSDPLinear(FSDPModule, nn.Linear):
        pass

    for model in (
        FullyShardedDataParallel(Plain()),
        FSDPLinear(6, 5),
        nn.Sequential(FSDPLinear(6, 5), nn.ReLU()),
        nn.Sequential(nn.Linear(6, 6), FullyShardedDataParallel(Plain())),
    ):
        message = refusal("FullyShardedDataParallel", lambda m=model: RegimeTracker(m, vectors()))
        assert "DistributedDataParallel" in message


def test_random_states_are_put_back() -> None:
    state = RandomState.capture()
    drawn = torch.rand(5)
    state.restore()
    assert torch.equal(torch.rand(5), drawn)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_precision_is_read_from_the_surroundings(dtype: torch.dtype) -> None:
    assert Precision.capture().autocast == ()
    with torch.autocast("cpu", dtype=dtype):
        assert Precision.capture().autocast == (("cpu", dtype),)
        with torch.autocast("cpu", enabled=False):
            assert Precision.capture().autocast == ()


@pytest.mark.untyped
def test_a_model_that_seeds_the_generators_itself_does_not_reach_the_training() -> None:
    class Seeding(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            torch.manual_seed(0)
            random.seed(0)
            np.random.seed(0)  # noqa: NPY002
            return torch.relu(x)

    def states() -> list[object]:
        numpy_state = np.random.get_state()  # noqa: NPY002
        return [torch.get_rng_state().tolist(), random.getstate(), numpy_state[1].tolist()]

    probe = vectors()
    with RegimeTracker(nn.Sequential(nn.Linear(6, 4), Seeding()), probe) as tracker:
        before = states()
        tracker.update()
        tracker.update()
        assert states() == before


def test_a_generator_that_the_model_gave_up_is_the_users_again() -> None:
    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 4)
            self.noise: torch.Generator | None = None

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.layer(x))

    model, generator = Noisy(), torch.Generator().manual_seed(3)
    with RegimeTracker(model, vectors()) as tracker:
        model.noise = generator
        tracker.update()
        model.noise = None
        torch.randn(3, generator=generator)
        drawn = generator.get_state()
        tracker.update()
        assert torch.equal(generator.get_state(), drawn)


@pytest.mark.parametrize("inplace", [False, True])
def test_a_rectifier_is_called_directly_for_a_look_and_no_longer(inplace: bool) -> None:
    plain, own = nn.ReLU(inplace=inplace), nn.ReLU()
    own.forward = lambda x: torch.relu(x) + 1
    model = nn.Sequential(nn.Linear(6, 4), plain, own)
    x = vectors()
    expected = model(x)
    look = IsolatedEvaluation(model, ExecutionState(RandomState.capture(), Precision.capture()))
    for _ in "ab":
        with look:
            assert plain.forward in (torch.relu, torch.relu_)
            assert torch.equal(model(x), expected)
        assert "forward" not in vars(plain)
        assert vars(own)["forward"](torch.zeros(1)) == 1


def test_a_rectifier_that_is_replaced_everywhere_is_the_one_that_is_tracked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []

    def loud(x: torch.Tensor, inplace: bool = False) -> torch.Tensor:
        calls.append(x)
        return torch.relu(x)

    model = nn.Sequential(nn.Linear(6, 4), nn.ReLU())
    with RegimeTracker(model, vectors()) as tracker:
        tracker.update()
        monkeypatch.setattr(torch.nn.functional, "relu", loud)
        tracker.update()
    assert len(calls) == 1


def test_modes_are_put_back_module_by_module() -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.Dropout(), nn.Sequential(nn.ReLU(), nn.Dropout()))
    model[1].eval()
    before = [module.training for module in model.modules()]
    with RegimeTracker(model, vectors()) as tracker:
        tracker.update()
        assert [module.training for module in model.modules()] == before
        model[2].eval()
        tracker.update()
    assert [module.training for module in model.modules()] == [True, True, False, *[False] * 3]
