"""Deep linear networks: the product of their layers, its loss, and the flow that trains them.

Layer i of h is a matrix W_i of shape (d_i, d_{i-1}), and the network is P = W_h ⋯ W_1. Everything
here also takes ensembles of networks: any leading axes, the same for every layer.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from regime_lib.errors import RegimeError

Matrix = Float[np.ndarray, "... _ _"]
#: The layers of a network, or of an ensemble of networks, from the input to the output.
Layers = tuple[Matrix, ...]


@dataclass(frozen=True, eq=False)
class LinearTask:
    """What a deep linear network learns: half the squared distance of P R to T, plus a floor.

    For data X (inputs, samples) and Y (outputs, samples), R = (X Xᵀ)^(1/2) and T = Y Xᵀ R⁻¹, so
    that the loss is ½ ‖Y − P X‖². Inputs are white if R is the identity; T is then the paper's Σ.

    Attributes
    ----------
    target : array, shape (outputs, inputs)
        T. Its singular values are those of the claims.
    root : array, shape (inputs, inputs), or None
        R, symmetric and invertible; None stands for the identity.
    floor : float
        The loss that no linear map removes.
    """

    target: Float[np.ndarray, "outputs inputs"]
    root: Float[np.ndarray, "inputs inputs"] | None = None
    floor: float = 0.0

    @classmethod
    def diagonal(
        cls,
        singular_values: Sequence[float],
        outputs: int | None = None,
        inputs: int | None = None,
    ) -> LinearTask:
        """Return the task with white inputs whose target is diagonal.

        Parameters
        ----------
        singular_values : sequence of float
            Positive numbers, the largest first.
        outputs, inputs : int, optional
            Size of the target; as many as there are singular values by default.

        Raises
        ------
        RegimeError
            If a value is not positive, they do not fall, or they do not fit in.
        """
        values = np.array(singular_values, dtype=float)
        size = (outputs or len(values), inputs or len(values))
        if len(values) == 0 or not (values > 0).all() or (np.diff(values) > 0).any():
            raise RegimeError(
                f"the singular values are {tuple(map(float, values))}; expected positive numbers, "
                "the largest first"
            )
        if len(values) > min(size):
            raise RegimeError(f"{len(values)} singular values do not fit into a matrix of {size}")
        target = np.zeros(size)
        np.fill_diagonal(target[: len(values), : len(values)], values)
        return cls(target)

    @classmethod
    def from_data(
        cls,
        inputs: Float[np.ndarray, "features samples"],
        outputs: Float[np.ndarray, "targets samples"],
    ) -> LinearTask:
        """Return the task of fitting data by least squares: the loss is ½ ‖Y − P X‖²."""
        values, vectors = np.linalg.eigh(inputs @ inputs.T)
        if values[0] <= 1e-12 * values[-1]:
            raise RegimeError(
                "some direction of the inputs is never seen; expected X Xᵀ to be invertible, so "
                "add samples or leave that direction out"
            )
        root = (vectors * np.sqrt(values)) @ vectors.T
        target = outputs @ inputs.T @ (vectors / np.sqrt(values)) @ vectors.T
        floor = 0.5 * float((outputs**2).sum() - (target**2).sum())
        return cls(target, root, max(floor, 0.0))

    @property
    def singular_values(self) -> Float[np.ndarray, " modes"]:
        """The positive singular values of the target, the largest first."""
        values = np.linalg.svd(self.target, compute_uv=False)
        return values[values > 1e-12 * max(values[0], 1e-300)]

    def residual(self, network: Matrix) -> Matrix:
        """Return T − P R for a product P."""
        return self.target - (network if self.root is None else network @ self.root)

    def loss(self, network: Matrix) -> Float[np.ndarray, "..."]:
        """Return the loss of a product P."""
        return np.asarray(0.5 * (self.residual(network) ** 2).sum(axis=(-2, -1)) + self.floor)

    def pull(self, network: Matrix) -> Matrix:
        """Return (T − P R) R, minus the gradient of the loss with respect to P."""
        residual = self.residual(network)
        return residual if self.root is None else residual @ self.root

    def modes(self, network: Matrix) -> Float[np.ndarray, "... modes"]:
        """Return u_kᵀ P R v_k: how much of every singular direction a product P has learnt."""
        left, _, right = np.linalg.svd(self.target, full_matrices=False)
        count = len(self.singular_values)
        seen = network if self.root is None else network @ self.root
        return np.einsum("ok,...oi,ki->...k", left[:, :count], seen, right[:count])


def sizes_of(layers: Layers) -> tuple[int, ...]:
    """Return d_0, …, d_h of a network."""
    if not layers:
        raise RegimeError("the network has no layers; expected a tuple of matrices W_1, …, W_h")
    for number, (below, above) in enumerate(itertools.pairwise(layers), start=1):
        if above.shape[-1] != below.shape[-2]:
            raise RegimeError(
                f"layer {number} has {below.shape[-2]} outputs but layer {number + 1} takes "
                f"{above.shape[-1]} inputs; expected shapes (d_1, d_0), (d_2, d_1), …"
            )
    return (layers[0].shape[-1], *(layer.shape[-2] for layer in layers))


def check_fit(layers: Layers, task: LinearTask) -> tuple[int, ...]:
    """Return the sizes of a network that is fit for a task."""
    sizes = sizes_of(layers)
    if (sizes[-1], sizes[0]) != task.target.shape:
        raise RegimeError(
            f"the network maps {sizes[0]} inputs to {sizes[-1]} outputs, but the task's target has "
            f"shape {task.target.shape}; expected (outputs, inputs)"
        )
    return sizes


def product(layers: Layers) -> Matrix:
    """Return P = W_h ⋯ W_1."""
    network = layers[0]
    for layer in layers[1:]:
        network = layer @ network
    return network


def velocity(layers: Layers, task: LinearTask) -> Layers:
    """Return the right-hand side of gradient flow, minus the gradient of the loss.

    dW_i/dt = (W_h ⋯ W_{i+1})ᵀ (T − P R) R (W_{i-1} ⋯ W_1)ᵀ; for white inputs this is the flow of
    the paper's abstract, layer by layer.
    """
    below = [layers[0]]
    for layer in layers[1:]:
        below.append(layer @ below[-1])
    pull = task.pull(below.pop())
    moves: list[Matrix] = []
    for layer, network in zip(reversed(layers[1:]), reversed(below), strict=True):
        moves.append(pull @ network.mT)
        pull = layer.mT @ pull
    return (pull, *reversed(moves))


def gram_differences(layers: Layers) -> Layers:
    """Return C_i = W_i W_iᵀ − W_{i+1}ᵀ W_{i+1} for i = 1, …, h − 1, which gradient flow conserves.

    They are the hidden diagonal blocks of A Aᵀ − Aᵀ A, with A the adjacency matrix.
    """
    return tuple(below @ below.mT - above.mT @ above for below, above in itertools.pairwise(layers))


def speed(layers: Layers, task: LinearTask) -> Float[np.ndarray, "..."]:
    """Return the Euclidean norm of the gradient over all layers."""
    squares = [(move**2).sum(axis=(-2, -1)) for move in velocity(layers, task)]
    return np.asarray(np.sqrt(np.sum(squares, axis=0)))
