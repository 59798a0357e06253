"""Sharpness: the largest eigenvalue of a loss's Hessian, of every network of an ensemble.

The Hessian is never formed: its product with a vector is the derivative of the gradient along that
vector (B. A. Pearlmutter, Neural Computation 6, 1994); SciPy's `eigsh` (Lanczos) needs no more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor

from regime_lib.lab.models.ensemble import Ensemble
from regime_lib.lab.seeding import generator
from regime_lib.lab.training.loop import member_losses

#: To which share of the value it is found.
TOLERANCE = 1e-4
_SPACE = 10  # vectors at once: few, as the vector found last is a good one to begin with

_Weights = Float[np.ndarray, " weights"]


class Sharpness:
    """Follows the sharpness of every member of an ensemble while it trains.

    Parameters
    ----------
    model : Ensemble
        The networks; every call looks at their weights as they are then.
    inputs, labels : Tensor
        Samples of each member: what its loss is a mean over.
    loss : str
        ``squared`` or ``cross-entropy``, as `TrainingConfig` has them.
    tolerance : float
        To which share of the value it is found.
    """

    def __init__(
        self,
        model: Ensemble[Any],
        inputs: Float[Tensor, "members samples *features"],
        labels: Int[Tensor, "members samples"],
        loss: str,
        tolerance: float = TOLERANCE,
    ) -> None:
        self.model, self.inputs, self.labels = model, inputs, labels
        self.loss, self.tolerance = loss, tolerance
        self._vectors: dict[int, _Weights] = {}

    def __call__(self) -> Float[np.ndarray, " members"]:
        """Return the largest eigenvalue of each member's Hessian."""
        return np.array([self._of(member) for member in range(self.model.members)])

    def _of(self, member: int) -> float:
        with torch.enable_grad():
            multiply, size = self._hessian(member)
            start = self._vectors.get(member)
            if start is None:
                start = generator(0, "sharpness").standard_normal(size)
            values, vectors = eigsh(
                LinearOperator((size, size), matvec=multiply, dtype=np.float64),
                k=1,
                which="LA",
                v0=start,
                ncv=min(_SPACE, size),
                tol=self.tolerance,
            )
        self._vectors[member] = vectors[:, 0]
        return float(values[0])

    def _hessian(self, member: int) -> tuple[Callable[[_Weights], _Weights], int]:
        """Return what multiplies a vector with a member's Hessian, and the number of weights."""
        solo = self.model.member(member)
        parameters = list(solo.parameters())
        losses = member_losses(solo(self.inputs[member]), self.labels[member], False, self.loss)
        gradients = torch.autograd.grad(losses[0], parameters, create_graph=True)
        sizes = [parameter.numel() for parameter in parameters]

        def multiply(vector: _Weights) -> _Weights:
            parts = torch.from_numpy(vector).to(parameters[0]).reshape(-1).split(sizes)
            along = [part.view_as(own) for part, own in zip(parts, parameters, strict=True)]
            found = torch.autograd.grad(gradients, parameters, along, retain_graph=True)
            return torch.cat([one.flatten() for one in found]).double().numpy(force=True)

        return multiply, sum(sizes)
