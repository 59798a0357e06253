"""Certified steps: nothing is certified that flips, and little is missed that does not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from regime_lib import StepCertificate, certify, certify_step
from regime_lib.instrument.certificates.chain import read_chain
from regime_lib.instrument.certificates.path import _sign
from regime_lib.lab import MLP
from tests.instrument.chains import copies, images
from tests.sentences import refusal

POINTS = 400


def pooled_cnn() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(3, 2, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(8, 4),
        nn.ReLU(),
    )


def step(model: nn.Module, size: float, seed: int) -> dict[str, Tensor]:
    """Move a model's parameters at random; return what they were."""
    before, generator = copies(model), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in model.parameters():
            value += size * torch.randn(value.shape, generator=generator)
    return before


def along(model: nn.Module, before: dict[str, Tensor], probe: Tensor) -> Tensor:
    """Tell by many points of the segment which inputs keep their pattern."""
    chain, after = read_chain(model, probe), copies(model)
    start = {name: value.double() for name, value in before.items()}
    move = {name: after[name].double() - value for name, value in start.items()}
    patterns = [
        torch.cat(chain.preactivations(start, probe.double(), move, s), dim=1) > 0
        for s in torch.linspace(0, 1, POINTS).tolist()
    ]
    return torch.stack([(pattern == patterns[0]).all(dim=1) for pattern in patterns]).all(dim=0)


def implications(found: StepCertificate) -> bool:
    ladder = (found.by_size, found.by_sizes, found.by_path, found.unchanged)
    return all((~low | high).all() for low, high in pairwise(ladder))


@settings(max_examples=20, deadline=None)
@given(
    depth=st.integers(1, 4),
    width=st.integers(1, 8),
    seed=st.integers(0, 999),
    power=st.floats(-4, -1),
)
def test_what_is_certified_keeps_its_pattern_at_every_point_of_the_way(
    depth: int, width: int, seed: int, power: float
) -> None:
    model = MLP((3, *[width] * depth, 2), seed)
    probe = torch.randn(40, 3, generator=torch.Generator().manual_seed(seed))
    before = step(model, 10**power, seed)
    found, truth = certify_step(model, before, probe), along(model, before, probe).numpy()
    assert implications(found)
    assert (~found.by_path | truth).all()
    missed = truth & ~found.by_path
    assert missed.mean() <= 0.1  # only what passes within rounding, or between the points


def test_a_convolutional_network_is_followed_as_well() -> None:
    model, probe = pooled_cnn(), images(30)
    before = step(model, 2e-3, 0)
    found, truth = certify_step(model, before, probe), along(model, before, probe).numpy()
    assert implications(found)
    assert 0 < found.by_path.sum() <= truth.sum() == found.by_path.sum()


def test_a_pattern_that_leaves_and_returns_is_not_certified() -> None:
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1), nn.ReLU())
    start = {"0.weight": 1.0, "0.bias": 0.0, "2.weight": -1.0, "2.bias": 1.1}
    end = {"0.weight": 0.01, "0.bias": 2.0, "2.weight": -0.1, "2.bias": 1.1}

    def put(values: dict[str, float]) -> None:
        with torch.no_grad():
            for name, value in model.named_parameters():
                value.fill_(values[name])

    put(start)
    before = copies(model)
    put(end)
    probe = torch.tensor([[1.0]])
    # z2(s) = 1.1 - (1 - 0.9 s)(1 + 1.01 s) is 0.1 at the start and 0.9 at the end ...
    found = certify_step(model, before, probe)
    assert found.unchanged.all()
    assert bool(along(model, before, probe).all()) == bool(found.by_path.all())
    start["2.bias"] = end["2.bias"] = 1.001  # ... and here it dips below zero in between
    put(start)
    before = copies(model)
    put(end)
    found = certify_step(model, before, probe)
    assert found.unchanged.all()
    assert not along(model, before, probe).any()
    assert not found.by_path.any()


def test_halving_decides_what_the_coefficients_leave_open() -> None:
    assert _sign(np.array([1.0, -0.5, 1.0]), 0.0, 4) == 1  # 1/4 in the middle
    assert _sign(np.array([-1.0, 0.5, -1.0]), 0.0, 4) == -1
    assert _sign(np.array([1.0, -0.5, 1.0]), 0.0, 0) == 0
    assert _sign(np.array([1.0, -1.5, 1.0]), 0.0, 6) == 0  # it does dip below zero
    assert _sign(np.array([1.0, -0.5, 1.0]), 0.3, 6) == 0  # within the error
    assert _sign(np.array([1.0, 1.0, -1.0]), 0.0, 6) == 0


def test_nothing_moved_is_certified_by_all() -> None:
    model, probe = MLP((4, 6, 3), 0), torch.randn(10, 4)
    found = certify_step(model, copies(model), probe)
    assert found.by_size.all()
    assert found.by_sizes.all()
    assert found.by_path.all()
    assert "by path 1.000" in repr(found)


def test_the_ball_is_that_of_certify() -> None:
    model, probe = MLP((4, 8, 8, 2), 0), torch.randn(200, 4)
    radius = certify(model, probe).radius
    move = float(np.median(radius))
    before = copies(model)
    with torch.no_grad():
        for value in model.parameters():
            value += move
    after = copies(model)
    largest = max(float((after[n].double() - before[n].double()).abs().max()) for n in before)
    model.load_state_dict(before)
    again = certify(model, probe).radius
    model.load_state_dict(after)
    clear = np.abs(again / largest - 1) > 2e-3
    found = certify_step(model, before, probe).by_size
    assert np.array_equal(found[clear], (again > largest)[clear])


def test_missing_or_other_parameters_are_refused() -> None:
    model, probe = MLP((4, 6, 3), 0), torch.randn(5, 4)
    refusal("'hidden1.weight'", lambda: certify_step(model, {}, probe))
    wrong = {**copies(model), "hidden1.bias": torch.zeros(7)}
    refusal("'hidden1.bias'", lambda: certify_step(model, wrong, probe))


def test_max_pools_are_refused_by_name() -> None:
    model = nn.Sequential(nn.Conv1d(1, 2, 3), nn.MaxPool1d(2), nn.ReLU())
    probe = torch.randn(3, 1, 8)
    assert (certify(model, probe).radius > 0).all()
    refusal("max-pool '1'", lambda: certify_step(model, copies(model), probe))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_any_floating_type_is_taken_exactly(dtype: torch.dtype) -> None:
    model, probe = MLP((4, 6, 3), 0).to(dtype), torch.randn(9, 4, dtype=dtype)
    before = step(model.double(), 1e-3, 1)
    assert implications(certify_step(model, before, probe.double()))
