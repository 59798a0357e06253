"""Gradients, steps and the angles between them against plain vectors, and against closed forms."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from regime_lib.errors import RegimeWarning
from regime_lib.instrument import RegimeTracker, Trace
from tests.instrument.cases import Stacked
from tests.sentences import refusal

STEPS = 7


def network(width: int = 9) -> nn.Sequential:
    torch.manual_seed(2)
    return nn.Sequential(nn.Linear(5, width), nn.ReLU(), nn.Linear(width, 2)).double()


def batch(step: int) -> Tensor:
    return torch.randn(12, 5, generator=torch.Generator().manual_seed(step)).double()


def train(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    steps: int = STEPS,
    before_step: Callable[[], Any] = lambda: None,
    **options: Any,
) -> tuple[Trace, list[list[NDArray]], list[list[NDArray]]]:
    """Track a training; return its trace, and all parameters and gradients of every step."""
    weights, gradients = [_copies(model.parameters())], []
    with RegimeTracker(model, batch(99), directions=True, **options) as tracker:
        for step in range(steps):
            optimizer.zero_grad()
            (model(batch(step)) - 1).pow(2).mean().backward()
            before_step()
            optimizer.step()
            weights.append(_copies(model.parameters()))
            gradients.append(_copies(p.grad for p in model.parameters()))
            tracker.update()
    return tracker.trace, weights, gradients


def _copies(tensors: Any) -> list[NDArray]:
    return [tensor.detach().numpy().copy() for tensor in tensors]


def flat(tensors: list[NDArray]) -> NDArray:
    return np.concatenate([tensor.reshape(-1) for tensor in tensors])


def cosine(a: NDArray, b: NDArray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


MODULES = {"all": [0, 1, 2, 3], "0": [0, 1], "2": [2, 3]}


@pytest.mark.parametrize("width", [9, 4000], ids=["small", "large"])
def test_they_are_those_of_plain_vectors(width: int) -> None:
    model = network(width)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=0.01)
    trace, weights, gradients = train(model, optimizer)
    for name, own in MODULES.items():
        at = [flat([one[i] for i in own]) for one in weights]
        g = [flat([one[i] for i in own]) for one in gradients]
        d = [b - a for a, b in pairwise(at)]
        steps, found = trace.array("gradient_norm", name)
        assert steps.tolist() == list(range(1, STEPS + 1))
        assert np.allclose(found[:, 0], [np.linalg.norm(one) for one in g], rtol=1e-12)
        found = trace.array("gradient_alignment", name)[1][:, 0]
        assert np.allclose(found, [cosine(a, -b) for a, b in zip(d, g, strict=True)], rtol=1e-9)
        steps, found = trace.array("step_angle", name)
        assert steps.tolist() == list(range(2, STEPS + 1))
        turned = [np.degrees(np.arccos(cosine(*pair))) for pair in pairwise(d)]
        assert np.allclose(found[:, 0], turned, rtol=1e-6)


def test_gradient_descent_goes_down_its_gradient() -> None:
    model = network()
    trace, *_ = train(model, torch.optim.SGD(model.parameters(), lr=0.05))
    assert np.allclose(trace.array("gradient_alignment")[1], 1.0, atol=1e-12)


def test_clipping_shows_in_the_norm() -> None:
    model = network()
    clip = lambda: nn.utils.clip_grad_norm_(model.parameters(), 1e-3)  # noqa: E731
    trace, *_ = train(model, torch.optim.SGD(model.parameters(), lr=0.05), before_step=clip)
    assert np.allclose(trace.array("gradient_norm")[1], 1e-3, rtol=1e-2)


class Walker(nn.Module):
    """Weights that are set by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.zeros(2), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return (x @ self.w).relu()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_walk_by_hand_turns_by_known_angles(dtype: torch.dtype) -> None:
    model = Walker().to(dtype)
    path = [(1, 0), (2, 0), (2, 3), (2, 1), (2, 1), (4, 3)]
    with RegimeTracker(model, torch.ones(3, 2, dtype=dtype), directions=True) as tracker:
        for point in path:
            model.w.copy_(torch.tensor(point))
            tracker.update()
    trace = tracker.trace
    angles = trace.array("step_angle")[1][:, 0]
    assert angles == pytest.approx([0, 90, 180, np.nan, np.nan], abs=1e-5, nan_ok=True)
    assert np.isnan(trace.array("gradient_norm")[1]).all()  # nothing is trained here


