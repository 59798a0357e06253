"""Random separable data, beyond the two points: which of the phases and laws are still there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import nnls

from regime_lib.chapters.multi_phase.segmentation import Series, stretches
from regime_lib.chapters.multi_phase.settings import Numbers, Settings, typical
from regime_lib.estimate import Estimate, proportion
from regime_lib.simulators.two_layer import theory
from regime_lib.simulators.two_layer.many_points import Followed, Points, follow
from regime_lib.simulators.two_layer.problem import TwoPoints, random_neurons

_COUNTS, _DIMENSIONS = (4, 6, 8), (2, 4, 8)
_NEURONS, _KAPPA1, _PER_DECADE = 40, 1e-3, 30
_NEAR_NEURONS, _NEAR, _WIDTH = 100, TwoPoints(4.0, 0.1), 0.01  # of the five points
_TIMES = np.geomspace(1e-5, 1e6, 11 * _PER_DECADE + 1)
_LEFT = 0.02  # by how much the loss has fallen when it has left the saddle
_FLAT = 0.5  # at rest, the exponent of the loss over that of the falls before and after


@dataclass(frozen=True)
class Outcome:
    """What one network does on one data set; NaN where a question does not arise."""

    learnt: float
    condensed: float
    plateau: float
    changes: float
    settled: float
    in_order: float
    exponent: float
    constant: float
    simpler: float
    richer: float
    accurate: float
    pieces: float


@dataclass(frozen=True)
class Family:
    """Networks on many data sets of one kind."""

    loss: Float[np.ndarray, "sets times"]
    changed: Float[np.ndarray, "sets changes"]
    """When patterns change, after NaN."""
    learnt: Bool[np.ndarray, " sets"]
    plateaus: int
    """On how many of them the loss rests on a plateau."""


@dataclass(frozen=True)
class AnyPoints:
    """What networks do on random separable data, and on five points that are nearly two."""

    claims: dict[str, Estimate]
    numbers: Numbers
    times: Float[np.ndarray, " times"]
    random: Family
    near: Family


def any_points(settings: Settings) -> AnyPoints:
    """Follow a network on each of many data sets; the seed and their number alone matter."""
    random, wide = _follow_all(settings, random_points, _NEURONS)
    near, narrow = _follow_all(settings, nearly_two, _NEAR_NEURONS)
    over = f"{len(random.learnt)} data sets"

    def share(columns: dict[str, Any], name: str) -> Estimate:
        return proportion(int(columns[name].sum()), len(columns[name]), over=over)

    def of_learnt(columns: dict[str, Any], name: str) -> Estimate:
        learnt = columns["learnt"] > 0
        return typical(columns[name][learnt], f"the {learnt.sum()} that are learnt of {over}")

    return AnyPoints(
        {
            "mp-many-learnt": share(wide, "learnt"),
            "mp-many-condensation": typical(wide["condensed"], over),
            "mp-many-plateau": share(wide, "plateau"),
            "mp-many-pattern-changes": share(wide, "changes"),
            "mp-many-final-patterns": share(wide, "settled"),
            "mp-many-four-phases": share(wide, "in_order"),
            "mp-many-final-exponent": of_learnt(wide, "exponent"),
            "mp-many-final-constant": of_learnt(wide, "constant"),
            "mp-many-simplifying": typical(wide["simpler"], over),
            "mp-many-complexity": typical(wide["richer"], over),
            "mp-near-plateau": share(narrow, "plateau"),
            "mp-near-pattern-changes": share(narrow, "changes"),
            "mp-near-four-phases": share(narrow, "in_order"),
            "mp-near-accuracy-time": of_learnt(narrow, "accurate"),
        },
        {
            "many": len(random.learnt),
            "many-learnt": int(random.learnt.sum()),
            "many-plateau": random.plateaus,
            "many-changes": int(wide["changes"].sum()),
            "many-constant": _ends(wide["constant"][random.learnt]),
            "many-pieces": _counted(wide["pieces"]),
            "near-plateau": near.plateaus,
            "near-learnt": int(near.learnt.sum()),
            "near-changes": int(narrow["changes"].sum()),
            "near-in-order": int(narrow["in_order"].sum()),
            "near-constant": _ends(narrow["constant"][near.learnt]),
            "near-pieces": _counted(narrow["pieces"]),
        },
        _TIMES,
        random,
        near,
    )


def _follow_all(
    settings: Settings, draw: Callable[[int, int], Points], neurons: int
) -> tuple[Family, dict[str, Any]]:
    """Follow one network on each data set, and return the `Outcome` of all by column."""
    runs = []
    for number, seed in enumerate(settings.seeds):
        points = draw(number, seed)
        start = random_neurons(neurons, seed, d=points.inputs.shape[1], kappa1=_KAPPA1)
        runs.append(follow(points, start, _TIMES))
    found = [outcome(run) for run in runs]
    names = [field.name for field in fields(Outcome)]
    columns = {name: np.array([float(getattr(one, name)) for one in found]) for name in names}
    changed = np.full((len(runs), max(len(run.event_times) for run in runs)), np.nan)
    for row, run in zip(changed, runs, strict=True):
        row[len(row) - len(run.event_times) :] = run.event_times
    loss = np.array([run.loss for run in runs])
    return Family(loss, changed, columns["learnt"] > 0, int(columns["plateau"].sum())), columns


def random_points(number: int, seed: int) -> Points:
    """Draw points on the sphere, labelled by a random plane; how many follows from `number`."""
    random = np.random.default_rng([seed, 1])
    n, d = _COUNTS[number % 3], _DIMENSIONS[number // 3 % 3]
    while True:
        inputs = random.standard_normal((n, d))
        inputs /= np.linalg.norm(inputs, axis=1, keepdims=True)
        labels = np.where(inputs @ random.standard_normal(d) > 0, 1.0, -1.0)
        if abs(labels.sum()) < n:  # both labels occur
            return Points(inputs, labels, np.full(n, 1 / n))


def nearly_two(number: int, seed: int) -> Points:
    """Draw four points near x+ and one near x-, on the sphere."""
    random, d = np.random.default_rng([seed, 2]), _DIMENSIONS[number % 3]
    off = random.standard_normal((5, d))
    off /= np.linalg.norm(off, axis=1, keepdims=True)
    inputs = np.repeat(_NEAR.inputs(d), (4, 1), axis=0) + _WIDTH * off
    inputs /= np.linalg.norm(inputs, axis=1, keepdims=True)
    return Points(inputs, np.repeat([1.0, -1.0], (4, 1)), np.full(5, 0.2))


def outcome(run: Followed) -> Outcome:
    """Ask one run everything."""
    loss, learnt = run.loss, bool(run.accuracy[-1] > 1 - 1e-9)
    left = int(np.argmax(loss <= (1 - _LEFT) * loss[0])) if loss[-1] <= (1 - _LEFT) * loss[0] else 0
    plateau, last = plateau_of(run, left), run.event_times.max(initial=0.0)
    features = [effective_features(run, i) for i in (0, left, -1)]
    early = bool((run.event_times < run.times[left]).any())
    still = bool(last < 0.1 * run.times[-1])
    rested = bool(np.isfinite(plateau))
    return Outcome(
        learnt,
        condensed(run, left),
        rested,
        switches_off_and_on(run, run.times[left]),
        still,
        early and rested and last > plateau and still and learnt,
        exponents(run)[-1],
        loss[-1] ** -2 * run.fall[-1] * multipliers(run.coupling).sum(),
        features[1] / features[0],
        features[2] / features[1],
        accuracy_time(run),
        len(stretches(series(run))) + 1.0,
    )


def exponents(run: Followed) -> Float[np.ndarray, " times"]:
    """Return d log loss / d log time."""
    found: Float[np.ndarray, " times"] = -run.fall * run.times / run.loss
    return found


def plateau_of(run: Followed, left: int) -> float:
    """Return when the loss is flattest between two falls, each twice as steep; NaN if never."""
    steep = -exponents(run)
    before, after = np.maximum.accumulate(steep), np.maximum.accumulate(steep[::-1])[::-1]
    flatness = (steep / np.minimum(before, after))[left:]
    flattest = int(np.argmin(flatness))
    return float(run.times[left + flattest]) if flatness[flattest] < _FLAT else np.nan


def accuracy_time(run: Followed) -> float:
    """Return when all points are right for good, over the formula of the chapter's two points."""
    right = run.accuracy > 1 - 1e-9
    if not right[-1]:
        return np.nan
    at = len(right) - int(np.argmin(right[::-1])) if not right.all() else 0
    living = (run.active[at] | run.held[at]).any(axis=1)
    plus, minus = ((living & (run.start.signs == sign)).mean() for sign in (1, -1))
    if not (plus > 0 and minus > 0):
        return np.nan
    return float(run.times[at] / theory.accuracy_time(_NEAR, plus, minus))


