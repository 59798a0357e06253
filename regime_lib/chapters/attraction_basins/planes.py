"""A plane of inputs through three samples, and what networks answer on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from regime_lib.errors import RegimeError
from regime_lib.lab.data.dataset import Dataset


@dataclass(frozen=True, eq=False)
class InputPlane:
    """A plane of inputs through three samples, in an orthonormal basis about their mean."""

    centre: Float[Tensor, " features"]
    basis: Float[Tensor, "2 features"]
    extent: float
    """The square that is looked at goes from minus to plus this number in both directions."""
    corners: Float[np.ndarray, "3 2"]
    """Where the three samples lie in it."""

    def answers(self, model: nn.Module, points: int = 120) -> Int[np.ndarray, "points points"]:
        """Return the class that a network answers on a square grid, rows from below."""
        axis = torch.linspace(-self.extent, self.extent, points)
        v, u = torch.meshgrid(axis, axis, indexing="ij")
        one, two = self.basis
        grid = self.centre + u.reshape(-1, 1) * one + v.reshape(-1, 1) * two
        with torch.no_grad():
            return model(grid).argmax(-1).view(points, points).numpy()


def plane_through(
    data: Dataset, classes: tuple[int, int, int], *, reach: float = 2.5
) -> InputPlane:
    """Lay a plane through the first training sample of each of three classes.

    Parameters
    ----------
    data : Dataset
        With flat inputs.
    classes : triple of int
        Whose samples to take.
    reach : float
        Extent over the largest distance of a sample from the mean of the three.

    Raises
    ------
    RegimeError
        If a class has no training sample, or the three lie on a line.
    """
    present = data.train_labels
    for wanted in classes:
        if not bool((present == wanted).any()):
            raise RegimeError(f"class {wanted} has no training sample; choose one that has")
    corner = data.train_inputs[[int((present == k).nonzero()[0]) for k in classes]]
    centre = corner.mean(0)
    one = corner[1] - corner[0]
    one = one / one.norm()
    two = corner[2] - corner[0]
    across = two - (two @ one) * one
    if not bool(across.norm() > 1e-6 * two.norm()):
        raise RegimeError(f"the samples of classes {classes} lie on a line; choose other classes")
    two = across / across.norm()
    extent = reach * float((corner - centre).norm(dim=1).max())
    places = torch.stack([(corner - centre) @ one, (corner - centre) @ two], 1)
    return InputPlane(centre, torch.stack([one, two]), extent, places.double().numpy())