@pytest.mark.untyped  # a type checker's frames stand between
def test_gradients_that_are_gone_are_told_of_once() -> None:
    model = network()
    with RegimeTracker(model, batch(99), directions=True) as tracker:
        with pytest.warns(RegimeWarning, match="zero_grad") as seen:
            tracker.update()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tracker.update()
    assert len(seen) == 1
    assert seen[0].filename == __file__
    assert np.isnan(tracker.trace.array("gradient_alignment")[1]).all()


def test_the_average_of_the_weights_has_steps_but_no_gradients() -> None:
    model = network()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with RegimeTracker(model, batch(99), directions=True, ema=0.9) as tracker:
            for step in range(4):
                model(batch(step)).pow(2).mean().backward()
                with torch.no_grad():
                    for p in model.parameters():
                        p -= 0.1
                tracker.update()
    # the average lags behind a straight way, and so goes straight as well
    assert np.allclose(tracker.ema_trace.array("step_angle")[1], 0, atol=1e-5)


def test_only_steps_that_follow_each_other_have_an_angle() -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    full, *_ = train(model, optimizer, 12)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    some, *_ = train(model, optimizer, 12, schedule=lambda step: step in (1, 2, 3, 8, 9, 12))
    for quantity, steps in (
        ("gradient_norm", [1, 2, 3, 7, 8, 9, 11, 12]),
        ("gradient_alignment", [1, 2, 3, 8, 9, 12]),
        ("step_angle", [2, 3, 9]),
    ):
        at, values = some.array(quantity)
        assert at.tolist() == steps
        every, expected = full.array(quantity)
        assert np.array_equal(values, expected[np.isin(every, steps)])


def test_members_have_directions_of_their_own() -> None:
    torch.manual_seed(0)
    model = Stacked(3).double()
    x = torch.randn(3, 8, 6).double()
    directions = torch.randn(3, 4, dtype=torch.float64)
    with RegimeTracker(model, x, members=3, batch_axis=1, directions=True) as tracker:
        for step in range(4):
            model.zero_grad()
            (model(x) * torch.tensor([1.0, 2.0, 0.0])[:, None, None]).sum().backward()
            with torch.no_grad():
                for p in model.parameters():
                    p += directions[:, step].reshape(3, *[1] * (p.ndim - 1))
            tracker.update()
    norms = tracker.trace.array("gradient_norm")[1]
    assert (norms[:, :2] > 0).all()
    assert (norms[:, 2] == 0).all()
    signs = torch.sign(directions)
    turned = ((signs[:, 1:] != signs[:, :-1]) * 180.0).T.numpy()
    assert np.allclose(tracker.trace.array("step_angle")[1], turned, atol=1e-5)


def test_a_sparse_gradient_is_read() -> None:
    model = nn.Sequential(nn.Embedding(10, 4, sparse=True), nn.ReLU(), nn.Linear(4, 1))
    with RegimeTracker(model, torch.arange(10), directions=True) as tracker:
        model(torch.tensor([1, 1, 7])).sum().backward()
        tracker.update()
    expected = model[0].weight.grad.to_dense().norm()
    found = tracker.trace.array("gradient_norm", "0")[1][0, 0]
    assert found == pytest.approx(float(expected), rel=1e-6)


def test_they_are_asked_for() -> None:
    refusal(
        "needs directions",
        lambda: RegimeTracker(network(), batch(0), quantities=["gradient_norm"]),
    )
    assert "gradient_norm" not in train_plain().quantities


def train_plain() -> Trace:
    with RegimeTracker(network(), batch(0)) as tracker:
        tracker.update()
    return tracker.trace
