"""The critical points of the loss: their values, kinds and fibres, and the ways in and out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from jaxtyping import Float

from regime_lib.chapters.deep_linear.settings import Settings, farthest_from_one
from regime_lib.chapters.deep_linear.structure import velocity_by_autograd
from regime_lib.chapters.part import Part
from regime_lib.estimate import Estimate, number, run_range
from regime_lib.simulators.deep_linear.critical import (
    chain_points,
    critical_values,
    find_critical_point,
    visited_values,
)
from regime_lib.simulators.deep_linear.flow import FlowPath, gradient_flow
from regime_lib.simulators.deep_linear.hessian import exact_inertia, hessian
from regime_lib.simulators.deep_linear.initialisation import decoupled_init, random_init
from regime_lib.simulators.deep_linear.problem import Layers, LinearTask, Matrix, product
from regime_lib.simulators.deep_linear.settle import SettledPath, settle
from regime_lib.simulators.deep_linear.solutions import escape_time
from regime_lib.simulators.deep_linear.symmetry import fibre_dimension

_SEARCHED = {"depth 2": (3, 4, 3), "depth 3": (3, 3, 3, 3), "depth 2, two units": (3, 2, 3)}
_SETTLED = ((3, 3, 3), (3, 4, 4, 3), (3, 3, 3, 3, 3), (3, 2, 3), (3, 3, 2, 3))
_WHOLE = ((2, 2, 2), (2, 3, 2), (2, 2, 2, 2), (3, 4, 2), (2, 3, 3, 3), (2, 2, 2, 2, 2))
_ARRIVED = 1e-6  # excess loss below which a minimum is global
_DEPTHS, _GOALS = (3, 4, 5), (0.5, 1.5)  # of chains on half-lines


@dataclass(frozen=True)
class CriticalPoints(Part):
    """The losses at critical points that were found, or built."""

    predicted: dict[str, float]  # by what is learnt
    found: dict[str, Float[np.ndarray, " _"]]  # by the way of searching


def critical_points(settings: Settings) -> CriticalPoints:
    """Search critical points from random weights, and build one for every critical value."""
    task, random = settings.task, settings.generator(4)
    tries = max(settings.n_starts // 3, 3)
    values = critical_values(settings.sigma, len(settings.sigma))
    products, distances = {}, []
    for name, sizes in _SEARCHED.items():
        points = [find_critical_point(random_init(sizes, 1.0, random), task) for _ in range(tries)]
        products[name] = [product(one) for one in points if one is not None]
        predicted = np.array([value.loss for value in critical_values(settings.sigma, min(sizes))])
        distances += [abs(predicted - task.loss(one)).min() for one in products[name]]
    reached = len(distances)
    products["explicit"] = [product(explicit_point(task, value.learnt)) for value in values]
    found = {
        name: np.array([float(task.loss(one)) for one in own]) for name, own in products.items()
    }
    distances += [abs(a - b.loss) for a, b in zip(found["explicit"], values, strict=True)]
    every = np.array([one for own in products.values() for one in own])
    spread = spread_at_one_value(every, task, np.array([value.loss for value in values]))
    n, over = len(distances), f"{len(distances)} critical points"
    return CriticalPoints(
        {
            "dl-critical-values": number(max(distances), n=n, over=over),
            "dl-quotient": number(spread, n=n, over=over),
        },
        {"critical-found": reached, "critical-tried": tries * len(_SEARCHED)},
        {_learnt_name(value.learnt): value.loss for value in values},
        found,
    )


def spread_at_one_value(
    products: Float[np.ndarray, "points outputs inputs"],
    task: LinearTask,
    values: Float[np.ndarray, " values"],
) -> float:
    """Return the largest entry by which two products of one critical value, the nearest, differ."""
    nearest = abs(task.loss(products)[:, None] - values).argmin(axis=1)
    groups = [products[nearest == value] for value in np.unique(nearest)]
    return float(max(np.ptp(group, axis=0).max() for group in groups))


def explicit_point(task: LinearTask, learnt: tuple[int, ...]) -> Layers:
    """Return the network of depth three that has learnt some singular values, and no other."""
    values = task.singular_values
    strengths = np.zeros((3, len(values)))
    strengths[:, list(learnt)] = values[list(learnt)] ** (1 / 3)
    return decoupled_init(task, (len(values),) * 4, strengths)


def _learnt_name(learnt: tuple[int, ...]) -> str:
    return "learnt: " + (", ".join(f"σ{'₁₂₃'[k]}" for k in learnt) or "none")


@dataclass(frozen=True)
class Saddles(Part):
    """Curvatures at the origin and at critical points of whole numbers."""

    table: pd.DataFrame  # how many points of each kind, and against the rule of ranks, by network
    inertia: dict[str, tuple[int, int, int]]  # negative, zero and positive curvatures


def saddles(settings: Settings) -> Saddles:
    """Compare exact signs of curvatures with the rule of ranks."""
    task, sigma = settings.task, np.array(settings.sigma)
    curvatures = np.linalg.eigvalsh(hessian(_origin((3, 4, 3)), task))
    predicted = np.sort(np.repeat([*sigma, *-sigma], 4))
    deep = [abs(hessian(_origin((3,) * (h + 1)), task)).max() for h in (3, 4, 5)]
    points = classified_points(settings.deepest)
    found = points[points["kind"] != "minimum"]
    counts = pd.crosstab(points["network"], points["kind"])
    table = counts.reindex(columns=["minimum", "not strict", "strict"], fill_value=0)
    table["against the rule"] = points.groupby("network")["wrong"].sum()
    return Saddles(
        {
            "dl-origin-depth-two": number(
                abs(curvatures - predicted).max(), over=f"{len(curvatures)} curvatures"
            ),
            "dl-origin-deep": number(max(deep), n=len(deep), over=f"{len(deep)} depths"),
            "dl-saddles": number(found["wrong"].sum(), n=len(found), over=f"{len(found)} saddles"),
        },
        {
            "saddles-checked": len(points),
            "saddles-strict": int((found["kind"] == "strict").sum()),
            "saddles-flat": int((found["kind"] == "not strict").sum()),
        },
        table.reset_index(),
        {
            "depth 2, origin": _inertia_of(2, (), ((), ())),
            "depth 2, σ₁ learnt": _inertia_of(2, (0,), ((),)),
            "depth 3, origin": _inertia_of(3, (), ((), ())),
            "depth 3, σ₁, tightened": _inertia_of(3, (0,), ((),)),
            "depth 3, σ₁, middle alive": _inertia_of(3, (0,), ((2,),)),
            "depth 3, only σ₂": _inertia_of(3, (1,), ((),)),
            "depth 4, σ₁, tightened": _inertia_of(4, (0,), ((),)),
            "depth 3, minimum": _inertia_of(3, (0, 1), ()),
        },
    )


def families(deepest: int) -> list[tuple[int, ...]]:
    """Return the sizes of the networks whose explicit critical points are all looked at."""
    square = [(2,) * (h + 1) for h in range(2, deepest + 1)]
    return [*square, (2, 3, 3, 2), (3, 3, 3), (3, 3, 3, 3)]


def classified_points(deepest: int) -> pd.DataFrame:
    """Return a row per critical point made of chains: its network, kind, and whether it is wrong.

    Wrong is a point whose exact signs contradict the rule of ranks.
    """
    rows = []
    for sizes in families(deepest):
        spectrum = range(sizes[0], 0, -1)
        for point in chain_points(spectrum, sizes, wide=len(set(sizes)) > 1):
            negative = exact_inertia(point.layers, point.target).negative > 0
            minimum = len(point.learnt) == len(spectrum)
            kind = "minimum" if minimum else "strict" if negative else "not strict"
            wrong = negative != point.has_negative_curvature
            rows.append(("-".join(map(str, sizes)), kind, wrong))
    return pd.DataFrame(rows, columns=["network", "kind", "wrong"])


def _origin(sizes: tuple[int, ...]) -> Layers:
    return random_init(sizes, 0.0, np.random.default_rng(0))


def _inertia_of(
    depth: int, learnt: tuple[int, ...], alive: tuple[tuple[int, ...], ...]
) -> tuple[int, int, int]:
    """Return the exact signs at one critical point of the network of 2 × 2 matrices."""
    (point,) = (
        point
        for point in chain_points((2, 1), (2,) * (depth + 1))
        if (point.learnt, point.alive) == (learnt, alive)
    )
    signs = exact_inertia(point.layers, point.target)
    return signs.negative, signs.zero, signs.positive


def ends(settings: Settings) -> Part:
    """Judge the flows of several shapes that were followed until they settled."""
    settled, sigma = _settled(settings), settings.sigma
    rises = [np.diff(path.losses, axis=0).max() for path in settled.values()]
    again = np.array([still_moving(path) for path in settled.values()])
    excess, narrow = [], []
    for sizes, path in settled.items():
        best = visited_values(sigma, min(sizes))[-1]
        excess.append(path.losses[-1] - best)
        if min(sizes) < len(sigma):
            narrow.append(abs(excess[-1]) / best)
    arrived, gaps = np.concatenate(excess) < _ARRIVED, np.concatenate(narrow)
    astray, n = int((~arrived).sum()), len(arrived)
    noisy = sum(path.outcome == "noise floor" for path in settled.values())
    over = f"{n} random initialisations"
    where = "at a global minimum" + (f", {astray} excepted" if astray else "")
    return Part(
        {
            "dl-lyapunov": number(max(0.0, *rises), n=n, over=over),
            "dl-convergence": number(again.max(), n=n, over=over),
            "dl-no-spurious-minima": number(astray, n=n, over=over),
            "dl-bottleneck": number(
                gaps.max(), n=len(gaps), over=f"{len(gaps)} random initialisations"
            ),
        },
        {
            "settle-noise": f"{noisy} of {len(settled)}",
            "settle-longest": max(float(path.times[-1]) for path in settled.values()),
            "again-moved": float(again[:, 0].max()),
            "again-gradient": float(again[:, 1].max()),
            "ends-where": where,
        },
    )


def still_moving(path: SettledPath) -> tuple[float, float]:
    """Follow settled networks for as long again, without a rule that stops them.

    Returned are how far the weights of the one that moves most get from where they settled, and
    the largest norm of a gradient there, by automatic differentiation.
    """
    later = gradient_flow(
        path.end, path.task, np.array([0.0, path.times[-1]]), rtol=1e-12, atol=1e-14
    )
    squares = [((after - before) ** 2).sum(axis=(1, 2)) for before, after in _ends(later)]
    moved = float(np.sqrt(sum(squares)).max())
    gradients = []
    for index in range(len(later.end[0])):
        moves = velocity_by_autograd(later.member(index).end, path.task.target)
        gradients.append(np.sqrt(sum((move**2).sum() for move in moves)))
    return moved, float(max(gradients))


def _ends(path: FlowPath) -> list[tuple[Matrix, Matrix]]:
    return [(layer[0], layer[-1]) for layer in path.layers]


@lru_cache(maxsize=1)
def _settled(settings: Settings) -> dict[tuple[int, ...], SettledPath]:
    """Follow ensembles of random networks, one per shape, until they settle."""
    random, runs = settings.generator(5), max(settings.n_starts // len(_SETTLED), 2)
    return {
        sizes: settle(
            random_init(sizes, 0.5, random, runs=runs),
            settings.task,
            detail=2,
            rtol=1e-12,
            atol=1e-14,
        )
        for sizes in _SETTLED
    }


@dataclass(frozen=True)
class Fibre:
    """Zero curvatures at minima against the dimension of the fibre."""

    claims: dict[str, Estimate]
    table: pd.DataFrame  # minima of whole numbers, a network per row


def fibre(settings: Settings) -> Fibre:
    """Count exactly, and in floating point at the ends of the random runs."""
    minima = [next(chain_points((2, 1), sizes)) for sizes in _WHOLE]
    table = pd.DataFrame(
        {
            "network": ["-".join(map(str, sizes)) for sizes in _WHOLE],
            "zero curvatures": [exact_inertia(one.layers, one.target).zero for one in minima],
            "fibre": [fibre_dimension(sizes) for sizes in _WHOLE],
        }
    )
    differences = (table["zero curvatures"] - table["fibre"]).tolist()
    for sizes, path in _settled(settings).items():
        rank = None if min(sizes) >= len(settings.sigma) else min(sizes)
        for index in range(min(settings.n_seeds, path.losses.shape[1])):
            curvatures = np.linalg.eigvalsh(hessian(path.member(index).end, settings.task))
            zero = int((abs(curvatures) < 1e-6 * curvatures.max()).sum())
            differences.append(zero - fibre_dimension(sizes, rank))
    n, worst = len(differences), max(differences, key=abs)
    return Fibre({"dl-fibre-dimension": number(worst, n=n, over=f"{n} minima")}, table)


@dataclass(frozen=True)
class HalfLines:
    """Chains whose numbers have one size: into the origin, and out of it."""

    claims: dict[str, Estimate]
    times: Float[np.ndarray, " times"]
    weights: dict[str, Float[np.ndarray, " times"]]  # on the stable half-line, by depth
    formulas: dict[str, Float[np.ndarray, " times"]]
    slopes: dict[str, float]  # of weight against time at the end, both logarithmic
    distances: Float[np.ndarray, " distances"]
    escapes: dict[str, Float[np.ndarray, " distances"]]  # time to leave, over the formula


def half_lines(_: Settings) -> HalfLines:
    """Follow chains on half-lines of the origin; no setting matters."""
    times = np.concatenate([[0], np.geomspace(1, 1e6, 121)])
    late, goal = times > 1e4, _GOALS[-1]
    weights = {(h, g): _stable_weights(h, g, times) for h in _DEPTHS for g in _GOALS}
    slopes = {
        key: float(np.polyfit(np.log(times[late]), np.log(found[late]), 1)[0])
        for key, found in weights.items()
    }
    ratios = np.array([-(h - 2) * slope for (h, _), slope in slopes.items()])
    near = np.array([escape_ratio(h, g, 0.01) for h in _DEPTHS for g in _GOALS])
    distances = np.geomspace(0.01, 0.3, 7)
    over = "3 depths x 2 goals"
    return HalfLines(
        {
            "dl-half-lines": run_range(ratios, over=over, statistic=farthest_from_one),
            "dl-half-lines-escape": run_range(near, over=over, statistic=farthest_from_one),
        },
        times[1:],
        {f"depth {h}": weights[h, goal][1:] for h in _DEPTHS},
        {f"depth {h}": ((h - 2) * goal * times[1:]) ** (-1 / (h - 2)) for h in _DEPTHS},
        {f"depth {h}": slopes[h, goal] for h in _DEPTHS},
        distances,
        {f"depth {h}": np.array([escape_ratio(h, goal, a) for a in distances]) for h in _DEPTHS},
    )


def _stable_weights(
    depth: int, goal: float, times: Float[np.ndarray, " times"]
) -> Float[np.ndarray, " times"]:
    """Return the first number of a chain of ones whose product has the wrong sign."""
    start = tuple(np.array([[w]]) for w in (*[1.0] * (depth - 1), -1.0))
    path = gradient_flow(start, LinearTask.diagonal([goal]), times, rtol=1e-11, atol=1e-15)
    return path.layers[0].ravel()


def escape_ratio(depth: int, goal: float, distance: float) -> float:
    """Return when a chain on an unstable half-line has learnt half its goal, over the formula."""
    expected = escape_time(depth, goal, distance)
    start = tuple(np.array([[distance]]) for _ in range(depth))
    end = min(1.6 * expected, expected + 20 / goal)  # no longer than need be: the end is stiff
    times = np.concatenate([[0], np.linspace(0.3 * expected, end, 4001)])
    path = gradient_flow(start, LinearTask.diagonal([goal]), times)
    return float(np.interp(goal / 2, path.products.ravel(), times)) / expected
