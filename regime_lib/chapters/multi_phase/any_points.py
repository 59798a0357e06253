"""Random separable data, beyond the two points: which of the phases and laws are still there."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import nnls

from regime_lib.chapters.multi_phase.segmentation import Series, stretches
from regime_lib.chapters.multi_phase.settings import Numbers, Settings, typical
from regime_lib.estimate import Estimate, proportion
from regime_lib.simulators.two_layer.many_points import Followed, Points, follow
from regime_lib.simulators.two_layer.problem import random_neurons

_COUNTS, _DIMENSIONS, _NEURONS = (4, 6, 8), (2, 4, 8), 40
_KAPPA1, _PER_DECADE = 1e-3, 30
_TIMES = np.geomspace(1e-5, 1e6, 11 * _PER_DECADE + 1)
_LEFT = 0.02  # by how much the loss has fallen when it has left the saddle
_REST, _LENGTH = 0.1, 0.5  # d log loss / d log time at rest, and for how many decades


@dataclass(frozen=True)
class Outcome:
    """What one network does on one random data set; NaN where a question does not arise."""

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
    pieces: float


@dataclass(frozen=True)
class AnyPoints:
    """What networks do on random separable data."""

    claims: dict[str, Estimate]
    numbers: Numbers
    times: Float[np.ndarray, " times"]
    loss: Float[np.ndarray, "sets times"]
    changed: Float[np.ndarray, "sets changes"]
    """When patterns change, after NaN."""
    learnt: Bool[np.ndarray, " sets"]
    rests: Float[np.ndarray, "sets 2"]
    """When the longest plateau begins and ends; NaN where there is none."""


def any_points(settings: Settings) -> AnyPoints:
    """Follow a network on each of many data sets; the seed and their number alone matter."""
    runs, outcomes = [], []
    for number, seed in enumerate(settings.seeds):
        points = random_points(number, seed)
        start = random_neurons(_NEURONS, seed, d=points.inputs.shape[1], kappa1=_KAPPA1)
        runs.append(follow(points, start, _TIMES))
        outcomes.append(outcome(runs[-1]))
    columns = {f.name: np.array([getattr(o, f.name) for o in outcomes]) for f in fields(Outcome)}
    over, learnt = f"{len(runs)} data sets", columns["learnt"] > 0

    def share(name: str) -> Estimate:
        return proportion(int(columns[name].sum()), len(runs), over=over)

    of_learnt = f"{learnt.sum()} data sets that are learnt, of {len(runs)}"
    longest = max(len(run.event_times) for run in runs)
    pad = [np.pad(r.event_times, (longest - len(r.event_times), 0), constant_values=np.nan) for r in runs]
    return AnyPoints(
        {
            "mp-many-learnt": share("learnt"),
            "mp-many-condensation": typical(columns["condensed"], over),
            "mp-many-plateau": share("plateau"),
            "mp-many-pattern-changes": share("changes"),
            "mp-many-final-patterns": share("settled"),
            "mp-many-four-phases": share("in_order"),
            "mp-many-final-exponent": typical(columns["exponent"][learnt], of_learnt),
            "mp-many-final-constant": typical(columns["constant"][learnt], of_learnt),
            "mp-many-simplifying": typical(columns["simpler"], over),
            "mp-many-complexity": typical(columns["richer"], over),
        },
        {
            "many": len(runs),
            "many-learnt": int(learnt.sum()),
            "many-plateau": int(columns["plateau"].sum()),
            "many-in-order": int(columns["in_order"].sum()),
            "many-off": ends_in_words(columns["exponent"][learnt]),
            "many-constant": ends_in_words(columns["constant"][learnt]),
            "many-pieces": counts_in_words(columns["pieces"]),
        },
        _TIMES,
        np.array([run.loss for run in runs]),
        np.array(pad),
        learnt,
        np.array([plateau_of(run) for run in runs]),
    )


def random_points(number: int, seed: int) -> Points:
    """Draw points on the sphere, labelled by a random plane; their number follows `number`."""
    random = np.random.default_rng([seed, len(_COUNTS)])
    n, d = _COUNTS[number % 3], _DIMENSIONS[number // 3 % 3]
    labels = np.zeros(n)
    while abs(labels.sum()) in (0, n) and not 0 < (labels > 0).sum() < n:
        inputs = random.standard_normal((n, d))
        inputs /= np.linalg.norm(inputs, axis=1, keepdims=True)
        labels = np.where(inputs @ random.standard_normal(d) > 0, 1.0, -1.0)
    return Points(inputs, labels, np.full(n, 1 / n))


def outcome(run: Followed) -> Outcome:
    """Ask one run everything."""
    loss, learnt = run.loss, bool(run.accuracy[-1] > 1 - 1e-9)
    left = int(np.argmax(loss <= (1 - _LEFT) * loss[0])) if loss[-1] <= (1 - _LEFT) * loss[0] else 0
    plateau, last = plateau_of(run), run.event_times.max(initial=0.0)
    features = [effective_features(run, i) for i in (0, left, -1)]
    early = bool((run.event_times < run.times[left]).any())
    still = bool(last < 0.1 * run.times[-1])
    rested = bool(np.isfinite(plateau[0]))
    return Outcome(
        learnt,
        condensed(run, left),
        rested,
        switches_off_and_on(run, run.times[left]),
        still,
        early and rested and last > plateau[0] and still and learnt,
        exponents(run)[-1],
        loss[-1] ** -2 * run.fall[-1] * multipliers(run.coupling).sum(),
        features[1] / features[0],
        features[2] / features[1],
        len(stretches(series(run))) + 1.0,
    )


def exponents(run: Followed) -> Float[np.ndarray, " times"]:
    """Return d log loss / d log time."""
    found: Float[np.ndarray, " times"] = -run.fall * run.times / run.loss
    return found


def plateau_of(run: Followed) -> tuple[float, float]:
    """Return when the longest rest of the loss between two falls begins and ends; NaN if none."""
    falls = np.flatnonzero(exponents(run) <= -_REST)
    if len(falls) < 2 or (longest := np.diff(falls).max()) < _LENGTH * _PER_DECADE:
        return np.nan, np.nan
    first = falls[np.argmax(np.diff(falls))]
    return float(run.times[first]), float(run.times[first + longest])


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
    events = zip(run.event_times, run.event_neurons, run.event_points, run.event_states, strict=True)
    for time, k, i, state in events:
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

    H = F F^T is the Gram matrix of the points in the features that the last patterns make, and c the
    multipliers of its largest margin. They are those of the least |F^T c|^2 + (1 - sum c)^2, rescaled.
    """
    values, vectors = np.linalg.eigh((coupling + coupling.T) / 2)
    factor = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
    n = len(coupling)
    scaled, _ = nnls(np.vstack([factor, np.ones(n)]), np.append(np.zeros(n), 1.0))
    return scaled / (1 - scaled.sum())


def series(run: Followed) -> Series:
    """Return what the automatic segmentation looks at."""
    return Series.of(run.times, run.loss, np.sqrt(run.fall), run.event_times, run.start.m)


def ends_in_words(values: Float[np.ndarray, " runs"]) -> str:
    """Say the smallest and the largest."""
    return f"{values.min():.4f} to {values.max():.4f}" if len(values) else "no run"


def counts_in_words(values: Float[np.ndarray, " runs"]) -> str:
    """Say how often each number occurs."""
    kinds, counts = np.unique(values, return_counts=True)
    return ", ".join(f"{kind:.0f} ({count})" for kind, count in zip(kinds, counts, strict=True))
