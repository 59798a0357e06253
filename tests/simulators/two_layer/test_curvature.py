"""The exact Hessian is that of automatic differentiation, and its count that of planted signs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from regime_lib.simulators.two_layer.curvature import hessian, negative_curvatures
from regime_lib.simulators.two_layer.problem import TwoPoints, random_neurons
from regime_lib.simulators.two_layer.solver import exact_flow

PROBLEM = TwoPoints(3.0, 0.5, 0.7)


@pytest.mark.parametrize("time", [1e-4, 3.0])
@pytest.mark.parametrize("outputs", [False, True])
def test_the_hessian_is_that_of_autograd(time: float, outputs: bool) -> None:
    flow = exact_flow(PROBLEM, random_neurons(8, 1, d=2, kappa1=1e-2), 10.0)
    weights = torch.tensor(flow.weights(time)).flatten()
    a = torch.tensor(flow.start.signs * PROBLEM.kappa2 / np.sqrt(8))
    inputs, shares = torch.tensor(PROBLEM.inputs()), torch.tensor([0.75, 0.25])
    labels = torch.tensor([1.0, -1.0]).double()
    seen = flow.neurons(np.array([time]))[0][0].T
    free = torch.tensor(np.abs(seen) > 1e-12)  # a neuron that slides counts as off there

    def loss(x: torch.Tensor) -> torch.Tensor:
        out = x[16:] if outputs else a
        activations = torch.relu(x[:16].reshape(8, 2) @ inputs.T) * free
        return (shares * torch.exp(-labels * (out @ activations))).sum()

    at = torch.cat([weights, a]) if outputs else weights
    truth = torch.autograd.functional.hessian(loss, at).numpy()
    found = hessian(flow, time, outputs=outputs)
    np.testing.assert_allclose(found, truth, atol=1e-9)
    assert negative_curvatures(found) == (np.linalg.eigvalsh(truth) < -1e-8).sum()
    assert outputs or negative_curvatures(found) == 0


def test_rounding_is_no_curvature() -> None:
    turn, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((5, 5)))
    assert negative_curvatures(turn @ np.diag([3.0, 1.0, 0.0, -1e-12, -2.0]) @ turn.T) == 1
