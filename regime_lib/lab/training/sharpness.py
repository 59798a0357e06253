"""Sharpness: the largest eigenvalue of a loss's Hessian, by Lanczos, of K networks at once.

The Hessian is never formed: its product with a vector is the derivative of the gradient along that
vector (B. A. Pearlmutter, Neural Computation 6, 1994). SciPy's `eigsh` takes one matrix at a time.
An ensemble has one for each member, and their products together cost hardly more than one; so the
recursion is written out here, and tested against `eigsh` and against whole Hessians.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from regime_lib.lab.models.ensemble import Ensemble
from regime_lib.lab.training.loop import member_losses

#: Products with the Hessian for one value, from the vector that was found last.
PRODUCTS = 8
_FIRST = 32  # products for the first value, from a random vector
_TINY = 1e-30  # a remainder of this length: the space is exhausted

_Vectors = Float[Tensor, "members weights"]


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
    products : int
        Products with the Hessian for one value; more are surer.
    """

    def __init__(
        self,
        model: Ensemble[Any],
        inputs: Float[Tensor, "members samples *features"],
        labels: Int[Tensor, "members samples"],
        loss: str,
        products: int = PRODUCTS,
    ) -> None:
        self.model, self.inputs, self.labels = model, inputs, labels
        self.loss, self.products = loss, products
        self._vector: Tensor | None = None

    def __call__(self) -> Float[np.ndarray, " members"]:
        """Return the largest eigenvalue of each member's Hessian.

        It is a Rayleigh quotient, so that it is never too large but by rounding.
        """
        with torch.enable_grad():
            multiply, size = self._hessian()
            start, products = self._vector, self.products
            if start is None:
                fixed = torch.Generator().manual_seed(0)
                start = torch.randn(len(self.inputs), size, generator=fixed).to(self.inputs)
                products = max(_FIRST, products)
            values, self._vector = largest_eigenvalues(multiply, start, min(products, size))
        return values

    def _hessian(self) -> tuple[Callable[[_Vectors], _Vectors], int]:
        """Return what multiplies a vector a member with its Hessian, and the number of weights."""
        parameters = list(self.model.parameters())
        losses = member_losses(self.model(self.inputs), self.labels, True, self.loss)
        gradients = torch.autograd.grad(losses.sum(), parameters, create_graph=True)
        sizes = [parameter[0].numel() for parameter in parameters]

        def multiply(vectors: _Vectors) -> _Vectors:
            parts = [
                part.reshape(parameter.shape)
                for part, parameter in zip(vectors.split(sizes, 1), parameters, strict=True)
            ]
            found = torch.autograd.grad(gradients, parameters, parts, retain_graph=True)
            return torch.cat([one.flatten(1) for one in found], 1)

        return multiply, sum(sizes)


def largest_eigenvalues(
    multiply: Callable[[_Vectors], _Vectors], start: _Vectors, products: int
) -> tuple[Float[np.ndarray, " members"], _Vectors]:
    """Return the largest eigenvalue of symmetric matrices, and its vector, by Lanczos.

    Parameters
    ----------
    multiply : callable
        Multiplies one vector of each matrix with it.
    start : Tensor
        Where to begin: near the vector that is looked for, if that is known.
    products : int
        How often to multiply, at most the size of the matrices.

    Returns
    -------
    values, vectors
        The largest Ritz value of each matrix, in double precision, and its vector.
    """
    members = len(start)
    band = torch.zeros(members, products, products, dtype=torch.float64)
    basis: list[Tensor] = []
    vector = start / start.norm(dim=1, keepdim=True)
    for k in range(products):
        basis.append(vector)
        space = torch.stack(basis, 2)
        image = multiply(vector)
        band[:, k, k] = (image * vector).sum(1)
        for _ in range(2):  # against the whole space, and once more against rounding
            image = image - (space @ (space.mT @ image[:, :, None]))[:, :, 0]
        rest = image.norm(dim=1)
        if k + 1 < products:
            band[:, k, k + 1] = band[:, k + 1, k] = rest
        vector = image / rest.clamp_min(_TINY)[:, None]
    values, vectors = torch.linalg.eigh(band)
    best = vectors[:, :, -1:].to(start)
    return values[:, -1].numpy(force=True), (torch.stack(basis, 2) @ best)[:, :, 0].detach()