def condensed(run: Followed, at: int) -> float:
    """Return how near living neurons are to the nearest of their sign, over that at the start."""
    living = (run.active[at] | run.held[at]).any(axis=1)
    found = []
    for weights in (run.weights[at], run.start.weights):
        unit = weights / np.linalg.norm(weights, axis=1, keepdims=True)
        apart = ((unit[:, None] - unit) ** 2).sum(axis=-1) / 2  # 1 - cosine, without cancellation
        apart[np.equal.outer(run.start.signs, -run.start.signs)] = np.inf
        apart[:, ~living] = np.inf
        np.fill_diagonal(apart, np.inf)
        nearest = apart[living].min(axis=1, initial=np.inf)
        found.append(np.median(nearest))
    return float(found[0] / found[1]) if np.isfinite(found).all() else np.nan


def switches_off_and_on(run: Followed, after: float) -> bool:
    """Return whether a neuron ceases to see a point after some time, and later one begins to."""
    active, off = run.start.weights @ run.points.inputs.T > 0, False
    changes = np.column_stack([run.event_neurons, run.event_points, run.event_states])
    for time, (k, i, state) in zip(run.event_times, changes, strict=True):
        if time > after and off and state == 1:
            return True
        off = off or bool(time > after and active[k, i])
        active[k, i] = state == 1
    return False


