"""The landscape of deep linear networks: critical values, critical points, and their kinds.

At a critical point the network has learnt some of the target's singular directions and nothing of
the others, so that the loss is half the sum of the squares of those not learnt. Which saddles have
a direction of negative curvature is decided by ranks of partial products (Achour, Malgouyres and
Gerchinovitz, JMLR 25, 2024, no. 242).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped
from scipy.optimize import least_squares

from regime_lib.errors import RegimeError
from regime_lib.simulators.deep_linear.hessian import AnyLayers, hessian
from regime_lib.simulators.deep_linear.problem import Layers, LinearTask, check_fit, velocity
from regime_lib.simulators.exact import rational
from regime_lib.simulators.exact.rational import Exact


@dataclass(frozen=True, order=True)
class CriticalValue:
    """A critical value of the loss: half the sum of the squares of what is not learnt."""

    loss: float
    learnt: tuple[int, ...]  # which singular values are learnt, counted from 0


def critical_values(singular_values: Sequence[float], rank: int) -> tuple[CriticalValue, ...]:
    """Return every critical value of a task with white inputs, the lowest first.

    The rank is the number of units of the narrowest layer: no more values can be learnt.
    """
    if rank < 0:
        raise RegimeError(f"the rank is {rank}; expected the number of units of a layer")
    squares = np.square(np.array(singular_values, dtype=float))
    found = [
        CriticalValue(0.5 * float(np.delete(squares, learnt).sum()), learnt)
        for count in range(min(rank, len(squares)) + 1)
        for learnt in itertools.combinations(range(len(squares)), count)
    ]
    return tuple(sorted(found))


def visited_values(singular_values: Sequence[float], rank: int) -> Float[np.ndarray, " values"]:
    """Return the critical values that learning from the largest value on visits, falling."""
    squares = np.square(np.array(singular_values, dtype=float))
    return np.array([0.5 * squares[k:].sum() for k in range(min(rank, len(squares)) + 1)])


@dataclass(frozen=True, eq=False)
class ExplicitPoint:
    """A critical point made of whole numbers, so that all is exact."""

    layers: AnyLayers  # Python integers (dtype object)
    target: Exact
    learnt: tuple[int, ...]  # which singular values are learnt
    # of points made of chains, the layers, from 1, in which a unit not learnt has weight one
    alive: tuple[tuple[int, ...], ...] = ()

    @property
    def tightened(self) -> bool:
        """Whether every pivot is tight, see `is_tightened`."""
        return is_tightened(self.layers, self.target)

    @property
    def top(self) -> bool:
        """Whether the learnt singular values are the largest ones."""
        return self.learnt == tuple(range(len(self.learnt)))

    @property
    def has_negative_curvature(self) -> bool:
        """What the rank rule says: only tightened points that learn the largest have none."""
        best = len(self.learnt) == min(rational.rank(self.target), *(len(w) for w in self.layers))
        return not (self.top and (best or self.tightened))


def chain_points(
    singular_values: Sequence[int], sizes: Sequence[int], *, wide: bool = False
) -> Iterator[ExplicitPoint]:
    """Enumerate the critical points that are made of chains, over all choices of what is alive.

    A chain of a singular value is learnt (σ, 1, …, 1), or has at least two zeros. A hidden unit
    beyond the singular values may be alive between hidden layers, whatever its weights there.
    """
    count, depth = len(singular_values), len(sizes) - 1
    if min(sizes) < count:
        raise RegimeError(
            f"chains of {count} singular values need layers of at least as many units; the "
            f"narrowest of {tuple(sizes)} is smaller"
        )
    layers_of_a_chain = range(1, depth + 1)
    subsets = [
        alive
        for size in range(depth - 1)
        for alive in itertools.combinations(layers_of_a_chain, size)
    ]
    options: list[list[tuple[int, ...] | None]] = [[None, *subsets] for _ in range(count)]
    if wide:
        spare = min(sizes[1:-1], default=0) - count
        inner = [alive for alive in subsets if not {1, depth} & set(alive)]
        options += [[*inner] for _ in range(max(spare, 0))]
    for choice in itertools.product(*options):
        yield _chain_point(singular_values, sizes, choice)


def is_tightened(layers: AnyLayers, target: Exact) -> bool:
    """Return whether a critical point is tightened, by exact ranks.

    For every pair of layers i > j at least one of W_{j-1} ⋯ W_1 Σᵀ W_h ⋯ W_{i+1} and
    W_{i-1} ⋯ W_{j+1} must have the rank of the whole product.
    """
    whole = [rational.exact(layer) for layer in layers]
    depth = len(whole)
    goal = rational.rank(_chained(whole, len(whole[0].T)))
    wanted = rational.exact(target).T
    for i in range(1, depth):
        for j in range(i):
            between = _chained(whole[j + 1 : i], len(whole[j]))
            outside = (
                _chained(whole[:j], len(wanted))
                .dot(wanted)
                .dot(_chained(whole[i + 1 :], len(whole[i])))
            )
            if goal not in (rational.rank(between), rational.rank(outside)):
                return False
    return True


def find_critical_point(
    layers: Layers, task: LinearTask, *, tolerance: float = 1e-10
) -> Layers | None:
    """Search a critical point near a network, whatever its kind: least squares on the gradient.

    None says that the gradient could not be brought below `tolerance`.
    """
    check_fit(layers, task)
    shapes = [layer.shape for layer in layers]
    edges = np.cumsum([0, *(layer.size for layer in layers)])

    def cut(state: Float[np.ndarray, " parameters"]) -> Layers:
        spans = zip(edges[:-1], edges[1:], shapes, strict=True)
        return tuple(state[a:b].reshape(shape) for a, b, shape in spans)

    def gradient(state: Float[np.ndarray, " parameters"]) -> Float[np.ndarray, " parameters"]:
        return -np.concatenate([move.ravel() for move in velocity(cut(state), task)])

    found = least_squares(
        gradient,
        np.concatenate([layer.ravel() for layer in layers]),
        jac=lambda state: hessian(cut(state), task),
        method="lm",
        xtol=1e-15,
        ftol=1e-15,
        gtol=1e-15,
        max_nfev=2000,
    )
    return cut(found.x) if np.linalg.norm(found.fun) <= tolerance else None


def _chain_point(
    singular_values: Sequence[int], sizes: Sequence[int], choice: tuple[tuple[int, ...] | None, ...]
) -> ExplicitPoint:
    layers = [np.zeros(shape, dtype=object) for shape in zip(sizes[1:], sizes[:-1], strict=True)]
    for unit, alive in enumerate(choice):
        for number in range(1, len(layers) + 1) if alive is None else alive:
            learnt_first = alive is None and number == 1
            layers[number - 1][unit, unit] = int(singular_values[unit]) if learnt_first else 1
    target = np.zeros((sizes[-1], sizes[0]), dtype=object)
    for unit, value in enumerate(singular_values):
        target[unit, unit] = int(value)
    return ExplicitPoint(
        layers=tuple(layers),
        target=target,
        learnt=tuple(unit for unit, alive in enumerate(choice) if alive is None),
        alive=tuple(alive for alive in choice if alive is not None),
    )


def _chained(layers: Sequence[Shaped[np.ndarray, "_ _"]], size: int) -> Shaped[np.ndarray, "_ _"]:
    """Return the product of some layers; the identity of a given size if there is none."""
    network = rational.exact(np.eye(size, dtype=int))
    for layer in layers:
        network = layer.dot(network)
    return network
