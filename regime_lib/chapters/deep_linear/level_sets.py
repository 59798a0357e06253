"""What whole numbers prove at critical points: no maxima, unbounded level sets, several orbits."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, reduce

import numpy as np
import pandas as pd

from regime_lib.chapters.deep_linear.landscape import families
from regime_lib.chapters.deep_linear.settings import Settings
from regime_lib.chapters.part import Part
from regime_lib.estimate import number
from regime_lib.simulators.deep_linear.critical import ExplicitPoint, chain_points
from regime_lib.simulators.deep_linear.hessian import AnyLayers, exact_inertia
from regime_lib.simulators.deep_linear.orbits import (
    along_orbit,
    critical_in_range,
    dense,
    points_of_orbits,
    unimodular,
)
from regime_lib.simulators.deep_linear.problem import LinearTask
from regime_lib.simulators.exact import rational
from regime_lib.simulators.exact.rational import Exact

_FACTOR = 10**7  # of one layer, so that the whole network's norm grows by more than `_GROWTH`
_GROWTH = 10**6
_NEAR = (Fraction(1, 10**3), Fraction(1, 10**6))  # by how much weights near a point differ
_POWERS = tuple(Fraction(10**k) for k in range(1, 9))  # how much a layer grows along an orbit
#: Networks all of whose critical points are enumerated, and how large their weights may be.
_ENUMERATED = (((1, 1, 1), 2), ((2, 2, 2), 2), ((2, 2, 2, 2), 1))
_CHAINS = range(2, 8)  # depths of networks of one unit a layer
_WIDER = ((2, 3, 3, 2), (2, 2, 2, 2, 2), (3, 3, 3), (3, 3, 3, 3))


def level_sets(settings: Settings) -> Part:
    """Go far along the level set of every explicit critical point, and look for maxima nearby."""
    reached: list[bool] = []
    maxima = 0
    critical: dict[tuple[str, tuple[int, ...]], bool] = {}  # by network and what is learnt
    classes: list[int] = []
    for sizes in families(settings.deepest):
        name, points = "-".join(map(str, sizes)), points_of(sizes)
        for point in points:
            far = stretched(point.layers)
            reached.append(is_far_at_same_product(far, point.layers))
            found = reached[-1] and is_critical(far, point.target)
            maxima += not has_larger_loss_nearby(point.layers, point.target)
            critical[name, point.learnt] = critical.get((name, point.learnt), False) or found
        if len(sizes) > 3:
            classes.append(len({partial_ranks(p.layers) for p in points if not p.learnt}))
    single = [key for key, there in critical.items() if not there]
    more = dense_points(settings)
    maxima += sum(not has_larger_loss_nearby(one.layers, one.target) for one in more)
    n, pairs = len(reached), f"{len(critical)} pairs of a network and a critical value"
    return Part(
        {
            "dl-no-maxima": number(
                maxima, n=n + len(more), over=f"{n + len(more)} critical points"
            ),
            "dl-level-sets": number(reached.count(False), n=n, over=f"{n} critical points"),
            "dl-critical-sets": number(len(single), n=len(critical), over=pairs),
            "dl-quotient-orbits": number(
                min(classes), n=len(classes), over=f"{len(classes)} networks of depth three or more"
            ),
        },
        {"single-critical": ", ".join(f"{name} ({_in_words(own)})" for name, own in single)},
    )


@dataclass(frozen=True)
class Orbits(Part):
    """How many orbits of changes of basis hold one critical value."""

    table: pd.DataFrame  # orbits that were met, a network and what is learnt per row


def orbits(_: Settings) -> Orbits:
    """Enumerate critical points of small whole weights, and count their orbits; no setting matters.

    Nothing learnt, chains of depth h must have 2^h - h - 1 of them: a chain is critical there with
    at most h - 2 weights alive, and any may be.
    """
    rows, most, n = [], 0, 0
    for sizes, largest in _ENUMERATED:
        points, met = enumerated(sizes, largest)
        counts = Counter(point.learnt for point in met)
        name = "-".join(map(str, sizes))
        rows += [(name, _in_words(learnt), counts[learnt]) for learnt in sorted(counts)]
        if len(sizes) == 3:
            most, n = max(most, *counts.values()), n + points
    gaps = []
    for depth in _CHAINS:
        counts = Counter(point.learnt for point in enumerated((1,) * (depth + 1), 1)[1])
        gaps += [abs(counts[()] - (2**depth - depth - 1)), abs(counts[0,] - 1)]
    return Orbits(
        {
            "dl-orbits-shallow": number(most, n=n, over=f"{n} critical points"),
            "dl-orbits-chains": number(
                max(gaps), n=len(gaps), over=f"{len(gaps)} pairs of a depth and a value"
            ),
        },
        {"orbits-deep": sum(own for name, _, own in rows if name == "2-2-2-2")},
        pd.DataFrame(rows, columns=["network", "learnt", "orbits met"]),
    )


@lru_cache(maxsize=1)
def dense_points(settings: Settings) -> list[ExplicitPoint]:
    """Return dense critical points: one of each orbit met at depth three, and some others."""
    random = settings.generator(18)
    points = [*enumerated((2, 2, 2, 2), 1)[1]]
    for sizes in _WIDER:
        own = points_of(sizes)
        drawn = random.choice(len(own), min(settings.n_seeds, len(own)), replace=False)
        points += [own[k] for k in drawn]
    return [dense(point, random) for point in points]


@lru_cache(maxsize=16)
def enumerated(sizes: tuple[int, ...], largest: int) -> tuple[int, tuple[ExplicitPoint, ...]]:
    """Return how many critical points of small whole weights there are, and one of each orbit."""
    task = LinearTask.diagonal([float(k) for k in range(sizes[0], 0, -1)])
    layers = critical_in_range(task, sizes, largest)
    found = points_of_orbits(task, zip(*(layer.astype(int) for layer in layers), strict=True))
    return len(layers[0]), tuple(found.values())


def dense_saddles(settings: Settings) -> Part:
    """Compare exact signs at dense saddles with the rule of ranks, and go far along orbits."""
    saddles = [point for point in dense_points(settings) if len(point.learnt) < len(point.target)]
    strict = [exact_inertia(one.layers, one.target).negative > 0 for one in saddles]
    wrong = sum(has != one.has_negative_curvature for has, one in zip(strict, saddles, strict=True))
    random = settings.generator(19)
    starts = [
        point
        for point in (
            *dense_points(settings),
            *(one for sizes in families(min(settings.deepest, 4)) for one in points_of(sizes)),
        )
        if any(layer.any() for layer in point.layers)
    ]
    lost = sum(not stays_critical(one, random) for one in starts)
    return Part(
        {
            "dl-saddles-dense": number(wrong, n=len(saddles), over=f"{len(saddles)} dense saddles"),
            "dl-critical-orbits": number(
                lost, n=len(starts), over=f"{len(starts)} critical points"
            ),
        },
        {"dense-strict": sum(strict), "dense-flat": len(saddles) - sum(strict)},
    )


def stays_critical(point: ExplicitPoint, random: np.random.Generator) -> bool:
    """Say whether a point stays critical, and its product, far along its orbit."""
    alive = next(k for k, layer in enumerate(point.layers) if layer.any())
    hidden = min(alive, len(point.layers) - 2)
    basis = unimodular(len(point.layers[hidden]), random)
    path = [*along_orbit(point.layers, basis, _POWERS)]
    same = all((_chained(far) == _chained(point.layers)).all() for far in path)
    return (
        same
        and all(is_critical(far, point.target) for far in path)
        and is_far_at_same_product(path[-1], point.layers)
    )


def points_of(sizes: tuple[int, ...]) -> list[ExplicitPoint]:
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