def effective_features(run: Followed, at: int) -> float:
    """Return 1 / sum of squared shares; a feature is all neurons of one sign and one pattern."""
    active, held = run.active[at], run.held[at]
    sizes = (active * np.maximum(run.weights[at] @ run.points.inputs.T, 0)).sum(axis=1)
    kinds = np.column_stack([run.start.signs > 0, active, held])
    _, groups = np.unique(kinds, axis=0, return_inverse=True)
    shares = np.bincount(groups.ravel(), weights=sizes) / sizes.sum()
    return float(1 / (shares**2).sum())


def multipliers(coupling: Float[np.ndarray, "n n"]) -> Float[np.ndarray, " n"]:
    """Return the c >= 0 with H c >= 1 and c (H c - 1) = 0: the pulls times time, at last.

    H = F F^T is the Gram matrix of the points in the features that the last patterns make, and c
    are the multipliers of its largest margin: those of the least |F^T c|^2 + (1 - sum c)^2,
    rescaled. NaN where these features do not separate the points.
    """
    values, vectors = np.linalg.eigh((coupling + coupling.T) / 2)
    factor = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
    n = len(coupling)
    scaled, _ = nnls(np.vstack([factor, np.ones(n)]), np.append(np.zeros(n), 1.0))
    left = 1 - scaled.sum()
    return scaled / left if left > 1e-12 else np.full(n, np.nan)


def series(run: Followed) -> Series:
    """Return what the automatic segmentation looks at."""
    return Series.of(run.times, run.loss, np.sqrt(run.fall), run.event_times, run.start.m)


def _ends(values: Float[np.ndarray, " runs"]) -> str:
    return f"{values.min():.3f} to {values.max():.3f}" if len(values) else "no run"


def _counted(values: Float[np.ndarray, " runs"]) -> str:
    """Say how often each number of stretches occurs."""
    pairs = zip(*np.unique(values, return_counts=True), strict=True)
    return ", ".join(f"{number:.0f} ({count} times)" for number, count in pairs)
