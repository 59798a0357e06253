"""What whole numbers prove at critical points: no maxima, unbounded level sets, several orbits."""

from __future__ import annotations

from fractions import Fraction
from functools import reduce

from regime_lib.chapters.deep_linear.landscape import families
from regime_lib.chapters.deep_linear.settings import Settings
from regime_lib.chapters.part import Part
from regime_lib.estimate import number
from regime_lib.simulators.deep_linear.critical import ChainPoint, chain_points
from regime_lib.simulators.deep_linear.hessian import AnyLayers
from regime_lib.simulators.exact import rational
from regime_lib.simulators.exact.rational import Exact

_FACTOR = 10**7  # of one layer, so that the whole network's norm grows by more than `_GROWTH`
_GROWTH = 10**6
_NEAR = (Fraction(1, 10**3), Fraction(1, 10**6))  # by how much weights near a point differ


def level_sets(settings: Settings) -> Part:
    """Go far along the level set of every explicit critical point, and look for maxima nearby."""
    reached: list[bool] = []
    maxima = 0
    critical: dict[tuple[str, tuple[int, ...]], bool] = {}  # by network and what is learnt
    orbits: list[int] = []
    for sizes in families(settings.deepest):
        name, points = "-".join(map(str, sizes)), points_of(sizes)
        for point in points:
            far = stretched(point.layers)
            reached.append(is_far_at_same_product(far, point.layers))
            found = reached[-1] and is_critical(far, point.target)
            maxima += not has_larger_loss_nearby(point.layers, point.target)
            critical[name, point.learnt] = critical.get((name, point.learnt), False) or found
        if len(sizes) > 3:
            orbits.append(len({partial_ranks(p.layers) for p in points if not p.learnt}))
    single = [key for key, there in critical.items() if not there]
    n, pairs = len(reached), f"{len(critical)} pairs of a network and a critical value"
    return Part(
        {
            "dl-no-maxima": number(maxima, n=n, over=f"{n} critical points"),
            "dl-level-sets": number(reached.count(False), n=n, over=f"{n} critical points"),
            "dl-critical-sets": number(len(single), n=len(critical), over=pairs),
            "dl-quotient-orbits": number(
                min(orbits), n=len(orbits), over=f"{len(orbits)} networks of depth three or more"
            ),
        },
        {"single-critical": ", ".join(f"{name} ({_in_words(own)})" for name, own in single)},
    )


def points_of(sizes: tuple[int, ...]) -> list[ChainPoint]:
    """Return the explicit critical points of a network, of singular values 1, 2, and so on."""
    return [*chain_points(range(sizes[0], 0, -1), sizes, wide=len(set(sizes)) > 1)]


def stretched(layers: AnyLayers) -> AnyLayers:
    """Multiply one layer by a large number and divide the next; switch one on where all are zero.

    The product stays, and with it the loss: of the all-zero network because another layer is zero.
    """
    far = [*layers]
    alive = next((k for k, layer in enumerate(layers) if layer.any()), None)
    if alive is None:
        far[0] = layers[0].copy()
        far[0][0, 0] = _FACTOR
        return tuple(far)
    other = alive + 1 if alive + 1 < len(layers) else alive - 1
    far[alive], far[other] = layers[alive] * _FACTOR, layers[other] * Fraction(1, _FACTOR)
    return tuple(far)


def is_far_at_same_product(far: AnyLayers, layers: AnyLayers) -> bool:
    """Say whether a network computes exactly the same with a norm a million times as large."""
    grown = _squared_norm(far) >= _GROWTH**2 * max(_squared_norm(layers), Fraction(1))
    return grown and bool((_chained(far) == _chained(layers)).all())


def is_critical(layers: AnyLayers, target: Exact) -> bool:
    """Say whether the gradient of the loss is exactly zero."""
    error = target - _chained(layers)
    for k in range(len(layers)):
        move = error
        for above in layers[:k:-1]:
            move = above.T.dot(move)
        for below in layers[:k]:
            move = move.dot(below.T)
        if move.any():
            return False
    return True


def has_larger_loss_nearby(layers: AnyLayers, target: Exact) -> bool:
    """Say whether moving one unit's weights by little, in every layer, makes the loss larger.

    Asked at every distance of `_NEAR`. At most one of the layers moves down and the others up, so
    that the unit's own product can move away from its goal.
    """
    here = _squared_error(layers, target)
    moves = [(unit, down) for unit in range(len(target)) for down in range(-1, len(layers))]
    return all(
        any(_squared_error(_moved(layers, *move, distance), target) > here for move in moves)
        for distance in _NEAR
    )


def partial_ranks(layers: AnyLayers) -> tuple[int, ...]:
    """Return the ranks of all products of neighbouring layers.

    Networks that differ by changes of basis of their hidden layers have the same ones.
    """
    spans = [(i, j) for i in range(len(layers)) for j in range(i + 1, len(layers) + 1)]
    return tuple(rational.rank(_chained(layers[i:j])) for i, j in spans)


def _chained(layers: AnyLayers) -> Exact:
    return reduce(lambda below, layer: layer.dot(below), layers)


def _moved(layers: AnyLayers, unit: int, down: int, distance: Fraction) -> AnyLayers:
    moved = tuple(layer.copy() for layer in layers)
    for k, layer in enumerate(moved):
        layer[unit, unit] += -distance if k == down else distance
    return moved


def _squared_error(layers: AnyLayers, target: Exact) -> Fraction:
    return _squared_norm((target - _chained(layers),))


def _squared_norm(layers: AnyLayers) -> Fraction:
    return Fraction(sum((layer**2).sum() for layer in layers))


def _in_words(learnt: tuple[int, ...]) -> str:
    return ", ".join(f"σ{'₁₂₃'[k]}" for k in learnt) + " learnt" if learnt else "nothing learnt"
