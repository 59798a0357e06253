"""Slow second implementations: one network at a time, by PyTorch and an ODE solver."""

from __future__ import annotations

import numpy as np
import torch
from scipy.integrate import solve_ivp

from regime_lib.simulators.training_response.networks import Networks
from regime_lib.simulators.training_response.setup import Setup


def torch_parts(networks: Networks, seed: int) -> list[torch.Tensor]:
    """W, b, v, c of one network as leaves."""
    parts = (
        networks.weights[:-1, seed].T,
        networks.weights[-1, seed],
        networks.readout[seed],
        networks.offset[seed],
    )
    return [torch.tensor(np.array(part), requires_grad=True) for part in parts]


def torch_logit(setup: Setup, parts: list[torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    weights, biases, readout, offset = parts
    h = x @ weights.T + biases
    functions = {
        "relu": torch.relu,
        "elu": torch.nn.functional.elu,
        "tanh": torch.tanh,
        "gelu": torch.nn.functional.gelu,
    }
    phi = functions[setup.activation](h)
    return phi @ readout + offset


def torch_loss(setup: Setup, z: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    if setup.loss == "cross-entropy":
        return torch.nn.functional.binary_cross_entropy_with_logits(z, target, reduction="none")
    return (torch.sigmoid(z) - target) ** 2 / 2


def torch_descent(
    networks: Networks,
    seed: int,
    samples: list[tuple[np.ndarray, float | np.ndarray]],
    rate: float,
) -> list[torch.Tensor]:
    """Train one network by autograd on a list of (inputs, targets); return its parts."""
    parts = torch_parts(networks, seed)
    optimizer = torch.optim.SGD(parts, lr=rate)
    for x, target in samples:
        optimizer.zero_grad()
        z = torch_logit(networks.setup, parts, torch.tensor(x))
        target_tensor = torch.as_tensor(target, dtype=torch.float64).expand_as(z)
        torch_loss(networks.setup, z, target_tensor).mean().backward()
        optimizer.step()
    return parts


def same(
    networks: Networks, seed: int, parts: list[torch.Tensor], tolerance: float = 1e-11
) -> bool:
    weights, biases, readout, offset = (part.detach().numpy() for part in parts)
    return all(
        np.allclose(ours, theirs, rtol=tolerance, atol=tolerance)
        for ours, theirs in (
            (networks.weights[:-1, seed].T, weights),
            (networks.weights[-1, seed], biases),
            (networks.readout[seed], readout),
            (networks.offset[seed], offset),
        )
    )


def flow_of_all_weights(
    networks: Networks, seed: int, x: np.ndarray, rate: float, times: np.ndarray
) -> np.ndarray:
    """Integrate the gradient flow of every weight of a ReLU network towards one; return z(x)."""
    setup, padded = networks.setup, np.append(x, 1.0)
    features = setup.features

    def unpack(state: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        weights = state[: features * len(padded)].reshape(len(padded), features)
        return weights, state[features * len(padded) : -1], state[-1]

    def logit(state: np.ndarray) -> float:
        weights, readout, offset = unpack(state)
        return float(np.maximum(padded @ weights, 0) @ readout + offset)

    def velocity(_: float, state: np.ndarray) -> np.ndarray:
        weights, readout, _ = unpack(state)
        h = padded @ weights
        y = 1 / (1 + np.exp(-logit(state)))
        error = 1 - y if setup.loss == "cross-entropy" else (1 - y) * y * (1 - y)
        gradient = np.outer(padded, readout * (h > 0)).ravel()
        return rate * error * np.concatenate([gradient, np.maximum(h, 0), [1.0]])

    start = np.concatenate(
        [
            networks.weights[:, seed].ravel(),
            networks.readout[seed],
            networks.offset[seed : seed + 1],
        ]
    )
    found = solve_ivp(
        velocity,
        (0, times[-1]),
        start,
        t_eval=times,
        rtol=1e-9,
        atol=1e-11,
        max_step=times[-1] / 50,
    )
    return np.array([logit(state) for state in found.y.T])
