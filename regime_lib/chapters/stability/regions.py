"""The linear regions of a small network on the plane while it learns two half-moons apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import nn

from regime_lib.lab.data.dataset import Dataset
from regime_lib.lab.models.mlp import MLP
from regime_lib.lab.training.config import TrainingConfig
from regime_lib.lab.training.loop import train
from regime_lib.simulators.exact.regions import linear_regions

#: The plane is shown from minus to plus this number in both inputs.
REACH = 2.4
_STEPS = 600
_SNAPSHOTS = 44


@dataclass(frozen=True)
class Snapshot:
    """The regions at one step; they cover the square of half side `REACH`."""

    step: int
    corners: Float[np.ndarray, "corners 2"]  # of all convex polygons in turn
    sizes: Int[np.ndarray, " regions"]  # how many corners each region has
    on: Float[np.ndarray, " regions"]  # share of units that are on
    border: Float[np.ndarray, "pieces 2 2"]  # of the line of equal outputs
    accuracy: float  # share of the points that are classified correctly

    @property
    def polygons(self) -> list[Float[np.ndarray, "_ 2"]]:
        """The corners of every region, each of shape (corners, 2)."""
        return np.split(self.corners, np.cumsum(self.sizes)[:-1])


def half_moons(seed: int) -> Dataset:
    """Return 160 noisy points of two half-moons; training and test set are the same."""
    from sklearn.datasets import make_moons

    points, labels = make_moons(160, noise=0.12, random_state=seed)
    points = (points - points.mean(axis=0)) / points.std(axis=0) * 0.95
    inputs, targets = torch.tensor(points, dtype=torch.float32), torch.tensor(labels)
    return Dataset("moons", "scikit-learn", ("one", "other"), inputs, targets, inputs, targets)


def moving_regions(data: Dataset, seed: int, steps: int = _STEPS) -> tuple[Snapshot, ...]:
    """Train a network with two hidden layers of 8 units and cut the plane as it goes."""
    model = MLP((2, 8, 8, 2), seed)
    stops = {*np.geomspace(1, steps, _SNAPSHOTS).round().astype(int).tolist()}
    found = [snapshot(model, data, 0)]
    done = 0

    def look() -> None:
        nonlocal done
        done += 1
        if done in stops:
            found.append(snapshot(model, data, done))

    config = TrainingConfig(optimizer="adam", lr=0.01, steps=steps, batch_size=None)
    train(model, data, config, seed, on_step=look)
    return tuple(found)


@torch.no_grad()
def snapshot(model: nn.Module, data: Dataset, step: int) -> Snapshot:
    """Cut the plane into the regions of a perceptron with two inputs and two outputs."""
    values = [value.double().tolist() for value in model.parameters()]
    low, high = (-REACH, -REACH), (REACH, REACH)
    pieces = linear_regions(values[0::2], values[1::2], low, high, tolerance=1e-12)
    borders = []
    for piece in pieces:
        a, b, c = (one - other for one, other in zip(*piece.outputs, strict=True))
        borders.append(piece.crossing((a, b, c)))
    right = model(data.train_inputs).argmax(dim=1) == data.train_labels
    return Snapshot(
        step,
        np.array([corner for piece in pieces for corner in piece.corners]),
        np.array([len(piece.corners) for piece in pieces]),
        np.array([np.mean(piece.pattern) for piece in pieces]),
        np.array([ends for ends in borders if ends is not None]).reshape(-1, 2, 2),
        float(right.double().mean()),
    )
