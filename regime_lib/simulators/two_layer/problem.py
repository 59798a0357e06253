"""Two inputs, two labels, one hidden layer of rectifiers: the problem of the multi-phase chapter.

Wang & Ma, arXiv 2305.12467 (setting recalled, see the chapter): f(x) = sum_k a_k relu(b_k . x),
fixed output weights a_k = s_k kappa2 / sqrt(m) with signs s_k, trained input weights b_k(0) on the
sphere of radius kappa1 / sqrt(m); n+ copies of x+ with label +1 and n- copies of x- with label -1,
at an angle Delta; exponential loss. Gradient flow moves b_k in the plane of x+ and x- alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from regime_lib.errors import RegimeError


@dataclass(frozen=True)
class TwoPoints:
    """The data and the scale of the output weights.

    Attributes
    ----------
    p : float
        Class ratio n+ / n-, above 0; the paper assumes p cos(delta) > 1.
    delta : float
        Angle between the inputs x+ and x-, radians in (0, pi / 2).
    kappa2 : float
        Scale of the output weights, above 0.
    """

    p: float = 4.0
    delta: float = 0.1
    kappa2: float = 1.0

    def __post_init__(self) -> None:
        for name, value, top in (
            ("p", self.p, math.inf),
            ("delta", self.delta, math.pi / 2),
            ("kappa2", self.kappa2, math.inf),
        ):
            if not 0 < value < top:
                raise RegimeError(
                    f"{name} is {value}; it must lie between 0 and "
                    f"{'infinity' if top == math.inf else 'pi / 2'}"
                )

    @property
    def cos(self) -> float:
        """Cosine of the angle between the inputs, C in the formulas."""
        return math.cos(self.delta)

    @property
    def sin2(self) -> float:
        """Squared sine of that angle."""
        return math.sin(self.delta) ** 2

    @property
    def dominated(self) -> bool:
        """Whether p cos(delta) > 1, the paper's assumption."""
        return self.p * self.cos > 1

    def class_losses(
        self, f_plus: Float[np.ndarray, "..."], f_minus: Float[np.ndarray, "..."]
    ) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
        """Return A = p/(1+p) exp(-f+) and B = 1/(1+p) exp(f-): the two halves of the loss."""
        weight = 1 / (1 + self.p)
        return self.p * weight * np.exp(-f_plus), weight * np.exp(f_minus)

    def loss(
        self, f_plus: Float[np.ndarray, "..."], f_minus: Float[np.ndarray, "..."]
    ) -> Float[np.ndarray, "..."]:
        """Return the exponential loss averaged over the n+ + n- samples."""
        loss_plus, loss_minus = self.class_losses(f_plus, f_minus)
        return loss_plus + loss_minus

    def accuracy(
        self, f_plus: Float[np.ndarray, "..."], f_minus: Float[np.ndarray, "..."]
    ) -> Float[np.ndarray, "..."]:
        """Return the share of samples on the right side of zero."""
        return (self.p * (f_plus > 0) + (f_minus < 0)) / (1 + self.p)

    def inputs(self, d: int = 2) -> Float[np.ndarray, "2 d"]:
        """Return x+ and x- as unit vectors, in the plane of the first two axes of d dimensions."""
        if d < 2:
            raise RegimeError(f"two inputs at an angle need at least 2 dimensions, not {d}")
        points = np.zeros((2, d))
        points[0, 0] = 1.0
        points[1, :2] = self.cos, math.sin(self.delta)
        return points


@dataclass(frozen=True)
class Neurons:
    """Input weights and output signs at some time.

    Attributes
    ----------
    weights : array, shape (m, d)
        Input weights b_k; the inputs span the first two axes.
    signs : array, shape (m,)
        Signs s_k of the output weights, +1 or -1.
    """

    weights: Float[np.ndarray, "m d"]
    signs: Float[np.ndarray, " m"]

    def __post_init__(self) -> None:
        if self.weights.ndim != 2 or self.weights.shape[1] < 2 or not len(self.weights):
            raise RegimeError(f"weights have shape {self.weights.shape}; give (m >= 1, d >= 2)")
        if self.signs.shape != (len(self.weights),) or not np.isin(self.signs, (-1, 1)).all():
            raise RegimeError("signs must be one of -1 and +1 for every neuron")
        if not np.isfinite(self.weights).all():
            raise RegimeError("weights hold a number that is not finite; start from finite ones")

    @property
    def m(self) -> int:
        """Number of neurons."""
        return len(self.signs)

    def projections(self, problem: TwoPoints) -> Float[np.ndarray, "2 m"]:
        """Return u_k = b_k . x+ and v_k = b_k . x-."""
        return problem.inputs(self.weights.shape[1]) @ self.weights.T

    def moved(self, problem: TwoPoints, projections: Float[np.ndarray, "2 m"]) -> Neurons:
        """Return the neurons with these projections; the other d - 2 components stay."""
        u, v = projections
        weights = self.weights.copy()
        weights[:, 0] = u
        weights[:, 1] = (v - problem.cos * u) / math.sin(problem.delta)
        return Neurons(weights, self.signs)


def random_neurons(m: int, seed: int, *, d: int = 20, kappa1: float = 1e-3) -> Neurons:
    """Draw the paper's start: directions uniform on the sphere, signs fair coins.

    Parameters
    ----------
    m : int
        Number of neurons, at least 1.
    seed : int
        Seed of the draw.
    d : int
        Dimensions of the inputs, at least 2.
    kappa1 : float
        Scale of the input weights: every b_k has length kappa1 / sqrt(m).

    Raises
    ------
    RegimeError
        If a size or the scale is out of range.
    """
    _require_start(m, d, kappa1)
    random = np.random.default_rng(seed)
    directions = random.standard_normal((m, d))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    signs = np.where(random.random(m) < 0.5, 1.0, -1.0)
    return Neurons(directions * (kappa1 / math.sqrt(m)), signs)


def even_neurons(m: int, *, kappa1: float = 1e-3, phase: float = 0.25) -> Neurons:
    """Return a start without chance: m / 2 equispaced directions in the plane for each sign.

    Parameters
    ----------
    m : int
        Number of neurons, even.
    kappa1 : float
        Scale of the input weights.
    phase : float
        Where the first positive direction lies, in units of the spacing; the negative ones stand
        half a spacing further.
    """
    _require_start(m, 2, kappa1)
    if m % 2:
        raise RegimeError(f"an even start needs an even number of neurons, not {m}")
    steps = np.arange(m // 2) + phase
    angles = 2 * np.pi * np.concatenate([steps, steps + 0.5]) / (m // 2)
    weights = np.stack([np.cos(angles), np.sin(angles)], axis=1) * (kappa1 / math.sqrt(m))
    return Neurons(weights, np.repeat([1.0, -1.0], m // 2))


def _require_start(m: int, d: int, kappa1: float) -> None:
    if m < 1 or d < 2:
        raise RegimeError(f"a start needs m >= 1 neurons in d >= 2 dimensions, not {m} and {d}")
    if not 0 < kappa1 < math.inf:
        raise RegimeError(f"kappa1 is {kappa1}; the scale of the start must be above 0")
